//! The members without which no property of the model falls, and why each is there all the same. A member that comes to the
//! table needs a property or a reason; one that got a property loses its reason.

/// Message, member, reason.
pub(crate) const REASONS: &[(&str, &str, &str)] = &[
    (
        "Ticket",
        "iss",
        "the signature names the merchant, and so does the receipt (the attack without either is among the questions)",
    ),
    ("Ticket", "iat", TIME),
    ("Ticket", "exp", TIME),
    (
        "PaymentRequest",
        "nonce",
        "a request that is sent again is not another one: the model does not count",
    ),
    ("ChallengeStarted", "payment", ANSWERED),
    ("ChallengeStarted", "ticket_sha256", ANSWERED),
    ("ChallengeStarted", "phone", "shown to people"),
    ("ChallengeStarted", "expires", TIME),
    ("ChallengeStarted", "pin", PIN),
    ("CodeTyped", "payment", LINKED),
    ("CodeTyped", "ticket_sha256", LINKED),
    ("CodeTyped", "merchant", LINKED),
    ("CodeTyped", "amount_minor", LINKED),
    ("CodeTyped", "currency", LINKED),
    ("CodeTyped", "pin", PIN),
    ("CodeTyped", "new_pin", PIN),
    ("Receipt", "iss", "the signature names the server"),
    ("Receipt", "jti", "for people's books; the ticket's number names what is paid"),
    ("Receipt", "iat", TIME),
    ("Receipt", "elements", "says how the payer was asked; what is proved holds whatever it says"),
];

const TIME: &str = "the model knows no time; the program compares it with its clock, or shows it";
const PIN: &str = "a second element beside the code: what is proved holds without it";
const ANSWERED: &str = "the answer comes by the connection of its request, which has the ticket";
const LINKED: &str = "the code is linked to it by itself; a page that shows something else than is paid has its code refused";
