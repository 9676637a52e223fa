//! Client certificates: the sandbox's, each of a kind that matters.

use cucumber::{given, then};

use crate::{
    description::{Certificates, ClientCertificate},
    failure::Outcome,
    phrase,
    world::Story,
};

async fn has(
    story: &mut Story,
    name: &str,
    which: impl Fn(&Certificates) -> &ClientCertificate,
) -> Outcome {
    let certificate = which(&story.bench()?.description.certificates).clone();
    story.add_holder(name, certificate).await
}

#[given(expr = "{word} has the certificate with encrypted number and card")]
async fn has_encrypted(story: &mut Story, name: String) -> Outcome {
    has(story, &name, |all| &all.encrypted).await
}

/// The directory knows whose the card is: the certificate says nothing of it.
#[given(expr = "{word} has the certificate with the number in clear")]
async fn has_clear(story: &mut Story, name: String) -> Outcome {
    has(story, &name, |all| &all.clear).await?;
    story.enrol(&name, true).await
}

#[given(expr = "{word} has the certificate of a foreign authority")]
async fn has_foreign(story: &mut Story, name: String) -> Outcome {
    has(story, &name, |all| &all.foreign).await
}

#[given(expr = "{word} has the expired certificate")]
async fn has_expired(story: &mut Story, name: String) -> Outcome {
    has(story, &name, |all| &all.expired).await
}

#[given(expr = "{word} has the certificate with a number moved from another")]
async fn has_moved(story: &mut Story, name: String) -> Outcome {
    has(story, &name, |all| &all.moved).await
}

#[then(regex = r"^the certificate is refused: (.+)$")]
fn is_refused(story: &mut Story, cause: String) -> Outcome {
    let (problem, alert) = phrase::certificate_cause(&cause)?;
    story.refused(problem, alert)
}
