//! The flow of figure 13: create, pay, type the code, end.

use std::sync::Arc;

use countersign_domain::{
    challenge::Challenge,
    element::Element,
    error::Error,
    event::Fact,
    gateway::Gateway,
    id::{CorrelationId, PaymentId, RelyingPartyId, SessionId},
    locale::Locale,
    message::Message,
    payment::{Payment, PaymentRequest, PaymentState},
    person::Person,
    plan::{CaptureTime, CodeDemand, KnownBy},
    ports::{Directory, Ports},
    record::{Batch, RecordKey, StoreError, Stored as _, Version, Versioned},
    refusal::{Outcome, Refusal},
    response::Response,
    time::Timestamp,
};
use countersign_web::{
    client_address::ClientAddress, code_page::CodeView, correlation::given_or_new,
    holder::CertificateReader, idempotency, origin::PublicOrigin,
    peer_certificate::PeerCertificates, untold::before_the_code,
};

use crate::{
    error::CheckoutError,
    identity::{Payer, PayerHint, identify},
    message::NewCheckout,
    record::{Checkout, CheckoutId},
    view::{CheckoutView, ExemptionView, MerchantView, PayerView, Status},
};

/// How long a payment may be begun, in seconds: as long as shops keep a basket reserved.
const LIFE_SECONDS: u32 = 30 * 60;

/// Payments that may be begun for one checkout: enough for a mistyped card or lost patience, too few for guessing.
const MAX_TRIES: u8 = 5;

/// The checkouts of a server. Holds no state of its own.
pub struct Checkouts {
    /// Store, time, randomness and keys.
    pub ports: Ports,
    /// Which phone is vouched for which person and card.
    pub directory: Arc<dyn Directory>,
    /// Runs the payments.
    pub gateway: Arc<Gateway>,
    /// Reads client certificates, when there are authorities to trust.
    pub certificates: Option<Arc<CertificateReader>>,
    /// Where payers reach the pages.
    pub public_origin: PublicOrigin,
}

/// A checkout with what belongs to it.
struct Loaded {
    version: Version,
    checkout: Checkout,
    payment: Option<Payment>,
}

impl Checkouts {
    /// Creates a checkout; asked again under the same `Idempotency-Key`, gives the same one.
    ///
    /// # Errors
    /// When the key was used for something else, or a port fails.
    pub async fn create(
        &self,
        party: &RelyingPartyId,
        new: NewCheckout,
        request: &idempotency::Request,
    ) -> Result<MerchantView, CheckoutError> {
        if let Some(id) = request.answered::<CheckoutId>(self.ports.store.as_ref()).await? {
            return self.merchant_view(party, &id).await;
        }
        new.transaction.amount().currency().must_be_payable(self.ports.clock.now())?;
        let entropy = self.ports.entropy.as_ref();
        let correlation = given_or_new(new.correlation, entropy).map_err(Error::from)?;
        let now = self.ports.clock.now();
        let checkout = Checkout {
            correlation: Some(correlation),
            id: CheckoutId::made_at(now, entropy).map_err(Error::from)?,
            relying_party: party.clone(),
            transaction: new.transaction,
            return_url: new.return_url,
            locale: new.locale,
            expires_at: now.plus_seconds(LIFE_SECONDS),
            void: false,
            tells_unknown: new.tells_unknown,
            certificates: Vec::new(),
            tries: 0,
            payment: None,
        };
        let mut batch = Batch::default();
        batch.insert(&checkout)?;
        if let Some(answered) = request.record(checkout.id.clone(), now) {
            batch.insert(&answered)?;
        }
        match self.ports.store.commit(batch).await {
            Ok(()) => self.merchant_view(party, &checkout.id).await,
            // The same request was answered meanwhile: the same answer is given.
            Err(StoreError::Conflict { key }) => {
                match request.answered::<CheckoutId>(self.ports.store.as_ref()).await? {
                    Some(id) => self.merchant_view(party, &id).await,
                    None => Err(StoreError::Conflict { key }.into()),
                }
            }
            Err(error) => Err(error.into()),
        }
    }

