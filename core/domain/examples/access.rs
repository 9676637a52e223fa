//! Access without a payment: a code for a session, typed back in that session, gives proof of it once.
//!
//! `cargo run -p countersign-domain --features testing --example access`
#![expect(clippy::print_stdout, reason = "an example shows what happens")]

use countersign_domain::{
    agreement::Purpose, code::TypedCode, error::Error, id::SessionId, locale::Locale,
    refusal::Outcome, testing::Fixture, verifier::ChallengeRequest,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let library = Fixture::new();
    let session = SessionId::random(library.entropy.as_ref())?;

    // Alice wants to come in. Her number is vouched for: the directory knows it, not her.
    let request = ChallengeRequest {
        relying_party: "library".try_into()?,
        identifier: "alice".try_into()?,
        session: session.clone(),
        number: "+33612345678".try_into()?,
        account: None,
        transaction: None,
        waiting: None,
        purpose: Purpose::Access,
        locale: Locale::En,
        origin: "library.example.com".to_owned(),
        correlation: None,
    };
    let challenge = library.verifier.start_challenge(request).await?;
    println!("a code is on its way to {}", challenge.masked_number());

    let sms = library.next_message().await.unwrap_or_default();
    println!("\n{sms}\n");

    // Of two clicks, one is let in.
    let typed = TypedCode::try_from(library.code_in(&sms))?;
    for click in 1..=2 {
        match library.verifier.finish_challenge(challenge.id(), &session, &typed).await? {
            Outcome::Done(proof) => println!("click {click}: come in, by {}", proof.challenge()),
            Outcome::Refused(refusal) => println!("click {click}: {refusal:?}"),
        }
    }
    Ok(())
}
