use proptest::{collection, prelude::*};

use super::*;
use crate::field::Content;

fn field(number: u8) -> Field {
    Field::numbered(number).unwrap()
}

/// Bytes from parts: text as it is, and a bitmap from the numbers of its bits.
fn bytes(mti: &str, bits: &[u8], values: &str) -> Vec<u8> {
    let bitmap = bits.iter().fold(0, |map, number| map | bit(*number));
    let shown = if bits.contains(&SECONDARY) { 16 } else { 8 };
    [mti.as_bytes(), &bitmap.to_be_bytes()[..shown], values.as_bytes()].concat()
}

#[test]
fn a_message_is_type_bitmap_and_values_in_the_order_of_the_numbers() {
    let message = Message::new(Mti::AUTHORIZATION_REQUEST)
        .with(Field::STAN, "000123")
        .and_then(|message| message.with(Field::PAN, "4970100000000154"))
        .unwrap();
    let expected = bytes("0100", &[2, 11], "164970100000000154000123");
    assert_eq!(*message.encode(), expected);
    assert_eq!(&expected[4..12], [0x40, 0x20, 0, 0, 0, 0, 0, 0]);
}

#[test]
fn a_field_above_64_brings_the_secondary_bitmap() {
    let message =
        Message::new(Mti::NETWORK_REQUEST).with(Field::NETWORK_MANAGEMENT_CODE, "301").unwrap();
    let expected = bytes("0800", &[1, 70], "301");
    assert_eq!(*message.encode(), expected);
    assert_eq!(&expected[4..20], [0x80, 0, 0, 0, 0, 0, 0, 0, 0x04, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(Message::decode(&expected), Ok(message));
}

#[test]
fn a_secondary_bitmap_without_a_bit_is_read() {
    let message = Message::new(Mti::NETWORK_REQUEST).with(Field::STAN, "000001").unwrap();
    assert_eq!(Message::decode(&bytes("0800", &[1, 11], "000001")), Ok(message));
}

#[test]
fn bytes_around_the_values_are_refused_by_the_first_rule_they_break() {
    let too_long = vec![b'0'; MAX_MESSAGE_BYTES + 1];
    let cases = [
        (too_long, DecodeError::TooLong { bytes: MAX_MESSAGE_BYTES + 1 }),
        (b"".to_vec(), DecodeError::Mti(InvalidMti::CutShort)),
        (b"010".to_vec(), DecodeError::Mti(InvalidMti::CutShort)),
        (bytes("01x0", &[], ""), DecodeError::Mti(InvalidMti::NotDigits)),
        (bytes("1100", &[], ""), DecodeError::Mti(InvalidMti::NotVersion1987)),
        (b"0100\x40\x20\0\0\0\0\0".to_vec(), DecodeError::Bitmap { which: "primary" }),
        (bytes("0100", &[1], "")[..19].to_vec(), DecodeError::Bitmap { which: "secondary" }),
        (bytes("0100", &[1, 65], "00000000"), DecodeError::TertiaryBitmap),
        (bytes("0100", &[11], "0001239"), DecodeError::Trailing { bytes: 1 }),
        (bytes("0100", &[], "000123"), DecodeError::Trailing { bytes: 6 }),
    ];
    for (bytes, error) in cases {
        assert_eq!(Message::decode(&bytes), Err(error));
    }
}

#[test]
fn values_are_refused_by_the_first_rule_they_break() {
    for (bits, values, number, rule) in [
        // A bit without data, at the end and in the middle.
        (&[11][..], "", 11, FieldRule::CutShort),
        (&[2, 11], "164970100000000154", 11, FieldRule::CutShort),
        // Lengths that tell more than there is.
        (&[2], "1", 2, FieldRule::CutShort),
        (&[2], "16497010000000015", 2, FieldRule::CutShort),
        (&[48], "00", 48, FieldRule::CutShort),
        // Lengths that are no lengths.
        (&[2], "+64970", 2, FieldRule::LengthNotDigits),
        (&[48], "0 1x", 48, FieldRule::LengthNotDigits),
        (&[2], "00", 2, FieldRule::Empty),
        (&[2], "2049701000000001540000", 2, FieldRule::TooLong),
        // Characters of another class.
        (&[4], "00000000499O", 4, FieldRule::Characters),
        (&[39], "0\n", 39, FieldRule::Characters),
    ] {
        let error = FieldError { field: field(number), rule };
        assert_eq!(Message::decode(&bytes("0100", bits, values)), Err(error.into()), "{values}");
    }
}

#[test]
fn a_hosts_message_is_read_up_to_where_no_length_can_be_told() {
    let read = |bits: &[u8], values: &str| Message::read(&bytes("0110", bits, values)).unwrap();
    // Broken values of the fields 4, 14 and 44 harm no other; 44 is longer than the standard lets it be.
    let odd =
        read(&[4, 11, 14, 39, 44], "00000000499O000123    00261234567890123456789012345\u{7f}");
    for (number, text) in
        [(4, None), (11, Some("000123")), (14, None), (39, Some("00")), (44, None)]
    {
        assert_eq!(odd.text(field(number)), text, "{number}");
    }
    assert_eq!(odd.bytes(field(14)), Some(b"    ".as_slice()));
    for (bits, values) in [
        // An empty field, a length in another encoding, a value cut short, a tail, a third bitmap.
        (&[11, 39, 44][..], "0001230000"),
        (&[11, 39, 48, 49], "00012300\0\x05hello978"),
        (&[11, 39, 49], "0001230097"),
        (&[11, 39], "00012300\x03"),
        (&[1, 11, 39, 65, 70], "0001230000000000301"),
    ] {
        let message = read(bits, values);
        let used = (message.text(Field::STAN), message.text(Field::RESPONSE_CODE));
        assert_eq!(used, (Some("000123"), Some("00")), "{bits:?}");
    }
    assert_eq!(Message::read(b"HTTP/1.1 400"), Err(InvalidMti::NotDigits.into()));
    assert_eq!(Message::read(b"0110\0"), Err(DecodeError::Bitmap { which: "primary" }));
}

#[test]
fn a_response_echoes_no_value_that_breaks_a_rule() {
    let request = Message::read(&bytes("0800", &[7, 11], "0314150926    12")).unwrap();
    let response = request.response(&[Field::TRANSMISSION_TIME, Field::STAN]).unwrap();
    assert_eq!(response.bytes(Field::STAN), None);
    assert_eq!(response.text(Field::TRANSMISSION_TIME), Some("0314150926"));
    assert_eq!(format!("{request:?}"), "Message 0800 { 7: \"0314150926\", 11: (6 bytes) }");
}

#[test]
fn an_error_names_the_field() {
    let error = Message::decode(&bytes("0100", &[11], "")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "field 11 (system trace audit number) is announced but cut short"
    );
}

#[test]
fn a_value_that_breaks_a_rule_gets_into_no_message() {
    let error = Message::new(Mti::AUTHORIZATION_REQUEST).with(Field::AMOUNT, "4990").unwrap_err();
    assert_eq!(error, FieldError { field: Field::AMOUNT, rule: FieldRule::WrongLength });
}

#[test]
fn a_response_has_the_echoed_fields_and_no_other() {
    let request = Message::new(Mti::AUTHORIZATION_REQUEST.repeat())
        .with(Field::PAN, "4970100000000154")
        .and_then(|message| message.with(Field::STAN, "000123"))
        .unwrap();
    let response = request.response(&[Field::STAN, Field::AMOUNT]).unwrap();
    assert_eq!(
        response,
        Message::new(Mti::AUTHORIZATION_RESPONSE).with(Field::STAN, "000123").unwrap()
    );
    assert_eq!(response.response(&[]), None);
}

#[test]
fn debug_shows_no_card_number_and_nothing_that_could_hold_one() {
    let secrets = [
        (2, "4970100000000154"),
        (14, "2912"),
        (34, "4970100000000154"),
        (35, "4970100000000154=2912"),
        (36, "4970100000000154=2912"),
        (45, "B4970100000000154^DUPONT/JEAN"),
        (48, "4970100000000154"),
        (52, "PINBLOCK"),
        (102, "4970100000000154"),
        (120, "4970100000000154"),
    ];
    let message = secrets
        .into_iter()
        .fold(Message::new(Mti::AUTHORIZATION_REQUEST), |message, (number, value)| {
            message.with(field(number), value).unwrap()
        });
    let message = message.with(Field::STAN, "000123").unwrap();
    assert_eq!(
        format!("{message:?}"),
        "Message 0100 { 2: \"•••• 0154\", 11: \"000123\", 14: (4 bytes), 34: (16 bytes), 35: (21 bytes), \
         36: (21 bytes), 45: (29 bytes), 48: (16 bytes), 52: (8 bytes), 102: (16 bytes), 120: (16 bytes) }"
    );
    let short = Message::new(Mti::AUTHORIZATION_REQUEST).with(Field::PAN, "49701000").unwrap();
    assert_eq!(format!("{short:?}"), "Message 0100 { 2: (8 bytes) }");
}

/// A field with a value that keeps its rules.
fn any_field() -> impl Strategy<Value = (Field, Vec<u8>)> {
    proptest::sample::select(Field::ALL).prop_flat_map(|field| {
        let max = field.length().max();
        let bytes = if let Length::Fixed(_) = field.length() { max..=max } else { 1..=max };
        let byte = match field.content() {
            Content::N | Content::XN => prop_oneof![b'0'..=b'9'].boxed(),
            Content::An => prop_oneof![b'0'..=b'9', b'A'..=b'Z', b'a'..=b'z', Just(b' ')].boxed(),
            Content::Ans => (b' '..=b'~').boxed(),
            Content::Z => (b'0'..=b'?').boxed(),
            Content::B => any::<u8>().boxed(),
        };
        collection::vec(byte, bytes).prop_map(move |mut value| {
            if field.content() == Content::XN {
                value[0] = b'D';
            }
            (field, value)
        })
    })
}

fn any_message() -> impl Strategy<Value = Message> {
    let mti =
        prop_oneof!["0[1-9][0-9][0-9]"].prop_map(|text| Mti::try_from(text.as_bytes()).unwrap());
    (mti, collection::vec(any_field(), 0..20)).prop_map(|(mti, fields)| {
        fields
            .into_iter()
            .fold(Message::new(mti), |message, (field, value)| message.with(field, value).unwrap())
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(message in any_message()) {
        prop_assert_eq!(Message::decode(&message.encode()), Ok(message));
    }

    #[test]
    fn every_message_that_is_cut_short_is_refused(message in any_message(), cut in any::<prop::sample::Index>()) {
        let whole = message.encode();
        prop_assert!(Message::decode(&whole[..cut.index(whole.len())]).is_err());
    }

    #[test]
    fn no_bytes_make_the_decoder_panic(bytes in collection::vec(any::<u8>(), 0..400)) {
        let decoded = Message::decode(&bytes);
        if decoded.is_ok() {
            prop_assert_eq!(Message::read(&bytes), decoded);
        }
    }

    #[test]
    fn no_change_of_a_message_makes_the_decoder_panic(
        message in any_message(), at in any::<prop::sample::Index>(), byte in any::<u8>()
    ) {
        let mut bytes = message.encode();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        // Whatever is still read must be written as it was read, but for a secondary bitmap without a bit.
        if let Ok(message) = Message::decode(&bytes) {
            prop_assert_eq!(Message::decode(&message.encode()), Ok(message));
        }
    }
}
