//! What several messages have.

use countersign_domain::{
    amount::{Amount, Currency},
    invalid::{Field, InvalidInput},
};
use der::asn1::GeneralizedTime;

use crate::{
    asn1::{CertificateElement, List, Number, Octets, Random, SecretDigits, Text},
    protect::{Gateway, KeyOf},
    table::{Row, Structure, structures},
};

/// A local identifier of one side: 1 to 20 octets.
pub type LocalId = Octets<1, 20>;
/// The goods in words.
pub type OrderText = Text<1024>;
/// A merchant, by its id at the gateway.
pub type MerchantId = Text<64>;
/// An address in HTTP.
pub type Url = Text<256>;
/// A brand of cards, such as `Example`.
pub type BrandId = Text<64>;
/// Which program wrote a message.
pub type Software = Text<64>;
/// A certificate and those above it.
pub type Chain = List<CertificateElement, 1, 8>;

pub(crate) const ROWS: &[&Structure] =
    &[CurrencyAmount::STRUCTURE, TransIds::STRUCTURE, AccountName::STRUCTURE, RrTags::STRUCTURE];

structures! {
    /// Money: `amount` times ten to the power of `amtExp10`.
    CurrencyAmount = "CurrencyAmount" {
        /// The ISO 4217 number of the currency.
        currency = "currency": Number<1, 999>,
        /// The amount, in minor units.
        amount = "amount": Number<1, 999_999_999_999>,
        /// Minus the decimal digits of the minor unit.
        amt_exp10 = "amtExp10": Number<-4, 0>,
    }

    /// Names one purchase on all sides.
    TransIds = "TransIDs" {
        /// The cardholder's own identifier.
        lid_c = "lid-C": LocalId,
        /// The merchant's own identifier: its order.
        lid_m = "lid-M": LocalId,
        /// The purchase, unique in the world: made by the merchant, never used twice (W6).
        xid = "xid": Random,
        /// When the merchant answered the cardholder's first message.
        p_req_date = "pReqDate": GeneralizedTime,
        /// The cardholder's language (RFC 5646).
        language = "language": Text<35>,
    }

    /// What a cardholder's name in a certificate is made of (SET's unique cardholder id).
    AccountName = "AccountName" {
        /// The card's number.
        pan = "pan": SecretDigits<12, 19>,
        /// Its last good month, YYYYMM.
        card_expiry = "cardExpiry": SecretDigits<6, 6>,
    }

    /// Names one request of a merchant and its answer.
    RrTags = "RRTags" {
        /// The request and its answer; the same again gets the stored answer.
        rrpid = "rrpid": Random,
        /// The merchant, by its id at the gateway.
        merchant_id = "merchantID": MerchantId,
        /// When it was asked.
        date = "date": GeneralizedTime,
        /// For which gateway it is: another one has nothing to do with it.
        gateway = "gateway": KeyOf<Gateway>,
    }
}

impl TryFrom<Amount> for CurrencyAmount {
    type Error = der::Error;

    fn try_from(amount: Amount) -> der::Result<Self> {
        let currency = amount.currency();
        // A currency's minor unit has four digits at most, and an amount twelve in all: none of these is out of bounds.
        Ok(Self {
            currency: i64::from(currency.numeric()).try_into()?,
            amount: i64::try_from(amount.amount_minor()).unwrap_or(i64::MAX).try_into()?,
            amt_exp10: i64::from(currency.minor_digits()).checked_neg().unwrap_or(0).try_into()?,
        })
    }
}

impl TryFrom<&CurrencyAmount> for Amount {
    type Error = InvalidInput;

    fn try_from(money: &CurrencyAmount) -> Result<Self, InvalidInput> {
        let unknown = || InvalidInput::new(Field::Currency, "is not an ISO 4217 number");
        let number = u16::try_from(money.currency.get()).map_err(|_| unknown())?;
        let currency = Currency::from_numeric(number).ok_or_else(unknown)?;
        if money.amt_exp10.get().checked_neg() != Some(i64::from(currency.minor_digits())) {
            return Err(InvalidInput::new(Field::Amount, "is not in the currency's minor unit"));
        }
        Self::new(u64::try_from(money.amount.get()).unwrap_or(0), currency)
    }
}
