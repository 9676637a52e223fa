//! Paying a ticket: F12.2 to F12.6.

use countersign_domain::{
    agreement::{Agreement, ProtocolOrder},
    challenge::{Challenge, ChallengeRequest, Waiting},
    digest::Sha256Digest,
    error::Error,
    id::PaymentId,
    payment::{self, PaymentState},
    plan::{CaptureTime, KnownBy},
    record::{Batch, Stored as _, Version, Versioned},
    refusal::{Outcome, Refusal},
    time::Timestamp,
    transaction::{Payee, Transaction},
};

use super::{CodeAsked, LOOK_AGAIN_SECONDS, Visitor, Wallets, pin};
use crate::{
    error::{MessageRefusal, TicketRefusal, WalletError, attempted},
    jws::{Authentic, Unverified},
    message::{
        CardId, ChallengeStarted, CodeTyped, PaymentRequest, PurchaseId, Shown, Source, Ticket,
        Token, WalletNumber,
    },
    purse::day_of,
    record::{Merchant, MerchantKey, NotPaid, Purchase, PurchaseState, Try, Way},
};

/// Payments that may be begun for one ticket: enough for a mistyped code or lost patience, too few for guessing.
const MAX_TRIES: usize = 5;

/// A ticket that its merchant signed, as the person sees it before paying (F12.0).
#[derive(Clone, Debug)]
pub struct TicketView {
    /// Names its payment, once there is one.
    pub payment: PurchaseId,
    /// What the merchant signed.
    pub ticket: Ticket,
    /// The digest of all of it.
    pub ticket_sha256: Sha256Digest,
    /// The merchant, by the name that the house knows.
    pub payee: Payee,
}

/// The payment of a ticket, as the payer sees it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PaymentView {
    /// Names it.
    pub payment: PurchaseId,
    /// The digest of the ticket.
    pub ticket_sha256: Sha256Digest,
    /// Amount, payee and goods.
    pub transaction: Transaction,
    /// What pays.
    pub source: Source,
    /// Where it stands.
    pub status: PaymentStatus,
}

/// Where the payment of a ticket stands.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum PaymentStatus {
    /// The person has the next action (CAC).
    AwaitingCode(CodeAsked),
    /// The bank has.
    Processing,
    /// It is paid.
    Paid {
        /// The receipt, for the merchant (GPT3).
        receipt: String,
        /// What was available in the wallet after it, in minor units; none for a card.
        balance_minor: Option<u64>,
        /// When it was paid.
        at: Timestamp,
    },
    /// It is not paid, and nothing is held.
    NotPaid {
        /// What ended it.
        cause: NotPaid,
        /// When it was noticed.
        at: Timestamp,
    },
}

/// The payment of a ticket has begun.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Started {
    /// Names it.
    pub payment: PurchaseId,
    /// The digest of the ticket.
    pub ticket_sha256: Sha256Digest,
    /// The code that was asked for; none where the bank declined before that, or the policy asks for none.
    pub code: Option<CodeAsked>,
}

impl Started {
    /// The message that asks for the code (CAC).
    pub fn challenge_started(&self) -> Option<ChallengeStarted> {
        self.code.as_ref().map(|asked| ChallengeStarted {
            payment: self.payment.clone(),
            ticket_sha256: self.ticket_sha256.clone(),
            phone: Shown(asked.phone.clone()),
            short_reference: Shown(asked.short_reference.clone()),
            expires: asked.expires_at.into(),
        })
    }
}

/// A ticket whose signature, merchant and server are right.
struct Offer {
    ticket: Authentic<Ticket>,
    transaction: Transaction,
}

impl Wallets {
    /// Verifies a ticket that the client passed on (F12.3), to be shown.
    ///
    /// # Errors
    /// The [`MessageRefusal`], and when the store fails.
    pub async fn show_ticket(&self, ticket: &str) -> Result<TicketView, WalletError> {
        let Offer { ticket, transaction } = self.offer(ticket).await?;
        ticket.message.check_time(self.ports.clock.now())?;
        Ok(TicketView {
            payment: PurchaseId::of(&ticket.message)?,
            ticket_sha256: ticket.digest,
            ticket: ticket.message,
            payee: transaction.payee().clone(),
        })
    }

