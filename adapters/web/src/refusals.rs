//! What the domain and the certificates refuse or fail at, on the wire. Each match is total: a new refusal does not compile
//! until it has its answer here, and a test asks for its words in every language.

use axum::http::StatusCode;
use countersign_certs::Refusal as CertificateRefusal;
use countersign_domain::{
    error::Error, operator::OperatorError, pin::PinError, record::StoreError, refusal::Refusal,
    subscriber::DirectoryError,
};

use crate::problem::Problem;

/// A refused code or message. Reveals no more about a refused code than RTS art. 4(3)(a) permits: only that it is wrong.
impl From<&Refusal> for Problem {
    fn from(refusal: &Refusal) -> Self {
        let of = |status| Self::shared(status, refusal.name());
        match refusal {
            Refusal::WrongCode { attempts_left } => {
                of(StatusCode::UNPROCESSABLE_ENTITY).with("attempts_left", *attempts_left)
            }
            Refusal::TooManyAttempts | Refusal::OtherSession => of(StatusCode::FORBIDDEN),
            Refusal::AlreadyUsed | Refusal::PinSet => of(StatusCode::CONFLICT),
            Refusal::Late | Refusal::Undeliverable | Refusal::Cancelled => of(StatusCode::GONE),
            Refusal::TooManySends => of(StatusCode::TOO_MANY_REQUESTS),
            Refusal::TooSoon { wait_seconds }
            | Refusal::Blocked { wait_seconds }
            | Refusal::MessageLimit { wait_seconds }
            | Refusal::TooManyWaiting { wait_seconds } => {
                of(StatusCode::TOO_MANY_REQUESTS).waiting(*wait_seconds)
            }
            Refusal::Locked | Refusal::PhoneNotServed => of(StatusCode::FORBIDDEN),
        }
    }
}

/// What the domain could not do: the caller's fault, another caller's who was faster, or ours.
impl From<&Error> for Problem {
    fn from(error: &Error) -> Self {
        match error {
            Error::Invalid(error) => error.clone().into(),
            Error::NotFound { .. } => Self::no_record(),
            Error::NotNow { state, .. } => Self::not_now(state),
            Error::Contention | Error::Store(StoreError::Conflict { .. }) => {
                Self::shared(StatusCode::CONFLICT, "changed-meanwhile")
            }
            Error::Store(StoreError::Overdrawn { .. }) => {
                Self::shared(StatusCode::CONFLICT, "overdrawn")
            }
            Error::Store(StoreError::Exhausted { .. }) => match error.refusal() {
                Some(refusal) => Self::from(&refusal),
                None => Self::internal(),
            },
            // Of a commit that failed it is not known whether it is there, and it may be a later one of several: the
            // bank may have been asked between them. Only a flow that knows better may say that nothing was done.
            Error::Store(StoreError::Unavailable { .. }) => {
                tracing::error!(%error, "not known whether it was done");
                Self::outcome_unknown()
            }
            // The attempt is counted before a PIN is compared, and by an operator before it says anything.
            Error::Pin(PinError { .. }) | Error::Operator(OperatorError::Unknown { .. }) => {
                tracing::error!(%error, "not known whether it was done");
                Self::outcome_unknown()
            }
            // Both are asked before anything is committed.
            Error::Directory(DirectoryError { .. })
            | Error::Operator(OperatorError::Unreachable { .. }) => {
                tracing::error!(%error, "not available");
                Self::shared(StatusCode::SERVICE_UNAVAILABLE, "not-available")
            }
            Error::Store(StoreError::Corrupt { .. })
            | Error::NobodyWaits { .. }
            | Error::UnknownKey(_)
            | Error::Sealed
            | Error::Entropy(_) => {
                tracing::error!(%error, "internal error");
                Self::internal()
            }
        }
    }
}

/// A refused client certificate.
impl From<&CertificateRefusal> for Problem {
    fn from(refusal: &CertificateRefusal) -> Self {
        Self::shared(StatusCode::FORBIDDEN, certificate_problem(refusal))
    }
}

impl Problem {
    /// The state of something does not permit what is asked.
    pub fn not_now(state: &str) -> Self {
        Self::shared(StatusCode::CONFLICT, "not-now").with("state", state)
    }
}

