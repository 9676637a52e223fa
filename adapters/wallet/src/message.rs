//! The messages of the exchange (F12.2 to F12.6): what the wire holds in, valid types out.
//!
//! ```text
//!   merchant 1202                client 1201                    server 1203          phone 1204
//!      |--- Ticket (GRT1), signed --->|                              |                    |
//!      |                              |--- PaymentRequest (GRT2) --->| holds the amount   |
//!      |                              |<--- ChallengeStarted (CAC) --|------ code ------->|
//!      |                              |--- CodeTyped (CAR) --------->| debits, once       |
//!      |                              |<--- Receipt (GPT3), signed --|                    |
//!      |<--- Receipt (GPT4) ----------|                              |                    |
//!      | verifies it offline, takes it once, delivers                |                    |
//! ```

pub mod registration;
mod value;

use countersign_domain::{
    amount::{Amount, Currency},
    digest::Sha256Digest,
    invalid::InvalidInput,
    origin::Origin,
    response::Response,
    time::Timestamp,
    transaction::{Payee, Reference, Transaction},
};

pub(crate) use self::value::response;
pub use self::value::{
    CardId, CardName, Code, Compact, Elements, Goods, Item, MerchantNumber, Minor, Pin, PinAsked,
    PurchaseId, Quantity, ReceiptNumber, Seconds, Shown, Source, Token, WalletName, WalletNumber,
};
use crate::{
    error::MessageRefusal,
    jws::{Authentic, PublicKey, Unverified},
    table::messages,
};

messages! {
    /// What a merchant wants to be paid for.
    Ticket = "GRT1" by Merchant signed as "countersign-ticket+jws" {
        /// The merchant's number.
        iss: MerchantNumber as Merchant,
        /// The server that is to take the money.
        aud: Origin as Server,
        /// The ticket's number, of which the merchant makes no second.
        jti: Token as Ticket,
        /// When it was made.
        iat: Seconds as Time,
        /// From when on no payment of it begins.
        exp: Seconds as Time,
        /// How much is to be paid, in minor units.
        amount_minor: Minor as Amount,
        /// The currency of it.
        currency: Currency as Amount,
        /// The merchant's reference of the order.
        reference: Reference as Order,
        /// What is bought.
        goods: Goods as Order,
    }

    /// A ticket, passed on with what is to pay for it.
    PaymentRequest = "GRT2" by Client {
        /// The ticket, unchanged.
        ticket: Compact as Ticket,
        /// Wallet or card, by the client's choice.
        source: Source as Source,
        /// Tells a request that is sent again from another one.
        nonce: Token as Itself,
    }

    /// The client is asked for the code that is on its way to the phone.
    ChallengeStarted = "CAC" by Server {
        /// The payment that it is for.
        payment: PurchaseId as Payment,
        /// The digest of the ticket.
        ticket_sha256: Sha256Digest as Ticket,
        /// The phone's number, masked.
        phone: Shown as Shown,
        /// What stands in the message, too, and is to be compared.
        short_reference: Shown as Shown,
        /// From when on no code is accepted.
        expires: Seconds as Time,
        [optional] /// What is asked for beside the code, where anything is.
        pin: PinAsked as Shown,
    }

    /// The code, joined to what it is for (IS).
    CodeTyped = "CAR" by Client {
        /// The payment that is agreed to.
        payment: PurchaseId as Payment,
        /// The digest of the ticket.
        ticket_sha256: Sha256Digest as Ticket,
        /// The merchant that is to be paid.
        merchant: MerchantNumber as Merchant,
        /// How much is to be paid, in minor units.
        amount_minor: Minor as Amount,
        /// The currency of it.
        currency: Currency as Amount,
        /// As typed.
        code: Code as Code,
        [optional] /// As typed, where it is asked for beside the code.
        pin: Pin as Pin,
        [optional] /// To be set with the code, where that is offered: nothing else is done with it.
        new_pin: Pin as Pin,
    }

    /// Proof for a merchant that its ticket is paid.
    Receipt = "GPT3, GPT4" by Server signed as "countersign-receipt+jws" {
        /// The server that took the money.
        iss: Origin as Server,
        /// The merchant that it is for.
        aud: MerchantNumber as Merchant,
        /// The receipt's number.
        jti: ReceiptNumber as Receipt,
        /// When the ticket was paid.
        iat: Seconds as Time,
        /// The ticket's number, by which the merchant finds it.
        ticket: Token as Ticket,
        /// The digest of the ticket.
        ticket_sha256: Sha256Digest as Ticket,
        /// How much was paid, in minor units.
        amount_minor: Minor as Amount,
        /// The currency of it.
        currency: Currency as Amount,
        [optional] /// What was proved of the payer; a receipt of a server that does not say so has none.
        elements: Elements as Shown,
    }
}

