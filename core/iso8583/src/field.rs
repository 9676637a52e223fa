//! The table of all fields of ISO 8583:1987, as data, and the rules that a value of each must keep.

use std::fmt;

use thiserror::Error;

/// A field of a message: its number, and what the standard says about its value.
///
/// Every field from 2 to 128 is in the table but 65, which announces fields above 128 that no edition of 1987 has.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Field {
    // First, because messages hold their fields in the order of their numbers.
    number: u8,
    length: Length,
    content: Content,
    name: &'static str,
}

/// How long a value is, in bytes.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Length {
    /// Exactly so many.
    Fixed(usize),
    /// One up to so many, after two digits that tell how many.
    LlVar(usize),
    /// One up to so many, after three digits that tell how many.
    LllVar(usize),
}

/// Which bytes a value may have. The letters are those of the standard.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Content {
    /// Digits.
    N,
    /// Letters, digits and the blank, with which a short value is filled up on the right.
    An,
    /// Printable ASCII.
    Ans,
    /// `C` (credit) or `D` (debit), then digits.
    XN,
    /// What tracks 2 and 3 of a card may hold: ISO/IEC 7813, the sixteen characters from `0` to `?`.
    Z,
    /// Any bytes.
    B,
}

/// Writes the table, and a constant for each field that has a name on its right.
macro_rules! fields {
    ($($number:literal $length:ident($max:literal) $content:ident $text:literal $(=> $constant:ident)?;)+) => {
        impl Field {
            $($(
                #[doc = concat!("Field ", $number, ", ", $text, ".")]
                pub const $constant: Self = Self {
                    number: $number,
                    length: Length::$length($max),
                    content: Content::$content,
                    name: $text,
                };
            )?)+

            /// Every field, in the order of their numbers.
            pub const ALL: &[Self] = &[$(
                Self { number: $number, length: Length::$length($max), content: Content::$content, name: $text },
            )+];
        }
    };
}

