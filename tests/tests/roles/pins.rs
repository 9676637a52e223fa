//! A gateway under the profile psd2: it starts, and takes a code with the PIN alone.

use std::{fs, process::Command};

use serde_json::json;

use crate::support::{CARD, House, PHONE};

const PIN: &str = "283915";
const OTHER: &str = "283916";

/// The name under which a relying party enters the PIN of a certificate's holder, as docs/guides/set.md makes it.
fn name_of_holder(house: &House) -> String {
    let pipe = "openssl x509 -in wallet.pem -noout -pubkey | openssl pkey -pubin -outform DER | openssl dgst -sha256 -r";
    let guide = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/guides/set.md");
    assert!(fs::read_to_string(guide).unwrap().contains(pipe), "the guide says another command");
    let made = Command::new("sh").args(["-c", pipe]).current_dir(house.folder.path()).output();
    let made = String::from_utf8(made.unwrap().stdout).unwrap();
    format!("x509:{}", made.split_whitespace().next().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_psd2_a_gateway_takes_a_code_with_the_pin_of_the_cards_or_the_certificates_holder() {
    let house = House::under("[policy]\nprofile = \"psd2\"\n").await;
    let (_gateway, _merchant) = (house.serve("gateway"), house.serve("merchant"));
    let mut messages = 0;
    for (signed, more) in [(true, &[][..]), (true, &["--direct"]), (false, &[])] {
        let wallet = house.wallet(signed);
        let (name, subscriber) = match signed {
            true => (name_of_holder(&house), json!({ "number": PHONE, "pin": PIN })),
            false => {
                let (number, expiry) = CARD;
                let card = json!({ "number": number, "expiry": expiry });
                ("alice".to_owned(), json!({ "number": PHONE, "card": card, "pin": PIN }))
            }
        };
        house.enrol_as(house.gateway_api, &name, &subscriber);
        let (order, url) = house.order("49.90");
        let mut payer = house.pay(&url, &[&["--pin-file", "pin"], more].concat());
        payer.says("offer");
        payer.says("reference");
        assert_eq!(payer.says("code_asked")["pin"], true);
        messages += 1;
        let (code, _) = house.phone(messages).await;
        let wrong: String =
            code.chars().map(|digit| if digit == '1' { '2' } else { '1' }).collect();
        // Which of the two is wrong is not told.
        for (left, typed, pin) in [(2, &code, OTHER), (1, &wrong, PIN)] {
            fs::write(house.path("pin"), pin).unwrap();
            payer.types(typed);
            assert_eq!(payer.says("code_wrong")["attempts_left"], left, "{typed} {pin}");
        }
        payer.types(&code);
        assert_eq!(payer.says("paid")["captured"], true);
        assert_eq!(payer.ends(), (0, Vec::new()));
        assert_eq!(house.status(&order), "paid", "{signed} {more:?}");
        fs::remove_file(&wallet).unwrap();
    }
    assert_eq!(house.movements(), ["Held", "Debited"].repeat(3));
}
