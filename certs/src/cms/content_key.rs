//! The key that encrypts a content, and is wrapped for each recipient.

use zeroize::Zeroizing;

use crate::error::Error;

/// AES-256.
pub(super) const KEY_BYTES: usize = 32;
pub(super) const ENCODING: Error = Error::Failed("encoding a recipient");

/// Made for one message and wiped after.
pub(crate) type ContentKey = Zeroizing<[u8; KEY_BYTES]>;
