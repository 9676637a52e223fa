//! The merchant's back end.

use cucumber::{gherkin::Step, given, then, when};
use serde_json::{Value, json};

use crate::{
    failure::{Failure, Outcome, eventually, same},
    flows::checkout::{self, Purchase, order},
    phrase::Money,
    wire::{Answer, Json, Reply},
    world::Story,
};

impl Story {
    /// The merchant sends an order under a key, and keeps what it is answered.
    async fn send_order(&mut self, order: &Value, key: &str) -> Outcome {
        let bench = self.bench()?;
        let api_key = Some(bench.description.api_key.as_str());
        self.answer = Some(checkout::create(bench, api_key, Some(key), order).await?);
        Ok(())
    }

    /// The merchant asks for something new, which becomes the purchase that is talked of.
    pub(super) async fn ask_for(&mut self, amount: Money, items: Value, locale: &str) -> Outcome {
        let (order, key) = (order(amount, &items, locale), format!("key-{}", self.unique()));
        self.send_order(&order, &key).await?;
        let view = self.created()?;
        let text = |member: &str| view.text(&format!("/{member}")).unwrap_or_default().to_owned();
        let (id, url) = (text("id"), text("url"));
        self.checkouts.0.push(Purchase { amount: amount.0, order, key, id, url });
        Ok(())
    }

    /// What our merchant is answered to a question that must succeed.
    fn must_read(&self, answer: Answer) -> Result<Reply, Failure> {
        let reply = answer.map_err(|error| Failure::new(error.to_string()))?;
        if reply.status.is_success() {
            Ok(reply)
        } else {
            Err(Failure::expected("an answer", reply))
        }
    }

    /// The purchase that is talked of: the last.
    pub(super) fn purchase(&self) -> Result<&Purchase, Failure> {
        self.checkouts.last()
    }

    /// The purchase as the merchant sees it.
    pub(in crate::steps) async fn merchant_view(&self) -> Result<Json, Failure> {
        let bench = self.bench()?;
        let id = &self.purchase()?.id;
        let answer = checkout::view(bench, &bench.description.api_key, id).await?;
        Ok(self.must_read(answer)?.json())
    }

    async fn trace(&self) -> Result<Reply, Failure> {
        let answer = checkout::trace(self.bench()?, &self.purchase()?.id).await?;
        self.must_read(answer)
    }

    /// What the merchant's last order was answered, which must be a purchase.
    fn created(&self) -> Result<Json, Failure> {
        match self.answered()? {
            reply if reply.status.as_u16() == 201 => Ok(reply.json()),
            reply => Err(Failure::expected("201 and a purchase", reply)),
        }
    }
}

#[given(expr = "the merchant asks for {amount}")]
async fn asks(story: &mut Story, amount: Money) -> Outcome {
    story.ask_for(amount, json!([]), "en").await
}

#[given(expr = "the merchant asks for {amount} in French")]
async fn asks_in_french(story: &mut Story, amount: Money) -> Outcome {
    story.ask_for(amount, json!([]), "fr").await
}

/// The table has the columns `quantity` and `item`.
#[given(expr = "the merchant asks for {amount} for:")]
async fn asks_for_goods(story: &mut Story, step: &Step, amount: Money) -> Outcome {
    let rows = step.table.as_ref().map(|table| table.rows.as_slice()).unwrap_or_default();
    let [header, rows @ ..] = rows else {
        return Err(Failure::new("the step needs a table of what is bought"));
    };
    if *header != ["quantity", "item"] {
        return Err(Failure::expected("the columns quantity and item", header.join(", ")));
    }
    let mut items = Vec::new();
    for row in rows {
        let [quantity, name] = row.as_slice() else {
            return Err(Failure::new("a row of the table has not two cells"));
        };
        let quantity: u32 =
            quantity.parse().map_err(|_| Failure::expected("a quantity", quantity))?;
        items.push(json!({ "name": name, "quantity": quantity }));
    }
    story.ask_for(amount, Value::from(items), "en").await
}

