//! The bank's books: accounts, what was purchased from them, and every answer that was given.

use std::collections::HashMap;

use countersign_domain::{
    amount::{Amount, Currency},
    card::{Card, MaskedCard},
    secret::Secret,
};
use countersign_iso8583::{Field, Message, Mti};
use serde::Serialize;

/// How many purchases and returns the bank remembers; a tester does not make more, and a flood must not fill the memory.
const MAX_PURCHASES: usize = 100_000;

/// Field 39, ISO 8583:1987.
mod response {
    pub(super) const DONE: &str = "00";
    pub(super) const DO_NOT_HONOUR: &str = "05";
    pub(super) const INVALID_TRANSACTION: &str = "12";
    pub(super) const INVALID_AMOUNT: &str = "13";
    pub(super) const NO_SUCH_CARD: &str = "14";
    pub(super) const NO_SUCH_RECORD: &str = "25";
    pub(super) const FORMAT_ERROR: &str = "30";
    pub(super) const NOT_ENOUGH_FUNDS: &str = "51";
    pub(super) const EXPIRED_CARD: &str = "54";
    pub(super) const RESTRICTED_CARD: &str = "62";
    pub(super) const DUPLICATE: &str = "94";
    pub(super) const MALFUNCTION: &str = "96";
}

/// An account as a tester sees it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Account {
    /// The card that draws on it, but for its last digits hidden.
    pub card: MaskedCard,
    /// Its currency.
    pub currency: Currency,
    /// What is on it, in minor units.
    pub balance_minor: u64,
    /// What of that is held for purchases, in minor units.
    pub held_minor: u64,
    /// Whether the card is blocked.
    pub blocked: bool,
    /// Whether every authorization is refused.
    pub refuses: bool,
    /// What else the bank does not do as it should.
    #[serde(flatten)]
    pub trouble: Trouble,
}

/// What a bank should do, and does not.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Trouble {
    /// It refuses to debit what it holds (response 12).
    pub refuses_captures: bool,
    /// It refuses to release what it holds (response 12).
    pub refuses_reversals: bool,
    /// It does what it is asked and says nothing, and refuses the repeat (response 05).
    pub refuses_repeats: bool,
}

/// Something that happened to an account.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Movement {
    /// Which way the money went, or was promised.
    pub kind: MovementKind,
    /// Held, debited, released or given back.
    pub amount: Amount,
    /// The purchase's retrieval reference number.
    pub retrieval: String,
    /// As the terminal named the merchant (ISO 8583 field 43).
    pub payee: String,
}

/// What can happen to an account.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
#[serde(rename_all = "snake_case")]
pub enum MovementKind {
    /// An authorization held the amount.
    Held,
    /// A completion debited it, or a part of what was held.
    Debited,
    /// A reversal released what was held, or a completion what it did not debit.
    Released,
    /// A reversal gave back what was debited.
    GivenBack,
    /// A return credited it.
    Credited,
    /// The reversal of a return debited it again.
    DebitedAgain,
}

/// An account as the bank keeps it.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) card: Card,
    currency: Currency,
    balance_minor: u64,
    held_minor: u64,
    pub(super) blocked: bool,
    pub(super) refuses: bool,
    pub(super) trouble: Trouble,
    pub(super) movements: Vec<Movement>,
}

/// All that the bank knows.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    accounts: Vec<Kept>,
    purchases: HashMap<PurchaseKey, Purchase>,
    approvals: u32,
}

/// What names a purchase in every message about it: acquirer, transmission time, trace number, retrieval reference.
type PurchaseKey = [String; 4];

/// A purchase that the bank has heard of.
#[derive(Debug)]
struct Purchase {
    terms: Terms,
    state: State,
    /// The answers given, by the type of the message that they answer, with the amount that it asked for.
    answers: HashMap<Mti, (u64, Decision)>,
}

/// What must be the same in every message about a purchase; a completion may be for less.
#[derive(Clone, Debug, PartialEq)]
struct Terms {
    number: Secret<String>,
    amount_minor: u64,
    currency: String,
}

impl Terms {
    /// Whether a message with these terms may be about a purchase with `known` ones.
    fn fit(&self, known: &Self, mti: Mti) -> bool {
        let may_be_less = mti == Mti::COMPLETION_ADVICE && self.amount_minor < known.amount_minor;
        self.number == known.number
            && self.currency == known.currency
            && (may_be_less || self.amount_minor == known.amount_minor)
    }
}

/// How far a purchase has come.
#[derive(Clone, Debug, PartialEq)]
enum State {
    /// Nothing is held: nothing was asked yet, or it was declined.
    Open,
    /// The amount is held.
    Held { amount: Amount, approval: String },
    /// The amount is debited.
    Debited { amount: Amount },
    /// The acquirer reversed it; nothing can follow.
    Reversed,
    /// It is a return, and was credited.
    Credited { amount: Amount },
}

