//! The length before every message on a stream: two bytes, big-endian, not counting themselves.

use std::fmt;

use thiserror::Error;
use zeroize::Zeroizing;

use crate::message::{DecodeError, MAX_MESSAGE_BYTES, Message};

const LENGTH_BYTES: usize = 2;

// Every message has a length that two bytes can tell.
const _: () = assert!(MAX_MESSAGE_BYTES < 1 << 16);

/// The message as it goes on a stream: its length, then itself.
pub fn frame(message: &Message) -> Zeroizing<Vec<u8>> {
    let message = message.encode();
    let [.., high, low] = message.len().to_be_bytes();
    let mut out = Zeroizing::new(Vec::with_capacity(LENGTH_BYTES + message.len()));
    out.extend([high, low]);
    out.extend(message.iter());
    out
}

/// What was read from a stream and is no whole message yet. It holds one longest message and never grows.
pub struct FrameBuffer {
    bytes: Zeroizing<Vec<u8>>,
}

impl FrameBuffer {
    /// An empty buffer, for a new connection.
    pub fn new() -> Self {
        Self { bytes: Zeroizing::new(Vec::with_capacity(LENGTH_BYTES + MAX_MESSAGE_BYTES)) }
    }

    /// Where to append what is read next. There is room for at least one byte once [`FrameBuffer::next_message`] has
    /// returned `Ok(None)`.
    pub fn unfilled(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Takes the bytes of the next whole message out; `Ok(None)` when more must be read first. A length of zero announces
    /// nothing: hosts send it to keep a connection open, and it is passed over.
    ///
    /// # Errors
    /// When more is announced than any message has. The stream is out of step then: close it.
    pub fn next_frame(&mut self) -> Result<Option<Zeroizing<Vec<u8>>>, FrameError> {
        let keepalives =
            self.bytes.chunks_exact(LENGTH_BYTES).take_while(|length| **length == [0; 2]);
        let keepalives = keepalives.count() * LENGTH_BYTES;
        self.bytes.drain(..keepalives);
        let Some((length, rest)) = self.bytes.split_first_chunk::<LENGTH_BYTES>() else {
            return Ok(None);
        };
        let length = usize::from(u16::from_be_bytes(*length));
        if length > MAX_MESSAGE_BYTES {
            return Err(FrameError::TooLong { bytes: length });
        }
        let Some(message) = rest.get(..length) else {
            return Ok(None);
        };
        let message = Zeroizing::new(message.to_vec());
        self.bytes.drain(..LENGTH_BYTES + length);
        Ok(Some(message))
    }

    /// Takes the next whole message out, which must keep every rule; `Ok(None)` when more must be read first.
    ///
    /// # Errors
    /// [`FrameError::TooLong`] as [`FrameBuffer::next_frame`]. After [`FrameError::Message`] the next message can be
    /// taken: this one is out.
    pub fn next_message(&mut self) -> Result<Option<Message>, FrameError> {
        let frame = self.next_frame()?;
        Ok(frame.map(|frame| Message::decode(&frame)).transpose()?)
    }

    /// Whether nothing is left over: a stream may end here without cutting a message short.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}

impl Default for FrameBuffer {
    fn default() -> Self {
        Self::new()
    }
}

/// Shows how much is there, not what: it may be a card number.
impl fmt::Debug for FrameBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FrameBuffer({} bytes)", self.bytes.len())
    }
}