#[given("the merchant asks for the limit amount")]
async fn asks_for_the_limit(story: &mut Story) -> Outcome {
    let limit = limit(story)?;
    story.ask_for(limit, json!([]), "en").await
}

#[given("the merchant asks for one cent more than the limit amount")]
async fn asks_for_more_than_the_limit(story: &mut Story) -> Outcome {
    let Money(limit) = limit(story)?;
    let more = countersign_domain::amount::Amount::new(
        limit.amount_minor().saturating_add(1),
        limit.currency(),
    );
    let more = more.map_err(|error| Failure::new(error.to_string()))?;
    story.ask_for(Money(more), json!([]), "en").await
}

fn limit(story: &Story) -> Result<Money, Failure> {
    let limits = &story.bench()?.description.normal_up_to;
    let limit =
        limits.first().ok_or_else(|| Failure::new("the sandbox's policy has no limit amount"))?;
    Ok(Money(*limit))
}

#[when("the merchant sends the same order again")]
async fn sends_again(story: &mut Story) -> Outcome {
    let Purchase { order, key, .. } = story.purchase()?.clone();
    story.send_order(&order, &key).await
}

#[when(expr = "the merchant sends an order of {amount} under the same key")]
async fn sends_another_under_the_key(story: &mut Story, amount: Money) -> Outcome {
    let key = story.purchase()?.key.clone();
    story.send_order(&order(amount, &json!([]), "en"), &key).await
}

#[when("the merchant calls the purchase off")]
async fn calls_off(story: &mut Story) -> Outcome {
    story.answer = Some(checkout::void(story.bench()?, &story.purchase()?.id).await?);
    Ok(())
}

#[when("another merchant looks at the purchase")]
async fn another_looks(story: &mut Story) -> Outcome {
    let bench = story.bench()?;
    let (key, id) = (&bench.description.other_api_key, &story.purchase()?.id);
    story.answer = Some(checkout::view(bench, key, id).await?);
    Ok(())
}

#[when(expr = "somebody without a merchant's key asks for {amount}")]
async fn asks_without_a_key(story: &mut Story, amount: Money) -> Outcome {
    let order = order(amount, &json!([]), "en");
    story.answer = Some(checkout::create(story.bench()?, None, None, &order).await?);
    Ok(())
}

#[then("there is one purchase")]
fn one_purchase(story: &mut Story) -> Outcome {
    let again = story.created()?;
    same("the purchase", again.text("/id"), Some(story.purchase()?.id.as_str()))
}

#[then(regex = r"^the merchant sees that the purchase (is [a-z]+)$")]
async fn merchant_sees(story: &mut Story, status: String) -> Outcome {
    story.purchase_comes_to(checkout::status(&status)?, None).await
}

#[then("the merchant's trace tells, in this order:")]
async fn trace_tells(story: &mut Story, step: &Step) -> Outcome {
    let rows = step.table.iter().flat_map(|table| &table.rows).flatten();
    let expected = rows.map(|words| checkout::event(words)).collect::<Result<Vec<_>, _>>()?;
    eventually(|| async {
        let trace = story.trace().await?.json().0;
        let facts = trace.as_array().into_iter().flatten();
        let events = facts.filter_map(|fact| fact.get("event")?.as_str());
        let told: Vec<_> = events.filter(|event| expected.contains(event)).collect();
        same("the events of the trace to be", told, expected.clone())
    })
    .await
}

#[then(expr = "the trace gives away neither code nor number nor card of {word}")]
async fn trace_is_discreet(story: &mut Story, name: String) -> Outcome {
    let (trace, person) = (story.trace().await?.body, story.person(&name)?);
    let number = person.number.trim_start_matches('+');
    for (what, secret) in
        [("code", person.code()?), ("number", number), ("card", &person.card.number)]
    {
        if trace.contains(secret) {
            return Err(Failure::new(format!("the trace has the {what} in it: {trace}")));
        }
    }
    Ok(())
}