/// What the bank answers: a response code, and an approval code when it holds an amount.
#[derive(Clone, Debug)]
struct Decision {
    response: &'static str,
    approval: Option<String>,
}

impl From<&'static str> for Decision {
    fn from(response: &'static str) -> Self {
        Self { response, approval: None }
    }
}

impl Kept {
    /// The account, as a tester sees it.
    pub(super) fn seen(&self) -> Account {
        Account {
            card: self.card.masked(),
            currency: self.currency,
            balance_minor: self.balance_minor,
            held_minor: self.held_minor,
            blocked: self.blocked,
            refuses: self.refuses,
            trouble: self.trouble,
        }
    }
}

impl Ledger {
    pub(super) fn open(&mut self, card: Card, balance_minor: u64, currency: Currency) {
        self.accounts.retain(|account| account.card.expose_number() != card.expose_number());
        self.accounts.push(Kept {
            card,
            currency,
            balance_minor,
            held_minor: 0,
            blocked: false,
            refuses: false,
            trouble: Trouble::default(),
            movements: Vec::new(),
        });
    }

    pub(super) fn account(&mut self, number: &str) -> Option<&mut Kept> {
        self.accounts.iter_mut().find(|account| account.card.expose_number() == number)
    }

    pub(super) fn accounts(&self) -> Vec<Account> {
        self.accounts.iter().map(Kept::seen).collect()
    }

    pub(super) fn all_movements(&self) -> Vec<(MaskedCard, Movement)> {
        let of_account = |account: &Kept| {
            let card = account.card.masked();
            let movements = account.movements.clone().into_iter();
            movements.map(move |movement| (card.clone(), movement))
        };
        self.accounts.iter().flat_map(of_account).collect()
    }

    /// The answer to a message; `None` when it is a response itself, or the bank keeps its answer to itself.
    pub(super) fn answer(&mut self, message: &Message) -> Option<Message> {
        let answer = message.response(ECHOED)?;
        let number = message.text(Field::PAN).unwrap_or_default();
        let refuses_repeats =
            self.account(number).is_some_and(|account| account.trouble.refuses_repeats);
        if refuses_repeats && message.mti() != message.mti().first() {
            return answer.with(Field::RESPONSE_CODE, response::DO_NOT_HONOUR).ok();
        }
        let decision = match message.mti().first() {
            Mti::NETWORK_REQUEST => Decision::from(response::DONE),
            Mti::AUTHORIZATION_REQUEST
            | Mti::COMPLETION_ADVICE
            | Mti::REVERSAL_REQUEST
            | Mti::FINANCIAL_REQUEST => {
                Order::read(message).map_or_else(Decision::from, |order| self.decide_once(order))
            }
            _ => response::INVALID_TRANSACTION.into(),
        };
        let answer = answer.with(Field::RESPONSE_CODE, decision.response).ok()?;
        match decision.approval {
            _ if refuses_repeats => None,
            Some(approval) => answer.with(Field::APPROVAL_CODE, approval).ok(),
            None => Some(answer),
        }
    }

    /// The decision that was given on the same order before, or a new one.
    fn decide_once(&mut self, order: Order) -> Decision {
        if !self.purchases.contains_key(&order.key) && self.purchases.len() >= MAX_PURCHASES {
            return response::MALFUNCTION.into();
        }
        // Taken out while it is decided on, so that the accounts can be changed meanwhile.
        let new =
            || Purchase { terms: order.terms.clone(), state: State::Open, answers: HashMap::new() };
        let mut purchase = self.purchases.remove(&order.key).unwrap_or_else(new);
        let asked_minor = order.terms.amount_minor;
        let decision = if !order.terms.fit(&purchase.terms, order.mti) {
            // Another purchase under the same name.
            response::DUPLICATE.into()
        } else if let Some((given_minor, given)) = purchase.answers.get(&order.mti) {
            if *given_minor == asked_minor { given.clone() } else { response::DUPLICATE.into() }
        } else {
            let decision = self.decide(&order, &mut purchase.state).unwrap_or_else(Decision::from);
            // An advice that was refused moved nothing: it may come again, put right.
            if order.mti == Mti::AUTHORIZATION_REQUEST || decision.response == response::DONE {
                purchase.answers.insert(order.mti, (asked_minor, decision.clone()));
            }
            decision
        };
        self.purchases.insert(order.key, purchase);
        decision
    }

