//! What can go wrong with the centre, with a phone, and in what a phone receives.

/// Why the centre did not start or did not do as told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CentreError {
    /// A program the harness needs is not there.
    #[error(
        "{program} is not installed: tests/install.sh, or apt-get install osmo-msc osmo-hlr gcc util-linux"
    )]
    NotInstalled {
        /// Its name.
        program: &'static str,
    },
    /// A step of the preparation failed: folder, files, compiler.
    #[error("{step}: {reason}")]
    Preparation {
        /// What was being done.
        step: &'static str,
        /// The system's or the compiler's words.
        reason: String,
    },
    /// No loopback address was free.
    #[error("no free loopback address for a centre: {reason}")]
    NoAddress {
        /// The system's words for the last one tried.
        reason: String,
    },
    /// A program ended early, or was not ready in time.
    #[error("{program} {reason}; its log ends:\n{log}")]
    NotReady {
        /// Its name.
        program: &'static str,
        /// What was seen instead of readiness.
        reason: String,
        /// The last lines that it logged.
        log: String,
    },
    /// The register refused a command on its VTY.
    #[error("osmo-hlr refused {command:?}: {answer}")]
    Refused {
        /// As it was typed.
        command: String,
        /// In its own words.
        answer: String,
    },
}

/// What a phone could not do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PhoneError {
    /// An IMSI has 15 digits here.
    #[error("an IMSI has 15 digits")]
    InvalidImsi,
    /// A called number has 1 to 20 digits, after an optional plus sign.
    #[error("a called number has 1 to 20 digits, after an optional +")]
    InvalidNumber,
    /// The text does not fit into one SMS. The phone does not split what it sends.
    #[error("the text does not fit into one SMS of 140 octets")]
    TextTooLong,
    /// The association with the MSC could not be made, or ended.
    #[error("no SGs association with the MSC: {reason}")]
    Disconnected {
        /// The system's words.
        reason: String,
    },
    /// The MSC refused the location update; 3GPP TS 29.118 section 9.4.16 and TS 24.008 section 10.5.3.6 list the causes.
    #[error("location update refused, reject cause {cause}")]
    AttachRefused {
        /// The reject cause.
        cause: u8,
    },
    /// The network refused a message that the phone sent; 3GPP TS 24.011 section 8.2.5.4 lists the causes.
    #[error("the network refused the message, cause {cause}")]
    SendRefused {
        /// The RP or CP cause.
        cause: u8,
    },
    /// The MSC could not make sense of what the phone sent; 3GPP TS 29.118 section 9.4.18 lists the causes.
    #[error("the MSC did not understand the phone, SGs cause {cause}")]
    NotUnderstood {
        /// The SGs cause.
        cause: u8,
    },
    /// It did not happen in time.
    #[error("no {awaited} in time")]
    TimedOut {
        /// What was waited for.
        awaited: &'static str,
    },
    /// The network sent what this phone cannot read.
    #[error(transparent)]
    Unreadable(#[from] PduError),
}

/// Why a message from the network cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PduError {
    /// It ends too early.
    #[error("{field} is cut off")]
    Truncated {
        /// The field that is not whole.
        field: &'static str,
    },
    /// A field has a value that is wrong or that this phone does not know.
    #[error("{field} has the value {value:#04x}, which is not understood here")]
    Unsupported {
        /// By its name in 3GPP TS 24.011 or 29.118.
        field: &'static str,
        /// Its value.
        value: u8,
    },
    /// A mandatory element is not there.
    #[error("{field} is missing")]
    Missing {
        /// By its name in the same specifications.
        field: &'static str,
    },
    /// A part of a text is not text by itself: half a surrogate pair, or an escape without its character.
    /// 3GPP TS 23.040 section 9.2.3.24.1 forbids to split a character between two messages.
    #[error("a character is cut in two")]
    SplitCharacter,
}
