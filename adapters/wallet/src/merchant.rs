//! The merchant's side: make a ticket, check a receipt without asking anybody, take it once.

use std::{
    fs::{File, OpenOptions, create_dir_all},
    io::{self, Write as _},
    path::PathBuf,
};

use countersign_domain::{amount::Amount, origin::Origin, time::Timestamp, transaction::Reference};
use thiserror::Error;

use crate::{
    error::MessageRefusal,
    jws::{KeyFault, PublicKey, SigningKey, Unverified},
    message::{Goods, MerchantNumber, Receipt, Ticket, Token},
};

/// How long a ticket of ours is good for, in seconds: as long as a shop keeps a basket reserved.
const LIFE_SECONDS: u32 = 15 * 60;

/// What a merchant needs: its number and key, and those of the server.
#[derive(Clone, Debug)]
pub struct Till {
    /// The merchant's number.
    pub merchant: MerchantNumber,
    /// What its tickets are signed with.
    pub key: SigningKey,
    /// The server's name.
    pub server: Origin,
    /// What the server signs receipts with, and has signed them with: a receipt is good for ever.
    pub server_keys: Vec<PublicKey>,
}

/// What somebody wants to buy.
#[derive(Clone, Debug)]
pub struct Order {
    /// The ticket's number: none that was used before.
    pub number: Token,
    /// What is to be paid.
    pub amount: Amount,
    /// The merchant's own name for it.
    pub reference: Reference,
    /// What is bought.
    pub goods: Goods,
}

/// Why nothing is delivered for a receipt.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum NotDelivered {
    /// The receipt or the ticket is refused.
    #[error(transparent)]
    Message(#[from] MessageRefusal),
    /// The receipt is for another ticket, or not for all of it.
    #[error("the receipt is for another ticket")]
    OtherTicket,
    /// The ticket was delivered before.
    #[error("the ticket was delivered before")]
    Taken,
    /// Nobody knows whether it was: it is not delivered now.
    #[error("cannot note what is delivered: {0}")]
    Unknown(io::ErrorKind),
}

impl Till {
    /// A ticket for that order, good for a quarter of an hour.
    pub fn ticket(&self, order: Order, now: Timestamp) -> Ticket {
        Ticket {
            iss: self.merchant.clone(),
            aud: self.server.clone(),
            jti: order.number,
            iat: now.into(),
            exp: now.plus_seconds(LIFE_SECONDS).into(),
            amount_minor: order.amount.into(),
            currency: order.amount.currency(),
            reference: order.reference,
            goods: order.goods,
        }
    }

    /// The ticket signed, for the client to pay (GRT1).
    ///
    /// # Errors
    /// When there is no randomness for the signature.
    pub fn sign(&self, ticket: &Ticket) -> Result<String, KeyFault> {
        self.key.sign(ticket)
    }

    /// Checks a receipt (GPT4) against the ticket that was signed for the client, which the client may have kept: it is this
    /// merchant's own. Gives the ticket, which says what to deliver.
    ///
    /// # Errors
    /// [`NotDelivered::Message`] and [`NotDelivered::OtherTicket`].
    pub fn check(
        &self,
        receipt: &str,
        ticket: &str,
        now: Timestamp,
    ) -> Result<Ticket, NotDelivered> {
        let Self { merchant, server, server_keys, .. } = self;
        let ticket =
            Ticket::verified(Unverified::read(ticket)?, merchant, self.key.public(), server)?;
        let receipt = Unverified::read(receipt)?;
        let known = server_keys.iter().find(|key| key.id() == receipt.kid());
        let known = known.ok_or(MessageRefusal::UnknownKey)?;
        let receipt = Receipt::verified(receipt, server, known, merchant, now)?;
        let paid = (&receipt.ticket, receipt.amount_minor, receipt.currency);
        let asked = (&ticket.message.jti, ticket.message.amount_minor, ticket.message.currency);
        if receipt.ticket_sha256 != ticket.digest || paid != asked {
            return Err(NotDelivered::OtherTicket);
        }
        Ok(ticket.message)
    }
}

/// A folder with a file for each ticket that was delivered.
#[derive(Clone, Debug)]
pub struct Delivered(PathBuf);

impl Delivered {
    /// What is noted in that folder, which is made if need be.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn in_folder(folder: impl Into<PathBuf>) -> io::Result<Self> {
        let folder = folder.into();
        create_dir_all(&folder)?;
        Ok(Self(folder))
    }

    /// Notes that a ticket is delivered; after `Ok`, and after nothing else, deliver. Of two at once, one is told so.
    ///
    /// # Errors
    /// [`NotDelivered::Taken`], and when the disk fails.
    pub fn take(&self, ticket: &Ticket) -> Result<(), NotDelivered> {
        self.note(ticket).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => NotDelivered::Taken,
            other => NotDelivered::Unknown(other),
        })
    }

    /// Durable before it returns: the file, and its name in the folder.
    fn note(&self, ticket: &Ticket) -> io::Result<()> {
        let place = self.0.join(ticket.jti.as_str());
        let mut file = OpenOptions::new().write(true).create_new(true).open(place)?;
        file.write_all(ticket.reference.as_str().as_bytes())?;
        file.sync_all()?;
        File::open(&self.0)?.sync_all()
    }
}
