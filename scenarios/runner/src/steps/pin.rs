//! The PIN beside the code: entered by a relying party, typed, set with a code; and what was proved.

use cucumber::{given, then, when};
use serde_json::{Value, json};

use crate::{
    failure::{Failure, Outcome, same},
    flows::{checkout::form, wallet::forged},
    phrase::{Table, look_up},
    world::Story,
};

/// A PIN that nobody has in these scripts.
const WRONG: &str = "750418";

impl Story {
    /// The code of the last message, or a wrong one.
    pub(super) fn which_code(&self, name: &str, which: &str) -> Result<String, Failure> {
        match which {
            "the" => Ok(self.person(name)?.code()?.to_owned()),
            _ => Ok(self.wrong_code()),
        }
    }

    /// The person's PIN, or a wrong one.
    pub(super) fn which_pin(&self, name: &str, which: &str) -> Result<String, Failure> {
        match which {
            "the" => {
                let pin = self.person(name)?.pin.clone();
                pin.ok_or_else(|| Failure::new(format!("{name} has no PIN")))
            }
            _ => Ok(WRONG.to_owned()),
        }
    }
}

#[given(expr = "{word} is a subscriber with a card and the PIN {string}")]
async fn is_a_subscriber_with_pin(story: &mut Story, name: String, pin: String) -> Outcome {
    story.add_person(&name).await?.pin = Some(pin);
    story.enrol(&name, true).await
}

#[when(expr = "a relying party sets {word}'s PIN to {string}")]
async fn relying_party_sets(story: &mut Story, name: String, pin: String) -> Outcome {
    story.person_mut(&name)?.pin = Some(pin);
    story.enrol(&name, true).await
}

#[when(regex = r"^(\w+) types (the|a wrong) code and (the|a wrong) PIN$")]
async fn types_both(story: &mut Story, name: String, code: String, pin: String) -> Outcome {
    let (code, pin) = (story.which_code(&name, &code)?, story.which_pin(&name, &pin)?);
    story.submit(&name, form::CODE, &[("code", &code), ("pin", &pin)]).await
}

#[when(expr = "{word} types the code and sets the PIN {string}")]
async fn types_and_sets(story: &mut Story, name: String, pin: String) -> Outcome {
    let code = story.which_code(&name, "the")?;
    let fields = [("code", code.as_str()), ("pin", ""), ("new_pin", &pin)];
    story.submit(&name, form::CODE, &fields).await?;
    story.person_mut(&name)?.pin = Some(pin);
    Ok(())
}

#[when(
    regex = r"^(\w+) types (the|a wrong) code and (the|a wrong) PIN to (?:open the wallet|pay in|come in)$"
)]
async fn types_both_to(story: &mut Story, name: String, code: String, pin: String) -> Outcome {
    let (code, pin) = (story.which_code(&name, &code)?, story.which_pin(&name, &pin)?);
    story.types_awaited(&name, &json!({ "code": code, "pin": pin })).await.map(drop)
}

#[when(expr = "{word} types the code and sets the PIN {string} to open the wallet")]
async fn sets_to_open(story: &mut Story, name: String, pin: String) -> Outcome {
    let code = story.which_code(&name, "the")?;
    story.types_awaited(&name, &json!({ "code": code, "new_pin": pin })).await?;
    story.person_mut(&name)?.pin = Some(pin);
    Ok(())
}

#[when(regex = r"^(\w+) types (the|a wrong) code and (the|a wrong) PIN for the ticket$")]
async fn types_both_for_ticket(
    story: &mut Story,
    name: String,
    code: String,
    pin: String,
) -> Outcome {
    let (code, pin) = (story.which_code(&name, &code)?, story.which_pin(&name, &pin)?);
    let mut typed = story.wallets.ticket()?.typed(&code)?;
    if let Some(members) = typed.as_object_mut() {
        members.insert("pin".to_owned(), pin.into());
    }
    story.sends_typed(&name, typed).await
}

/// Under the name that a certificate's holder has: the digest of its key.
#[given(expr = "a relying party sets the PIN {string} for {word}'s certificate")]
async fn sets_for_certificate(story: &mut Story, pin: String, name: String) -> Outcome {
    let wallet = story.opened("alice")?;
    let identity = wallet.identity.as_ref();
    let identity = identity.ok_or_else(|| Failure::new("the wallet has no certificate"))?;
    let key = countersign_domain::hex::encode(&identity.certificate.key_sha256());
    let person = story.person_mut(&name)?;
    person.user_id = format!("x509:{key}");
    person.pin = Some(pin);
    story.enrol(&name, false).await
}

#[when(regex = r"^(\w+) types (the|a wrong) code and (the|a wrong) PIN into the wallet$")]
async fn types_both_into_wallet(
    story: &mut Story,
    name: String,
    code: String,
    pin: String,
) -> Outcome {
    let (code, pin) = (story.which_code(&name, &code)?, story.which_pin(&name, &pin)?);
    story.types_in_wallet(&name, &code, Some(&pin)).await
}

#[then("the wallet is asked for the PIN as well")]
fn wallet_is_asked(story: &mut Story) -> Outcome {
    let start = story.set.progress()?.code.as_ref();
    let start = start.ok_or_else(|| Failure::new("no code was asked for"))?;
    same("a PIN to be asked for", start.asks_pin, true)
}

#[then(regex = r"^the server asks (\w+) for the PIN as well, which the code may set$")]
fn is_asked_for_pin(story: &mut Story, _name: String) -> Outcome {
    let answer = story.answered()?.json();
    let asked = answer.text("/code/pin").or_else(|| answer.text("/pin"));
    same("a PIN to be asked for", asked, Some("asked_or_set"))
}

#[then(regex = r"^the merchant sees that (.+) proved$")]
async fn merchant_sees_proved(story: &mut Story, what: String) -> Outcome {
    let view = story.merchant_view().await?;
    same("what was proved to be", names(view.0.get("elements")), look_up(PROVED, &what)?.into())
}

#[then(regex = r"^the receipt says that (.+) proved$")]
fn receipt_says_proved(story: &mut Story, what: String) -> Outcome {
    let receipt = story.wallets.ticket()?.receipt.as_ref();
    let receipt = receipt.ok_or_else(|| Failure::new("there is no receipt"))?;
    let content = forged::content(receipt)?;
    same("what was proved to be", names(content.get("elements")), look_up(PROVED, &what)?.into())
}

/// The elements' names, in one line.
fn names(elements: Option<&Value>) -> String {
    let elements = elements.and_then(Value::as_array).into_iter().flatten();
    elements.filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
}

const PROVED: Table = &[
    ("nothing was", ""),
    ("the phone alone was", "phone"),
    ("phone and PIN were", "phone, pin"),
    ("phone and a PIN set by a code were", "phone, pin_set_by_code"),
];
