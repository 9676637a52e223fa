//! People: opening a wallet, which proves the phone's number (A8), signing in at a session, closing a wallet.

use std::sync::Arc;

use async_trait::async_trait;
use countersign_domain::{
    address::Address,
    agreement::{Agreement, ServiceName},
    amount::{Amount, Currency},
    challenge::{ChallengeRequest, Waiting},
    error::Error,
    id::{Identifier, SessionId},
    invalid::InvalidInput,
    locale::Locale,
    person::Person,
    ports::{Ports, Store},
    record::{Batch, Stored as _, Version, Versioned},
    refusal::Outcome,
    response::Response,
    subscriber::Subscriber,
    time::Timestamp,
    verifier::{End, Waits},
};
use countersign_web::client_address::ClientAddress;

use super::{CodeAsked, MAX_OWNED, VISIT_SECONDS, Visitor, Wallets};
use crate::{
    error::{MoneyRefusal, WalletError},
    message::{WalletName, WalletNumber},
    purse::Movement,
    record::{Holder, Opening, OpeningId, TiedCard, Visit, Wallet},
};

/// A wallet that somebody wants to open.
#[derive(Clone, Debug)]
pub struct NewWallet {
    /// By which the person will be known.
    pub identifier: Identifier,
    /// The phone, whose number the code proves.
    pub address: Address,
    /// What the person calls the wallet.
    pub name: WalletName,
    /// What it holds.
    pub currency: Currency,
}

impl Wallets {
    /// Sends a code to the number that a wallet is to be opened with. Whether somebody is known by the identifier is told after
    /// the code only, to the holder of a phone that was proved (ASVS 6.3.8): until then all is the same, as it is not looked at.
    ///
    /// # Errors
    /// When the currency is not kept, a limit is reached, or a port fails.
    pub async fn start_opening(
        &self,
        new: NewWallet,
        session: SessionId,
        locale: Locale,
        client: ClientAddress,
    ) -> Result<(OpeningId, CodeAsked), WalletError> {
        let Ports { store, entropy, clock, .. } = &self.ports;
        self.house.limits(new.currency)?;
        new.currency.must_be_payable(clock.now())?;
        let NewWallet { identifier, address, name, currency } = new;
        let holder = Holder { identifier, address, wallets: vec![], cards: vec![], left_at: None };
        let mut opening = Opening {
            id: OpeningId::made_at(clock.now(), entropy.as_ref())?,
            person: self.person(&holder, session, locale),
            name,
            currency,
            challenge: None,
            wallet: None,
            expires_at: clock.now(),
        };
        let mut batch = Batch::default();
        let request = self.request(opening.person.clone(), client, Waiting::of(&opening));
        let challenge = self.verifier.add_challenge(request, &mut batch).await?;
        let asked = CodeAsked::from(&challenge.done().map_err(WalletError::Refused)?);
        opening.challenge = Some(asked.challenge.clone());
        opening.expires_at = asked.expires_at;
        batch.insert(&opening)?;
        store.commit(batch).await?;
        Ok((opening.id, asked))
    }

    /// Opens the wallet when the code is right, and signs the person in at the session.
    ///
    /// # Errors
    /// The refusal with its cause; [`WalletError::UnknownPerson`] when the identifier is another number's,
    /// [`WalletError::TooMany`] when it has as many wallets as it may; and when a port fails.
    pub async fn finish_opening(
        &self,
        id: &OpeningId,
        session: &SessionId,
        response: impl Into<Response>,
    ) -> Result<WalletNumber, WalletError> {
        let store = &self.ports.store;
        let opening = store.expect::<Opening>(id.as_str()).await?.value;
        let challenge = opening.challenge.ok_or(WalletError::NotNow("not asked"))?;
        match self.verifier.finish_challenge(&challenge, session, response).await? {
            Outcome::Refused(refusal) => Err(WalletError::Refused(refusal)),
            Outcome::Done(_) => {
                let opened = store.expect::<Opening>(id.as_str()).await?.value;
                match opened.wallet {
                    Some(number) => Ok(number),
                    None => Err(self.not_opened(&opened.person).await?),
                }
            }
        }
    }

    /// Sends the code of an opening once more.
    ///
    /// # Errors
    /// The refusal with its cause, when there is no such opening at that session, and when a port fails.
    pub async fn resend_opening_code(
        &self,
        id: &OpeningId,
        session: &SessionId,
    ) -> Result<(), WalletError> {
        let asked = self.asked_at_opening(id, session).await?;
        let asked = asked.ok_or(WalletError::NotNow("opened"))?;
        let sent = self.verifier.resend(&asked.challenge, session).await?;
        sent.done().map(drop).map_err(WalletError::Refused)
    }