/// The problem's name. The refusals that only an authority's operator can tell apart are one.
const fn certificate_problem(refusal: &CertificateRefusal) -> &'static str {
    use CertificateRefusal as Cause;
    match refusal {
        Cause::Expired => "certificate-expired",
        Cause::NotYetValid => "certificate-not-yet-valid",
        Cause::UnknownAuthority => "certificate-unknown-authority",
        Cause::WrongUsage => "certificate-wrong-usage",
        Cause::BadSignature => "certificate-bad-signature",
        Cause::Revoked => "certificate-revoked",
        Cause::RevocationUnknown => "certificate-revocation-unknown",
        Cause::NoPhone => "certificate-without-phone",
        Cause::SeveralPhones => "certificate-several-phones",
        Cause::Envelope(_) | Cause::Record(_) => "certificate-phone-not-readable",
        Cause::MovedFromAnotherCertificate => "certificate-phone-moved",
        Cause::NumberNotE164 | Cause::CardInvalid | Cause::TnAuthList => {
            "certificate-phone-not-valid"
        }
        Cause::Malformed | Cause::CertificateTooLarge | Cause::ChainTooLong => {
            "certificate-malformed"
        }
        Cause::NoCertificate
        | Cause::UnknownCriticalExtension
        | Cause::AuthorityAsClient
        | Cause::IssuerNotAuthority
        | Cause::PathTooLong
        | Cause::UnsupportedAlgorithm
        | Cause::NameNotPermitted
        | Cause::NotValidated
        | Cause::OutsideProfile(_)
        | Cause::Signed(_) => "certificate-not-valid",
    }
}

#[cfg(test)]
mod tests {
    use countersign_certs::{ProfileFault, RecordFault, SealedFault, SignedFault};
    use countersign_domain::{
        invalid::{Field, InvalidInput},
        ports::EntropyError,
    };

    use super::*;
    use crate::words::Language;

    /// One of each. A case without a row does not compile, as the match is total.
    macro_rules! one_of_each {
        ($type:ty: $($case:pat => $example:expr,)+) => {{
            let all: Vec<$type> = vec![$($example),+];
            for one in &all {
                match one { $($case)|+ => {} }
            }
            all
        }};
    }

    fn refusals() -> Vec<Refusal> {
        one_of_each! { Refusal:
            Refusal::WrongCode { .. } => Refusal::WrongCode { attempts_left: 2 },
            Refusal::TooManyAttempts => Refusal::TooManyAttempts,
            Refusal::Late => Refusal::Late,
            Refusal::AlreadyUsed => Refusal::AlreadyUsed,
            Refusal::OtherSession => Refusal::OtherSession,
            Refusal::PinSet => Refusal::PinSet,
            Refusal::Undeliverable => Refusal::Undeliverable,
            Refusal::Cancelled => Refusal::Cancelled,
            Refusal::TooManySends => Refusal::TooManySends,
            Refusal::TooSoon { .. } => Refusal::TooSoon { wait_seconds: 7 },
            Refusal::Blocked { .. } => Refusal::Blocked { wait_seconds: 900 },
            Refusal::Locked => Refusal::Locked,
            Refusal::MessageLimit { .. } => Refusal::MessageLimit { wait_seconds: 900 },
            Refusal::PhoneNotServed => Refusal::PhoneNotServed,
            Refusal::TooManyWaiting { .. } => Refusal::TooManyWaiting { wait_seconds: 300 },
        }
    }