    fn decide(&mut self, order: &Order, state: &mut State) -> Result<Decision, &'static str> {
        match order.mti {
            Mti::AUTHORIZATION_REQUEST => {
                let approval = format!("{:06}", self.approvals + 1);
                *state = self.hold(order, state, &approval)?;
                self.approvals = (self.approvals + 1) % 999_999;
                Ok(Decision { response: response::DONE, approval: Some(approval) })
            }
            Mti::COMPLETION_ADVICE => {
                if self.trouble(order).refuses_captures {
                    return Err(response::INVALID_TRANSACTION);
                }
                *state = self.debit(order, state)?;
                Ok(response::DONE.into())
            }
            Mti::FINANCIAL_REQUEST => {
                *state = self.credit(order, state)?;
                Ok(response::DONE.into())
            }
            _ if order.is_return => {
                *state = self.debit_again(order, state)?;
                Ok(response::DONE.into())
            }
            _ if self.trouble(order).refuses_reversals => Err(response::INVALID_TRANSACTION),
            // A reversal of an authorization does not undo a return.
            _ if matches!(state, State::Credited { .. }) => Err(response::NO_SUCH_RECORD),
            // A purchase that is not known is reversed, too: should its authorization still come, it is too late.
            _ => match std::mem::replace(state, State::Reversed) {
                State::Open | State::Reversed | State::Credited { .. } => {
                    Err(response::NO_SUCH_RECORD)
                }
                State::Held { amount, .. } => {
                    self.release(order, amount, MovementKind::Released);
                    Ok(response::DONE.into())
                }
                State::Debited { amount } => {
                    self.release(order, amount, MovementKind::GivenBack);
                    Ok(response::DONE.into())
                }
            },
        }
    }

    /// What the bank does not do as it should for the card.
    fn trouble(&mut self, order: &Order) -> Trouble {
        self.account(order.terms.number.expose()).map(|account| account.trouble).unwrap_or_default()
    }

    /// Holds the amount, or says why not, in the order in which a bank looks.
    fn hold(
        &mut self,
        order: &Order,
        state: &State,
        approval: &str,
    ) -> Result<State, &'static str> {
        if *state != State::Open {
            return Err(response::INVALID_TRANSACTION);
        }
        let account = self.account(order.terms.number.expose()).ok_or(response::NO_SUCH_CARD)?;
        let expiry = account.card.expiry();
        if order.expiry != format!("{:02}{:02}", expiry.year() % 100, expiry.month()) {
            return Err(response::EXPIRED_CARD);
        }
        if account.blocked {
            return Err(response::RESTRICTED_CARD);
        }
        if account.refuses {
            return Err(response::DO_NOT_HONOUR);
        }
        if order.terms.currency != format!("{:03}", account.currency.numeric()) {
            return Err(response::INVALID_TRANSACTION);
        }
        let amount = Amount::new(order.terms.amount_minor, account.currency)
            .map_err(|_| response::INVALID_AMOUNT)?;
        if account.balance_minor.saturating_sub(account.held_minor) < amount.amount_minor() {
            return Err(response::NOT_ENOUGH_FUNDS);
        }
        account.held_minor += amount.amount_minor();
        account.record(MovementKind::Held, amount, order);
        Ok(State::Held { amount, approval: approval.to_owned() })
    }

    /// Debits what is held, or a part of it, and releases the rest.
    fn debit(&mut self, order: &Order, state: &State) -> Result<State, &'static str> {
        let (held, approval) = match state {
            State::Held { amount, approval } => (*amount, approval),
            State::Open => return Err(response::NO_SUCH_RECORD),
            State::Debited { .. } | State::Reversed | State::Credited { .. } => {
                return Err(response::INVALID_TRANSACTION);
            }
        };
        if order.approval != *approval {
            return Err(response::INVALID_TRANSACTION);
        }
        let amount = Amount::new(order.terms.amount_minor, held.currency())
            .map_err(|_| response::INVALID_AMOUNT)?;
        let account = self.account(order.terms.number.expose()).ok_or(response::NO_SUCH_CARD)?;
        // Only an account that was opened anew can have less than was held on it.
        let left = account
            .balance_minor
            .checked_sub(amount.amount_minor())
            .ok_or(response::NOT_ENOUGH_FUNDS)?;
        account.balance_minor = left;
        account.held_minor = account.held_minor.saturating_sub(held.amount_minor());
        account.record(MovementKind::Debited, amount, order);
        let rest_minor = held.amount_minor().saturating_sub(amount.amount_minor());
        if let Ok(rest) = Amount::new(rest_minor, held.currency()) {
            account.record(MovementKind::Released, rest, order);
        }
        Ok(State::Debited { amount })
    }

    /// Credits a return. A card that is blocked or has expired may still get its money back.
    fn credit(&mut self, order: &Order, state: &State) -> Result<State, &'static str> {
        if *state != State::Open || !order.is_return {
            return Err(response::INVALID_TRANSACTION);
        }
        let account = self.account(order.terms.number.expose()).ok_or(response::NO_SUCH_CARD)?;
        if order.terms.currency != format!("{:03}", account.currency.numeric()) {
            return Err(response::INVALID_TRANSACTION);
        }
        let amount = Amount::new(order.terms.amount_minor, account.currency)
            .map_err(|_| response::INVALID_AMOUNT)?;
        account.balance_minor = account.balance_minor.saturating_add(amount.amount_minor());
        account.record(MovementKind::Credited, amount, order);
        Ok(State::Credited { amount })
    }

    /// Debits again what a return has credited, if it is still there.
    fn debit_again(&mut self, order: &Order, state: &State) -> Result<State, &'static str> {
        let State::Credited { amount } = *state else {
            return Err(response::NO_SUCH_RECORD);
        };
        let account = self.account(order.terms.number.expose()).ok_or(response::NO_SUCH_CARD)?;
        let free = account.balance_minor.saturating_sub(account.held_minor);
        if free < amount.amount_minor() {
            return Err(response::NOT_ENOUGH_FUNDS);
        }
        account.balance_minor = account.balance_minor.saturating_sub(amount.amount_minor());
        account.record(MovementKind::DebitedAgain, amount, order);
        Ok(State::Reversed)
    }

    /// Releases what is held, or gives back what was debited.
    fn release(&mut self, order: &Order, amount: Amount, kind: MovementKind) {
        let Some(account) = self.account(order.terms.number.expose()) else {
            return;
        };
        if kind == MovementKind::Released {
            account.held_minor = account.held_minor.saturating_sub(amount.amount_minor());
        } else {
            account.balance_minor = account.balance_minor.saturating_add(amount.amount_minor());
        }
        account.record(kind, amount, order);
    }
}