// Where published tables of the 1987 edition differ (36, 44 to 47, 54), the wider class stands here. Fields that the
// standard leaves to nations and to private use are any bytes.
fields! {
    2   LlVar(19)   N   "primary account number" => PAN;
    3   Fixed(6)    N   "processing code" => PROCESSING_CODE;
    4   Fixed(12)   N   "amount, transaction" => AMOUNT;
    5   Fixed(12)   N   "amount, settlement";
    6   Fixed(12)   N   "amount, cardholder billing";
    7   Fixed(10)   N   "transmission date and time (MMDDhhmmss)" => TRANSMISSION_TIME;
    8   Fixed(8)    N   "amount, cardholder billing fee";
    9   Fixed(8)    N   "conversion rate, settlement";
    10  Fixed(8)    N   "conversion rate, cardholder billing";
    11  Fixed(6)    N   "system trace audit number" => STAN;
    12  Fixed(6)    N   "time, local transaction (hhmmss)" => LOCAL_TIME;
    13  Fixed(4)    N   "date, local transaction (MMDD)" => LOCAL_DATE;
    14  Fixed(4)    N   "date, expiration (YYMM)" => EXPIRY;
    15  Fixed(4)    N   "date, settlement";
    16  Fixed(4)    N   "date, conversion";
    17  Fixed(4)    N   "date, capture";
    18  Fixed(4)    N   "merchant type" => MERCHANT_TYPE;
    19  Fixed(3)    N   "acquiring institution country code";
    20  Fixed(3)    N   "primary account number country code";
    21  Fixed(3)    N   "forwarding institution country code";
    22  Fixed(3)    N   "point of service entry mode" => POS_ENTRY_MODE;
    23  Fixed(3)    N   "card sequence number";
    24  Fixed(3)    N   "network international identifier";
    25  Fixed(2)    N   "point of service condition code" => POS_CONDITION;
    26  Fixed(2)    N   "point of service capture code";
    27  Fixed(1)    N   "authorization identification response length";
    28  Fixed(9)    XN  "amount, transaction fee";
    29  Fixed(9)    XN  "amount, settlement fee";
    30  Fixed(9)    XN  "amount, transaction processing fee";
    31  Fixed(9)    XN  "amount, settlement processing fee";
    32  LlVar(11)   N   "acquiring institution identification code" => ACQUIRER;
    33  LlVar(11)   N   "forwarding institution identification code";
    34  LlVar(28)   Ans "primary account number, extended";
    35  LlVar(37)   Z   "track 2 data";
    36  LllVar(104) Z   "track 3 data";
    37  Fixed(12)   An  "retrieval reference number" => RETRIEVAL_REFERENCE;
    38  Fixed(6)    An  "authorization identification response" => APPROVAL_CODE;
    39  Fixed(2)    An  "response code" => RESPONSE_CODE;
    40  Fixed(3)    An  "service restriction code";
    41  Fixed(8)    Ans "card acceptor terminal identification" => TERMINAL;
    42  Fixed(15)   Ans "card acceptor identification code" => CARD_ACCEPTOR;
    43  Fixed(40)   Ans "card acceptor name and location" => CARD_ACCEPTOR_NAME;
    44  LlVar(25)   Ans "additional response data";
    45  LlVar(76)   Ans "track 1 data";
    46  LllVar(999) Ans "additional data, ISO";
    47  LllVar(999) Ans "additional data, national";
    48  LllVar(999) B   "additional data, private";
    49  Fixed(3)    An  "currency code, transaction" => CURRENCY;
    50  Fixed(3)    An  "currency code, settlement";
    51  Fixed(3)    An  "currency code, cardholder billing";
    52  Fixed(8)    B   "personal identification number data";
    53  Fixed(16)   N   "security related control information";
    54  LllVar(120) Ans "additional amounts";
    55  LllVar(999) B   "reserved for ISO use";
    56  LllVar(999) B   "reserved for ISO use";
    57  LllVar(999) B   "reserved for national use";
    58  LllVar(999) B   "reserved for national use";
    59  LllVar(999) B   "reserved for national use";
    60  LllVar(999) B   "reserved for private use";
    61  LllVar(999) B   "reserved for private use";
    62  LllVar(999) B   "reserved for private use";
    63  LllVar(999) B   "reserved for private use";
    64  Fixed(8)    B   "message authentication code";
    66  Fixed(1)    N   "settlement code";
    67  Fixed(2)    N   "extended payment code";
    68  Fixed(3)    N   "receiving institution country code";
    69  Fixed(3)    N   "settlement institution country code";
    70  Fixed(3)    N   "network management information code" => NETWORK_MANAGEMENT_CODE;
    71  Fixed(4)    N   "message number";
    72  Fixed(4)    N   "message number, last";
    73  Fixed(6)    N   "date, action";
    74  Fixed(10)   N   "credits, number";
    75  Fixed(10)   N   "credits, reversal number";
    76  Fixed(10)   N   "debits, number";
    77  Fixed(10)   N   "debits, reversal number";
    78  Fixed(10)   N   "transfer, number";
    79  Fixed(10)   N   "transfer, reversal number";
    80  Fixed(10)   N   "inquiries, number";
    81  Fixed(10)   N   "authorizations, number";
    82  Fixed(12)   N   "credits, processing fee amount";
    83  Fixed(12)   N   "credits, transaction fee amount";
    84  Fixed(12)   N   "debits, processing fee amount";
    85  Fixed(12)   N   "debits, transaction fee amount";
    86  Fixed(16)   N   "credits, amount";
    87  Fixed(16)   N   "credits, reversal amount";
    88  Fixed(16)   N   "debits, amount";
    89  Fixed(16)   N   "debits, reversal amount";
    90  Fixed(42)   N   "original data elements" => ORIGINAL_DATA;
    91  Fixed(1)    An  "file update code";
    92  Fixed(2)    An  "file security code";
    93  Fixed(5)    An  "response indicator";
    94  Fixed(7)    An  "service indicator";
    95  Fixed(42)   An  "replacement amounts";
    96  Fixed(8)    B   "message security code";
    97  Fixed(17)   XN  "amount, net settlement";
    98  Fixed(25)   Ans "payee";
    99  LlVar(11)   N   "settlement institution identification code";
    100 LlVar(11)   N   "receiving institution identification code";
    101 LlVar(17)   Ans "file name";
    102 LlVar(28)   Ans "account identification 1";
    103 LlVar(28)   Ans "account identification 2";
    104 LllVar(100) Ans "transaction description";
    105 LllVar(999) B   "reserved for ISO use";
    106 LllVar(999) B   "reserved for ISO use";
    107 LllVar(999) B   "reserved for ISO use";
    108 LllVar(999) B   "reserved for ISO use";
    109 LllVar(999) B   "reserved for ISO use";
    110 LllVar(999) B   "reserved for ISO use";
    111 LllVar(999) B   "reserved for ISO use";
    112 LllVar(999) B   "reserved for national use";
    113 LllVar(999) B   "reserved for national use";
    114 LllVar(999) B   "reserved for national use";
    115 LllVar(999) B   "reserved for national use";
    116 LllVar(999) B   "reserved for national use";
    117 LllVar(999) B   "reserved for national use";
    118 LllVar(999) B   "reserved for national use";
    119 LllVar(999) B   "reserved for national use";
    120 LllVar(999) B   "reserved for private use";
    121 LllVar(999) B   "reserved for private use";
    122 LllVar(999) B   "reserved for private use";
    123 LllVar(999) B   "reserved for private use";
    124 LllVar(999) B   "reserved for private use";
    125 LllVar(999) B   "reserved for private use";
    126 LllVar(999) B   "reserved for private use";
    127 LllVar(999) B   "reserved for private use";
    128 Fixed(8)    B   "message authentication code";
}