    /// Why a wallet was not opened although the number is proved.
    async fn not_opened(&self, person: &Person) -> Result<WalletError, WalletError> {
        let store = &self.ports.store;
        let holder = store.expect::<Holder>(person.identifier.as_str()).await?.value;
        let holder = without_removed(store.as_ref(), holder).await?;
        Ok(may_open(&holder, &person.address).err().unwrap_or(WalletError::UnknownPerson))
    }

    /// Sends a code to the phone of a person who wants to come in. Where nobody is known by that identifier, no code is
    /// sent, and all else is the same: what is answered, now and to what is typed, does not tell who has a wallet. So it has
    /// no masked number of a phone, either.
    ///
    /// # Errors
    /// When a port fails.
    pub async fn start_sign_in(
        &self,
        identifier: &Identifier,
        session: SessionId,
        locale: Locale,
        client: ClientAddress,
    ) -> Result<CodeAsked, WalletError> {
        let store = &self.ports.store;
        let holder = store.find::<Holder>(identifier.as_str()).await?;
        let is_known = holder.is_some();
        let holder = match holder {
            Some(found) => found.value,
            None => nobody(identifier)?,
        };
        let found = store.find::<Visit>(session.as_str()).await?;
        let person = self.person(&holder, session.clone(), locale);
        let visit = Visit {
            session,
            identifier: identifier.clone(),
            challenge: None,
            until: None,
            expires_at: self.ports.clock.now(),
        };
        let request = self.request(person, client, Waiting::of(&visit));
        let version = found.map(|found| found.version);
        // Nobody's messages are counted as others' are: what is left of a client's would tell.
        let limited = Limited::By { is_known };
        let asked = self.ask_visitor(request.clone(), version, visit.clone(), limited).await?;
        let asked = match asked {
            Outcome::Done(asked) => asked,
            // Not even a limit is told: what is refused looks as if nobody was known.
            Outcome::Refused(_) => {
                let silent = self.ask_visitor(request, version, visit, Limited::Silently).await?;
                silent.done().map_err(WalletError::Refused)?
            }
        };
        Ok(CodeAsked { phone: String::new(), ..asked })
    }

    /// Commits the challenge of a visit, with its message or without one.
    async fn ask_visitor(
        &self,
        request: ChallengeRequest,
        version: Option<Version>,
        visit: Visit,
        limited: Limited,
    ) -> Result<Outcome<CodeAsked>, Error> {
        let (verifier, mut batch) = (&self.verifier, Batch::default());
        let challenge = match limited {
            Limited::By { is_known } => {
                verifier.add_untold_challenge(request, is_known, &mut batch).await?
            }
            Limited::Silently => {
                Outcome::Done(verifier.add_challenge_of_nobody(request, &mut batch)?)
            }
        };
        let challenge = match challenge {
            Outcome::Done(challenge) => challenge,
            Outcome::Refused(refusal) => return Ok(Outcome::Refused(refusal)),
        };
        let asked = CodeAsked::from(&challenge);
        let visit = Visit {
            challenge: Some(asked.challenge.clone()),
            expires_at: asked.expires_at,
            ..visit
        };
        batch.put(version, visit)?;
        let committed = self.ports.store.commit(batch).await.map_err(Error::from);
        Outcome::of(committed.map(|()| asked))
    }

    /// Signs the person in when the code is right.
    ///
    /// # Errors
    /// The refusal with its cause, and when a port fails.
    pub async fn finish_sign_in(
        &self,
        session: &SessionId,
        locale: Locale,
        response: impl Into<Response>,
    ) -> Result<Visitor, WalletError> {
        let visit = self.ports.store.find::<Visit>(session.as_str()).await?;
        let challenge = visit.and_then(|visit| visit.value.challenge);
        let challenge = challenge.ok_or(WalletError::NotSignedIn)?;
        match self.verifier.finish_challenge(&challenge, session, response).await? {
            Outcome::Refused(refusal) => Err(WalletError::Refused(refusal)),
            Outcome::Done(_) => self.visitor(session, locale).await,
        }
    }

