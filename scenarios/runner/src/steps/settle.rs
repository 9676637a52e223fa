//! After a purchase by SET: what the shop asks for, and what it is told.

use cucumber::{then, when};

use crate::{
    failure::{Outcome, eventually, same},
    flows::settle,
    phrase::Money,
    world::Story,
};

impl Story {
    async fn settles(&mut self, kind: &str, amount: Money) -> Outcome {
        let id = settle::ask(self.bench()?, self.set.order()?, kind, amount.0).await?;
        self.set.settling.last = Some(id);
        Ok(())
    }
}

#[when(expr = "the shop gives back {amount} of the order")]
async fn gives_back(story: &mut Story, amount: Money) -> Outcome {
    story.settles("credit", amount).await
}

#[when(expr = "the shop has the credit of {amount} undone")]
async fn has_credit_undone(story: &mut Story, amount: Money) -> Outcome {
    story.settles("credit_reversal", amount).await
}

#[then(regex = r"^the shop is told: (.+)$")]
async fn shop_is_told(story: &mut Story, words: String) -> Outcome {
    let expected = settle::answer(&words)?;
    eventually(|| async {
        let code = settle::code(story.bench()?, story.set.settling.last()?).await?;
        same("the gateway to say", code.as_deref(), Some(expected))
    })
    .await
}
