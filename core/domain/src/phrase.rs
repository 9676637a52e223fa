//! What messages say, without the words.

use crate::{amount::Amount, locale::Locale};

/// One thing that a message to a phone says. It may hold the code, so that it cannot be printed.
#[derive(Clone, Copy)]
pub enum Phrase<'a> {
    /// That an amount is paid to somebody. It comes first, and cannot be left out (RTS art. 5(1)(a)).
    Pay {
        /// In minor units of its currency.
        amount: Amount,
        /// To whom.
        payee: &'a str,
    },
    /// That more is bought than is listed.
    More {
        /// How many kinds of goods.
        count: usize,
    },
    /// That somebody is let in.
    Access {
        /// The service, by the name that the person knows.
        to: &'a str,
    },
    /// That a certificate is issued.
    Certificate {
        /// In which name.
        name: &'a str,
    },
    /// That a document is agreed to.
    Document {
        /// Its title.
        title: &'a str,
    },
    /// The code.
    Code {
        /// Its digits.
        code: &'a str,
        /// By which this message is told from others, and which stands beside the code's field.
        reference: &'a str,
        /// For how long it is good.
        minutes: u32,
    },
    /// That no code is accepted for a while, as too many wrong ones were typed.
    Blocked {
        /// For how long.
        minutes: u32,
    },
    /// What to do when it is not one's own, or not this amount.
    AdviceOnAmount,
    /// What to do when it is not one's own.
    Advice,
}

/// The words of messages, in the languages that there are.
pub trait Words: Send + Sync {
    /// The phrase in that language, or in English when there are no words in it.
    fn say(&self, locale: &Locale, phrase: Phrase<'_>) -> String;
}