    /// Sends the code of a visit once more. As when it was begun, not even a limit is told.
    ///
    /// # Errors
    /// The refusal with its cause, when no code is awaited at that session, and when a port fails.
    pub async fn resend_sign_in_code(&self, session: &SessionId) -> Result<(), WalletError> {
        let asked = self.asked_at_visit(session).await?.ok_or(WalletError::NotNow("not asked"))?;
        let sent = self.verifier.resend_untold(&asked.challenge, session).await?;
        sent.done().map(drop).map_err(WalletError::Refused)
    }

    /// Ends a visit.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn sign_out(&self, visitor: &Visitor) -> Result<(), WalletError> {
        let id = visitor.person().session.as_str();
        let leave = |found: Versioned<Visit>| async move {
            let mut batch = Batch::default();
            batch.replace(&found.map(|visit| Visit { until: None, ..visit }))?;
            Ok((batch, ()))
        };
        Ok(self.ports.store.change(id, leave).await?)
    }

    /// Closes a wallet that is empty and of which nothing is held or under way.
    ///
    /// # Errors
    /// [`MoneyRefusal::NotEmpty`], and when a port fails.
    pub async fn close(&self, visitor: &Visitor, number: &WalletNumber) -> Result<(), WalletError> {
        let currency = self.owned(visitor, number).await?.value.currency;
        // Where the house keeps the currency no more, nothing comes in: the least amount shows that all is free.
        let room = self.house.limits(currency).map_or(1, |limits| limits.balance_minor);
        let room = Amount::new(room, currency)?;
        let close = |found: Versioned<Wallet>| async move {
            let mut batch = Batch::default();
            if found.value.closed_at.is_none() {
                let now = self.ports.clock.now();
                let movement = Movement { id: number.as_str(), amount: room, at: now };
                batch.postings.extend(movement.close(number)?);
                self.keep_or_leave(&found.value.holder, number.as_str(), &mut batch).await?;
                batch.replace(&found.map(|wallet| Wallet { closed_at: Some(now), ..wallet }))?;
            }
            Ok((batch, ()))
        };
        let closed = self.ports.store.change(number.as_str(), close).await;
        closed.map_err(WalletError::from).map_err(|error| match error {
            WalletError::Money(MoneyRefusal::BalanceLimit) => MoneyRefusal::NotEmpty.into(),
            error => error,
        })
    }

    /// Adds to the batch in which a wallet is closed or a card untied whether that was the person's last. The person's record is
    /// replaced in any case: of two that are the last at the same time, one sees the other.
    pub(super) async fn keep_or_leave(
        &self,
        holder: &Identifier,
        gone: &str,
        batch: &mut Batch,
    ) -> Result<(), Error> {
        let Ports { store, clock, .. } = &self.ports;
        let found = store.expect::<Holder>(holder.as_str()).await?;
        let mut has_left = true;
        for number in found.value.wallets.iter().filter(|number| number.as_str() != gone) {
            let wallet = store.find::<Wallet>(number.as_str()).await?;
            has_left &= wallet.is_none_or(|wallet| wallet.value.closed_at.is_some());
        }
        for card in found.value.cards.iter().filter(|card| card.as_str() != gone) {
            let card = store.find::<TiedCard>(card.as_str()).await?;
            has_left &= card.is_none_or(|card| card.value.sealed.is_none());
        }
        let left_at = has_left.then(|| clock.now());
        Ok(batch.replace(&found.map(|holder| Holder { left_at, ..holder }))?)
    }

    /// A challenge that proves that the person has the phone.
    fn request(
        &self,
        person: Person,
        ClientAddress(from): ClientAddress,
        waiting: Waiting,
    ) -> ChallengeRequest {
        ChallengeRequest {
            relying_party: self.house.party.clone(),
            person,
            agreement: Agreement::Access { to: ServiceName::from(&self.house.name) },
            from,
            waiting: Some(waiting),
            correlation: None,
        }
    }
}

/// Whether a visitor's code is limited.
#[derive(Clone, Copy)]
enum Limited {
    /// As others' are.
    By { is_known: bool },
    /// A limit was reached: no code is sent, and that is not told.
    Silently,
}

fn nobody(identifier: &Identifier) -> Result<Holder, InvalidInput> {
    let Subscriber { identifier, address, .. } =
        Subscriber::nobody(identifier.clone(), identifier.as_str())?;
    Ok(Holder { identifier, address, wallets: vec![], cards: vec![], left_at: None })
}

