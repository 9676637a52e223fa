//! What is kept.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};
use countersign_domain::{
    address::Address,
    amount::{Amount, Currency},
    bank::{BankReference, ResponseCode},
    card::MaskedCard,
    digest::Sha256Digest,
    error::Error,
    hex,
    id::{ChallengeId, Identifier, PaymentId, RelyingPartyId, SessionId},
    invalid::InvalidInput,
    keys::SealedCard,
    ordered_id,
    person::Person,
    random_id,
    record::Stored,
    refusal::{Refusal, VoidCause},
    register::Position,
    settlement::Told,
    time::Timestamp,
    transaction::{Payee, Transaction},
};
use countersign_web::return_url::ReturnUrl;
use serde::{Deserialize, Serialize};

use crate::{
    jws::PublicKey,
    message::{
        CardId, CardName, Compact, MerchantNumber, PurchaseId, Source, Ticket, Token, WalletName,
        WalletNumber,
    },
};

ordered_id!(
    /// Names a wish to open a wallet.
    capability OpeningId, "opn_"
);
random_id!(
    /// Names a movement between a wallet and a card.
    TransferId, "trf_"
);

impl PurchaseId {
    /// The one of that ticket.
    ///
    /// # Errors
    /// Never: what is made is of this form.
    pub fn of(ticket: &Ticket) -> Result<Self, InvalidInput> {
        named("pur_", &[ticket.iss.as_str(), ticket.jti.as_str()]).try_into()
    }
}

impl MerchantNumber {
    /// The one of that relying party.
    ///
    /// # Errors
    /// Never: what is made is of this form.
    pub(crate) fn of(party: &RelyingPartyId) -> Result<Self, InvalidInput> {
        named("mer_", &[party.as_str()]).try_into()
    }
}

impl MerchantName {
    /// That name, in whatever case.
    pub(crate) fn of(name: &Payee, merchant: MerchantNumber) -> Self {
        Self { id: named("nam_", &[&name.as_str().to_lowercase()]), merchant }
    }
}

impl TransferId {
    /// The one that a person names so: the same name is the same transfer.
    pub(crate) fn of(holder: &Identifier, key: &Token) -> Result<Self, InvalidInput> {
        named("trf_", &[holder.as_str(), key.as_str()]).try_into()
    }
}

/// An id that follows from names, none of which has a line break.
fn named(prefix: &str, names: &[&str]) -> String {
    let hash = digest(&SHA256, names.join("\n").as_bytes());
    let half = hash.as_ref().get(..16).unwrap_or_default();
    format!("{prefix}{}", hex::encode(half))
}

/// Implements [`Stored`] for records that have an id.
macro_rules! stored {
    ($($record:ty, $collection:literal, $id:ident $(, due $due:ident)? $(, final $final:ident)?;)+) => {
        $(impl Stored for $record {
            const COLLECTION: &'static str = $collection;

            fn id(&self) -> &str {
                self.$id.as_str()
            }

            $(fn due_at(&self) -> Option<Timestamp> {
                self.$due
            })?

            $(fn final_at(&self) -> Option<Timestamp> {
                Some(self.$final)
            })?
        })+
    };
}

stored! {
    CardTie, "wallet_card_tie", index;
    Opening, "wallet_opening", id, final expires_at;
    Visit, "wallet_visit", session, final expires_at;
    Merchant, "wallet_merchant", number, due next_at;
    MerchantKey, "wallet_merchant_key", id;
    MerchantName, "wallet_merchant_name", id;
    Payout, "wallet_payout", id;
}

impl Stored for Holder {
    const COLLECTION: &'static str = "wallet_holder";

    fn id(&self) -> &str {
        self.identifier.as_str()
    }

    /// The identifier is anybody's again once the number that was proved for it is forgotten.
    fn final_at(&self) -> Option<Timestamp> {
        self.left_at
    }
}

impl Stored for Wallet {
    const COLLECTION: &'static str = "wallet";

    fn id(&self) -> &str {
        self.number.as_str()
    }

    /// Closed, it is a name that a person gave it; what was in it is in the books.
    fn final_at(&self) -> Option<Timestamp> {
        self.closed_at
    }
}

impl Stored for TiedCard {
    const COLLECTION: &'static str = "wallet_card";

    fn id(&self) -> &str {
        self.id.as_str()
    }

    /// Untied, it is a name that a person gave it, and its last digits; what came from it is in the books, and that it is one
    /// person's in its [`CardTie`].
    fn final_at(&self) -> Option<Timestamp> {
        self.untied_at
    }
}

impl Stored for Purchase {
    const COLLECTION: &'static str = "wallet_purchase";

    fn id(&self) -> &str {
        self.id.as_str()
    }

    fn due_at(&self) -> Option<Timestamp> {
        self.next_at
    }

