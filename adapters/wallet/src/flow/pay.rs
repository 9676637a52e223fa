//! Paying a ticket: F12.2 to F12.6.

use countersign_domain::{
    challenge::Challenge,
    digest::Sha256Digest,
    element::Element,
    error::Error,
    payment::PaymentState,
    record::{Stored as _, Versioned},
    refusal::{Outcome, Refusal},
    time::Timestamp,
    transaction::{Payee, Transaction},
};

use super::{CodeAsked, Visitor, Wallets, begin::Offer};
use crate::{
    error::{TicketRefusal, WalletError, attempted},
    message::{
        ChallengeStarted, CodeTyped, Compact, MerchantNumber, PaymentRequest, PurchaseId, Shown,
        Source, Ticket,
    },
    record::{NotPaid, Purchase, PurchaseState, Try, Way},
};

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
    /// The ticket, as its merchant signed it.
    pub signed_ticket: Compact,
    /// The merchant that made it.
    pub merchant: MerchantNumber,
    /// The digest of the ticket.
    pub ticket_sha256: Sha256Digest,
    /// Amount, payee and goods.
    pub transaction: Transaction,
    /// What pays.
    pub source: Source,
    /// What was proved of the payer, once the code was accepted, for as long as that is kept.
    pub elements: Vec<Element>,
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
            pin: asked.pin,
        })
    }
}

impl Wallets {
    /// Verifies a ticket that the client passed on (F12.3), to be shown.
    ///
    /// # Errors
    /// The [`MessageRefusal`](crate::error::MessageRefusal), and when the store fails.
    pub async fn show_ticket(&self, ticket: &str) -> Result<TicketView, WalletError> {
        let Offer { ticket, transaction, .. } = self.offer(ticket).await?;
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
        let (response, session) = (typed.response()?, &visitor.person().session);
        let outcome = match &purchase.current.way {
            Way::Wallet { challenge, .. } => {
                self.verifier.finish_challenge(challenge, session, response).await?.done().map(drop)
            }
            Way::Card { payment, .. } => {
                let payment = self.gateway.payment(payment).await?;
                self.gateway.finish_payment(&payment, session, response).await?.done().map(drop)
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

    /// A payment as it stands: once it is paid, its receipt for as long as the store keeps it. What the bank has ended is
    /// seen by whoever looks, also when the process that asked the bank is gone.
    ///
    /// # Errors
    /// When this person has no such payment, and when the store fails.
    pub async fn payment(
        &self,
        visitor: &Visitor,
        id: &PurchaseId,
    ) -> Result<PaymentView, WalletError> {
        let mut purchase = self.own(visitor, id).await?.value;
        if let (PurchaseState::Pending, Way::Card { .. }) = (&purchase.state, &purchase.current.way)
        {
            self.settle(id).await?;
            purchase = self.own(visitor, id).await?.value;
        }
        let Purchase {
            id, ticket, signed_ticket, ticket_sha256, transaction, current, state, ..
        } = purchase;
        let status = match state {
            PurchaseState::Paid { receipt, balance_minor, at } => {
                PaymentStatus::Paid { receipt, balance_minor, at }
            }
            PurchaseState::NotPaid { cause, at } => {
                let cause = cause.since(at, self.ports.clock.now());
                PaymentStatus::NotPaid { cause, at }
            }
            PurchaseState::Pending => self.pending(&current.way).await?,
        };
        let (source, elements) = (current.way.source(), self.elements(&current.way).await?);
        Ok(PaymentView {
            payment: id,
            signed_ticket,
            merchant: ticket.iss,
            ticket_sha256,
            transaction,
            source,
            elements,
            status,
        })
    }

    async fn elements(&self, way: &Way) -> Result<Vec<Element>, Error> {
        match way {
            Way::Wallet { challenge, .. } => {
                let found = self.ports.store.find::<Challenge>(challenge.as_str()).await?;
                Ok(found.map(|found| found.value.elements().to_vec()).unwrap_or_default())
            }
            Way::Card { payment, .. } => {
                self.gateway.elements_of(&self.gateway.payment(payment).await?).await
            }
        }
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

    /// A payment that this person tried last; another's is not found.
    async fn own(&self, visitor: &Visitor, id: &PurchaseId) -> Result<Versioned<Purchase>, Error> {
        let found = self.ports.store.expect::<Purchase>(id.as_str()).await?;
        if found.value.current.person.identifier == *visitor.identifier() {
            return Ok(found);
        }
        Err(Error::NotFound { collection: Purchase::COLLECTION, id: id.to_string() })
    }
}
