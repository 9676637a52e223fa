//! Somebody enrols for a certificate on the authority's page.

use crate::{
    driver::{Browser, Wanted},
    town::{NUMBER, Town},
};

struct Words {
    number: &'static str,
    code: &'static str,
    wrong: &'static str,
    short: &'static str,
}

/// Up to a code that is wrong, on a page that all can use, with not a word of an amount.
async fn enrols(languages: &'static str, words: &Words) {
    let town = Town::new(false).await;
    let browser = Browser::open(Wanted {
        width: 390,
        languages,
        root: Some(town.path().join("root/authority.pem")),
        ..Wanted::default()
    })
    .await;
    let screen = format!("enrolment-{languages}");
    let seen = async |name: &str| {
        browser.must_run_nothing().await;
        browser.seen(&screen, name).await;
    };
    for icon in ["/favicon.ico", "/apple-touch-icon.png"] {
        browser.client.goto(&town.url(icon)).await.unwrap();
        let is_picture = "return document.querySelector('img')?.naturalWidth > 0";
        assert_eq!(browser.run(is_picture, vec![]).await, true, "{icon}");
    }
    browser.client.goto(&town.url("/nowhere")).await.unwrap();
    browser.find("main a[href='/enrol']").await;
    seen("nowhere").await;
    browser.click("main a").await;
    browser.find("#identifier").await;
    seen("enrolment").await;
    browser.type_into("#identifier", "alice").await;
    browser.type_into("#number", "0639980001\u{e007}").await;
    browser.reads(words.number).await;
    seen("refused").await;
    browser.paste_into("#number", NUMBER).await;
    browser.type_into("#number", "\u{e007}").await;
    browser.reads(words.code).await;
    let said = seen_text(&browser).await;
    seen("code").await;
    let code = town.code(1).await;
    // Reloaded, and its address followed: it is the same page, and no further message is sent.
    browser.client.refresh().await.unwrap();
    browser.reads(words.code).await;
    let page = browser.client.current_url().await.unwrap();
    browser.client.goto(&town.url("/enrol")).await.unwrap();
    browser.find("#identifier").await;
    browser.client.back().await.unwrap();
    browser.reads(words.code).await;
    browser.client.goto(page.as_str()).await.unwrap();
    browser.reads(words.code).await;
    assert_eq!(town.messages(), 1);
    let wrong = if code == "111111" { "222222" } else { "111111" };
    browser.paste_into("#code", wrong).await;
    browser.type_into("#passphrase", "correct-horse-battery\u{e007}").await;
    browser.reads(words.wrong).await;
    seen("wrong code").await;
    browser.paste_into("#code", &code).await;
    let passphrase = browser.find("#passphrase").await;
    browser.run("document.forms[0].noValidate = true", vec![]).await;
    passphrase.send_keys("short\u{e007}").await.unwrap();
    browser.reads(words.short).await;
    seen("a short passphrase").await;
    for amount in ["amount", "montant"] {
        assert!(!said.to_lowercase().contains(amount), "{said}");
    }
    browser.close().await;
}

async fn seen_text(browser: &Browser) -> String {
    let said = browser.run("return document.body.innerText", vec![]).await;
    said.as_str().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_enrols_on_a_page_that_all_can_use() {
    let words = Words {
        number: "Type the number as it is dialled from abroad",
        code: "Type the code",
        wrong: "This is not the code",
        short: "The passphrase is too short",
    };
    enrols("en", &words).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_enrols_in_french() {
    let words = Words {
        number: "Tapez le numéro comme on le compose depuis l’étranger",
        code: "Tapez le code",
        wrong: "Ce n’est pas le code",
        short: "La phrase de passe est trop courte",
    };
    enrols("fr-FR,fr", &words).await;
}
