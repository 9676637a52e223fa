//! What is refused of what comes from outside.

use std::fmt;

use thiserror::Error;

/// A value from outside that cannot be what it says it is. Names the culprit, never quotes it.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("{field} {why}")]
#[non_exhaustive]
pub struct InvalidInput {
    /// Which value.
    pub field: Field,
    /// Which rule it broke, as the rest of a sentence.
    pub why: &'static str,
}

impl InvalidInput {
    /// That field broke the rule `why`.
    pub const fn new(field: Field, why: &'static str) -> Self {
        Self { field, why }
    }
}

/// Makes [`Field`] and its names.
macro_rules! fields {
    ($($variant:ident $name:literal,)+) => {
        /// A value that can come from outside, by the name that errors and problems give it.
        #[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
        pub enum Field {
            $(#[doc = concat!("`", $name, "`")] $variant,)+
        }

        impl Field {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// Its name: a promise, as clients may act on it.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }
    };
}

fields! {
    AccessTo "access_to",
    Account "account",
    AdvanceSeconds "advance_seconds",
    Amount "amount",
    ApiKeySha256 "api_key_sha256",
    ApprovalCode "ApprovalCode",
    CardExpiry "card expiry",
    CardNumber "card number",
    CertificateName "CertificateName",
    Code "code",
    Batch "batch",
    Because "because",
    BlockMinutes "block_minutes",
    CodeDigits "code_digits",
    Colour "colour",
    CorrelationId "CorrelationId",
    CountriesAllowed "countries_allowed",
    CreditDays "credit_days",
    Currency "currency",
    CurrentKey "current key",
    Digest "digest",
    DocumentTitle "DocumentTitle",
    FactLabel "FactLabel",
    FactValue "FactValue",
    Facts "facts",
    FailuresInARow "failures_in_a_row",
    Id "id",
    Identifier "Identifier",
    ItemName "ItemName",
    Items "items",
    KeyId "KeyId",
    Locale "locale",
    Logo "logo",
    MasterSecret "master secret",
    MaxAttempts "max_attempts",
    MaxSends "max_sends",
    Msisdn "Msisdn",
    NewPin "new_pin",
    NoBankUpTo "no_bank_up_to",
    NormalInARow "normal_in_a_row",
    NormalKnownBy "normal_known_by",
    NormalTotalUpTo "normal_total_up_to",
    NormalUpTo "normal_up_to",
    OcraPinHash "hash of the PIN",
    OcraQuestion "OCRA question",
    OcraSuite "OCRA suite",
    Origin "origin",
    PauseSeconds "pause_seconds",
    Payee "Payee",
    Pin "pin",
    Profile "profile",
    PublicOrigin "public_origin",
    Reference "Reference",
    RelyingPartyId "RelyingPartyId",
    ResendAfterSeconds "resend_after_seconds",
    ResponseCode "ResponseCode",
    ReturnUrl "return_url",
    ServiceName "ServiceName",
    Session "session",
    TtlSeconds "ttl_seconds",
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
