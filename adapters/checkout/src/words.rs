//! The words of the checkout's page: `locales/LANGUAGE/page.ftl`, and behind them those that all flows share.

use countersign_web::words::Words;

fluent_templates::static_loader! {
    static FILES = {
        locales: "./locales",
        fallback_language: "en",
        // The marks would be copied with an amount, and are not needed for left-to-right scripts.
        customise: |bundle| bundle.set_use_isolating(false),
    };
}

/// The checkout's words.
pub(crate) static WORDS: Words = Words::new(&FILES);

#[cfg(test)]
mod tests {
    use countersign_web::words::{FluentValue, Language};

    use super::*;

    #[test]
    fn a_flow_says_its_own_words_and_those_that_all_share() {
        let french = Language::known("fr").unwrap();
        let payee = [("payee", FluentValue::from("Librairie Dupont"))];
        assert_eq!(WORDS.say(&french, "title", &payee), "Payer Librairie Dupont");
        assert_eq!(WORDS.say(&french, "type-code", &[]), "Tapez le code");
    }
}
