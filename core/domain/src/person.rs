//! The person who is asked.

use serde::{Deserialize, Serialize};

use crate::{
    address::Address,
    id::{Identifier, SessionId},
    locale::Locale,
    origin::Origin,
};

/// A person at a session: who it is, how the second network reaches him or her, and how he or she is spoken to.
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub struct Person {
    /// Whom the relying party knows the person as (C14).
    pub identifier: Identifier,
    /// The receiver's address, which somebody vouches for.
    pub address: Address,
    /// The session on the first channel, in which the code must be typed back (C11, C15).
    pub session: SessionId,
    /// The language of the message.
    pub locale: Locale,
    /// The page that asks for the code; none where there is no page, such as at a terminal.
    pub origin: Option<Origin>,
}
