//! The codes that are awaited, for pages that can be looked at again.

use countersign_domain::{
    challenge::Challenge,
    error::Error,
    id::SessionId,
    message::Message,
    record::{Stored as _, Versioned},
    refusal::Refusal,
};

use super::{CodeAsked, Wallets};
use crate::{
    error::WalletError,
    record::{Opening, OpeningId, Visit},
};

impl Wallets {
    /// The code that a person has to type to come in at that session, as [`Wallets::start_sign_in`] gave it; none when none is
    /// awaited there.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn asked_at_visit(
        &self,
        session: &SessionId,
    ) -> Result<Option<CodeAsked>, WalletError> {
        let store = &self.ports.store;
        let visit = store.find::<Visit>(session.as_str()).await?;
        let Some(challenge) = visit.and_then(|found| found.value.challenge) else {
            return Ok(None);
        };
        let challenge = store.expect::<Challenge>(challenge.as_str()).await?.value;
        Ok(Some(CodeAsked { phone: String::new(), ..CodeAsked::from(&challenge) }))
    }

    /// The code that opens a wallet; none once it is opened.
    ///
    /// # Errors
    /// When there is no such opening at that session, and when the store fails.
    pub async fn asked_at_opening(
        &self,
        id: &OpeningId,
        session: &SessionId,
    ) -> Result<Option<CodeAsked>, WalletError> {
        let store = &self.ports.store;
        let Versioned { value: opening, .. } = store.expect::<Opening>(id.as_str()).await?;
        if opening.person.session != *session {
            let (collection, id) = (Opening::COLLECTION, id.to_string());
            return Err(Error::NotFound { collection, id }.into());
        }
        let (Some(challenge), None) = (opening.challenge, opening.wallet) else { return Ok(None) };
        let challenge = store.expect::<Challenge>(challenge.as_str()).await?.value;
        Ok(Some(CodeAsked::from(&challenge)))
    }

    /// What is known of a code that was asked for: its challenge, and the last message with it, unless it may not be told
    /// whether there is one.
    ///
    /// # Errors
    /// The refusal when no response is accepted any more, and when the store fails.
    pub async fn code(
        &self,
        asked: &CodeAsked,
    ) -> Result<(Challenge, Option<Message>), WalletError> {
        let store = &self.ports.store;
        let challenge = store.expect::<Challenge>(asked.challenge.as_str()).await?.value;
        if let Some(refusal) = challenge.over() {
            return Err(WalletError::Refused(refusal));
        }
        if challenge.expires_at() <= self.ports.clock.now() {
            return Err(WalletError::Refused(Refusal::Late));
        }
        if asked.phone.is_empty() {
            return Ok((challenge, None));
        }
        let message = store.expect::<Message>(challenge.last_message().as_str()).await?.value;
        Ok((challenge, Some(message)))
    }
}
