//! Figure 11 with three processes of three parties over sockets: `countersign serve` twice, and `countersign set pay`.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

mod pins;
mod registers;
mod support;

use std::{fs, os::unix::fs::PermissionsExt as _, process, sync::Arc};

use clap::FromArgMatches as _;
use countersign_server::{
    Config, Server, SystemClock,
    set::{Outcome, Set, run},
};
use countersign_tests::killable::SERVING;

use crate::support::{House, arguments, configuration};

/// Not a test of anything: a role in a process of its own.
#[test]
fn serves() {
    let Some(configuration) = configuration() else { return };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let text = fs::read_to_string(&configuration).unwrap();
        let config = Config::from_toml(&text, configuration.parent().unwrap()).unwrap();
        let _server = Server::start(config, Arc::new(SystemClock::default())).await.unwrap();
        println!("\n{SERVING}");
        std::future::pending::<()>().await;
    });
}

/// Not a test of anything: the command, whose arguments are in the environment.
#[test]
fn runs_set() {
    let Some(arguments) = arguments() else { return };
    let command = <Set as clap::Args>::augment_args(clap::Command::new("set"));
    let matches = command.get_matches_from(["set".to_owned()].into_iter().chain(arguments));
    let set = Set::from_arg_matches(&matches).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    println!();
    process::exit(match runtime.block_on(run(set)) {
        Ok(Outcome::Done) => 0,
        Ok(Outcome::NotPaid) => 2,
        Err(error) => {
            eprintln!("{error}");
            1
        }
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cardholder_pays_signed_and_unsigned_through_the_merchant_and_straight_to_the_gateway() {
    let house = House::new().await;
    let (_gateway, _merchant) = (house.serve("gateway"), house.serve("merchant"));
    house.enrol();
    let mut messages = 0;
    for (signed, more) in [
        (true, &["--receipt", "receipt.der"][..]),
        (true, &["--direct"]),
        (false, &["--direct"]),
        (false, &[]),
    ] {
        let wallet = house.wallet(signed);
        let mode = fs::metadata(&wallet).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(!fs::read_to_string(&wallet).unwrap().contains("4970100000000154"));
        let (order, url) = house.order("49.90");
        let mut payer = house.pay(&url, more);
        let offer = payer.says("offer");
        assert_eq!(offer["merchant"], "Librairie Dupont");
        assert_eq!(
            (&offer["amount"]["value"], &offer["description"]),
            (&"49.90".into(), &"Two books".into())
        );
        let reference = payer.says("reference");
        payer.says("code_asked");
        assert_eq!(house.status(&order), "code_asked");
        messages += 1;
        let (code, shown) = house.phone(messages).await;
        assert_eq!(reference["reference"], shown.as_str(), "W12");
        // One that is wrong for certain.
        let wrong: String =
            code.chars().map(|digit| if digit == '1' { '2' } else { '1' }).collect();
        payer.types(&wrong);
        assert_eq!(payer.says("code_wrong")["attempts_left"], 2);
        payer.types(&code);
        assert_eq!(payer.says("paid")["captured"], true);
        assert_eq!(payer.ends(), (0, Vec::new()));
        assert_eq!(house.status(&order), "paid", "{more:?}");
        fs::remove_file(&wallet).unwrap();
    }
    assert!(fs::metadata(house.path("receipt.der")).unwrap().len() > 500);
    assert_eq!(house.movements(), ["Held", "Debited"].repeat(4));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_purchase_that_is_refused_or_called_off_is_told_from_one_that_failed() {
    let house = House::new().await;
    let (gateway, _merchant) = (house.serve("gateway"), house.serve("merchant"));
    house.wallet(true);
    let (order, url) = house.order("49.90");
    let mut payer = house.pay(&url, &[]);
    payer.says("offer");
    payer.says("reference");
    let (mut event, code) = ("code_asked", house.phone(1).await.0);
    let wrong: String = code.chars().map(|digit| if digit == '1' { '2' } else { '1' }).collect();
    for _ in 0..3 {
        payer.says(event);
        payer.types(&wrong);
        event = "code_wrong";
    }
    assert_eq!(payer.says("not_paid")["cause"], "codeLocked");
    assert_eq!(payer.ends().0, 2);
    let refused = house.shop(&format!("/{order}"), &[]).json();
    assert_eq!(
        (&refused["status"], &refused["auth_code"]),
        (&"refused".into(), &"codeLocked".into())
    );

    // Nothing is typed.
    let (_, url) = house.order("10.00");
    let (code, said) = house.pay(&url, &[]).ends();
    assert_eq!((code, said.last().unwrap().contains("calledOff")), (2, true), "{said:?}");

    // The password is wrong; there is no such order; nobody answers.
    fs::write(house.path("wallet.password"), "another password").unwrap();
    assert_eq!(house.pay(&url, &[]).ends().0, 1);
    assert_eq!(house.pay(&url.replace("ord_", "ord_f"), &[]).ends().0, 1);
    gateway.kill();
    assert_eq!(house.pay("https://localhost:1/set/orders/1", &[]).ends().0, 1);
    assert_eq!(house.movements(), ["Held", "Released", "Held"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_a_message_or_an_order_is_refused_by_what_is_wrong() {
    let house = House::new().await;
    let (_gateway, _merchant) = (house.serve("gateway"), house.serve("merchant"));
    let roles = [house.gateway, house.merchant].map(|port| format!("https://localhost:{port}/set"));
    fs::write(house.path("large"), vec![0x30; 128 * 1024 + 1]).unwrap();
    const TYPE: &str = "Content-Type: application/set-payment";
    for url in &roles {
        for (rule, arguments, status, media_type) in [
            ("the media type", &["-d", "x"][..], 415, "application/problem+json"),
            (
                "a message is bounded",
                &["-H", TYPE, "--data-binary", "@large"],
                413,
                "application/problem+json",
            ),
            ("only POST", &["-X", "GET"], 405, "application/problem+json"),
            ("DER", &["-H", TYPE, "-d", "garbage"], 200, "application/set-payment"),
            ("a message", &["-H", TYPE, "-X", "POST"], 200, "application/set-payment"),
        ] {
            let answer = house.curl(&[arguments, &[url.as_str()]].concat());
            assert_eq!(
                (answer.status, answer.media_type.as_str()),
                (status, media_type),
                "{rule}: {url}"
            );
            if status == 200 {
                assert!(answer.body.len() > 100, "{rule}: no signed error: {url}");
            }
        }
    }
    let orders = format!("{}/orders/", roles[1]);
    for id in ["ord_00000000000000000000000000000000", "x", "%ff"] {
        assert_eq!(house.curl(&[&format!("{orders}{id}")]).status, 404, "{id}");
    }

    let body = r#"{"amount":{"value":"49.90","currency":"EUR"},"description":"Two books"}"#;
    let orders = format!("https://localhost:{}/v1/set/orders", house.api);
    let stranger = house.curl(&["--http1.1", "-d", body, &orders]);
    assert_eq!(stranger.status, 401, "{}", stranger.complaint);
    for (rule, body, status) in [
        ("JSON", "{", 400),
        ("no unknown member", &body.replace("description", "goods"), 400),
        ("a currency", &body.replace("EUR", "XXX"), 422),
        ("above zero", &body.replace("49.90", "0.00"), 422),
        ("goods", &body.replace("Two books", ""), 422),
        ("goods on one line", &body.replace("Two books", "Two\\nbooks"), 422),
        ("goods that fit", &body.replace("Two books", &"x".repeat(1025)), 422),
    ] {
        let answer = house.shop("", &["-d", body]);
        assert_eq!(answer.status, status, "{rule}: {}", answer.json());
    }
    let key = ["-H", "Idempotency-Key: order-1", "-d"];
    let first = house.shop("", &[&key[..], &[body]].concat());
    let again = house.shop("", &[&key[..], &[body]].concat());
    assert_eq!((first.status, first.json()["id"].clone()), (201, again.json()["id"].clone()));
    assert_eq!(house.shop("", &[&key[..], &[&body.replace("49", "50")]].concat()).status, 422);
    let described = house.curl(&[&format!("https://localhost:{}/openapi.json", house.api)]).json();
    assert!(described["paths"]["/v1/set/orders/{id}"].is_object(), "{described}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_purchase_outlives_gateway_and_merchant_between_purchase_and_code() {
    let house = House::new().await;
    let (gateway, merchant) = (house.serve("gateway"), house.serve("merchant"));
    house.wallet(true);
    let (order, url) = house.order("49.90");
    let mut payer = house.pay(&url, &[]);
    for event in ["offer", "reference", "code_asked"] {
        payer.says(event);
    }
    let (code, _) = house.phone(1).await;
    gateway.kill();
    merchant.kill();
    // The code is typed while nobody is there, and sent until somebody is.
    payer.types(&code);
    let (_gateway, _merchant) = (house.serve("gateway"), house.serve("merchant"));
    payer.says("paid");
    assert_eq!(payer.ends().0, 0);
    assert_eq!(house.status(&order), "paid");
    assert_eq!(house.movements(), ["Held", "Debited"]);
    assert_eq!(house.centre.handset(support::PHONE).unwrap().len(), 1);
}