    /// A checkout as its merchant sees it; another merchant's is not found.
    ///
    /// # Errors
    /// When there is none, or a port fails.
    pub async fn merchant_view(
        &self,
        party: &RelyingPartyId,
        id: &CheckoutId,
    ) -> Result<MerchantView, CheckoutError> {
        let Loaded { checkout, payment, .. } = self.owned(party, id).await?;
        let elements = match &payment {
            Some(payment) => self.gateway.elements_of(payment).await?,
            None => Vec::new(),
        };
        let exemption = payment.as_ref().and_then(|payment| match payment.plan().code() {
            CodeDemand::Ask => None,
            CodeDemand::Exempt(exemption) => Some(exemption),
        });
        Ok(MerchantView {
            elements: elements.into_iter().map(Element::name).collect(),
            exemption: exemption.map(|exemption| ExemptionView {
                name: exemption.name(),
                article: exemption.article(),
            }),
            url: format!("{}/pay/{id}", self.public_origin),
            reference: checkout.transaction.reference().to_string(),
            bank_reference: payment.as_ref().map(|payment| payment.bank_reference().to_owned()),
            correlation_id: checkout.correlation.as_ref().map(CorrelationId::to_string),
            payment: payment.as_ref().map(|payment| payment.id().to_string()),
            checkout: self.view_of(&checkout, payment.as_ref(), None).await?,
        })
    }

    /// Everything that happened to the last payment of a checkout, in order (A2, RTS art. 29).
    ///
    /// # Errors
    /// When there is none, or a port fails.
    pub async fn trace(
        &self,
        party: &RelyingPartyId,
        id: &CheckoutId,
    ) -> Result<Vec<Fact>, CheckoutError> {
        let Loaded { checkout, payment, .. } = self.owned(party, id).await?;
        let Some(payment) = payment else {
            return Ok(Vec::new());
        };
        let mut of_each = vec![self.ports.store.facts(&payment.key()).await?];
        if let Some(challenge) = payment.challenge() {
            let key = RecordKey::of::<Challenge>(challenge.as_str());
            of_each.push(self.ports.store.facts(&key).await?);
        }
        let facts = in_order(of_each);
        if checkout.tells_unknown || payment.is_agreed() {
            return Ok(facts);
        }
        Ok(facts.into_iter().filter_map(before_the_code).collect())
    }

    /// Cancels a checkout on its merchant's behalf: it will not be paid, by a payment that waits or by another.
    ///
    /// # Errors
    /// When it is paid or cancelled already, a payment is begun at the same time, or a port fails.
    pub async fn void(
        &self,
        party: &RelyingPartyId,
        id: &CheckoutId,
    ) -> Result<MerchantView, CheckoutError> {
        let Loaded { version, mut checkout, payment } = self.owned(party, id).await?;
        if checkout.void {
            return Err(CheckoutError::NotNow("voided"));
        }
        match payment {
            Some(payment)
                if matches!(
                    payment.state(),
                    PaymentState::Captured(_)
                        | PaymentState::Crediting { .. }
                        | PaymentState::ReversingCredit { .. }
                ) =>
            {
                return Err(CheckoutError::NotNow("paid"));
            }
            Some(payment) if !payment.state().is_final() => self.cancel_payment(&payment).await?,
            _ => {}
        }
        // Another payment that was begun meanwhile has changed the checkout, and this is a conflict.
        checkout.void = true;
        let mut batch = Batch::default();
        batch.replace(&Versioned { version, value: checkout })?;
        self.ports.store.commit(batch).await?;
        self.merchant_view(party, id).await
    }

    /// A checkout as the payer in that session sees it.
    ///
    /// # Errors
    /// When there is none, or a port fails.
    pub async fn view(
        &self,
        id: &CheckoutId,
        session: Option<&SessionId>,
    ) -> Result<PayerView, CheckoutError> {
        let Loaded { checkout, payment, .. } = self.load(id).await?;
        let mut view = self.view_of(&checkout, payment.as_ref(), session).await?;
        let can_pay = self.must_be_open(&checkout, payment.as_ref()).is_ok();
        let is_own = payment.is_some_and(|payment| session == Some(payment.session()));
        if !is_own {
            // The address alone does not show with which card another person pays.
            view.card = None;
        }
        Ok(PayerView {
            view,
            relying_party: checkout.relying_party,
            return_url: checkout.return_url,
            locale: checkout.locale,
            can_pay,
            is_own,
        })
    }

