//! Wallets in a currency that is withdrawn: nothing more comes in or is paid, and what is theirs people and merchants get.

use std::sync::Arc;

use countersign_domain::{
    amount::{Amount, Currency},
    locale::Locale,
    policy::PolicySettings,
    register::Position,
    testing::{Fixture, card},
    time::Timestamp,
};
use countersign_wallet::{
    Fee, House, Limits, Wallets,
    error::{MoneyRefusal, WalletError},
    flow::{NewTransfer, NewWallet, TransferStatus},
    message::Ticket,
    testing::{ALICE, PAYOUT_EVERY_SECONDS, Parties, Rich, house, phone_of},
};
use countersign_web::client_address::ClientAddress;

/// 30 November 2025: Bulgaria has had the euro since 1 January 2026.
const BEFORE: Timestamp = Timestamp::from_unix_seconds(1_764_460_800);
const AFTER: Timestamp = Timestamp::from_unix_seconds(1_767_225_600);

fn lev() -> Currency {
    "BGN".try_into().unwrap()
}

fn levs(text: &str) -> Amount {
    Amount::from_decimal(text, lev()).unwrap()
}

fn in_levs(of: &Rich, key: &str, amount: &str) -> NewTransfer {
    NewTransfer { amount: levs(amount), ..of.transfer(key, "1.00") }
}

/// The same wallets after a restart with these currencies.
fn keeping(wallets: &Wallets, currencies: &[Currency]) -> Arc<Wallets> {
    let limits = house().limits.into_iter().flat_map(|limits| {
        currencies.iter().map(move |currency| Limits { currency: *currency, ..limits })
    });
    let fee = Fee { basis_points: 0 };
    let house = Arc::new(House { limits: limits.collect(), fee, ..house() });
    let Wallets { ports, directory, verifier, gateway, bank, .. } = wallets;
    Arc::new(Wallets {
        ports: ports.clone(),
        directory: directory.clone(),
        verifier: verifier.clone(),
        gateway: gateway.clone(),
        bank: bank.clone(),
        house,
    })
}

async fn open(parties: &Parties) -> Rich {
    let (process, session) = (&parties.process, parties.process.session());
    let begun = process.wallets.start_opening(
        new_wallet(),
        session.clone(),
        Locale::default(),
        ClientAddress::default(),
    );
    let (id, asked) = begun.await.unwrap();
    let typed = process.read(&asked).await.try_into().unwrap();
    let wallet = process.wallets.finish_opening(&id, &session, &typed).await.unwrap();
    let visitor = process.wallets.visitor(&session, Locale::default()).await.unwrap();
    let card = process.tie(&visitor, &card()).await;
    Rich { visitor, wallet, card }
}

fn new_wallet() -> NewWallet {
    NewWallet {
        identifier: "alice".try_into().unwrap(),
        address: phone_of(ALICE),
        name: "Household".try_into().unwrap(),
        currency: lev(),
    }
}

fn ticket(parties: &Parties, number: &str, amount: &str) -> Ticket {
    Ticket { currency: lev(), ..parties.ticket(number, amount) }
}

async fn buy(parties: &Parties, alice: &Rich, number: &str) {
    let (wallets, ticket) = (&parties.process.wallets, ticket(parties, number, "10.00"));
    let pay = alice.from_wallet(&parties.till.sign(&ticket).unwrap(), number);
    let started = wallets.start_payment(&alice.visitor, &pay).await.unwrap();
    let code = parties.process.read(started.code.as_ref().unwrap()).await;
    wallets.finish_payment(&alice.visitor, &parties.typed(&started, &ticket, &code)).await.unwrap();
}

/// Alice with 90.00 BGN, and a merchant that sold her something for 10.00.
async fn before() -> (Parties, Rich) {
    let fixture = Fixture::with_policy(PolicySettings::bank_first());
    fixture.clock.set(BEFORE);
    let store = fixture.store.clone();
    let mut parties = Parties::on(fixture, store).await;
    parties.process.wallets = keeping(&parties.process.wallets, &[lev()]);
    let alice = open(&parties).await;
    let coming = in_levs(&alice, "first-pay-in", "100.00");
    assert_eq!(parties.process.pay_in(&alice.visitor, &coming).await, 10_000);
    buy(&parties, &alice, "ticket-0001").await;
    (parties, alice)
}