impl Field {
    /// The field of that number, if the standard has one.
    pub fn numbered(number: u8) -> Option<Self> {
        Self::ALL.iter().find(|field| field.number == number).copied()
    }

    /// Its number, 2 to 128: the bit of the bitmap that announces it.
    pub const fn number(self) -> u8 {
        self.number
    }

    /// How long its value is.
    pub const fn length(self) -> Length {
        self.length
    }

    /// Which bytes its value may have.
    pub const fn content(self) -> Content {
        self.content
    }

    /// What the standard calls it.
    pub const fn name(self) -> &'static str {
        self.name
    }

    /// The error of a value that broke `rule`.
    pub(crate) const fn broke(self, rule: FieldRule) -> FieldError {
        FieldError { field: self, rule }
    }

    /// Whether a value may be shown in a log.
    ///
    /// What has a fixed length has a fixed meaning and may, but for the expiry of a card and what secures a message.
    /// Card numbers, tracks and what is agreed privately are in fields of variable length, and are not shown.
    pub(crate) const fn may_be_shown(self) -> bool {
        matches!(self.length, Length::Fixed(_))
            && !matches!(self.content, Content::B)
            && !matches!(self.number, 14 | 53)
    }

    /// Checks a value against the table.
    pub(crate) fn check(self, value: &[u8]) -> Result<(), FieldError> {
        match self.length {
            Length::Fixed(bytes) if value.len() != bytes => {
                return Err(self.broke(FieldRule::WrongLength));
            }
            Length::LlVar(_) | Length::LllVar(_) if value.is_empty() => {
                return Err(self.broke(FieldRule::Empty));
            }
            Length::LlVar(max) | Length::LllVar(max) if value.len() > max => {
                return Err(self.broke(FieldRule::TooLong));
            }
            Length::Fixed(_) | Length::LlVar(_) | Length::LllVar(_) => {}
        }
        if self.content.admits(value) { Ok(()) } else { Err(self.broke(FieldRule::Characters)) }
    }
}

impl Length {
    /// How many digits tell the length.
    pub(crate) const fn prefix_digits(self) -> usize {
        match self {
            Self::Fixed(_) => 0,
            Self::LlVar(_) => 2,
            Self::LllVar(_) => 3,
        }
    }

    /// The most bytes that a value has.
    pub const fn max(self) -> usize {
        match self {
            Self::Fixed(max) | Self::LlVar(max) | Self::LllVar(max) => max,
        }
    }
}

