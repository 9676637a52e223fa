//! Access without a payment: a code for a session, typed back in that session, gives proof of it once.
//!
//! `cargo run -p countersign-domain --features testing --example access`
#![expect(clippy::print_stdout, reason = "an example shows what happens")]

use countersign_domain::{
    address::Msisdn, agreement::Agreement, challenge::ChallengeRequest, code::TypedCode,
    error::Error, id::SessionId, locale::Locale, person::Person, refusal::Outcome,
    testing::Fixture,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let library = Fixture::new();
    let session = SessionId::random(library.entropy.as_ref())?;

    // Alice wants to come in. Her number is vouched for: the directory knows it, not her.
    let request = ChallengeRequest {
        relying_party: "library".try_into()?,
        person: Person {
            identifier: "alice".try_into()?,
            address: Msisdn::try_from("+33612345678")?.into(),
            session: session.clone(),
            locale: Locale::default(),
            origin: Some("library.example.com".try_into()?),
        },
        agreement: Agreement::Access { to: "City library".try_into()? },
        from: None,
        waiting: None,
        correlation: None,
    };
    let Outcome::Done(challenge) = library.verifier.start_challenge(request).await? else {
        println!("no code may be sent");
        return Ok(());
    };
    println!("a code is on its way to {}", challenge.masked_address());

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
