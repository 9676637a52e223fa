//! Paying by SET: a shop's order, a cardholder's wallet, and what may happen to messages on their way.

mod attacks;

use countersign_domain::amount::Amount;
use countersign_set::{
    cardholder::{Purchase, Typed, Wallet},
    message::{common::CurrencyAmount, purchase::Mode},
};
use cucumber::{given, then, when};

use crate::{
    failure::{Failure, Outcome, eventually, same},
    flows::set::{self, Bought, Dishonest, GATEWAY, MERCHANT, Program, refused},
    phrase::Money,
    world::{Story, code_in},
};

impl Story {
    pub(super) fn named(&mut self) -> Result<Purchase, Failure> {
        let named = self.set.named.take();
        named.ok_or_else(|| Failure::new("the wallet has taken no order"))
    }

    /// Opens a wallet in the sandbox's folder (F11.7).
    pub(super) fn opened(&self, name: &str) -> Result<Wallet, Failure> {
        let description = &self.bench()?.description;
        let file = description.folder.join(format!("{name}.wallet"));
        set::open(&file, &description.wallet.password)
    }

    /// Has the last order named, as `on_the_way` leaves the name.
    pub(super) async fn takes(
        &mut self,
        name: &str,
        on_the_way: impl Fn(&Dishonest<'_>, Vec<u8>) -> Result<Vec<u8>, Failure>,
    ) -> Outcome {
        let (program, wallet) = (Program::at(self.bench()?).await?, self.set.wallet(name)?);
        let folder = &self.bench()?.description.folder;
        let merchant = Dishonest { id: MERCHANT, folder, trust: &wallet.trust, program: &program };
        let on_the_way = |answer| on_the_way(&merchant, answer);
        let (purchase, named) = program.take(wallet, self.set.order()?, on_the_way).await?;
        (self.set.named, self.set.name) = (Some(purchase), named);
        Ok(())
    }

    /// Sends the purchase that has a name, as `on_the_way` leaves it.
    pub(super) async fn pays(
        &mut self,
        name: &str,
        on_the_way: impl Fn(&[u8]) -> Result<Vec<u8>, Failure>,
    ) -> Outcome {
        let (program, purchase) = (Program::at(self.bench()?).await?, self.named()?);
        let wallet = self.set.wallet(name)?;
        let request = purchase.request(wallet, &program.entropy, program.now);
        let (message, asked, sent) = request.map_err(refused)?;
        let (message, url) = (on_the_way(&message)?, sent.purchase().offer().url().to_owned());
        let answer = program.exchange(&url, message.clone()).await?;
        self.set.told = Some(sent.answer(&asked, &answer, &wallet.trust, program.now));
        self.set.bought.push(Bought { sent, asked, message, answer, typed: None });
        Ok(())
    }

    /// Sends a code through the merchant, with a PIN if there is one.
    pub(super) async fn types_in_wallet(
        &mut self,
        name: &str,
        code: &str,
        pin: Option<&str>,
    ) -> Outcome {
        let program = Program::at(self.bench()?).await?;
        let (wallet, bought) = (self.set.wallet(name)?, self.set.last()?);
        let forward = bought.sent.code_forward(Typed { code, pin }, &program.entropy, program.now);
        let (message, asked) = forward.map_err(refused)?;
        let url = bought.sent.purchase().offer().url();
        let answer = program.exchange(url, message.clone()).await?;
        self.set.told = Some(bought.sent.answer(&asked, &answer, &wallet.trust, program.now));
        self.set.last_mut()?.typed = Some(message);
        Ok(())
    }

    /// Sends the last purchase once more, as `on_the_way` leaves it.
    async fn sends_again(
        &mut self,
        name: &str,
        on_the_way: impl Fn(&[u8]) -> Result<Vec<u8>, Failure>,
    ) -> Result<bool, Failure> {
        let program = Program::at(self.bench()?).await?;
        let (wallet, bought) = (self.set.wallet(name)?, self.set.last()?);
        let (message, url) = (on_the_way(&bought.message)?, bought.sent.purchase().offer().url());
        let answer = program.exchange(url, message).await?;
        let is_same = answer == bought.answer;
        self.set.told =
            Some(bought.sent.answer(&bought.asked, &answer, &wallet.trust, program.now));
        Ok(is_same)
    }
}

/// As it was sent.
fn unchanged(message: &[u8]) -> Result<Vec<u8>, Failure> {
    Ok(message.to_vec())
}

#[given(expr = "the shop sells {string} for {amount} by SET")]
async fn shop_sells(story: &mut Story, goods: String, amount: Money) -> Outcome {
    let order = set::create(story.bench()?, amount.0, &goods).await?;
    story.set.orders.push(order);
    Ok(())
}

#[given(expr = "{word} has a wallet with a certificate")]
async fn has_wallet(story: &mut Story, name: String) -> Outcome {
    story.add_cardholder(&name).await
}

#[given(expr = "{word} has a wallet without a certificate")]
fn has_unsigned_wallet(story: &mut Story, name: String) -> Outcome {
    let wallet = set::unsigned(story.bench()?, &story.person(&name)?.card)?;
    story.set.wallets.insert(name, wallet);
    Ok(())
}

#[when(expr = "{word} opens the wallet with the password")]
fn opens_wallet(story: &mut Story, name: String) -> Outcome {
    let wallet = story.opened("alice")?;
    story.set.wallets.insert(name, wallet);
    Ok(())
}

#[then(expr = "a wrong password does not open the wallet")]
fn wrong_password(story: &mut Story) -> Outcome {
    match set::open(&story.bench()?.description.wallet.file, "another password") {
        Ok(_) => Err(Failure::expected("a wallet that stays shut", "an open one")),
        Err(_) => Ok(()),
    }
}

#[when(regex = r"^(\w+)'s wallet takes the order(?: again)?$")]
async fn takes_order(story: &mut Story, name: String) -> Outcome {
    story.takes(&name, |_, answer| Ok(answer)).await
}

#[then(expr = "the wallet shows {amount} to {string} for {string}")]
fn wallet_shows(story: &mut Story, amount: Money, merchant: String, goods: String) -> Outcome {
    let named = story.set.named.as_ref();
    let offer = named.ok_or_else(|| Failure::new("the wallet has taken no order"))?.offer();
    same("the amount to be", offer.amount().map_err(refused)?, amount.0)?;
    same("the merchant to be", offer.merchant_name(), &*merchant)?;
    same("the goods to be", offer.description(), &*goods)
}

#[when(expr = "{word} pays with the wallet")]
async fn pays(story: &mut Story, name: String) -> Outcome {
    story.pays(&name, unchanged).await
}

#[when(expr = "{word} pays with the wallet, and somebody changes the order on its way")]
async fn pays_and_is_changed(story: &mut Story, name: String) -> Outcome {
    story.pays(&name, set::with_other_goods).await
}

#[when(expr = "somebody sends {word}'s payment again")]
async fn sends_again(story: &mut Story, name: String) -> Outcome {
    match story.sends_again(&name, unchanged).await? {
        true => Ok(()),
        false => Err(Failure::expected("the first answer, byte for byte", "another")),
    }
}

#[when(expr = "somebody sends {word}'s payment again in another wrapper")]
async fn sends_in_another_wrapper(story: &mut Story, name: String) -> Outcome {
    story.sends_again(&name, set::in_another_wrapper).await.map(|_| ())
}

#[when(expr = "{word} types the code into the wallet")]
async fn types_code(story: &mut Story, name: String) -> Outcome {
    let code = story.person(&name)?.code()?.to_owned();
    story.types_in_wallet(&name, &code, None).await
}

#[when(expr = "{word} types the first code into the wallet")]
async fn types_first_code(story: &mut Story, name: String) -> Outcome {
    let first = story.person(&name)?.texts.first();
    let first = first.ok_or_else(|| Failure::new("no message came yet"))?;
    let code = code_in(first)?.to_owned();
    story.types_in_wallet(&name, &code, None).await
}

#[when(expr = "{word} types a wrong code into the wallet")]
async fn types_wrong_code(story: &mut Story, name: String) -> Outcome {
    let codes = story.codes();
    let right = codes.last().copied().unwrap_or_default();
    let wrong = if right == "000000" { "000001" } else { "000000" };
    story.types_in_wallet(&name, wrong, None).await
}

#[when(expr = "{word} types the code into the wallet, which sends it straight to the gateway")]
async fn types_code_direct(story: &mut Story, name: String) -> Outcome {
    let program = Program::at(story.bench()?).await?;
    let code = story.person(&name)?.code()?;
    let (wallet, bought) = (story.set.wallet(&name)?, story.set.last()?);
    let start = story.set.progress()?.code.as_ref();
    let start = start.ok_or_else(|| Failure::new("no code was asked for"))?;
    let direct = bought.sent.code_direct(code, &program.entropy, program.now);
    let (message, rrpid) = direct.map_err(refused)?;
    let answer = program.exchange(&start.gateway_url, message).await?;
    let told = bought.sent.direct_answer(&rrpid, &answer, &wallet.trust, program.now);
    story.set.told = Some(told);
    Ok(())
}

#[then(regex = r"^the wallet is told: (.+)$")]
fn wallet_is_told(story: &mut Story, words: String) -> Outcome {
    same("the wallet to be told", story.set.told(), set::answer(&words)?.to_owned())
}

/// Short, and derived from merchant, amount, purchase and gateway: the same on both networks (W12).
#[then("the message bears the reference that the wallet shows")]
fn message_bears_reference(story: &mut Story) -> Outcome {
    let reference = story.set.last()?.sent.purchase().reference().map_err(refused)?;
    let line = format!("ref {},", reference.as_str());
    story.text_says(&format!("says \"{line}\""), |text| text.contains(&line))
}

#[then(
    regex = r"^the wallet has the gateway's receipt of (\d+\.\d+ [A-Z]{3}), (signed|unsigned), (with|without) a code$"
)]
fn has_receipt(story: &mut Story, amount: Money, signed: String, with: String) -> Outcome {
    let receipt = story.set.progress()?.receipt.as_ref();
    let (receipt, _) = receipt.ok_or_else(|| Failure::new("there is no receipt"))?;
    let came = Amount::try_from(&CurrencyAmount::clone(&receipt.purch_amt));
    same("the amount to be", came.map_err(|error| Failure::new(error.to_string()))?, amount.0)?;
    let mode = if signed == "signed" { Mode::DualSigned } else { Mode::Unsigned };
    same("the mode to be", receipt.mode, mode)?;
    same("a code to be verified", receipt.code_verified, with == "with")
}

/// Read from the sandbox's folder, where all keys are: those of the merchant do not open it, that of the gateway does.
#[then("no key of the merchant opens the payment, and the gateway's does")]
fn no_key_of_the_merchant(story: &mut Story) -> Outcome {
    let message = &story.set.last()?.message;
    story.opens("payment", [("dupont-exchange", false), (GATEWAY, true)], message)
}

#[then(regex = r"^the shop sees that the order (.+)$")]
async fn shop_sees(story: &mut Story, words: String) -> Outcome {
    let status = set::status(&words)?;
    eventually(|| async {
        let view = set::view(story.bench()?, story.set.order()?).await?;
        let came = view.get("status").and_then(serde_json::Value::as_str);
        same("the order to be", came, Some(status))
    })
    .await
}
