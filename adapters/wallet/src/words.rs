//! The words of the wallets: `locales/LANGUAGE/page.ftl`, and behind them those that all flows share.

use countersign_web::words::Words;

fluent_templates::static_loader! {
    static FILES = {
        locales: "./locales",
        fallback_language: "en",
        // The marks would be copied with a text, and are not needed for left-to-right scripts.
        customise: |bundle| bundle.set_use_isolating(false),
    };
}

/// The wallets' words.
pub(crate) static WORDS: Words = Words::new(&FILES);