/// Without the wallets that were closed so long ago that they were removed.
async fn without_removed(store: &dyn Store, mut holder: Holder) -> Result<Holder, Error> {
    let mut there = Vec::new();
    for number in holder.wallets {
        if store.find::<Wallet>(number.as_str()).await?.is_some() {
            there.push(number);
        }
    }
    holder.wallets = there;
    Ok(holder)
}

/// The number of an identifier stays what was first proved, and nobody learns whose it is.
fn may_open(holder: &Holder, address: &Address) -> Result<(), WalletError> {
    if holder.address != *address {
        return Err(WalletError::UnknownPerson);
    }
    if holder.wallets.len() >= MAX_OWNED {
        return Err(WalletError::TooMany);
    }
    Ok(())
}

/// Openings that wait for the code.
pub(super) struct AwaitedOpenings(pub(super) Ports);

#[async_trait]
impl Waits for AwaitedOpenings {
    fn collection(&self) -> &'static str {
        Opening::COLLECTION
    }

    /// It signs the person in, too.
    fn is_account(&self) -> bool {
        true
    }

    async fn ended(
        &self,
        id: &str,
        end: End<'_>,
        now: Timestamp,
        batch: &mut Batch,
    ) -> Result<(), Error> {
        let End::Verified(_) = end else { return Ok(()) };
        let Ports { store, entropy, .. } = &self.0;
        let Versioned { version, value: opening } = store.expect::<Opening>(id).await?;
        let Person { identifier, address, session, .. } = opening.person.clone();
        let found = store.find::<Holder>(identifier.as_str()).await?;
        let (before, mut holder) = match found {
            Some(found) => {
                (Some(found.version), without_removed(store.as_ref(), found.value).await?)
            }
            None => {
                let new = Holder {
                    identifier: identifier.clone(),
                    address: address.clone(),
                    wallets: Vec::new(),
                    cards: Vec::new(),
                    left_at: None,
                };
                (None, new)
            }
        };
        // The number is proved, and the identifier is another's: this wallet is not opened.
        if may_open(&holder, &address).is_err() {
            return Ok(());
        }
        let number = WalletNumber::random(entropy.as_ref())?;
        holder.wallets.push(number.clone());
        holder.left_at = None;
        batch.put(before, holder)?;
        batch.insert(&Wallet {
            number: number.clone(),
            holder: identifier.clone(),
            name: opening.name.clone(),
            currency: opening.currency,
            opened_at: now,
            closed_at: None,
        })?;
        let expires_at = now.plus_seconds(VISIT_SECONDS);
        let until = Some(expires_at);
        let visit = Visit { session, identifier, challenge: None, until, expires_at };
        let visited = store.find::<Visit>(visit.session.as_str()).await?;
        batch.put(visited.map(|found| found.version), visit)?;
        batch
            .replace(&Versioned { version, value: Opening { wallet: Some(number), ..opening } })?;
        Ok(())
    }
}

/// Visits that wait for the code.
pub(super) struct AwaitedVisits(pub(super) Ports);

#[async_trait]
impl Waits for AwaitedVisits {
    fn collection(&self) -> &'static str {
        Visit::COLLECTION
    }

    fn is_account(&self) -> bool {
        true
    }

    async fn ended(
        &self,
        id: &str,
        end: End<'_>,
        now: Timestamp,
        batch: &mut Batch,
    ) -> Result<(), Error> {
        let End::Verified(proof) = end else { return Ok(()) };
        let found = self.0.store.expect::<Visit>(id).await?;
        // Somebody asked for another code at this session since: that one counts.
        if found.value.challenge.as_ref() != Some(proof.challenge()) {
            return Ok(());
        }
        // A person who has left and comes in again is kept for the whole time from now on: no visit outlasts its person.
        let holder = self.0.store.find::<Holder>(found.value.identifier.as_str()).await?;
        if let Some(left) = holder.filter(|holder| holder.value.left_at.is_some()) {
            batch.replace(&left.map(|holder| Holder { left_at: Some(now), ..holder }))?;
        }
        let expires_at = now.plus_seconds(VISIT_SECONDS);
        let until = Some(expires_at);
        batch.replace(&found.map(|visit| Visit { challenge: None, until, expires_at, ..visit }))?;
        Ok(())
    }
}

/// What waits for a code here, beside the payments.
pub(super) fn awaited(ports: &Ports) -> [Arc<dyn Waits>; 2] {
    [Arc::new(AwaitedOpenings(ports.clone())), Arc::new(AwaitedVisits(ports.clone()))]
}