impl CodeTyped {
    /// What was typed back.
    ///
    /// # Errors
    /// When one of it cannot be what it is to be.
    pub fn response(&self) -> Result<Response, InvalidInput> {
        response(&self.code, self.pin.as_ref(), self.new_pin.as_ref())
    }
}

impl Ticket {
    /// A ticket that the merchant of that key signed, for that server, good for no longer than a day. Whether it can be paid
    /// now is another question.
    ///
    /// # Errors
    /// The refusal, by the order of [`MessageRefusal`].
    pub fn verified(
        unverified: Unverified<'_, Self>,
        merchant: &MerchantNumber,
        key: &PublicKey,
        server: &Origin,
    ) -> Result<Authentic<Self>, MessageRefusal> {
        let authentic = unverified.verify(key)?;
        let Self { iss, aud, iat, exp, .. } = &authentic.message;
        if iss != merchant {
            return Err(MessageRefusal::Issuer);
        }
        if aud != server {
            return Err(MessageRefusal::Audience);
        }
        let life_seconds = exp.get().checked_sub(iat.get());
        if life_seconds.is_none_or(|life| !(1..=MAX_TICKET_SECONDS).contains(&life)) {
            return Err(MessageRefusal::Validity);
        }
        Ok(authentic)
    }

    /// A payment of it can begin now.
    ///
    /// # Errors
    /// [`MessageRefusal::FromFuture`], [`MessageRefusal::Expired`].
    pub fn check_time(&self, now: Timestamp) -> Result<(), MessageRefusal> {
        check_not_from_future(self.iat, now)?;
        if self.exp.get() <= now.unix_seconds() {
            return Err(MessageRefusal::Expired);
        }
        Ok(())
    }

    /// What the payer agrees to. The payee's name is the one that the server knows, whatever a ticket may say.
    pub(crate) fn transaction(&self, payee: Payee) -> Result<Transaction, InvalidInput> {
        let amount = Amount::new(self.amount_minor.get(), self.currency)?;
        Transaction::new(amount, payee, self.reference.clone(), self.goods.items())
    }
}

impl Receipt {
    /// A receipt that the server of that key signed, for that merchant, not of tomorrow.
    ///
    /// # Errors
    /// The refusal, by the order of [`MessageRefusal`].
    pub fn verified(
        unverified: Unverified<'_, Self>,
        server: &Origin,
        key: &PublicKey,
        merchant: &MerchantNumber,
        now: Timestamp,
    ) -> Result<Self, MessageRefusal> {
        let receipt = unverified.verify(key)?.message;
        if receipt.iss != *server {
            return Err(MessageRefusal::Issuer);
        }
        if receipt.aud != *merchant {
            return Err(MessageRefusal::Audience);
        }
        check_not_from_future(receipt.iat, now)?;
        Ok(receipt)
    }
}

fn check_not_from_future(made: Seconds, now: Timestamp) -> Result<(), MessageRefusal> {
    if made.get() > now.unix_seconds().saturating_add(SKEW_SECONDS) {
        return Err(MessageRefusal::FromFuture);
    }
    Ok(())
}

/// How far the clocks of merchant and server may be apart, in seconds.
pub const SKEW_SECONDS: u64 = 60;

/// How long a ticket may be good for, in seconds: a day.
pub const MAX_TICKET_SECONDS: u64 = 86_400;