/// What came on a stream is no message.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum FrameError {
    /// A length above [`MAX_MESSAGE_BYTES`].
    #[error("a message of {bytes} bytes was announced, more than {MAX_MESSAGE_BYTES}")]
    TooLong {
        /// The length.
        bytes: usize,
    },
    /// The bytes of that length are no message.
    #[error(transparent)]
    Message(#[from] DecodeError),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Field, Mti, mti::InvalidMti};

    fn echo(stan: &str) -> Message {
        Message::new(Mti::NETWORK_REQUEST).with(Field::STAN, stan).unwrap()
    }

    #[test]
    fn a_message_that_comes_byte_by_byte_is_read_when_it_is_whole() {
        let (framed, mut buffer) = (frame(&echo("000001")), FrameBuffer::new());
        let (last, before) = framed.split_last().unwrap();
        for byte in before {
            buffer.unfilled().push(*byte);
            assert_eq!(buffer.next_message(), Ok(None));
        }
        buffer.unfilled().push(*last);
        assert_eq!(buffer.next_message(), Ok(Some(echo("000001"))));
        assert!(buffer.is_empty());
    }

    #[test]
    fn two_messages_that_come_at_once_are_read_one_after_the_other() {
        let mut buffer = FrameBuffer::new();
        buffer.unfilled().extend_from_slice(&frame(&echo("000001")));
        buffer.unfilled().extend_from_slice(&frame(&echo("000002")));
        assert_eq!(buffer.next_message(), Ok(Some(echo("000001"))));
        assert_eq!(buffer.next_message(), Ok(Some(echo("000002"))));
        assert_eq!(buffer.next_message(), Ok(None));
    }

    #[test]
    fn bytes_that_are_no_message_are_refused_by_the_rule_they_break() {
        let too_long = u16::try_from(MAX_MESSAGE_BYTES + 1).unwrap();
        for (bytes, error) in [
            (too_long.to_be_bytes().to_vec(), FrameError::TooLong { bytes: MAX_MESSAGE_BYTES + 1 }),
            (vec![0, 2, b'0', b'1'], FrameError::Message(DecodeError::Mti(InvalidMti::CutShort))),
        ] {
            let mut buffer = FrameBuffer::new();
            buffer.unfilled().extend_from_slice(&bytes);
            assert_eq!(buffer.next_message(), Err(error));
        }
    }

    #[test]
    fn a_length_of_zero_is_passed_over_wherever_it_stands() {
        let mut buffer = FrameBuffer::new();
        let (first, second) = (frame(&echo("000001")), frame(&echo("000002")));
        for bytes in [[0; 4].as_slice(), &first, &[0; 2], &second, &[0; 3]] {
            buffer.unfilled().extend_from_slice(bytes);
        }
        assert_eq!(buffer.next_message(), Ok(Some(echo("000001"))));
        assert_eq!(buffer.next_message(), Ok(Some(echo("000002"))));
        assert_eq!(buffer.next_message(), Ok(None));
        // Half of a length is left.
        assert!(!buffer.is_empty());
    }

    #[test]
    fn a_message_that_breaks_a_rule_leaves_the_next_one_whole() {
        let mut buffer = FrameBuffer::new();
        buffer.unfilled().extend_from_slice(b"\0\x05HTTP/");
        buffer.unfilled().extend_from_slice(&frame(&echo("000001")));
        assert_eq!(
            buffer.next_message(),
            Err(FrameError::Message(DecodeError::Mti(InvalidMti::NotDigits)))
        );
        assert_eq!(buffer.next_message(), Ok(Some(echo("000001"))));
    }

    #[test]
    fn the_longest_message_fits_the_buffer() {
        let longest =
            Field::ALL.iter().fold(Message::new(Mti::AUTHORIZATION_REQUEST), |message, field| {
                let mut value = vec![b'0'; field.length().max()];
                if field.content() == crate::Content::XN {
                    value[0] = b'C';
                }
                message.with(*field, value).unwrap()
            });
        assert_eq!(longest.encode().len(), MAX_MESSAGE_BYTES);
        let mut buffer = FrameBuffer::new();
        let room = buffer.unfilled().capacity();
        buffer.unfilled().extend_from_slice(&frame(&longest));
        assert_eq!(buffer.unfilled().capacity(), room);
        assert_eq!(buffer.next_message(), Ok(Some(longest)));
    }
}
