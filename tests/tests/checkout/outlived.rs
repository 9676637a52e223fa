//! What was counted outlives the process that counted it, and is every process's and every flow's.

use std::fs;

use countersign_tests::{curl::Shop, killable::Site};
use serde_json::json;

use crate::{killed::start, support::Trial};

/// A second server over the first one's store, at other ports.
fn beside(trial: &Trial, first: &Site) -> Site {
    let second = Site::beside(&trial.sandbox, "second").unwrap();
    let text = fs::read_to_string(&second.configuration).unwrap();
    fs::write(&second.configuration, text.replace("second.db", "first.db")).unwrap();
    Site { store: first.store.clone(), ..second }
}

fn at(trial: &Trial, site: &Site) -> Shop {
    let mut shop = Shop::of(&trial.sandbox);
    shop.api.clone_from(&site.api);
    shop.checkout.clone_from(&site.checkout);
    shop
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn counts_outlive_kill_9_and_hold_across_two_processes_on_one_store() {
    let trial = Trial::limited().await;
    let site = Site::beside(&trial.sandbox, "first").unwrap();
    // Five wrong codes for one payment, so that nobody waits for the pause between messages.
    let text = fs::read_to_string(&site.configuration).unwrap();
    fs::write(&site.configuration, text.replace("[policy]", "[policy]\nmax_attempts = 5")).unwrap();
    let second = beside(&trial, &site);
    let (here, there) = (at(&trial, &site), at(&trial, &second));
    let person = trial.person();
    let form = format!("user_id={}", person.user_id);
    // A session's cookie is the host's, whatever the port (RFC 6265 section 8.5).
    let (browser, visitor) = (here.browser("guesser"), here.browser("visitor"));
    let path = |page: &str| page.rsplit_once("/pay/").unwrap().1.to_owned();
    let became = |shop: &Shop| visitor.pay(&shop.order("49.90", &json!([])), &form);

    let server = start(&site);
    here.enrol(&person.user_id, &person.number, &person.card.number, &person.card.expiry);
    let page = here.order("49.90", &json!([]));
    assert_eq!(browser.pay(&page, &form).text("/status"), "awaiting_code");
    for left in [4, 3] {
        assert_eq!(browser.type_code(&page, "0000000000").body["attempts_left"], left);
    }
    server.kill();

    let server = start(&site);
    let too_soon = became(&here);
    assert_eq!(too_soon.text("/cause"), "message-too-soon", "{too_soon:?}");
    let other = start(&second);
    let too_soon = became(&there);
    assert_eq!(too_soon.text("/cause"), "message-too-soon", "{too_soon:?}");
    let page_there = format!("{}/pay/{}", second.checkout, path(&page));
    assert_eq!(browser.type_code(&page_there, "0000000000").body["attempts_left"], 2);
    assert_eq!(browser.type_code(&page, "0000000000").body["attempts_left"], 1);
    let last = browser.type_code(&page_there, "0000000000");
    assert!(last.text("/type").ends_with(":too-many-attempts"), "{last:?}");
    for shop in [&here, &there] {
        let refused = became(shop);
        assert_eq!(refused.text("/cause"), "blocked", "{refused:?}");
    }
    server.kill();
    other.kill();
    let server = start(&second);
    let refused = became(&there);
    assert_eq!(refused.text("/cause"), "blocked", "{refused:?}");
    server.kill();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_client_is_counted_by_its_address_in_every_flow() {
    let trial = Trial::limited().await;
    let site = Site::beside(&trial.sandbox, "counted").unwrap();
    let text = fs::read_to_string(&site.configuration).unwrap();
    let one = "[limits]\nmessages_per_client_an_hour = 1\npause_seconds = 0";
    fs::write(&site.configuration, text.replace("[limits]", one)).unwrap();
    let server = start(&site);
    let (shop, person) = (at(&trial, &site), trial.person());
    shop.enrol(&person.user_id, &person.number, &person.card.number, &person.card.expiry);
    let access = |client: Option<&str>| {
        let mut body = json!({ "user_id": person.user_id, "purpose": "access" });
        if let Some(client) = client {
            body["client_address"] = json!(client);
        }
        shop.merchant("POST", "/v1/challenges", Some(&body))
    };
    let open = |number: &str| {
        let body =
            json!({ "identifier": number, "number": number, "name": "daily", "currency": "EUR" });
        let url = format!("{}/v1/openings", site.wallets);
        shop.curl(&["-H", "Content-Type: application/json", "-d", &body.to_string(), &url])
    };
    let opened = open("+33639970101");
    assert_eq!(opened.status, 201, "{opened:?}");
    // From the same machine: another wallet, a purchase, and what a relying party says of its visitors.
    for refused in
        [open("+33639970102"), access(Some("127.0.0.1")), access(Some("::ffff:127.0.0.1"))]
    {
        assert_eq!(refused.status, 429, "{refused:?}");
        assert!(refused.text("/type").ends_with(":message-limit"), "{refused:?}");
    }
    let browser = shop.browser("payer");
    let bought =
        browser.pay(&shop.order("49.90", &json!([])), &format!("user_id={}", person.user_id));
    assert_eq!(bought.text("/cause"), "message-limit", "{bought:?}");
    for (client, status) in [
        (Some("2001:db8::1"), 201),
        (Some("2001:db8::ffff:2"), 429),
        (Some("2001:db8:0:1::1"), 201),
        (None, 201),
        (Some("nowhere"), 400),
    ] {
        let asked = access(client);
        assert_eq!(asked.status, status, "{client:?}: {asked:?}");
    }
    server.kill();
}
