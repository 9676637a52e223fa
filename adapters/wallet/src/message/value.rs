//! What messages hold.

use std::fmt;

use countersign_domain::{
    agreement::ServiceName,
    amount::{Amount, Currency},
    digest::Sha256Digest,
    element::Element,
    invalid::{Field, InvalidInput},
    origin::Origin,
    pin::PinDemand,
    random_id,
    response::Response,
    secret::Secret,
    time::Timestamp,
    transaction::{self, ItemName, Reference, Transaction},
};
use countersign_web::code_page;
use serde::{Deserialize, Serialize, Serializer};

use crate::table::{Kind, described};

random_id!(
    /// Names a merchant's wallet. Patent: *numéro de porte-monnaie virtuel du commerçant*.
    MerchantNumber, "mer_"
);
random_id!(
    /// Names a client's wallet. Patent: *numéro de porte-monnaie*.
    WalletNumber, "wal_"
);
random_id!(
    /// Names a card that is tied to a person.
    CardId, "crd_"
);
random_id!(
    /// Names a receipt.
    ReceiptNumber, "rcp_"
);

random_id!(
    /// Names the payment of a ticket. One ticket has one, whatever is tried with it.
    PurchaseId, "pur_"
);

described! {
    Minor => Kind::Integer { min: 1, max: Minor::MAX },
    Seconds => Kind::Integer { min: 0, max: Seconds::MAX },
    Currency => Kind::Currency,
    Origin => Kind::Host,
    Sha256Digest => Kind::Digest("Ticket"),
    Reference => Kind::Text { max: Reference::MAX_CHARS },
    Token => Kind::Token { min: Token::MIN_CHARS, max: Token::MAX_CHARS },
    MerchantNumber => Kind::Id("mer_"),
    ReceiptNumber => Kind::Id("rcp_"),
    PurchaseId => Kind::Id("pur_"),
    Compact => Kind::Compact("Ticket"),
    Shown => Kind::Text { max: 32 },
    Code => Kind::Text { max: 10 },
    Pin => Kind::Text { max: 256 },
    PinAsked => Kind::Word(&["asked", "asked_or_set"]),
    Elements => Kind::Words(&[
        Element::Phone.name(),
        Element::CertificateKey.name(),
        Element::Pin.name(),
        Element::PinSetByCode.name(),
    ]),
    Source => Kind::Choice(&[("wallet", Kind::Id("wal_")), ("card", Kind::Id("crd_"))]),
    Goods => Kind::List {
        of: &[
            ("name", Kind::Text { max: ItemName::MAX_CHARS }),
            ("quantity", Kind::Integer { min: 1, max: Quantity::MAX }),
        ],
        max: Transaction::MAX_ITEMS,
    },
}

/// What a person calls a wallet.
pub type WalletName = ServiceName;

/// What a person calls a card, so as not to confuse it with another.
pub type CardName = ItemName;

/// Makes a whole number within bounds.
macro_rules! bounded {
    ($(#[$doc:meta])* $name:ident($type:ty as $wire:literal), $min:literal ..= $max:expr, $why:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
        #[serde(try_from = $wire)]
        pub struct $name($type);

        impl $name {
            /// The largest.
            pub const MAX: u64 = $max;

            /// The number.
            pub const fn get(self) -> $type {
                self.0
            }
        }

        impl TryFrom<u64> for $name {
            type Error = &'static str;

            fn try_from(number: u64) -> Result<Self, &'static str> {
                let within = ($min..=Self::MAX).contains(&number);
                let number = within.then(|| <$type>::try_from(number).ok()).flatten();
                number.map(Self).ok_or($why)
            }
        }
    };
}

bounded!(
    /// Minor units of a currency.
    Minor(u64 as "u64"), 1..=Amount::MAX_MINOR, "is not 1 to 999999999999"
);
bounded!(
    /// Seconds since the Unix epoch, up to the year 9999.
    Seconds(u64 as "u64"), 0..=253_402_300_799, "is after the year 9999"
);
bounded!(
    /// Pieces of something.
    Quantity(u32 as "u64"), 1..=999_999, "is not 1 to 999999"
);

impl From<Timestamp> for Seconds {
    fn from(at: Timestamp) -> Self {
        Self(at.unix_seconds().min(Self::MAX))
    }
}

impl From<Amount> for Minor {
    fn from(amount: Amount) -> Self {
        Self(amount.amount_minor())
    }
}

/// Something bought, and how many.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// Its reference or name.
    pub name: ItemName,
    /// Pieces of it.
    pub quantity: Quantity,
}

