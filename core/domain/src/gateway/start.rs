//! How payments begin: the plan, the first record, and the code where it is asked for first.

use std::net::IpAddr;

use super::Gateway;
use crate::{
    bank::BankReference,
    challenge::ChallengeRequest,
    error::Error,
    exempted::{Exempted, counted_at},
    limits,
    payment::{Opening, Payment, PaymentRequest},
    plan::{BankTurn, CodeDemand},
    policy::Circumstances,
    ports::{MAX_CONTENTION, Ports},
    record::{Batch, RecordKey, Step, StoreError, Version, Versioned},
    refusal::{Outcome, Refusal},
};

/// Whether there is somebody to be asked.
#[derive(Clone, Copy)]
pub(super) enum Payer {
    Known,
    /// Known, which may not be told.
    Untold,
    Nobody,
}

impl Gateway {
    pub(super) async fn start(
        &self,
        request: PaymentRequest,
        batch: Batch,
        payer: Payer,
    ) -> Result<Payment, Error> {
        let card_index = self.ports.keys.card_index(&request.card)?;
        let accounts = counted_at(card_index, &request.person.identifier);
        let is_count = |key: &str| {
            accounts.iter().any(|account| RecordKey::of::<Exempted>(account).to_string() == key)
        };
        let mut refused = None;
        for _ in 0..MAX_CONTENTION {
            let begun =
                self.begin(request.clone(), &accounts, batch.clone(), payer, refused.clone());
            let (batch, value) = begun.await?;
            match self.ports.store.commit(batch).await.map_err(Error::from) {
                Ok(()) => return self.advance(Versioned { version: Version::FIRST, value }).await,
                // The payer paid without a code at the same time: the plan may be another now.
                Err(Error::Store(StoreError::Conflict { key })) if is_count(&key) => {}
                Err(error) if limits::is_contended(&error) => {}
                Err(error) => refused = Some(error.refusal().ok_or(error)?),
            }
        }
        Err(Error::Contention)
    }

    /// The first record of a payment, and the batch that inserts it.
    async fn begin(
        &self,
        request: PaymentRequest,
        accounts: &[String],
        mut batch: Batch,
        payer: Payer,
        refused: Option<Refusal>,
    ) -> Result<(Batch, Payment), Error> {
        let Ports { store, clock, entropy, keys } = &self.ports;
        let now = clock.now();
        request.transaction.amount().currency().must_be_payable(now)?;
        let card = keys.seal_card(&request.card, request.payment.as_str(), entropy.as_ref())?;
        let bank = BankReference::random(entropy.as_ref(), now)?;
        let policy = self.verifier.policy();
        let accounts = if policy.may_exempt() { accounts } else { &[] };
        let (mut versions, mut exempted) = (Vec::new(), Vec::new());
        for account in accounts {
            let found = store.find::<Exempted>(account).await?;
            versions.push(found.as_ref().map(|found| found.version));
            exempted
                .push(found.map_or_else(|| Exempted::none(account.clone()), |found| found.value));
        }
        let plan = policy.plan(&Circumstances {
            transaction: &request.transaction,
            relying_party: &request.relying_party,
            known_by: request.known_by,
            exempted: &exempted,
            capture: request.capture,
        });
        let plan = match payer {
            Payer::Known | Payer::Untold => plan,
            Payer::Nobody => plan.of_nobody(),
        };
        let opening = Opening {
            plan,
            counted_at: accounts.to_vec(),
            credit_days: policy.limits().credit_days,
        };
        let (amount, from) = (request.transaction.amount(), request.from);
        let begun = Payment::begin(request, opening, card, bank);
        let begun = match plan.code() {
            CodeDemand::Exempt(_) => {
                for (version, before) in versions.into_iter().zip(exempted) {
                    batch.put(version, before.with(amount))?;
                }
                begun
            }
            CodeDemand::Ask => self.ask_or_refuse(begun, from, payer, refused, &mut batch).await?,
        };
        let payment = batch.begin(begun, now)?;
        Ok((batch, payment))
    }

    /// The code is asked for in the same batch, unless the bank is asked before; or the payment may not ask for one.
    async fn ask_or_refuse(
        &self,
        begun: Step<Payment>,
        from: Option<IpAddr>,
        payer: Payer,
        refused: Option<Refusal>,
        batch: &mut Batch,
    ) -> Result<Step<Payment>, Error> {
        let asked = match (refused, begun.next.plan().bank()) {
            (Some(refusal), _) => Outcome::Refused(refusal),
            (None, BankTurn::First) => {
                // Before the bank holds anything.
                match self.verifier.refusal_to_wait(&begun.next.person).await? {
                    Some(refusal) => Outcome::Refused(refusal),
                    None => {
                        self.verifier.count_client(from, batch)?;
                        return Ok(begun);
                    }
                }
            }
            (None, BankTurn::Last | BankTurn::Skip) => {
                let asked = ChallengeRequest { from, ..ChallengeRequest::of(&begun.next) };
                let verifier = &self.verifier;
                match payer {
                    Payer::Known => verifier.add_challenge(asked, batch).await?,
                    Payer::Untold => verifier.add_untold_challenge(asked, true, batch).await?,
                    Payer::Nobody => verifier.add_untold_challenge(asked, false, batch).await?,
                }
            }
        };
        let now = self.ports.clock.now();
        match asked {
            Outcome::Done(challenge) => begun.then(|payment| payment.ask_code(None, &challenge)),
            Outcome::Refused(refusal) => begun.then(|payment| payment.not_asked(refusal, now)),
        }
    }
}