impl Kept {
    fn record(&mut self, kind: MovementKind, amount: Amount, order: &Order) {
        let [.., retrieval] = &order.key;
        self.movements.push(Movement {
            kind,
            amount,
            retrieval: retrieval.clone(),
            payee: order.payee.clone(),
        });
    }
}

/// What every answer has from its message, when the message has it.
const ECHOED: &[Field] = &[
    Field::PAN,
    Field::PROCESSING_CODE,
    Field::AMOUNT,
    Field::TRANSMISSION_TIME,
    Field::STAN,
    Field::ACQUIRER,
    Field::RETRIEVAL_REFERENCE,
    Field::TERMINAL,
    Field::CARD_ACCEPTOR,
    Field::CURRENCY,
    Field::NETWORK_MANAGEMENT_CODE,
];

/// A message about a purchase, read.
struct Order {
    /// What is asked; a repeat asks the same.
    mti: Mti,
    /// Whether field 3 begins with 20: money goes to the card.
    is_return: bool,
    key: PurchaseKey,
    terms: Terms,
    expiry: String,
    approval: String,
    payee: String,
}

impl Order {
    /// Reads a message, or says with which response it is refused.
    fn read(message: &Message) -> Result<Self, &'static str> {
        let required = |field| message.text(field).map(str::to_owned).ok_or(response::FORMAT_ERROR);
        let optional = |field| message.text(field).unwrap_or_default().trim_end().to_owned();
        let mti = message.mti().first();
        let [acquirer, transmitted, stan, retrieval] = [
            required(Field::ACQUIRER)?,
            required(Field::TRANSMISSION_TIME)?,
            required(Field::STAN)?,
            required(Field::RETRIEVAL_REFERENCE)?,
        ];
        // Field 90 must name the authorization of this very purchase, or this very return.
        let is_return = optional(Field::PROCESSING_CODE).starts_with("20");
        let original = if is_return { "0200" } else { "0100" };
        let original = format!("{original}{stan}{transmitted}{acquirer:0>11}{:011}", 0);
        if mti == Mti::REVERSAL_REQUEST && required(Field::ORIGINAL_DATA)? != original {
            return Err(response::FORMAT_ERROR);
        }
        Ok(Self {
            mti,
            is_return,
            terms: Terms {
                number: Secret::new(required(Field::PAN)?),
                amount_minor: required(Field::AMOUNT)?
                    .parse()
                    .map_err(|_| response::FORMAT_ERROR)?,
                currency: required(Field::CURRENCY)?,
            },
            expiry: required(Field::EXPIRY)?,
            approval: optional(Field::APPROVAL_CODE),
            payee: optional(Field::CARD_ACCEPTOR_NAME),
            key: [acquirer, transmitted, stan, retrieval],
        })
    }
}
