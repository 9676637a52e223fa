//! People with wallets at the intermediation server (figure 12): opening, paying in, buying at the shop.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::time::sleep;

use crate::driver::{Browser, Wanted};

/// The words by which a page is known, in one language.
struct Words {
    price: &'static str,
    not_enough: &'static str,
    hundred: &'static str,
    wrong_code: &'static str,
    paid: &'static str,
}

const ENGLISH: Words = Words {
    price: "8.90\u{a0}EUR",
    not_enough: "There is not enough in the wallet",
    hundred: "100.00\u{a0}EUR",
    wrong_code: "This is not the code",
    paid: "8.90\u{a0}EUR to Librairie Dupont.",
};

const FRENCH: Words = Words {
    price: "8,90\u{a0}EUR",
    not_enough: "Le portefeuille n'est pas assez approvisionné",
    hundred: "100,00\u{a0}EUR",
    wrong_code: "Ce n’est pas le code",
    paid: "8,90\u{a0}EUR à Librairie Dupont.",
};

impl Browser {
    pub(crate) async fn seen(&self, screen: &str, name: &str) {
        self.must_say_each_thing_once(&format!("{name}, {screen}")).await;
        self.must_be_accessible(&format!("{name}, {screen}")).await;
        self.picture(&format!("{screen}-{}", name.replace([' ', ','], "-"))).await;
    }

    /// The code of the message with the reference that stands on this page.
    pub(crate) async fn code_beside(&self) -> String {
        let said = self.find("#code-reference").await.text().await.unwrap();
        let mut words = said.split_whitespace().skip_while(|word| !matches!(*word, "ref" | "réf"));
        let reference = words.nth(1).map(|word| word.trim_end_matches('.').to_owned());
        let reference = reference.unwrap_or_else(|| unreachable!("no reference in {said}"));
        let here = self.client.window().await.unwrap();
        let phone = self.client.new_window(true).await.unwrap();
        self.client.switch_to_window(phone.handle).await.unwrap();
        self.visit(&format!("/phones/{}", self.sandbox.person().number)).await;
        let script = "const beside = [...document.querySelectorAll('.bubble')].find((one) => \
                      one.innerText.includes(`f ${arguments[0]},`)); \
                      return beside ? beside.querySelector('b').innerText : ''";
        let end = Instant::now() + Duration::from_secs(20);
        let code = loop {
            let code = self.run(script, vec![json!(reference)]).await;
            match code.as_str() {
                Some(code) if !code.is_empty() => break code.to_owned(),
                _ => assert!(Instant::now() < end, "no message with {reference}"),
            }
            sleep(Duration::from_millis(100)).await;
        };
        self.client.close_window().await.unwrap();
        self.client.switch_to_window(here).await.unwrap();
        code
    }

    async fn type_code(&self) {
        let code = self.code_beside().await;
        self.type_into("#code", &code).await;
        self.click("#code ~ button").await;
    }

    /// The shop hands its ticket to the wallets' page.
    async fn buy_from_wallet(&self, price: &str) {
        self.visit("/shop").await;
        self.click("input[value=book] ~ button[formaction='/by-wallet']").await;
        self.reads(price).await;
        self.reads("Librairie Dupont").await;
    }
}

impl Browser {
    /// At a ticket, for which a wallet is opened.
    async fn open_at_a_ticket(&self, words: &Words, screen: &str) {
        let number = self.sandbox.person().number.clone();
        self.buy_from_wallet(words.price).await;
        self.seen(screen, "a ticket of somebody unknown").await;
        let ticket = self.client.current_url().await.unwrap();
        self.client.goto(ticket.join("/nowhere").unwrap().as_str()).await.unwrap();
        self.find("main a[href='/']").await;
        self.seen(screen, "nowhere at the wallets").await;
        self.client.goto(ticket.as_str()).await.unwrap();
        self.click("a[href^='/open?ticket=']").await;
        self.find("#number").await;
        self.seen(screen, "opening a wallet").await;
        self.type_into("#identifier", "alice").await;
        self.type_into("#number", "0639").await;
        self.type_into("#name", "Daily").await;
        self.click("main form button").await;
        self.find("#problem + #number[aria-invalid]").await;
        self.seen(screen, "opening a wallet, refused").await;
        self.find("#number").await.clear().await.unwrap();
        self.type_into("#number", &number).await;
        self.click("main form button").await;
        self.find("#code").await;
        self.seen(screen, "the code of an opening").await;
        self.type_code().await;
    }

