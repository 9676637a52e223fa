//! The bank, and what moved on an account.

use countersign_domain::amount::Amount;
use cucumber::{given, then};
use serde_json::json;

use crate::{
    control::{Account, Movement},
    failure::{Failure, Outcome, eventually, same},
    phrase::Money,
    world::Story,
};

impl Story {
    async fn account(&self, name: &str) -> Result<Account, Failure> {
        self.bench()?.control.account(&self.person(name)?.card.number).await
    }

    pub(super) async fn debited_once(&self, name: &str, amount: Amount) -> Outcome {
        eventually(|| async {
            let account = self.account(name).await?;
            let moved = account.movements.iter().filter(|movement| movement.is_of_money());
            let debited = Movement { kind: "debited".to_owned(), amount };
            same("what moved to be", moved.collect(), vec![&debited])?;
            same("what is still held to be", account.held_minor, 0)
        })
        .await
    }
}

#[given(regex = r"^(\w+)'s bank (refuses|accepts) the card$")]
async fn bank_refuses(story: &mut Story, name: String, verb: String) -> Outcome {
    let card = &story.person(&name)?.card.number;
    story.bench()?.control.set_card(card, &json!({ "refuses": verb == "refuses" })).await
}

/// What a bank must do: an amount that it holds is one or the other in the end.
#[given(regex = r"^(\w+)'s bank (refuses|agrees) to (debit|release) what it holds$")]
async fn bank_refuses_to(story: &mut Story, name: String, verb: String, what: String) -> Outcome {
    let card = &story.person(&name)?.card.number;
    let control = if what == "debit" { "refuses_captures" } else { "refuses_reversals" };
    story.bench()?.control.set_card(card, &json!({ control: verb == "refuses" })).await
}

/// What it is asked first it does, and says nothing; what it is asked again it refuses, whatever it did.
#[given(regex = r"^(\w+)'s bank answers (only repeats, and refuses them|again)$")]
async fn bank_answers(story: &mut Story, name: String, what: String) -> Outcome {
    let card = &story.person(&name)?.card.number;
    let refuses_repeats = what != "again";
    story.bench()?.control.set_card(card, &json!({ "refuses_repeats": refuses_repeats })).await
}

#[given(regex = r"^(\w+)'s account holds (\d+\.\d+) ([A-Z]{3})$")]
async fn account_holds(
    story: &mut Story,
    name: String,
    value: String,
    currency: String,
) -> Outcome {
    let card = &story.person(&name)?.card.number;
    let balance = json!({ "balance": { "value": value, "currency": currency } });
    story.bench()?.control.set_card(card, &balance).await
}

#[then(regex = r"^the bank holds (\d+\.\d+ [A-Z]{3}) of (\w+)'s$")]
async fn bank_holds(story: &mut Story, amount: Money, name: String) -> Outcome {
    eventually(|| async {
        let account = story.account(&name).await?;
        same("what is held, in minor units, to be", account.held_minor, amount.0.amount_minor())
    })
    .await
}

#[then(expr = "the bank was not asked about {word}")]
async fn bank_was_not_asked(story: &mut Story, name: String) -> Outcome {
    let account = story.account(&name).await?;
    same("what moved to be", account.movements, Vec::new())
}

#[then(expr = "{word} is debited {amount} once")]
async fn is_debited_once(story: &mut Story, name: String, amount: Money) -> Outcome {
    story.debited_once(&name, amount.0).await
}

#[then(expr = "{word} has paid {amount} in all")]
async fn has_paid_in_all(story: &mut Story, name: String, amount: Money) -> Outcome {
    eventually(|| async {
        let account = story.account(&name).await?;
        let moved: i128 = account.movements.iter().map(Movement::moved_minor).sum();
        same("what moved, in minor units, to be", moved, i128::from(amount.0.amount_minor()))
    })
    .await
}

/// Nothing was taken, and in the end nothing is held.
#[then(expr = "{word} is not debited")]
async fn is_not_debited(story: &mut Story, name: String) -> Outcome {
    is_not_debited_yet(story, name.clone()).await?;
    eventually(|| async {
        let account = story.account(&name).await?;
        same("what is still held to be", account.held_minor, 0)
    })
    .await?;
    is_not_debited_yet(story, name).await
}

#[then(expr = "{word} is not debited yet")]
async fn is_not_debited_yet(story: &mut Story, name: String) -> Outcome {
    let account = story.account(&name).await?;
    let moved = account.movements.iter().filter(|movement| movement.is_of_money());
    same("what moved to be", moved.collect(), Vec::<&Movement>::new())
}
