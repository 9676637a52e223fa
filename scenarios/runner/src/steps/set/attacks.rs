//! What thieves, a dishonest merchant and another gateway do to a purchase by SET.

use countersign_set::message::purchase::Pi;
use cucumber::{given, then, when};

use crate::{
    failure::{Failure, Outcome, same},
    flows::set::{
        self, Dishonest, GATEWAY, MERCHANT, OTHER_GATEWAY, OTHER_MERCHANT, Program,
        QuestionToGateway, Taken, parts, refused,
    },
    phrase::Money,
    world::Story,
};

impl Story {
    /// Has a merchant ask the gateway about the purchase that the dishonest one has.
    async fn asks_gateway(
        &mut self,
        id: &'static str,
        amount: Money,
        payment: impl Fn(&Dishonest<'_>, Pi) -> Result<Pi, Failure>,
    ) -> Outcome {
        let program = Program::at(self.bench()?).await?;
        let taken = self.set.taken()?;
        let merchant = self.dishonest(id, &program)?;
        let pi = payment(&merchant, parts(&taken.message)?.0)?;
        self.set.asked = Some(merchant.ask(taken, amount.0, pi).await?);
        Ok(())
    }

    fn dishonest<'a>(
        &'a self,
        id: &'static str,
        program: &'a Program,
    ) -> Result<Dishonest<'a>, Failure> {
        let folder = &self.bench()?.description.folder;
        Ok(Dishonest { id, folder, trust: self.set.trust()?, program })
    }

    pub(super) fn opens(&self, what: &str, keys: [(&str, bool); 2], message: &[u8]) -> Outcome {
        let folder = &self.bench()?.description.folder;
        for (name, expected) in keys {
            let came = set::opens(folder, name, message)?;
            same(&format!("the key of {name} to open the {what}"), came, expected)?;
        }
        Ok(())
    }
}

#[given(expr = "{word} has stolen {word}'s wallet and its password")]
fn has_stolen(story: &mut Story, thief: String, _owner: String) -> Outcome {
    let wallet = story.opened("alice")?;
    story.set.wallets.insert(thief, wallet);
    Ok(())
}

#[given(expr = "{word} has a wallet with {word}'s card and without a certificate")]
fn has_card_only(story: &mut Story, thief: String, owner: String) -> Outcome {
    let wallet = set::unsigned(story.bench()?, &story.person(&owner)?.card)?;
    story.set.wallets.insert(thief, wallet);
    Ok(())
}

#[given(expr = "{word} has a certificate with a number that was moved from another")]
fn has_moved(story: &mut Story, thief: String) -> Outcome {
    let wallet = story.opened("mallory")?;
    story.set.wallets.insert(thief, wallet);
    Ok(())
}

#[when(expr = "{word} pays with the wallet, and somebody puts the payment before beside the order")]
async fn pays_with_old_payment(story: &mut Story, name: String) -> Outcome {
    let old = story.set.last()?.message.clone();
    story.pays(&name, |message| set::with_payment_of(&old, message)).await
}

/// The merchant never gets it; the wallet gets an answer to another purchase.
#[when(expr = "{word} pays with the wallet, and gets the answer to the purchase before")]
async fn gets_old_answer(story: &mut Story, name: String) -> Outcome {
    let (program, purchase) = (Program::at(story.bench()?).await?, story.named()?);
    let wallet = story.set.wallet(&name)?;
    let request = purchase.request(wallet, &program.entropy, program.now);
    let (_, asked, sent) = request.map_err(refused)?;
    let old = &story.set.last()?.answer;
    story.set.told = Some(sent.answer(&asked, old, &wallet.trust, program.now));
    Ok(())
}

#[then("the wallet accepts nothing of it")]
fn accepts_nothing(story: &mut Story) -> Outcome {
    match &story.set.told {
        Some(Err(_)) => Ok(()),
        Some(Ok(_)) => Err(Failure::expected("a refusal", story.set.told())),
        None => Err(Failure::new("the wallet was told nothing yet")),
    }
}

#[when(expr = "{word}'s wallet takes the order, for which the merchant names another gateway")]
async fn takes_for_other_gateway(story: &mut Story, name: String) -> Outcome {
    story.takes(&name, |merchant, answer| merchant.with_other_gateway(&answer)).await
}