    /// The wallet is empty: a card is tied, to pay in from.
    async fn tie_a_card(&self, words: &Words, screen: &str) {
        let card = self.sandbox.person().card.clone();
        // Back at the ticket, with an empty wallet.
        self.find("input[name=source]").await;
        self.seen(screen, "a ticket").await;
        self.click("main form button").await;
        self.reads(words.not_enough).await;
        self.seen(screen, "a ticket, refused").await;
        self.click("main a[href='/']").await;
        self.find("a[href='/cards']").await;
        self.seen(screen, "wallets").await;
        self.click("a[href='/cards']").await;
        self.type_into("#name", "Blue").await;
        self.paste_into("#card_number", &grouped(&card.number, "\u{2009}")).await;
        let (year, month) = card.expiry.split_once('-').unwrap();
        self.paste_into("#card_expiry", &format!("{month}\u{a0}/\u{a0}{year}")).await;
        self.click("form[action='/cards'] button").await;
        self.find("form[action$='/untie']").await;
        self.seen(screen, "cards").await;
    }

    /// A hundred euros, with the code.
    async fn pay_in(&self, words: &Words, screen: &str) {
        self.click("main a[href='/']").await;
        self.click("main a[href^='/wallets/']").await;
        self.type_into("#pay-in-amount", "100").await;
        self.click("form[action$='/pay-in'] button").await;
        self.find("#code").await;
        self.seen(screen, "the code of paying in").await;
        self.type_code().await;
        self.reads(words.hundred).await;
        self.find("section.done").await;
        self.seen(screen, "paid in").await;
        self.click("main a[href^='/wallets/']").await;
        self.find("a[href^='/transfers/']").await;
        self.seen(screen, "a wallet").await;
    }

    /// A book, with the code; its receipt is handed in, and once more.
    async fn buy(&self, words: &Words, screen: &str) {
        self.buy_from_wallet(words.price).await;
        self.find("input[name=source]").await;
        self.click("main form button").await;
        self.find("#code").await;
        self.seen(screen, "the code of a payment").await;
        self.type_into("#code", "0000000000").await;
        self.click("#code ~ button").await;
        self.reads(words.wrong_code).await;
        self.seen(screen, "a wrong code of a payment").await;
        self.type_code().await;
        self.reads(words.paid).await;
        self.seen(screen, "a ticket that is paid").await;
        self.click("form[action$='/delivered'] button").await;
        self.reads("Here is Le Petit Prince").await;
        self.seen(screen, "delivered").await;

        // The receipt is good for ever, and taken once.
        self.client.back().await.unwrap();
        self.click("form[action$='/delivered'] button").await;
        self.reads("the ticket was delivered before").await;
    }
}

/// As it is printed on a card: in groups of four.
pub(crate) fn grouped(number: &str, between: &str) -> String {
    let groups = number.as_bytes().chunks(4).map(String::from_utf8_lossy);
    groups.collect::<Vec<_>>().join(between)
}

/// From no wallet at all to a book that is delivered, with each page looked at.
async fn opens_pays_in_and_buys(wanted: Wanted, words: &Words, screen: &str) {
    let browser = Browser::open(wanted).await;
    browser.open_at_a_ticket(words, screen).await;
    browser.tie_a_card(words, screen).await;
    browser.pay_in(words, screen).await;
    browser.buy(words, screen).await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_book_is_bought_from_a_wallet_that_was_opened_for_it() {
    opens_pays_in_and_buys(Wanted::default(), &ENGLISH, "wallets-wide").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_book_is_bought_in_english_on_a_narrow_phone() {
    let wanted = Wanted { width: 390, ..Wanted::default() };
    opens_pays_in_and_buys(wanted, &ENGLISH, "wallets-narrow").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_book_is_bought_in_french_on_a_narrow_dark_phone() {
    let wanted = Wanted { width: 390, dark: true, languages: "fr-FR,fr", ..Wanted::default() };
    opens_pays_in_and_buys(wanted, &FRENCH, "wallets-narrow-dark").await;
}
