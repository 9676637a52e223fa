//! Where the SMS centre has room, a message is committed as being sent: two commits bring it there, and not three.

use std::fs;

use countersign_domain::record::Version;
use countersign_server::{Config, open_store};
use countersign_tests::killable::Site;
use serde_json::json;

use crate::{
    killed::start,
    support::{Trial, until},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_server_that_is_bound_to_its_centre_has_messages_born_being_sent() {
    let mut trial = Trial::start(None).await;
    let site = Site::beside(&trial.sandbox, "born").unwrap();
    trial.shop.api.clone_from(&site.api);
    trial.shop.checkout.clone_from(&site.checkout);
    let person = trial.person().clone();
    let server = start(&site);
    trial.shop.enrol(&person.user_id, &person.number, &person.card.number, &person.card.expiry);
    // The centre keeps its messages, of which no receipt comes.
    let handset = format!("/handsets/{}", person.number);
    assert_eq!(trial.shop.control("PUT", &handset, Some(&json!({ "state": "off" }))).status, 204);
    for payer in ["first", "second"] {
        let browser = trial.shop.browser(payer);
        let page = trial.begin(&browser);
        until("the centre has the message", || {
            (browser.open(&page, &[]).text("/code/message") == "sent").then_some(())
        });
    }
    server.kill();
    let text = fs::read_to_string(&site.configuration).unwrap();
    let config = Config::from_toml(&text, trial.sandbox.folder()).unwrap();
    let store = open_store(&config).await.unwrap();
    let messages = store.page("message", "", 10).await.unwrap();
    // The first may have come before the server was bound.
    let versions: Vec<_> = messages.iter().map(|message| message.version).collect();
    assert_eq!((versions.len(), versions.last()), (2, Some(&Version(2))), "{versions:?}");
}