    /// Its ticket has expired long before it may be removed: nobody pays it again.
    fn final_at(&self) -> Option<Timestamp> {
        match &self.state {
            PurchaseState::Pending => None,
            PurchaseState::Paid { at, .. } | PurchaseState::NotPaid { at, .. } => Some(*at),
        }
    }
}

impl Stored for Transfer {
    const COLLECTION: &'static str = "wallet_transfer";

    fn id(&self) -> &str {
        self.id.as_str()
    }

    fn due_at(&self) -> Option<Timestamp> {
        self.next_at
    }

    /// Its posting stays, so that the same name moves no money again.
    fn final_at(&self) -> Option<Timestamp> {
        match &self.state {
            TransferState::Pending => None,
            TransferState::Done { at, .. } | TransferState::NotMade { at, .. } => Some(*at),
        }
    }
}

/// A person who has wallets, and the phone whose number was proved by a code (A8).
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Holder {
    pub(crate) identifier: Identifier,
    pub(crate) address: Address,
    pub(crate) wallets: Vec<WalletNumber>,
    pub(crate) cards: Vec<CardId>,
    /// Since when there is neither an open wallet nor a tied card.
    #[serde(default)]
    pub(crate) left_at: Option<Timestamp>,
}

/// A client's wallet. What is in it is in the books.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Wallet {
    pub(crate) number: WalletNumber,
    pub(crate) holder: Identifier,
    pub(crate) name: WalletName,
    pub(crate) currency: Currency,
    pub(crate) opened_at: Timestamp,
    pub(crate) closed_at: Option<Timestamp>,
}

/// A card that is tied to a person, by the name that the person gave it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct TiedCard {
    pub(crate) id: CardId,
    pub(crate) holder: Identifier,
    pub(crate) name: CardName,
    pub(crate) masked: MaskedCard,
    /// Forgotten when the person unties it.
    pub(crate) sealed: Option<SealedCard>,
    /// When that was; None while it is tied.
    #[serde(default)]
    pub(crate) untied_at: Option<Timestamp>,
}

/// From the keyed hash of a card's number to the person whom it is tied to: a card is one person's.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct CardTie {
    pub(crate) index: String,
    pub(crate) holder: Identifier,
    pub(crate) card: CardId,
}

/// A wish to open a wallet, which waits for the code that proves the number.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Opening {
    pub(crate) id: OpeningId,
    pub(crate) person: Person,
    pub(crate) name: WalletName,
    pub(crate) currency: Currency,
    pub(crate) challenge: Option<ChallengeId>,
    pub(crate) wallet: Option<WalletNumber>,
    /// Until when it can become a wallet.
    pub(crate) expires_at: Timestamp,
}

/// A session at which a person is, once the code is typed.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Visit {
    pub(crate) session: SessionId,
    pub(crate) identifier: Identifier,
    pub(crate) challenge: Option<ChallengeId>,
    /// Until when the person is there; none before the code is typed.
    pub(crate) until: Option<Timestamp>,
    /// Until when the person is there, or may come in.
    pub(crate) expires_at: Timestamp,
}

/// The records that are removed once they are final. What money moved is in the books.
pub const FINAL: [&str; 7] = [
    Opening::COLLECTION,
    Visit::COLLECTION,
    Purchase::COLLECTION,
    Transfer::COLLECTION,
    Wallet::COLLECTION,
    TiedCard::COLLECTION,
    Holder::COLLECTION,
];

/// A merchant, and up to where it was paid out in each currency.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Merchant {
    pub(crate) number: MerchantNumber,
    pub(crate) name: Payee,
    pub(crate) payouts: u32,
    pub(crate) paid_through: BTreeMap<Currency, Position>,
    /// When it is paid what it is owed by then.
    pub(crate) next_at: Option<Timestamp>,
    /// Where payers' browsers hand receipts in.
    #[serde(default)]
    pub(crate) return_url: Option<ReturnUrl>,
}

/// From the name that people see to the merchant that has it: they must not pay one and mean another.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct MerchantName {
    pub(crate) id: String,
    pub(crate) merchant: MerchantNumber,
}

/// A key that a merchant signs its tickets with. Patent: *code confidentiel*.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct MerchantKey {
    pub(crate) id: String,
    pub(crate) merchant: MerchantNumber,
    pub(crate) key: PublicKey,
    pub(crate) revoked: bool,
}

/// The payment of a ticket: what was tried last, and where that stands.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Purchase {
    pub(crate) id: PurchaseId,
    pub(crate) ticket: Ticket,
    /// As the merchant signed it: a client that has lost it can still hand it in with its receipt.
    pub(crate) signed_ticket: Compact,
    pub(crate) ticket_sha256: Sha256Digest,
    /// As the person agrees to it, with the payee's name as the server knows it.
    pub(crate) transaction: Transaction,
    /// Tries that came to nothing: a request of theirs that is sent again begins no other.
    pub(crate) earlier: Vec<Try>,
    pub(crate) current: Try,
    pub(crate) state: PurchaseState,
    pub(crate) next_at: Option<Timestamp>,
}

