//! A payment over fakes: the bank holds the amount, the phone gets the code, and only the right code debits anything.
//!
//! `cargo run -p countersign-domain --features testing --example payment`
#![expect(clippy::print_stdout, reason = "an example shows what happens")]

use countersign_domain::{
    code::TypedCode,
    error::Error,
    ports::Reads as _,
    record::{Batch, Stored as _},
    register::Account,
    testing::Fixture,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    // Store, clock, bank and network are fakes here. Drivers implement the same ports.
    let shop = Fixture::new();

    // Alice pays 49.90 euros. Her bank is asked first, then she is.
    let purchase = shop.purchase("49.90");
    let session = purchase.person.session.clone();
    let currency = purchase.transaction.amount().currency();
    let payment = shop.gateway.start_payment(purchase, Batch::default()).await?;
    println!(
        "the payment is {}; the bank was asked to {:?}",
        payment.state().name(),
        shop.bank.call_names()
    );

    // The outbox sends what was committed with the challenge. This is what the phone shows.
    let sms = shop.next_message().await.unwrap_or_default();
    println!("\n{sms}\n");

    // She types it back in the same session: a wrong one first.
    let code = shop.code_in(&sms);
    for typed in ["000000", code.as_str()] {
        let finished =
            shop.gateway.finish_payment(&payment, &session, &TypedCode::try_from(typed)?).await?;
        println!("{typed}: {:?}", finished.map(|payment| payment.state().name()));
    }

    // The amount is posted, and what happened is on record.
    let owed = shop.store.balance(&Account::payer(&"alice".try_into()?), currency).await?;
    println!(
        "alice owes {} cents; the bank was asked to {:?}\n",
        owed.debit_minor,
        shop.bank.call_names()
    );
    for fact in shop.store.facts(&payment.key()).await? {
        println!("{} {:?}", fact.at, fact.event);
    }
    Ok(())
}