    /// Begins to pay (F13.2, F13.3): learns who pays, then asks the bank and the phone in the policy's order. The message
    /// is in the merchant's language, or else in that of the page.
    ///
    /// # Errors
    /// When the payer is not known, the checkout is not open, or a port fails.
    pub async fn pay(
        &self,
        id: &CheckoutId,
        session: &SessionId,
        hint: PayerHint,
        peer: &PeerCertificates,
        ClientAddress(from): ClientAddress,
        page_locale: Locale,
    ) -> Result<(), CheckoutError> {
        let Loaded { version, mut checkout, payment } = self.load(id).await?;
        self.must_be_open(&checkout, payment.as_ref())?;
        let now = self.ports.clock.now();
        let known_by = hint.known_by();
        let (directory, reader) = (self.directory.as_ref(), self.certificates.as_deref());
        let is_told = checkout.tells_unknown || known_by == KnownBy::Certificate;
        let (payer, is_known) = match identify(hint.clone(), peer, directory, reader, now).await {
            Err(CheckoutError::UnknownPayer | CheckoutError::CardNeeded) if !is_told => {
                (Payer::nobody(hint, &self.ports.keys)?, false)
            }
            identified => (identified?, true),
        };
        let request = PaymentRequest {
            payment: PaymentId::made_at(now, self.ports.entropy.as_ref()).map_err(Error::from)?,
            relying_party: checkout.relying_party.clone(),
            person: Person {
                identifier: payer.identifier,
                address: payer.address,
                session: session.clone(),
                locale: checkout.locale.clone().unwrap_or(page_locale),
                origin: Some(self.public_origin.host().clone()),
            },
            card: payer.card,
            transaction: checkout.transaction.clone(),
            order: None,
            known_by,
            from,
            capture: CaptureTime::AtOnce,
            correlation: checkout.correlation.clone(),
        };
        // The checkout names its payment in the payment's first commit: of two payments begun at once, one is.
        checkout.tries = checkout.tries.saturating_add(1);
        checkout.certificates = match known_by {
            KnownBy::Certificate => peer.to_base64(),
            KnownBy::UserId | KnownBy::Card | KnownBy::Unsigned => Vec::new(),
        };
        checkout.payment = Some(request.payment.clone());
        let mut batch = Batch::default();
        batch.replace(&Versioned { version, value: checkout })?;
        match is_told {
            true => self.gateway.start_payment(request, batch).await?,
            false => self.gateway.start_untold_payment(request, is_known, batch).await?,
        };
        Ok(())
    }

    /// Takes what the payer typed back (F13.5); `Ok` when it is accepted.
    ///
    /// # Errors
    /// The refusal with its cause, and when a port fails.
    pub async fn finish(
        &self,
        id: &CheckoutId,
        session: &SessionId,
        response: Response,
    ) -> Result<(), CheckoutError> {
        let Loaded { checkout, payment, .. } = self.load(id).await?;
        let payment = payment.ok_or(CheckoutError::NotNow("open"))?;
        self.must_still_be_trusted(&checkout, &payment).await?;
        match self.gateway.finish_payment(&payment, session, response).await? {
            Outcome::Done(_) => Ok(()),
            Outcome::Refused(refusal) => Err(CheckoutError::Refused(refusal)),
        }
    }

    /// A payment that was begun with a certificate ends when that is not accepted any more: it may have been revoked since.
    async fn must_still_be_trusted(
        &self,
        checkout: &Checkout,
        payment: &Payment,
    ) -> Result<(), CheckoutError> {
        let presented = PeerCertificates::from_base64(&checkout.certificates);
        let awaits_code = matches!(payment.state(), PaymentState::AwaitingCode { .. });
        if presented.0.is_empty() || !awaits_code {
            return Ok(());
        }
        let reader = self.certificates.as_ref().ok_or(CheckoutError::NothingGiven)?;
        let Err(error) = reader.holder(&presented, self.ports.clock.now()) else {
            return Ok(());
        };
        if !error.may_pass() {
            self.cancel_payment(payment).await?;
        }
        Err(error.into())
    }

    /// Sends the code once more.
    ///
    /// # Errors
    /// The refusal with its cause, and when a port fails.
    pub async fn resend(&self, id: &CheckoutId, session: &SessionId) -> Result<(), CheckoutError> {
        let payment = self.begun(id).await?;
        match self.gateway.resend_code(&payment, session).await? {
            Outcome::Done(_) => Ok(()),
            Outcome::Refused(refusal) => Err(CheckoutError::Refused(refusal)),
        }
    }

