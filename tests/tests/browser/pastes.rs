//! Codes, cards and dates as keyboards, messengers and autofill give them, from the clipboard: what limits a field acts as
//! it does on people.

use crate::{
    driver::{Browser, Wanted},
    wallets::grouped,
};

/// The same digits of another script, from that zero on.
fn in_script(digits: &str, zero: char) -> String {
    let of = |digit: char| {
        char::from_u32(u32::from(zero) + digit.to_digit(10).unwrap_or_default()).unwrap_or(digit)
    };
    digits.chars().map(|c| if c.is_ascii_digit() { of(c) } else { c }).collect()
}

/// With that between any two.
fn spaced(digits: &str, between: &str) -> String {
    digits.split("").filter(|digit| !digit.is_empty()).collect::<Vec<_>>().join(between)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_is_taken_as_it_is_pasted_and_a_whole_message_is_refused_without_a_try() {
    let browser = Browser::open(Wanted::default()).await;
    let forms: [fn(&str) -> String; 4] = [
        |code| format!("\u{202d}{}\u{202c}\u{200b}", in_script(code, '\u{ff10}')),
        |code| in_script(&format!("{}\u{2013}{}\t", &code[..4], &code[4..]), '\u{660}'),
        |code| format!("\u{200e}\u{feff}{}\u{a0}", spaced(code, "\u{2009}")),
        |code| format!("{}\u{202f}\u{2060}{}", &code[..3], &code[3..]),
    ];
    for form in forms {
        browser.order().await;
        browser.pay_as_alice().await;
        let code = browser.code_beside().await;
        for other in ["Code 12345678, ref ABCD, 5 min.", "12345678 ref ABCD"] {
            browser.send_code(other).await;
            browser.reads("Type the digits of the code alone").await;
            browser.reads("3 attempts left").await;
        }
        browser.send_code(&form(&code)).await;
        browser.reads("8.90\u{a0}EUR to Librairie Dupont.").await;
    }
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_card_is_taken_as_it_is_pasted_and_a_year_is_never_cut() {
    let browser = Browser::open(Wanted::default()).await;
    let card = browser.sandbox.person().card.clone();
    let (year, month) = card.expiry.split_once('-').unwrap();
    let short = &year[2..];
    let forms = [
        (grouped(&card.number, "-"), format!("{month}/{year}")),
        (grouped(&card.number, "\u{a0}"), format!("{month} / {short}")),
        (spaced(&card.number, "\u{2009}"), format!("{year}-{month}")),
        (
            format!("\u{202d}{}\u{202c}", grouped(&card.number, "\u{202f}")),
            format!("\u{200e}{month}\u{a0}/\u{a0}{year}"),
        ),
        (in_script(&card.number, '\u{ff10}'), in_script(&format!("{month}/{short}"), '\u{ff10}')),
        (
            in_script(&grouped(&card.number, "\u{200b} "), '\u{660}'),
            in_script(&format!("{month} \u{2060}/ {year}"), '\u{660}'),
        ),
    ];
    for (number, expiry) in forms {
        browser.order().await;
        browser.paste_into("#card_number", &number).await;
        browser.paste_into("#card_expiry", &expiry).await;
        browser.click("#card_expiry ~ button").await;
        browser.find("#code").await;
        // A card of another year is nobody's: no message would come.
        let code = browser.code_beside().await;
        browser.send_code(&code).await;
        browser.reads("8.90\u{a0}EUR to Librairie Dupont.").await;
    }

    browser.order().await;
    for (expiry, why) in
        [("13/35", "MM/YY"), ("12/20355", "MM/YY"), ("12/5", "MM/YY"), ("2035", "MM/YY")]
    {
        browser.paste_into("#card_number", &card.number).await;
        browser.paste_into("#card_expiry", expiry).await;
        browser.click("#card_expiry ~ button").await;
        browser.find("#problem + #card_expiry[aria-invalid=true]").await;
        browser.reads(why).await;
    }
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn browsers_and_phones_know_what_each_field_is_for() {
    let browser = Browser::open(Wanted::default()).await;
    let attributes = async |fields: &[(&str, &str)]| {
        for (field, purpose) in fields {
            let input = browser.find(field).await;
            assert_eq!(
                input.attr("autocomplete").await.unwrap().as_deref(),
                Some(*purpose),
                "{field}"
            );
            // What cuts what is pasted, or forbids what the server takes.
            assert_eq!(input.attr("pattern").await.unwrap(), None, "{field}");
        }
    };
    browser.order().await;
    let card =
        [("#user_id", "username"), ("#card_number", "cc-number"), ("#card_expiry", "cc-exp")];
    attributes(&card).await;
    browser.pay_as_alice().await;
    attributes(&[("#code", "one-time-code")]).await;
    browser.client.goto(&format!("{}/open", browser.sandbox.wallets_url())).await.unwrap();
    attributes(&[("#identifier", "username"), ("#number", "tel"), ("#name", "off")]).await;
    browser.close().await;
}