    fn errors() -> Vec<Error> {
        let (key, cause) = ("checkout/1".to_owned(), "down".to_owned());
        let account = "wallet:alice".to_owned().try_into().unwrap();
        one_of_each! { Error:
            Error::Invalid(_) => InvalidInput::new(Field::Amount, "must be above zero").into(),
            Error::NotFound { .. } => Error::NotFound { collection: "checkout", id: "1".to_owned() },
            Error::NotNow { .. } =>
                Error::NotNow { collection: "checkout", id: "1".to_owned(), state: "paid" },
            Error::NobodyWaits { .. } => Error::NobodyWaits { collection: "checkout".to_owned() },
            Error::UnknownKey(_) => Error::UnknownKey("1".try_into().unwrap()),
            Error::Sealed => Error::Sealed,
            Error::Contention => Error::Contention,
            Error::Store(StoreError::Conflict { .. }) => StoreError::Conflict { key: key.clone() }.into(),
            Error::Store(StoreError::Overdrawn { .. }) => StoreError::Overdrawn { account }.into(),
            Error::Store(StoreError::Exhausted { .. }) =>
                StoreError::Exhausted { counter: "number-hour", wait_seconds: 60 }.into(),
            Error::Store(StoreError::Unavailable { .. }) =>
                StoreError::Unavailable { cause: cause.clone() }.into(),
            Error::Store(StoreError::Corrupt { .. }) =>
                StoreError::Corrupt { key, cause: cause.clone() }.into(),
            Error::Directory(_) => DirectoryError { cause: cause.clone() }.into(),
            Error::Pin(_) => PinError { cause: cause.clone() }.into(),
            Error::Operator(OperatorError::Unreachable { .. }) =>
                OperatorError::Unreachable { cause: cause.clone() }.into(),
            Error::Operator(OperatorError::Unknown { .. }) => OperatorError::Unknown { cause }.into(),
            Error::Entropy(_) => EntropyError.into(),
        }
    }

    fn certificate_refusals() -> Vec<CertificateRefusal> {
        use CertificateRefusal as Cause;
        one_of_each! { Cause:
            Cause::NoCertificate => Cause::NoCertificate,
            Cause::ChainTooLong => Cause::ChainTooLong,
            Cause::CertificateTooLarge => Cause::CertificateTooLarge,
            Cause::Malformed => Cause::Malformed,
            Cause::UnknownCriticalExtension => Cause::UnknownCriticalExtension,
            Cause::Expired => Cause::Expired,
            Cause::NotYetValid => Cause::NotYetValid,
            Cause::AuthorityAsClient => Cause::AuthorityAsClient,
            Cause::IssuerNotAuthority => Cause::IssuerNotAuthority,
            Cause::PathTooLong => Cause::PathTooLong,
            Cause::WrongUsage => Cause::WrongUsage,
            Cause::UnknownAuthority => Cause::UnknownAuthority,
            Cause::BadSignature => Cause::BadSignature,
            Cause::UnsupportedAlgorithm => Cause::UnsupportedAlgorithm,
            Cause::NameNotPermitted => Cause::NameNotPermitted,
            Cause::Revoked => Cause::Revoked,
            Cause::RevocationUnknown => Cause::RevocationUnknown,
            Cause::NotValidated => Cause::NotValidated,
            Cause::OutsideProfile(_) => ProfileFault::SerialNumber.into(),
            Cause::Signed(_) => SignedFault::TooLarge.into(),
            Cause::NoPhone => Cause::NoPhone,
            Cause::SeveralPhones => Cause::SeveralPhones,
            Cause::TnAuthList => Cause::TnAuthList,
            Cause::Envelope(_) => SealedFault::TooLarge.into(),
            Cause::Record(_) => RecordFault::Malformed.into(),
            Cause::MovedFromAnotherCertificate => Cause::MovedFromAnotherCertificate,
            Cause::NumberNotE164 => Cause::NumberNotE164,
            Cause::CardInvalid => Cause::CardInvalid,
        }
    }

    #[test]
    fn every_refusal_and_every_error_has_its_words_in_every_language() {
        let mut problems = vec![Problem::internal()];
        problems.extend(refusals().iter().map(Problem::from));
        problems.extend(errors().iter().map(Problem::from));
        problems.extend(certificate_refusals().iter().map(Problem::from));
        for problem in problems {
            for language in Language::all() {
                assert!(problem.is_worded(&language), "{problem:?}");
            }
        }
    }

    #[test]
    fn nothing_was_done_is_said_only_of_what_is_asked_before_anything_is_committed() {
        let mut said = errors();
        said.retain(|error| Problem::from(error).name() == "not-available");
        assert!(
            matches!(
                said[..],
                [Error::Directory(_), Error::Operator(OperatorError::Unreachable { .. })]
            ),
            "{said:?}"
        );
    }

    #[test]
    fn a_refusal_has_the_name_and_the_status_that_are_promised() {
        for (refusal, status) in refusals()
            .iter()
            .zip([422, 403, 410, 409, 403, 409, 410, 410, 429, 429, 429, 403, 429, 403, 429])
        {
            let problem = Problem::from(refusal);
            assert_eq!((problem.name(), problem.status().as_u16()), (refusal.name(), status));
        }
    }
}
