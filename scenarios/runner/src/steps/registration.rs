//! Registering by SET: a card, its phone, and a wallet with a certificate.

use countersign_set::message::registration::CertStatusCode;
use cucumber::{then, when};

use crate::{
    failure::{Failure, Outcome, same},
    flows::registration::{Registering, register},
    world::Story,
};

impl Story {
    fn registration(&self) -> Result<&Registering, Failure> {
        self.set.registration.as_ref().ok_or_else(|| Failure::new("nobody registers"))
    }

    async fn proves(&mut self, code: &str) -> Outcome {
        let registration = self.set.registration.take();
        let mut registration = registration.ok_or_else(|| Failure::new("nobody registers"))?;
        registration.prove(self.bench()?, code).await?;
        self.set.registration = Some(registration);
        Ok(())
    }
}

#[when(expr = "{word} registers the card with a new wallet")]
async fn registers(story: &mut Story, name: String) -> Outcome {
    let registration = register(story.bench()?, &story.person(&name)?.card).await?;
    story.set.registration = Some(registration);
    Ok(())
}

#[then("the authority asks for a code")]
fn authority_asks(story: &mut Story) -> Outcome {
    same("the registration to be", story.registration()?.told.status, CertStatusCode::CodeAsked)
}

#[then("the message bears the reference that the authority told the wallet")]
fn message_bears_reference(story: &mut Story) -> Outcome {
    let start = story.registration()?.told.code.as_ref();
    let start = start.ok_or_else(|| Failure::new("no code was asked for"))?;
    let line = format!("ref {},", start.reference);
    story.text_says(&format!("says \"{line}\""), |text| text.contains(&line))
}

#[when(expr = "{word} types the code to register")]
async fn types_code(story: &mut Story, name: String) -> Outcome {
    let code = story.person(&name)?.code()?.to_owned();
    story.proves(&code).await
}

#[when("three codes are guessed to register")]
async fn guesses(story: &mut Story) -> Outcome {
    for _ in 0..3 {
        story.proves("000000").await?;
    }
    Ok(())
}

#[then("the authority takes no more codes, and there is no certificate")]
fn no_more_codes(story: &mut Story) -> Outcome {
    let told = &story.registration()?.told;
    same("the registration to be", told.status, CertStatusCode::CodeLocked)?;
    same("certificates", told.certificates.len(), 0)
}

#[then(expr = "{word} has a wallet with the authority's certificate")]
fn has_certificate(story: &mut Story, name: String) -> Outcome {
    let told = &story.registration()?.told;
    same("the registration to be", told.status, CertStatusCode::RequestComplete)?;
    let registration = story.set.registration.take();
    let registration = registration.ok_or_else(|| Failure::new("nobody registers"))?;
    story.set.wallets.insert(name, registration.wallet()?);
    story.set.has_registered = true;
    Ok(())
}