/// What is bought: up to 20 kinds of goods.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "Vec<Item>")]
pub struct Goods(Vec<Item>);

impl Goods {
    /// What each is called.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|item| item.name.as_str())
    }

    /// As the domain has them.
    pub(crate) fn items(&self) -> Vec<transaction::Item> {
        let item = |item: &Item| transaction::Item {
            name: item.name.clone(),
            quantity: item.quantity.get(),
        };
        self.0.iter().map(item).collect()
    }
}

impl TryFrom<Vec<Item>> for Goods {
    type Error = InvalidInput;

    fn try_from(items: Vec<Item>) -> Result<Self, InvalidInput> {
        if items.len() > Transaction::MAX_ITEMS {
            return Err(InvalidInput::new(Field::Items, "are more than 20"));
        }
        Ok(Self(items))
    }
}

/// What was proved of a payer, each element once. There is none where nothing was asked for.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "Vec<Element>")]
pub struct Elements(Vec<Element>);

impl Elements {
    /// Of what was proved, each element once.
    pub(crate) fn of(proved: &[Element]) -> Self {
        Self(Element::ALL.into_iter().filter(|element| proved.contains(element)).collect())
    }

    /// The elements.
    pub fn get(&self) -> &[Element] {
        &self.0
    }
}

impl TryFrom<Vec<Element>> for Elements {
    type Error = &'static str;

    fn try_from(elements: Vec<Element>) -> Result<Self, &'static str> {
        match Self::of(&elements).0.len() == elements.len() {
            true => Ok(Self(elements)),
            false => Err("an element is there twice"),
        }
    }
}

/// A name that somebody else made: letters, digits, `-` and `_`, so that it is the same in a file, an address and a log.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String")]
pub struct Token(String);

impl Token {
    /// Fewest characters.
    pub const MIN_CHARS: usize = 8;
    /// Most characters.
    pub const MAX_CHARS: usize = 64;

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Token {
    type Error = InvalidInput;

    fn try_from(text: String) -> Result<Self, InvalidInput> {
        let is_of_one = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let is_one = (Self::MIN_CHARS..=Self::MAX_CHARS).contains(&text.len())
            && text.bytes().all(is_of_one);
        let refuse = || InvalidInput::new(Field::Id, "is not 8 to 64 letters, digits, - and _");
        is_one.then_some(Self(text)).ok_or_else(refuse)
    }
}

impl TryFrom<&str> for Token {
    type Error = InvalidInput;

    fn try_from(text: &str) -> Result<Self, InvalidInput> {
        Self::try_from(text.to_owned())
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What pays for a ticket.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Source {
    /// A wallet, which is debited at once.
    Wallet(WalletNumber),
    /// A card that is tied to the person, by the bank.
    Card(CardId),
}

/// A signed message as it came, to be handed on unchanged.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Compact(pub String);

/// Text that the client shows.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Shown(pub String);

/// What a person typed as the code. A client has to write it: nothing else of ours does.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(from = "String")]
pub struct Code(Secret<String>);

impl From<String> for Code {
    fn from(typed: String) -> Self {
        Self(Secret::new(typed))
    }
}

/// What a person typed as the PIN or password, or as a new one. A client has to write it: nothing else of ours does.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(from = "String")]
pub struct Pin(Secret<String>);

impl From<String> for Pin {
    fn from(typed: String) -> Self {
        Self(Secret::new(typed))
    }
}

impl Serialize for Pin {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.expose().serialize(serializer)
    }
}

/// What is asked for beside the code.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PinAsked {
    /// The PIN.
    Asked,
    /// The PIN, or a new one, with which the code does nothing else.
    AskedOrSet,
}

impl PinAsked {
    pub(crate) const fn of(demand: PinDemand) -> Option<Self> {
        match demand {
            PinDemand::No => None,
            PinDemand::Ask => Some(Self::Asked),
            PinDemand::AskOrSet => Some(Self::AskedOrSet),
        }
    }
}

/// What a person types back, whatever message it is in.
///
/// # Errors
/// When one of them cannot be what it is to be.
pub(crate) fn response(
    code: &Code,
    pin: Option<&Pin>,
    new_pin: Option<&Pin>,
) -> Result<Response, InvalidInput> {
    let text = |pin: Option<&Pin>| pin.map(|pin| pin.0.expose().clone()).unwrap_or_default();
    code_page::response(code.0.expose().clone(), text(pin), text(new_pin))
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.expose().serialize(serializer)
    }
}