/// The merchant keeps what came, and tells nobody.
#[when(expr = "{word} pays a dishonest merchant with the wallet")]
async fn pays_dishonest(story: &mut Story, name: String) -> Outcome {
    let (program, purchase) = (Program::at(story.bench()?).await?, story.named()?);
    let wallet = story.set.wallet(&name)?;
    let request = purchase.request(wallet, &program.entropy, program.now);
    let (message, _, sent) = request.map_err(refused)?;
    let merchant = story.dishonest(MERCHANT, &program)?;
    let gateway_url = merchant.named(&story.set.name)?.gateway_url.as_str().to_owned();
    story.set.shown = Some(sent.purchase().reference().map_err(refused)?.as_str().to_owned());
    story.set.taken = Some(Taken { message, gateway_url });
    Ok(())
}

#[when(expr = "the merchant asks the gateway for {amount}")]
async fn asks(story: &mut Story, amount: Money) -> Outcome {
    story.asks_gateway(MERCHANT, amount, |_, pi| Ok(pi)).await
}

#[when(expr = "another merchant asks the gateway for {amount}")]
async fn another_asks(story: &mut Story, amount: Money) -> Outcome {
    story.asks_gateway(OTHER_MERCHANT, amount, |_, pi| Ok(pi)).await
}

#[when(expr = "the merchant asks the gateway for {amount} with the payment before")]
async fn asks_with_old_payment(story: &mut Story, amount: Money) -> Outcome {
    let (old, _) = parts(&story.set.last()?.message)?;
    story.asks_gateway(MERCHANT, amount, |_, _| Ok(old.clone())).await
}

#[when(
    expr = "the other gateway reenvelopes the payment, and the merchant asks the gateway for {amount}"
)]
async fn asks_with_reenveloped(story: &mut Story, amount: Money) -> Outcome {
    story.asks_gateway(MERCHANT, amount, |merchant, pi| merchant.reenveloped(pi)).await
}

#[when("the merchant sends its question again")]
async fn sends_question_again(story: &mut Story) -> Outcome {
    let program = Program::at(story.bench()?).await?;
    let QuestionToGateway { message, answer, .. } = story.set.asked()?;
    let merchant = story.dishonest(MERCHANT, &program)?;
    let again = merchant.send(&story.set.taken()?.gateway_url, message.clone()).await?;
    match again.answer == *answer {
        true => Ok(()),
        false => Err(Failure::expected("the first answer, byte for byte", "another")),
    }
}

#[then(regex = r"^the gateway answers: (.+)$")]
fn gateway_answers(story: &mut Story, words: String) -> Outcome {
    same("the gateway to answer", story.set.asked()?.said.as_str(), set::answer(&words)?)
}

#[then("the other gateway's key opens the payment, and the gateway's does not")]
fn other_gateway_opens(story: &mut Story) -> Outcome {
    let message = &story.set.taken()?.message;
    story.opens("payment", [(OTHER_GATEWAY, true), (GATEWAY, false)], message)
}

#[then("neither the merchant's key nor another gateway's opens the code, and the gateway's does")]
fn only_gateway_opens_code(story: &mut Story) -> Outcome {
    let typed = story.set.last()?.typed.as_ref();
    let typed =
        typed.ok_or_else(|| Failure::new("nobody has typed a code through the merchant"))?;
    let merchant = format!("{MERCHANT}-exchange");
    story.opens("code", [(&merchant, false), (OTHER_GATEWAY, false)], typed)?;
    story.opens("code", [(GATEWAY, true), (GATEWAY, true)], typed)
}

/// The person who compares finds out (W12).
#[then(expr = "the message bears another reference than {word}'s wallet shows")]
fn another_reference(story: &mut Story, name: String) -> Outcome {
    let shown = story.set.shown.as_ref();
    let shown =
        shown.ok_or_else(|| Failure::new(format!("{name} has paid no dishonest merchant")))?;
    let line = format!("ref {shown},");
    story.text_says(&format!("bears another reference than {shown}"), |text| {
        text.contains("ref ") && !text.contains(&line)
    })
}