/// Somebody's wish to pay a ticket.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Try {
    pub(crate) person: Person,
    pub(crate) nonce: Token,
    pub(crate) way: Way,
}

/// How a ticket is paid, and what waits for the person.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(tag = "from", rename_all = "snake_case")]
pub(crate) enum Way {
    /// The amount is held in the wallet until the challenge ends.
    Wallet {
        wallet: WalletNumber,
        challenge: ChallengeId,
        /// On which day the amount counts as paid.
        day: u64,
    },
    /// Bank and person are asked, as the plan of this payment says.
    Card { card: CardId, payment: PaymentId },
}

/// Where the payment of a ticket stands.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub(crate) enum PurchaseState {
    Pending,
    Paid {
        receipt: String,
        /// What was available in the wallet after it; none for a card.
        balance_minor: Option<u64>,
        at: Timestamp,
    },
    /// Nothing is held any more; the ticket may be paid by another try.
    NotPaid {
        cause: NotPaid,
        at: Timestamp,
    },
}

/// Why money did not move.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "because", rename_all = "snake_case")]
pub enum NotPaid {
    /// The code was not typed.
    Code {
        /// How it ended.
        refusal: Refusal,
    },
    /// The bank refuses.
    Bank {
        /// Why, in the bank's terms.
        response: ResponseCode,
    },
    /// The card's payment was voided.
    Voided {
        /// What ended it.
        cause: VoidCause,
    },
}

impl NotPaid {
    /// With what is left now of a limit's time, of what was said then.
    pub(crate) fn since(self, then: Timestamp, now: Timestamp) -> Self {
        match self {
            Self::Code { refusal } => Self::Code { refusal: refusal.since(then, now) },
            Self::Bank { .. } | Self::Voided { .. } => self,
        }
    }
}

/// A movement between a wallet and a card.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Transfer {
    pub(crate) id: TransferId,
    pub(crate) holder: Identifier,
    pub(crate) wallet: WalletNumber,
    pub(crate) card: CardId,
    pub(crate) amount: Amount,
    pub(crate) direction: Direction,
    pub(crate) state: TransferState,
    pub(crate) next_at: Option<Timestamp>,
}

/// Whether money comes from a card or goes to it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(tag = "direction", rename_all = "snake_case")]
pub(crate) enum Direction {
    /// Into the wallet: bank and person are asked.
    In { payment: PaymentId },
    /// Out of it: the bank is asked to credit the card, which may be untied meanwhile.
    Out {
        reference: BankReference,
        sealed: SealedCard,
        #[serde(default)]
        told: Told,
    },
}

/// Where a movement between a wallet and a card stands.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub(crate) enum TransferState {
    Pending,
    Done {
        /// What was available in the wallet after it.
        balance_minor: u64,
        at: Timestamp,
    },
    NotMade {
        cause: NotPaid,
        at: Timestamp,
    },
}

/// What a merchant was paid at once.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Payout {
    /// Names it: the merchant's number, and 1 for its first.
    pub id: String,
    /// That is paid.
    pub merchant: MerchantNumber,
    /// Of all amounts here.
    pub currency: Currency,
    /// How many payments it covers.
    pub payments: u64,
    /// What they come to, in minor units.
    pub total_minor: u64,
    /// What of it the house keeps, in minor units.
    pub fee_minor: u64,
    /// When it was made.
    pub at: Timestamp,
}

impl Payout {
    /// What the merchant gets, in minor units.
    pub const fn net_minor(&self) -> u64 {
        self.total_minor.saturating_sub(self.fee_minor)
    }
}

impl Visit {
    /// Whether the person is there.
    pub(crate) fn lasts(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| now < until)
    }
}

impl Way {
    /// What was chosen to pay with.
    pub(crate) fn source(&self) -> Source {
        match self {
            Self::Wallet { wallet, .. } => Source::Wallet(wallet.clone()),
            Self::Card { card, .. } => Source::Card(card.clone()),
        }
    }
}

impl Direction {
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::In { .. } => "in",
            Self::Out { .. } => "out",
        }
    }
}

impl PurchaseState {
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Paid { .. } => "paid",
            Self::NotPaid { .. } => "not_paid",
        }
    }
}

impl TransferState {
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Done { .. } => "done",
            Self::NotMade { .. } => "not_made",
        }
    }
}

impl Purchase {
    /// It stands in another state than what is asked needs.
    pub(crate) fn not_now(&self) -> Error {
        let (id, state) = (self.id.to_string(), self.state.name());
        Error::NotNow { collection: Self::COLLECTION, id, state }
    }
}

impl Transfer {
    /// It stands in another state than what is asked needs.
    pub(crate) fn not_now(&self) -> Error {
        let (id, state) = (self.id.to_string(), self.state.name());
        Error::NotNow { collection: Self::COLLECTION, id, state }
    }
}
