//! The command_status of a response (SMPP 3.4 section 5.1.3).

use std::fmt;

/// What the other side says about a request: zero is yes, all else is no.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Status(pub u32);

macro_rules! statuses {
    ($($name:ident = $value:literal),+ $(,)?) => {
        impl Status {
            $(
                #[doc = concat!("`", stringify!($name), "`")]
                pub const $name: Self = Self($value);
            )+

            /// The norm's name, if it has one.
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($value => Some(stringify!($name)),)+
                    _ => None,
                }
            }
        }
    };
}

statuses! {
    ESME_ROK = 0x00,
    ESME_RINVMSGLEN = 0x01,
    ESME_RINVCMDLEN = 0x02,
    ESME_RINVCMDID = 0x03,
    ESME_RINVBNDSTS = 0x04,
    ESME_RALYBND = 0x05,
    ESME_RINVPRTFLG = 0x06,
    ESME_RINVREGDLVFLG = 0x07,
    ESME_RSYSERR = 0x08,
    ESME_RINVSRCADR = 0x0A,
    ESME_RINVDSTADR = 0x0B,
    ESME_RINVMSGID = 0x0C,
    ESME_RBINDFAIL = 0x0D,
    ESME_RINVPASWD = 0x0E,
    ESME_RINVSYSID = 0x0F,
    ESME_RCANCELFAIL = 0x11,
    ESME_RREPLACEFAIL = 0x13,
    ESME_RMSGQFUL = 0x14,
    ESME_RINVSERTYP = 0x15,
    ESME_RINVNUMDESTS = 0x33,
    ESME_RINVDLNAME = 0x34,
    ESME_RINVDESTFLAG = 0x40,
    ESME_RINVSUBREP = 0x42,
    ESME_RINVESMCLASS = 0x43,
    ESME_RCNTSUBDL = 0x44,
    ESME_RSUBMITFAIL = 0x45,
    ESME_RINVSRCTON = 0x48,
    ESME_RINVSRCNPI = 0x49,
    ESME_RINVDSTTON = 0x50,
    ESME_RINVDSTNPI = 0x51,
    ESME_RINVSYSTYP = 0x53,
    ESME_RINVREPFLAG = 0x54,
    ESME_RINVNUMMSGS = 0x55,
    ESME_RTHROTTLED = 0x58,
    ESME_RINVSCHED = 0x61,
    ESME_RINVEXPIRY = 0x62,
    ESME_RINVDFTMSGID = 0x63,
    ESME_RX_T_APPN = 0x64,
    ESME_RX_P_APPN = 0x65,
    ESME_RX_R_APPN = 0x66,
    ESME_RQUERYFAIL = 0x67,
    ESME_RINVOPTPARSTREAM = 0xC0,
    ESME_ROPTPARNOTALLWD = 0xC1,
    ESME_RINVPARLEN = 0xC2,
    ESME_RMISSINGOPTPARAM = 0xC3,
    ESME_RINVOPTPARAMVAL = 0xC4,
    ESME_RDELIVERYFAILURE = 0xFE,
    ESME_RUNKNOWNERR = 0xFF,
}

impl Status {
    /// The centre asks us to slow down.
    pub fn is_throttling(self) -> bool {
        matches!(self, Self::ESME_RTHROTTLED | Self::ESME_RMSGQFUL)
    }

    /// The same request may succeed later. What the norm calls permanent, and every code of a centre's own, is not.
    pub fn is_temporary(self) -> bool {
        self.is_throttling()
            || matches!(self, Self::ESME_RSYSERR | Self::ESME_RINVBNDSTS | Self::ESME_RX_T_APPN)
    }
}

/// Such as `ESME_RTHROTTLED (0x58)`; a centre's own code as `status 0x401`.
impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "{name} ({:#04x})", self.0),
            None => write!(f, "status {:#04x}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_shown_by_its_name_and_number() {
        assert_eq!(Status::ESME_RTHROTTLED.to_string(), "ESME_RTHROTTLED (0x58)");
        assert_eq!(Status(0x401).to_string(), "status 0x401");
    }

    #[test]
    fn only_what_may_pass_is_temporary() {
        let temporary = (0..=0x500).map(Status).filter(|status| status.is_temporary());
        assert_eq!(
            temporary.map(|status| status.0).collect::<Vec<_>>(),
            [0x04, 0x08, 0x14, 0x58, 0x64]
        );
    }
}