    /// Begins to pay a ticket (GRT2): holds the amount in the wallet, or asks the card's bank, and sends the code with amount
    /// and payee to the phone (F12.4). The same request gets the same answer again, whatever became of the payment.
    ///
    /// # Errors
    /// Each refusal with its cause: of the ticket, of its payment, of the money; and when a port fails.
    /// [`Error::Contention`] while the same request is at the bank.
    pub async fn start_payment(
        &self,
        visitor: &Visitor,
        request: &PaymentRequest,
    ) -> Result<Started, WalletError> {
        let offer = &self.offer(&request.ticket.0).await?;
        let begin = || async move { attempted(self.begin(visitor, request, offer).await) };
        let tried = self.ports.store.attempt(begin).await??;
        let payment = PurchaseId::of(&offer.ticket.message)?;
        let code = self.code_asked(&tried).await?;
        self.settle(&payment).await?;
        Ok(Started { payment, ticket_sha256: offer.ticket.digest.clone(), code })
    }

    /// Takes the code, joined to what it is for (F12.5), and debits when all of it corresponds: once, however often it is
    /// sent.
    ///
    /// # Errors
    /// [`TicketRefusal::OtherTransaction`], the refusal with its cause, and when a port fails.
    pub async fn finish_payment(
        &self,
        visitor: &Visitor,
        typed: &CodeTyped,
    ) -> Result<PaymentView, WalletError> {
        let purchase = self.own(visitor, &typed.payment).await?.value;
        if !purchase.is_of(typed) {
            return Err(TicketRefusal::OtherTransaction.into());
        }
        let (code, session) = (typed.code.typed()?, &visitor.person().session);
        let outcome = match &purchase.current.way {
            Way::Wallet { challenge, .. } => {
                self.verifier.finish_challenge(challenge, session, &code).await?.done().map(drop)
            }
            Way::Card { payment, .. } => {
                let payment = self.gateway.payment(payment).await?;
                self.gateway.finish_payment(&payment, session, &code).await?.done().map(drop)
            }
        };
        self.settle(&purchase.id).await?;
        match outcome {
            Ok(()) => self.payment(visitor, &typed.payment).await,
            Err(refusal) => self.after_refusal(visitor, typed, refusal).await,
        }
    }

    /// A code that was accepted before: what came of it is the answer again.
    async fn after_refusal(
        &self,
        visitor: &Visitor,
        typed: &CodeTyped,
        refusal: Refusal,
    ) -> Result<PaymentView, WalletError> {
        if refusal == Refusal::AlreadyUsed {
            let view = self.payment(visitor, &typed.payment).await?;
            if matches!(view.status, PaymentStatus::Paid { .. } | PaymentStatus::Processing) {
                return Ok(view);
            }
        }
        Err(WalletError::Refused(refusal))
    }

    /// Sends the code once more.
    ///
    /// # Errors
    /// The refusal with its cause, and when a port fails.
    pub async fn resend_code(&self, visitor: &Visitor, id: &PurchaseId) -> Result<(), WalletError> {
        let purchase = self.own(visitor, id).await?.value;
        let session = &visitor.person().session;
        let sent = match &purchase.current.way {
            Way::Wallet { challenge, .. } => self.verifier.resend(challenge, session).await?,
            Way::Card { payment, .. } => {
                let payment = self.gateway.payment(payment).await?;
                self.gateway.resend_code(&payment, session).await?
            }
        };
        match sent {
            Outcome::Done(_) => Ok(()),
            Outcome::Refused(refusal) => Err(WalletError::Refused(refusal)),
        }
    }

    /// Cancels a payment on the payer's behalf: what is held is released.
    ///
    /// # Errors
    /// When it is too late for that, and when a port fails.
    pub async fn cancel_payment(
        &self,
        visitor: &Visitor,
        id: &PurchaseId,
    ) -> Result<PaymentView, WalletError> {
        let purchase = self.own(visitor, id).await?.value;
        if purchase.state != PurchaseState::Pending {
            return Err(purchase.not_now().into());
        }
        match &purchase.current.way {
            Way::Wallet { challenge, .. } => self.verifier.cancel(challenge).await?,
            Way::Card { payment, .. } => {
                self.gateway.cancel_payment(&self.gateway.payment(payment).await?).await?;
            }
        }
        self.settle(id).await?;
        let view = self.payment(visitor, id).await?;
        match view.status {
            PaymentStatus::Paid { .. } => Err(WalletError::NotNow("paid")),
            PaymentStatus::AwaitingCode(_)
            | PaymentStatus::Processing
            | PaymentStatus::NotPaid { .. } => Ok(view),
        }
    }