    /// Cancels the payment on the payer's behalf.
    ///
    /// # Errors
    /// When it is too late for that, in another session, or when a port fails.
    pub async fn cancel(&self, id: &CheckoutId, session: &SessionId) -> Result<(), CheckoutError> {
        let payment = self.begun(id).await?;
        if payment.session() != session {
            return Err(CheckoutError::Refused(Refusal::OtherSession));
        }
        self.cancel_payment(&payment).await
    }

    async fn cancel_payment(&self, payment: &Payment) -> Result<(), CheckoutError> {
        if payment.state().is_final() {
            return Err(CheckoutError::NotNow(payment.state().name()));
        }
        self.gateway.cancel_payment(payment).await?;
        Ok(())
    }

    fn must_be_open(
        &self,
        checkout: &Checkout,
        payment: Option<&Payment>,
    ) -> Result<(), CheckoutError> {
        if checkout.void {
            return Err(CheckoutError::NotNow("voided"));
        }
        match Status::of(checkout, payment, self.ports.clock.now()) {
            Status::Open => Ok(()),
            // The last payment ended without money: another may be begun, in time and not for ever.
            Status::Declined | Status::Voided
                if payment.is_some_and(|payment| payment.state().is_final()) =>
            {
                if self.ports.clock.now() >= checkout.expires_at {
                    Err(CheckoutError::NotNow("expired"))
                } else if checkout.tries >= MAX_TRIES {
                    Err(CheckoutError::TooManyPayments)
                } else {
                    Ok(())
                }
            }
            Status::Declined | Status::Voided => Err(CheckoutError::NotNow("voided")),
            Status::Releasing => Err(CheckoutError::NotNow("releasing")),
            Status::AwaitingCode => Err(CheckoutError::NotNow("awaiting_code")),
            Status::Processing => Err(CheckoutError::NotNow("processing")),
            Status::Paid => Err(CheckoutError::NotNow("paid")),
            Status::Expired => Err(CheckoutError::NotNow("expired")),
        }
    }

    async fn begun(&self, id: &CheckoutId) -> Result<Payment, CheckoutError> {
        self.load(id).await?.payment.ok_or(CheckoutError::NotNow("open"))
    }

    async fn owned(
        &self,
        party: &RelyingPartyId,
        id: &CheckoutId,
    ) -> Result<Loaded, CheckoutError> {
        let loaded = self.load(id).await?;
        if loaded.checkout.relying_party == *party {
            return Ok(loaded);
        }
        Err(Error::NotFound { collection: Checkout::COLLECTION, id: id.to_string() }.into())
    }

    async fn load(&self, id: &CheckoutId) -> Result<Loaded, CheckoutError> {
        let Versioned { version, value: checkout } =
            self.ports.store.expect::<Checkout>(id.as_str()).await?;
        let payment = match &checkout.payment {
            Some(payment) => Some(self.gateway.payment(payment).await?),
            None => None,
        };
        Ok(Loaded { version, checkout, payment })
    }

    /// The code's part is for the session that asked for it alone.
    async fn view_of(
        &self,
        checkout: &Checkout,
        payment: Option<&Payment>,
        session: Option<&SessionId>,
    ) -> Result<CheckoutView, CheckoutError> {
        let now = self.ports.clock.now();
        let waiting = payment.filter(|payment| {
            matches!(payment.state(), PaymentState::AwaitingCode { .. })
                && session == Some(payment.session())
        });
        let Some(waiting) = waiting else {
            return Ok(CheckoutView::of(checkout, payment, None, now));
        };
        let challenge = self.gateway.challenge_of(waiting).await?;
        if !checkout.tells_unknown {
            let code = CodeView::untold(&challenge, now);
            return Ok(CheckoutView::of(checkout, payment, Some(code), now));
        }
        let message =
            self.ports.store.expect::<Message>(challenge.last_message().as_str()).await?.value;
        let code = CodeView::of(&challenge, &message, now);
        Ok(CheckoutView::of(checkout, payment, Some(code), now))
    }
}

/// The facts of several records by their times; those of one stay in the order of their commits, as clocks of processes differ.
fn in_order(of_each: Vec<Vec<Fact>>) -> Vec<Fact> {
    let timed = of_each.into_iter().flat_map(|facts| {
        facts.into_iter().scan(Timestamp::from_unix_millis(0), |latest, fact| {
            *latest = fact.at.max(*latest);
            Some((*latest, fact))
        })
    });
    let mut timed: Vec<_> = timed.collect();
    timed.sort_by_key(|(at, _)| *at);
    timed.into_iter().map(|(_, fact)| fact).collect()
}
