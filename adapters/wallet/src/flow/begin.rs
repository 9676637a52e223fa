//! How a try begins: which tickets may be tried, and what is committed with the code that is asked for.

use countersign_domain::{
    agreement::{Agreement, ProtocolOrder},
    challenge::{ChallengeRequest, Waiting},
    digest::Sha256Digest,
    error::Error,
    id::PaymentId,
    payment,
    plan::{CaptureTime, KnownBy},
    record::{Batch, Stored as _, Version, Versioned},
    time::Timestamp,
    transaction::Transaction,
};

use super::{LOOK_AGAIN_SECONDS, Visitor, Wallets, pin};
use crate::{
    error::{MessageRefusal, TicketRefusal, WalletError},
    jws::{Authentic, Unverified},
    message::{CardId, Compact, PaymentRequest, PurchaseId, Source, Ticket, Token, WalletNumber},
    purse::day_of,
    record::{Merchant, MerchantKey, Purchase, PurchaseState, Try, Way},
};

/// Payments that may be begun for one ticket: enough for a mistyped code or lost patience, too few for guessing.
const MAX_TRIES: usize = 5;

/// A ticket whose signature, merchant and server are right.
pub(super) struct Offer {
    pub(super) signed: Compact,
    pub(super) ticket: Authentic<Ticket>,
    pub(super) transaction: Transaction,
}

impl Wallets {
    /// Reads a ticket up to what depends on the time: a request that is sent again is answered when its ticket has expired.
    pub(super) async fn offer(&self, compact: &str) -> Result<Offer, WalletError> {
        let store = &self.ports.store;
        let unverified = Unverified::<Ticket>::read(compact)?;
        let known = store.find::<MerchantKey>(unverified.kid()).await?.map(|found| found.value);
        let known = known.filter(|key| !key.revoked).ok_or(MessageRefusal::UnknownKey)?;
        let server = &self.house.origin;
        let ticket = Ticket::verified(unverified, &known.merchant, &known.key, server)?;
        let merchant = store.expect::<Merchant>(known.merchant.as_str()).await?.value;
        let transaction = ticket.message.transaction(merchant.name)?;
        Ok(Offer { signed: Compact(compact.to_owned()), ticket, transaction })
    }

    /// Begins a try, unless the request did so before.
    pub(super) async fn begin(
        &self,
        visitor: &Visitor,
        request: &PaymentRequest,
        offer: &Offer,
    ) -> Result<(Batch, Try), WalletError> {
        let id = PurchaseId::of(&offer.ticket.message)?;
        let found = self.ports.store.find::<Purchase>(id.as_str()).await?;
        let (version, earlier) = match found {
            None => (None, Vec::new()),
            Some(Versioned { version, value: purchase }) => {
                if purchase.ticket_sha256 != offer.ticket.digest {
                    return Err(TicketRefusal::OtherTicket.into());
                }
                if let Some(same) = begun_before(&purchase, visitor, request)? {
                    return Ok((Batch::default(), same));
                }
                (Some(version), tries_before(purchase)?)
            }
        };
        let now = self.ports.clock.now();
        offer.ticket.message.check_time(now)?;
        offer.transaction.amount().currency().must_be_payable(now)?;
        let new = NewTry { id, version, earlier, visitor, nonce: &request.nonce, offer };
        match &request.source {
            Source::Wallet(wallet) => self.hold(new, wallet).await,
            Source::Card(card) => self.charge(new, card).await,
        }
    }

    /// Holds the amount in the wallet, in the commit in which the person is asked.
    async fn hold(
        &self,
        new: NewTry<'_>,
        number: &WalletNumber,
    ) -> Result<(Batch, Try), WalletError> {
        let transaction = &new.offer.transaction;
        self.open_for(new.visitor, number, transaction.amount()).await?;
        let limits = self.house.limits(transaction.amount().currency())?;
        let (now, mut batch) = (self.ports.clock.now(), Batch::default());
        pin(&self.ports.store, number, transaction.amount().currency(), &mut batch).await?;
        let request = ChallengeRequest {
            relying_party: self.house.party.clone(),
            person: new.visitor.person().clone(),
            agreement: Agreement::Payment {
                transaction: transaction.clone(),
                account: None,
                order: Some(self.order(new.offer)?),
            },
            from: new.visitor.client.0,
            waiting: Some(Waiting {
                collection: Purchase::COLLECTION.to_owned(),
                id: new.id.to_string(),
            }),
            correlation: None,
        };
        let challenge = self.verifier.add_challenge(request, &mut batch).await?;
        let challenge = challenge.done().map_err(WalletError::Refused)?;
        let way = Way::Wallet {
            wallet: number.clone(),
            challenge: challenge.id().clone(),
            day: day_of(now),
        };
        let (version, purchase) = new.pending(way, challenge.expires_at());
        let tried = purchase.current.clone();
        let held = purchase.hold(limits, now)?;
        match version {
            None => drop(batch.begin(held, now)?),
            Some(version) => drop(batch.step(version, held, now)?),
        }
        Ok((batch, tried))
    }

