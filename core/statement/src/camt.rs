//! ISO 20022, BankToCustomerStatementV08 (camt.053.001.08), one page a message. Elements stand in the schema's order.

use countersign_domain::{
    amount::Currency,
    register::{Balance, Entry, Statement},
};
use quick_xml::escape::escape;

use crate::{
    heading::{Heading, Unfit, is_last},
    value::{date_time, decimal},
};

const NAMESPACE: &str = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08";

/// The most digits of a number (ActiveOrHistoricCurrencyAndAmount).
const MOST_DIGITS: u32 = 18;

/// The names of entries and codes (Max35Text).
const MAX_NAME: usize = 35;

/// The page as a message. `text` says what an entry is, for people: up to 500 characters.
///
/// An entry's reference is its position in the books; the posting's own id is the servicer's reference where it has no more
/// than 35 characters. Its code is the kind of the account on the other side. The balances of pages in between are
/// intermediate ones.
///
/// # Errors
/// See [`Unfit`].
pub fn camt053(
    heading: &Heading<'_>,
    statement: &Statement,
    text: impl Fn(&Entry) -> String,
) -> Result<String, Unfit> {
    // Its page is part of what names a message: a hyphen and up to five digits.
    let id = bounded("Id", heading.id, MAX_NAME - 6)?;
    let number = bounded("Acct/Id/Othr/Id", heading.number, 34)?;
    let (from, to) = (date_time(heading.from)?, date_time(heading.to)?);
    let (made_at, page) = (date_time(heading.made_at)?, heading.page.to_string());
    let is_last = is_last(statement);
    let which = |xml: &mut Xml| {
        xml.text("PgNb", &page);
        xml.text("LastPgInd", if is_last { "true" } else { "false" });
    };
    let mut balances = Xml::default();
    balance(&mut balances, "OPBD", heading.is_first(), statement.opening, heading.currency, &from)?;
    let closing = match statement.entries.last() {
        Some(entry) if !is_last => entry.balance,
        _ => statement.closing,
    };
    balance(&mut balances, "CLBD", is_last, closing, heading.currency, &to)?;
    let mut entries = Xml::default();
    for entry in &statement.entries {
        movement(&mut entries, heading, entry, &text(entry))?;
    }

    let mut xml = Xml(r#"<?xml version="1.0" encoding="UTF-8"?>"#.to_owned());
    xml.within("Document", &[("xmlns", NAMESPACE)], |xml| {
        xml.element("BkToCstmrStmt", |xml| {
            xml.element("GrpHdr", |xml| {
                xml.text("MsgId", &format!("{id}-{page}"));
                xml.text("CreDtTm", &made_at);
                xml.element("MsgPgntn", which);
            });
            xml.element("Stmt", |xml| {
                xml.text("Id", id);
                xml.element("StmtPgntn", which);
                xml.text("CreDtTm", &made_at);
                xml.element("FrToDt", |xml| {
                    xml.text("FrDtTm", &from);
                    xml.text("ToDtTm", &to);
                });
                xml.element("Acct", |xml| {
                    xml.element("Id", |xml| xml.element("Othr", |xml| xml.text("Id", number)));
                    xml.text("Ccy", heading.currency.code());
                });
                xml.0.push_str(&balances.0);
                xml.0.push_str(&entries.0);
            });
        });
    });
    Ok(xml.0)
}

fn balance(
    xml: &mut Xml,
    code: &str,
    is_final: bool,
    balance: Balance,
    currency: Currency,
    at: &str,
) -> Result<(), Unfit> {
    let minor = balance.net_minor();
    if minor.unsigned_abs() >= 10_u128.pow(MOST_DIGITS) {
        return Err(Unfit::Digits { minor });
    }
    let net = decimal(minor.saturating_abs(), currency);
    xml.element("Bal", |xml| {
        xml.element("Tp", |xml| {
            xml.element("CdOrPrtry", |xml| xml.text("Cd", code));
            if !is_final {
                xml.element("SubTp", |xml| xml.text("Cd", "INTM"));
            }
        });
        amount(xml, &net, currency, minor >= 0);
        xml.element("Dt", |xml| xml.text("DtTm", at));
    });
    Ok(())
}

/// One movement; two of a posting from the account to itself.
fn movement(xml: &mut Xml, heading: &Heading<'_>, entry: &Entry, text: &str) -> Result<(), Unfit> {
    let posting = &entry.posting;
    let (position, at) = (entry.position.0.to_string(), date_time(posting.at)?);
    let position = bounded("NtryRef", &position, MAX_NAME)?;
    let (kind, _) = heading.other(entry).as_str().split_once(':').unwrap_or_default();
    let kind = bounded("BkTxCd/Prtry/Cd", kind, MAX_NAME)?;
    let text = bounded("AddtlNtryInf", text, 500)?;
    let (is_debit, is_credit) = heading.sides(entry);
    for is_credit in [(is_debit, false), (is_credit, true)]
        .into_iter()
        .filter_map(|(is, side)| is.then_some(side))
    {
        xml.element("Ntry", |xml| {
            xml.text("NtryRef", position);
            amount(xml, &posting.amount.to_decimal(), posting.amount.currency(), is_credit);
            xml.element("Sts", |xml| xml.text("Cd", "BOOK"));
            xml.element("BookgDt", |xml| xml.text("DtTm", &at));
            if let Ok(reference) = bounded("AcctSvcrRef", &posting.id, MAX_NAME) {
                xml.text("AcctSvcrRef", reference);
            }
            xml.element("BkTxCd", |xml| {
                xml.element("Prtry", |xml| {
                    xml.text("Cd", kind);
                    xml.text("Issr", "countersign");
                });
            });
            xml.text("AddtlNtryInf", text);
        });
    }
    Ok(())
}

fn amount(xml: &mut Xml, number: &str, currency: Currency, is_credit: bool) {
    xml.within("Amt", &[("Ccy", currency.code())], |xml| xml.0.push_str(number));
    xml.text("CdtDbtInd", if is_credit { "CRDT" } else { "DBIT" });
}

fn bounded<'t>(element: &'static str, value: &'t str, most: usize) -> Result<&'t str, Unfit> {
    match value.chars().count() {
        length if (1..=most).contains(&length) => Ok(value),
        _ => Err(Unfit::Length { element, value: value.to_owned(), most }),
    }
}

/// Elements that were written so far.
#[derive(Default)]
struct Xml(String);

impl Xml {
    fn element(&mut self, name: &str, inner: impl FnOnce(&mut Self)) {
        self.within(name, &[], inner);
    }

    fn within(&mut self, name: &str, attributes: &[(&str, &str)], inner: impl FnOnce(&mut Self)) {
        self.0.push_str(&format!("<{name}"));
        for (attribute, value) in attributes {
            self.0.push_str(&format!(" {attribute}=\"{}\"", escape(*value)));
        }
        self.0.push('>');
        inner(self);
        self.0.push_str(&format!("</{name}>"));
    }

    /// XML 1.0 cannot say most control characters, not even escaped (section 2.2).
    fn text(&mut self, name: &str, text: &str) {
        let said =
            |c: char| if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') { ' ' } else { c };
        let text: String = text.chars().map(said).collect();
        self.element(name, |xml| xml.0.push_str(&escape(&text)));
    }
}
