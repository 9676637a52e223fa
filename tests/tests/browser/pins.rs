//! The PIN beside the code, on a telephone's screen, under the profile psd2.

use countersign_domain::policy::Profile;
use serde_json::json;

use crate::driver::{Browser, Wanted};

/// What the page says, in one language.
struct Words {
    language: &'static str,
    label: &'static str,
    hint: &'static str,
    guessed: &'static str,
    set: &'static str,
    wrong: &'static str,
    paid: &'static str,
}

const ENGLISH: Words = Words {
    language: "en",
    label: "PIN or password",
    hint: "The one that only you know",
    guessed: "guessed first",
    set: "Your PIN was set",
    wrong: "Code or PIN is not right",
    paid: "8.90\u{a0}EUR to Librairie Dupont.",
};

const FRENCH: Words = Words {
    language: "fr-FR,fr",
    label: "Code PIN ou mot de passe",
    hint: "Celui que vous seul connaissez",
    guessed: "devine",
    set: "Votre code PIN a été défini",
    wrong: "Le code ou le code PIN n’est pas juste",
    paid: "8,90\u{a0}EUR à Librairie Dupont.",
};

impl Browser {
    /// Whether the field is one for the browser's own password store, named and explained, which types no capital and asks
    /// nobody about its spelling.
    async fn must_be_for_pins(&self, id: &str, autocomplete: &str) {
        let script = "const it = document.getElementById(arguments[0]); \
                      return [it.type, it.autocomplete, it.autocapitalize, it.spellcheck, it.inputMode, it.maxLength, \
                      it.labels.length, document.getElementById(it.getAttribute('aria-describedby')) !== null]";
        let found = self.run(script, vec![json!(id)]).await;
        let wanted = json!(["password", autocomplete, "none", false, "", -1, 1, true]);
        assert_eq!(found, wanted, "{id}");
    }

    async fn invalid(&self) -> serde_json::Value {
        let script =
            "return [...document.querySelectorAll('[aria-invalid=true]')].map((one) => one.id)";
        self.run(script, vec![]).await
    }

    /// Says who pays, and gets the code.
    async fn code_of_alice(&self) -> String {
        self.type_into("#user_id", "alice").await;
        self.type_into("#user_id", "\u{e007}").await;
        self.code_beside().await
    }
}

async fn a_pin_is_set_mistyped_and_pays(words: Words) {
    let Words { language, label, hint, .. } = words;
    let profile = Some(Profile::Psd2);
    let wanted = Wanted { width: 390, languages: language, profile, ..Wanted::default() };
    let browser = Browser::open(wanted).await;
    let seen = async |name: &str| {
        browser.must_be_accessible(&format!("{name}, {language}")).await;
        browser.picture(&format!("{language}-{name}")).await;
    };
    browser.visit("/shop").await;
    browser.click("input[value=book] + button").await;
    let code = browser.code_of_alice().await;
    let page = browser.reads(label).await;
    assert!(page.contains(hint), "{page}");
    browser.must_be_for_pins("pin", "current-password").await;
    browser.must_be_for_pins("new_pin", "new-password").await;
    seen("pin").await;

    browser.type_into("#code", &code).await;
    browser.click("details summary").await;
    seen("pin-new").await;
    browser.type_into("#new_pin", "123456").await;
    browser.click("#code ~ button").await;
    browser.reads(words.guessed).await;
    assert_eq!(browser.invalid().await, json!(["new_pin"]));
    // What is wrong is in view: nobody has to open it again.
    assert!(browser.find("#new_pin").await.is_displayed().await.unwrap());
    seen("pin-guessed").await;
    browser.type_into("#code", &code).await;
    browser.type_into("#new_pin", "283915").await;
    browser.click("#code ~ button").await;
    browser.reads(words.set).await;
    seen("pin-set").await;

    let code = browser.code_of_alice().await;
    browser.type_into("#code", &code).await;
    browser.type_into("#pin", "283916").await;
    browser.click("#code ~ button").await;
    browser.reads(words.wrong).await;
    // Neither says which it was.
    assert_eq!(browser.invalid().await, json!(["code", "pin"]));
    seen("pin-wrong").await;
    browser.type_into("#code", &code).await;
    browser.type_into("#pin", "283915").await;
    browser.click("#code ~ button").await;
    browser.reads(words.paid).await;
    seen("pin-paid").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pin_is_set_mistyped_and_pays_in_english() {
    a_pin_is_set_mistyped_and_pays(ENGLISH).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pin_is_set_mistyped_and_pays_in_french() {
    a_pin_is_set_mistyped_and_pays(FRENCH).await;
}