    /// Asks the card's bank, and the person, in the order of the policy's plan.
    async fn charge(&self, new: NewTry<'_>, id: &CardId) -> Result<(Batch, Try), WalletError> {
        let card = self.card(new.visitor, id).await?;
        // Merchants are paid out in the currencies of the house alone.
        self.house.limits(new.offer.transaction.amount().currency())?;
        let order = self.order(new.offer)?;
        let request = payment::PaymentRequest {
            payment: PaymentId::made_at(self.ports.clock.now(), self.ports.entropy.as_ref())?,
            relying_party: self.house.party.clone(),
            person: new.visitor.person().clone(),
            card,
            transaction: new.offer.transaction.clone(),
            order: Some(order),
            known_by: KnownBy::UserId,
            from: new.visitor.client.0,
            capture: CaptureTime::AtOnce,
            correlation: None,
        };
        let way = Way::Card { card: id.clone(), payment: request.payment.clone() };
        let look_at = self.ports.clock.now().plus_seconds(LOOK_AGAIN_SECONDS);
        let (version, purchase) = new.pending(way, look_at);
        let tried = purchase.current.clone();
        let mut batch = Batch::default();
        batch.put(version, purchase)?;
        self.gateway.start_payment(request, batch).await?;
        Ok((Batch::default(), tried))
    }

    /// What the code is linked to beside amount and payee: all of the ticket. The short reference is of randomness, as a
    /// merchant chooses all of its ticket, and could choose one whose reference is another's.
    fn order(&self, offer: &Offer) -> Result<ProtocolOrder, Error> {
        let mut name = [0; 32];
        self.ports.entropy.fill(&mut name)?;
        let (digest, name) = (offer.ticket.digest.clone(), Sha256Digest::new(name));
        Ok(ProtocolOrder { digest, name })
    }
}

/// A try that is about to begin.
struct NewTry<'a> {
    id: PurchaseId,
    version: Option<Version>,
    earlier: Vec<Try>,
    visitor: &'a Visitor,
    nonce: &'a Token,
    offer: &'a Offer,
}

impl NewTry<'_> {
    fn pending(self, way: Way, next_at: Timestamp) -> (Option<Version>, Purchase) {
        let current = Try { person: self.visitor.person().clone(), nonce: self.nonce.clone(), way };
        let purchase = Purchase {
            id: self.id,
            ticket: self.offer.ticket.message.clone(),
            signed_ticket: self.offer.signed.clone(),
            ticket_sha256: self.offer.ticket.digest.clone(),
            transaction: self.offer.transaction.clone(),
            earlier: self.earlier,
            current,
            state: PurchaseState::Pending,
            next_at: Some(next_at),
        };
        (self.version, purchase)
    }
}

/// The try that the same request began.
fn begun_before(
    purchase: &Purchase,
    visitor: &Visitor,
    request: &PaymentRequest,
) -> Result<Option<Try>, WalletError> {
    let mut tries = purchase.earlier.iter().chain([&purchase.current]);
    let is_of_it = |tried: &&Try| {
        tried.nonce == request.nonce && tried.person.identifier == *visitor.identifier()
    };
    match tries.find(is_of_it) {
        Some(tried) if tried.way.source() == request.source => Ok(Some(tried.clone())),
        Some(_) => Err(WalletError::KeyReused),
        None => Ok(None),
    }
}

/// The tries that came to nothing, of a ticket that may be tried once more.
fn tries_before(purchase: Purchase) -> Result<Vec<Try>, TicketRefusal> {
    match purchase.state {
        PurchaseState::Pending => return Err(TicketRefusal::Taken),
        PurchaseState::Paid { .. } => return Err(TicketRefusal::Paid),
        PurchaseState::NotPaid { .. } => {}
    }
    let mut tries = purchase.earlier;
    tries.push(purchase.current);
    if tries.len() >= MAX_TRIES { Err(TicketRefusal::TooManyTries) } else { Ok(tries) }
}