#[tokio::test]
async fn what_is_in_a_wallet_of_a_withdrawn_currency_goes_out_and_the_wallet_is_closed() {
    let euro = "EUR".try_into().unwrap();
    for kept in [&[lev(), euro][..], &[euro], &[]] {
        let (mut parties, alice) = before().await;
        parties.process.fixture.clock.set(AFTER);
        parties.process.wallets = keeping(&parties.process.wallets, kept);
        let wallets = &parties.process.wallets;
        // The visit was of last year.
        let visitor = &alice.visitor;
        let not_empty = wallets.close(visitor, &alice.wallet).await;
        assert_eq!(not_empty, Err(MoneyRefusal::NotEmpty.into()), "{kept:?}");
        for (key, amount, left) in [("take-out-1", "40.00", 5_000), ("take-out-2", "50.00", 0)] {
            let out = wallets.take_out(visitor, &in_levs(&alice, key, amount)).await.unwrap();
            let TransferStatus::Done { balance_minor, .. } = out.status else { panic!("{out:?}") };
            assert_eq!(balance_minor, left, "{kept:?}");
        }
        for _ in 0..2 {
            assert_eq!(wallets.close(visitor, &alice.wallet).await, Ok(()), "{kept:?}");
        }
        let late = wallets.take_out(visitor, &in_levs(&alice, "take-out-3", "0.01")).await;
        assert_eq!(late, Err(WalletError::NotNow("closed")), "{kept:?}");
    }
}

#[tokio::test]
async fn nothing_begins_in_a_withdrawn_currency_whether_or_not_the_house_keeps_it() {
    for (kept, refusal) in [(&[lev()][..], None), (&[], Some(MoneyRefusal::NoSuchCurrency))] {
        let (mut parties, alice) = before().await;
        parties.process.fixture.clock.set(AFTER);
        parties.process.wallets = keeping(&parties.process.wallets, kept);
        let (process, wallets) = (&parties.process, &parties.process.wallets);
        let (asked, calls) =
            (process.fixture.messenger.taken().len(), process.fixture.bank.calls());
        let must_be_refused = |what: &str, error: WalletError| match &refusal {
            Some(refusal) if what != "ticket" => {
                assert_eq!(error, WalletError::Money(*refusal), "{what}");
            }
            _ => assert!(error.to_string().contains("was withdrawn"), "{what}: {error}"),
        };
        let session = process.session();
        let opened = wallets
            .start_opening(new_wallet(), session, Locale::default(), ClientAddress::default())
            .await;
        must_be_refused("open", opened.unwrap_err());
        let coming = in_levs(&alice, "second-pay-in", "1.00");
        must_be_refused("in", wallets.start_pay_in(&alice.visitor, &coming).await.unwrap_err());
        let signed = parties.till.sign(&ticket(&parties, "ticket-0002", "1.00")).unwrap();
        for pay in
            [alice.from_wallet(&signed, "nonce-0001"), alice.from_card(&signed, "nonce-0002")]
        {
            let refused = wallets.start_payment(&alice.visitor, &pay).await.unwrap_err();
            must_be_refused("ticket", refused);
        }
        assert_eq!(process.fixture.bank.calls(), calls);
        assert_eq!(process.fixture.messenger.taken().len(), asked);
    }
}

#[tokio::test]
async fn a_merchant_is_paid_out_what_it_sold_before_also_where_the_house_keeps_the_currency_no_more()
 {
    for (paid_before, expected) in [(true, &[1_000, 1_000][..]), (false, &[2_000])] {
        let (mut parties, alice) = before().await;
        if paid_before {
            parties.process.wallets.pay_out(&parties.till.merchant, lev()).await.unwrap().unwrap();
        }
        buy(&parties, &alice, "ticket-0002").await;
        parties.process.fixture.clock.set(AFTER);
        parties.process.fixture.clock.advance_seconds(PAYOUT_EVERY_SECONDS.into());
        parties.process.wallets = keeping(&parties.process.wallets, &[]);
        parties.process.wallets.resume(10).await.unwrap();
        let payouts = parties.process.wallets.payouts(lev(), Position::START, 10).await.unwrap();
        let paid: Vec<_> = payouts.iter().map(|(_, payout)| payout.net_minor()).collect();
        assert_eq!(paid, expected);
    }
}