    /// A payment as it stands: once it is paid, its receipt for as long as the store keeps it.
    ///
    /// # Errors
    /// When this person has no such payment, and when the store fails.
    pub async fn payment(
        &self,
        visitor: &Visitor,
        id: &PurchaseId,
    ) -> Result<PaymentView, WalletError> {
        let Purchase { id, ticket_sha256, transaction, current, state, .. } =
            self.own(visitor, id).await?.value;
        let status = match state {
            PurchaseState::Paid { receipt, balance_minor, at } => {
                PaymentStatus::Paid { receipt, balance_minor, at }
            }
            PurchaseState::NotPaid { cause, at } => PaymentStatus::NotPaid { cause, at },
            PurchaseState::Pending => self.pending(&current.way).await?,
        };
        let source = current.way.source();
        Ok(PaymentView { payment: id, ticket_sha256, transaction, source, status })
    }

    async fn pending(&self, way: &Way) -> Result<PaymentStatus, Error> {
        let challenge = match way {
            Way::Wallet { challenge, .. } => Some(challenge.clone()),
            Way::Card { payment, .. } => {
                let payment = self.gateway.payment(payment).await?;
                let waits = matches!(payment.state(), PaymentState::AwaitingCode { .. });
                payment.challenge().filter(|_| waits).cloned()
            }
        };
        let Some(challenge) = challenge else { return Ok(PaymentStatus::Processing) };
        let challenge = self.ports.store.expect::<Challenge>(challenge.as_str()).await?.value;
        Ok(PaymentStatus::AwaitingCode(CodeAsked::from(&challenge)))
    }

    /// The code that a try asked for.
    async fn code_asked(&self, tried: &Try) -> Result<Option<CodeAsked>, Error> {
        let challenge = match &tried.way {
            Way::Wallet { challenge, .. } => challenge.clone(),
            Way::Card { payment, .. } => {
                let payment = self.gateway.payment(payment).await?;
                match (payment.challenge(), payment.state()) {
                    (Some(challenge), _) => challenge.clone(),
                    (None, PaymentState::Authorizing { agreed: false }) => {
                        return Err(Error::Contention);
                    }
                    (None, _) => return Ok(None),
                }
            }
        };
        let challenge = self.ports.store.expect::<Challenge>(challenge.as_str()).await?.value;
        Ok(Some(CodeAsked::from(&challenge)))
    }

    /// Reads a ticket up to what depends on the time: a request that is sent again is answered when its ticket has expired.
    async fn offer(&self, compact: &str) -> Result<Offer, WalletError> {
        let store = &self.ports.store;
        let unverified = Unverified::<Ticket>::read(compact)?;
        let known = store.find::<MerchantKey>(unverified.kid()).await?.map(|found| found.value);
        let known = known.filter(|key| !key.revoked).ok_or(MessageRefusal::UnknownKey)?;
        let server = &self.house.origin;
        let ticket = Ticket::verified(unverified, &known.merchant, &known.key, server)?;
        let merchant = store.expect::<Merchant>(known.merchant.as_str()).await?.value;
        let transaction = ticket.message.transaction(merchant.name)?;
        Ok(Offer { ticket, transaction })
    }

    /// Begins a try, unless the request did so before.
    async fn begin(
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
        offer.ticket.message.check_time(self.ports.clock.now())?;
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
        let limits = self.open_for(new.visitor, number, transaction.amount()).await?;
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
            waiting: Some(Waiting {
                collection: Purchase::COLLECTION.to_owned(),
                id: new.id.to_string(),
            }),
            correlation: None,
        };
        let challenge = self.verifier.add_challenge(request, &mut batch)?;
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
        let order = self.order(new.offer)?;
        let request = payment::PaymentRequest {
            payment: PaymentId::random(self.ports.entropy.as_ref())?,
            relying_party: self.house.party.clone(),
            person: new.visitor.person().clone(),
            card,
            transaction: new.offer.transaction.clone(),
            order: Some(order),
            known_by: KnownBy::UserId,
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

    /// A payment that this person tried last; another's is not found.
    async fn own(&self, visitor: &Visitor, id: &PurchaseId) -> Result<Versioned<Purchase>, Error> {
        let found = self.ports.store.expect::<Purchase>(id.as_str()).await?;
        if found.value.current.person.identifier == *visitor.identifier() {
            return Ok(found);
        }
        Err(Error::NotFound { collection: Purchase::COLLECTION, id: id.to_string() })
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
