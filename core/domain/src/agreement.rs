//! What a person agrees to.

use serde::{Deserialize, Serialize};

/// What a person without a transaction agrees to. The message says it: a code that is asked for under a pretext is known by
/// its purpose.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// To pay, or to come in.
    #[default]
    Access,
    /// That a certificate is issued with the person's name and number.
    Certificate,
}