impl Content {
    fn admits(self, value: &[u8]) -> bool {
        match self {
            Self::N => value.iter().all(u8::is_ascii_digit),
            Self::An => value.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b' '),
            Self::Ans => value.iter().all(|byte| matches!(byte, b' '..=b'~')),
            Self::XN => value.split_first().is_some_and(|(sign, digits)| {
                matches!(sign, b'C' | b'D') && digits.iter().all(u8::is_ascii_digit)
            }),
            Self::Z => value.iter().all(|byte| matches!(byte, b'0'..=b'?')),
            Self::B => true,
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "field {} ({})", self.number, self.name)
    }
}

impl fmt::Debug for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Field({})", self.number)
    }
}

/// A value that breaks a rule of its field. The value itself is not told.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("{field} {rule}")]
pub struct FieldError {
    /// Which field.
    pub field: Field,
    /// Which rule.
    pub rule: FieldRule,
}

/// What can be wrong with a value, in the order in which it is checked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum FieldRule {
    /// The message ends before the value, or within it.
    CutShort,
    /// The digits that tell the length are no digits.
    LengthNotDigits,
    /// A value of fixed length is shorter or longer.
    WrongLength,
    /// A value of variable length has no byte: then its bit must not be set.
    Empty,
    /// A value of variable length is longer than its field allows.
    TooLong,
    /// A byte is not of the field's [`Content`].
    Characters,
}

impl fmt::Display for FieldRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CutShort => "is announced but cut short",
            Self::LengthNotDigits => "has a length that is not digits",
            Self::WrongLength => "does not have its fixed length",
            Self::Empty => "is empty",
            Self::TooLong => "is longer than its maximum",
            Self::Characters => "has a character that it must not have",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_every_field_once_and_in_order() {
        let numbers = Field::ALL.iter().map(|field| field.number()).collect::<Vec<_>>();
        assert_eq!(numbers, (2..=128).filter(|number| *number != 65).collect::<Vec<_>>());
    }

    #[test]
    fn a_length_prefix_can_tell_every_length_of_its_field() {
        for field in Field::ALL {
            let most = match field.length() {
                Length::Fixed(_) => 999,
                Length::LlVar(_) => 99,
                Length::LllVar(_) => 999,
            };
            assert!((1..=most).contains(&field.length().max()), "{field}");
        }
    }

    #[test]
    fn a_value_is_refused_by_the_rule_it_breaks() {
        let field = |number| Field::numbered(number).unwrap();
        for (field, value, rule) in [
            (Field::STAN, "12345", FieldRule::WrongLength),
            (Field::STAN, "1234567", FieldRule::WrongLength),
            (Field::PAN, "", FieldRule::Empty),
            (Field::PAN, "49701000000001540000", FieldRule::TooLong),
            (Field::PAN, "4970 1000", FieldRule::Characters),
            (Field::RETRIEVAL_REFERENCE, "ABCDEF-12345", FieldRule::Characters),
            (Field::TERMINAL, "TERM\u{7f}001", FieldRule::Characters),
            (field(28), "X00000100", FieldRule::Characters),
            (field(28), "C0000010C", FieldRule::Characters),
            (field(35), "4970100000000154D2912", FieldRule::Characters),
        ] {
            assert_eq!(field.check(value.as_bytes()), Err(FieldError { field, rule }), "{value}");
        }
    }

    #[test]
    fn a_value_that_keeps_the_rules_is_taken() {
        let field = |number| Field::numbered(number).unwrap();
        for (field, value) in [
            (Field::PAN, "4970100000000154"),
            (Field::APPROVAL_CODE, "A1    "),
            (Field::CARD_ACCEPTOR_NAME, "Books & more, 2nd floor: Paris        FR"),
            (field(28), "D00000100"),
            (field(35), "4970100000000154=2912"),
        ] {
            assert_eq!(field.check(value.as_bytes()), Ok(()), "{value}");
        }
    }

    #[test]
    fn an_error_names_the_field_and_the_rule() {
        assert_eq!(
            Field::STAN.broke(FieldRule::CutShort).to_string(),
            "field 11 (system trace audit number) is announced but cut short"
        );
    }
}
