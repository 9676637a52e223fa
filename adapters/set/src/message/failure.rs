//! The answer to a message that cannot be processed; never to one that is refused for business.

use crate::{
    asn1::Random,
    protect::{Authority, Gateway, Merchant, Signed},
    table::{Row, Structure, choices, enumerations, structures},
};

pub(crate) const ROWS: &[&Structure] =
    &[ErrorCode::STRUCTURE, ErrorTbs::STRUCTURE, ErrorMessage::STRUCTURE];

enumerations! {
    /// Why a message cannot be processed.
    ErrorCode = "ErrorCode" {
        /// For a reason that is on our side.
        UnspecifiedFailure = "unspecifiedFailure" 1,
        /// There is no such message here.
        MessageNotSupported = "messageNotSupported" 2,
        /// It is not DER of this protocol.
        DecodingFailure = "decodingFailure" 3,
        /// It is not authentic: whatever is wrong with its envelope, its signature or its signer.
        SignatureFailure = "signatureFailure" 8,
        /// Its header is not one.
        BadMessageHeader = "badMessageHeader" 9,
        /// Its header names another message.
        WrapperMsgMismatch = "wrapperMsgMismatch" 10,
        /// It is of an older version than is spoken here.
        VersionTooOld = "versionTooOld" 11,
        /// It is of a newer version than is spoken here.
        VersionTooNew = "versionTooNew" 12,
        /// It is too large.
        MessageTooBig = "messageTooBig" 14,
        /// The request was used for something else.
        UnknownRrpid = "unknownRRPID" 19,
        /// There is no such purchase.
        UnknownXid = "unknownXID" 20,
        /// There is no such order, or registration.
        UnknownLid = "unknownLID" 21,
        /// A challenge was not given back as it was given.
        ChallengeMismatch = "challengeMismatch" 22,
    }
}

structures! {
    /// What cannot be processed, and why.
    ErrorTbs = "ErrorTBS" 49 {
        /// Why it cannot be processed.
        error_code = "errorCode": ErrorCode,
        /// So that no two are equal.
        error_nonce = "errorNonce": Random,
        ["0"] /// The request, if it could be read.
        rrpid = "rrpid": Random,
    }
}

choices! {
    /// An error as it is sent.
    ErrorMessage = "Error" {
        ["0"] /// By a merchant.
        OfMerchant = "signedByMerchant": Signed<ErrorTbs, Merchant>,
        ["1"] /// By a gateway.
        OfGateway = "signedByGateway": Signed<ErrorTbs, Gateway>,
        ["2"] /// By one without a key.
        Unsigned = "unsignedError": ErrorTbs,
        ["3"] /// By an authority.
        OfAuthority = "signedByAuthority": Signed<ErrorTbs, Authority>,
    }
}
