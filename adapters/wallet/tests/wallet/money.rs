//! Wallets, cards, what goes in and out, limits, and merchants' payouts.

use countersign_domain::{
    bank::BankError,
    error::Error,
    id::SessionId,
    locale::Locale,
    refusal::Refusal,
    register::Position,
    subscriber::Subscriber,
    testing::{BankCall, card, other_card},
};
use countersign_wallet::{
    error::{MoneyRefusal, WalletError},
    flow::{CodeAsked, NewWallet, TransferStatus, TransferView},
    record::NotPaid,
    testing::{ALICE, BOB, PAYOUT_EVERY_SECONDS, Parties, Process, Rich, phone_of},
};
use countersign_web::client_address::ClientAddress;

async fn rich(euros: &str) -> (Parties, Rich) {
    let parties = Parties::new().await;
    let alice = parties.process.person_with("alice", euros).await;
    (parties, alice)
}

/// What is available, and what is held, in cents.
async fn money(process: &Process, of: &Rich) -> (u64, u64) {
    let view = process.wallets.wallet(&of.visitor, &of.wallet).await.unwrap();
    (view.available_minor, view.held_minor)
}

fn new_wallet(who: &str, phone: &str) -> NewWallet {
    NewWallet {
        identifier: who.try_into().unwrap(),
        address: phone_of(phone),
        name: "Household".try_into().unwrap(),
        currency: "EUR".try_into().unwrap(),
    }
}

fn is_not_found(error: &WalletError) -> bool {
    matches!(error, WalletError::Domain(Error::NotFound { .. }))
}

async fn vouch(process: &Process, who: &str, phone: &str, card: countersign_domain::card::Card) {
    let identifier = who.try_into().unwrap();
    let subscriber = Subscriber { identifier, address: phone_of(phone), card: Some(card) };
    process.directory.enrol(&subscriber).await.unwrap();
}

#[tokio::test]
async fn a_wallet_is_opened_by_the_code_that_proves_the_number() {
    let process = Parties::new().await.process;
    let (wallets, session) = (&process.wallets, process.session());
    let begun = wallets.start_opening(
        new_wallet("alice", ALICE),
        session.clone(),
        Locale::default(),
        ClientAddress::default(),
    );
    let (id, asked) = begun.await.unwrap();
    let right = process.read(&asked).await;
    let wrong = if right == "000000" { "111111" } else { "000000" };
    let typed = wrong.try_into().unwrap();
    let refused = wallets.finish_opening(&id, &session, &typed).await.unwrap_err();
    assert_eq!(refused, WalletError::Refused(Refusal::WrongCode { attempts_left: 2 }));
    let nobody = wallets.visitor(&session, Locale::default()).await.unwrap_err();
    assert_eq!(nobody, WalletError::NotSignedIn);
    let typed = right.try_into().unwrap();
    let number = wallets.finish_opening(&id, &session, &typed).await.unwrap();
    let alice = wallets.visitor(&session, Locale::default()).await.unwrap();
    let of_alice = wallets.wallets(&alice).await.unwrap();
    assert_eq!(of_alice.iter().map(|wallet| &wallet.number).collect::<Vec<_>>(), [&number]);
}

#[tokio::test]
async fn an_identifier_stays_with_the_number_that_was_proved_first() {
    let process = Parties::new().await.process;
    process.open("alice", ALICE).await;
    let start = async |name, phone| {
        let session = process.session();
        let new = new_wallet(name, phone);
        let (id, asked) = process
            .wallets
            .start_opening(new, session.clone(), Locale::default(), ClientAddress::default())
            .await
            .unwrap();
        (id, asked, session)
    };
    let finish = async |(id, asked, session): &(_, _, SessionId)| {
        let typed = process.read(asked).await.try_into().unwrap();
        process.wallets.finish_opening(id, session, &typed).await
    };
    // Until the code nothing is told of a name that is taken; then its holder's number is not the one that was proved.
    let (taken, free) = (start("alice", BOB).await, start("bob", BOB).await);
    let told = |(_, asked, _): &(_, CodeAsked, SessionId)| asked.phone.clone();
    assert_eq!(told(&taken), told(&free));
    assert_eq!(finish(&taken).await, Err(WalletError::UnknownPerson));
    assert!(finish(&free).await.is_ok());
    // Two at once, of one name and two numbers: the first to prove its number has it.
    let (one, two) = (start("carol", ALICE).await, start("carol", BOB).await);
    assert!(finish(&two).await.is_ok());
    assert_eq!(finish(&one).await, Err(WalletError::UnknownPerson));
}

#[tokio::test]
async fn a_person_has_eight_wallets_at_most() {
    let process = Parties::new().await.process;
    for _ in 0..8 {
        process.open("alice", ALICE).await;
    }
    let (session, new) = (process.session(), new_wallet("alice", ALICE));
    let begun = process.wallets.start_opening(
        new,
        session.clone(),
        Locale::default(),
        ClientAddress::default(),
    );
    let (id, asked) = begun.await.unwrap();
    let typed = process.read(&asked).await.try_into().unwrap();
    let ninth = process.wallets.finish_opening(&id, &session, &typed).await;
    assert_eq!(ninth, Err(WalletError::TooMany));
}

#[tokio::test]
async fn a_person_signs_in_by_a_code_and_is_there_for_five_minutes_after_the_last_sign_of_life() {
    let process = Parties::new().await.process;
    process.open("alice", ALICE).await;
    let (wallets, session, here) = (&process.wallets, process.session(), Locale::default());
    let alice = "alice".try_into().unwrap();
    let earlier = wallets
        .start_sign_in(&alice, session.clone(), here.clone(), ClientAddress::default())
        .await
        .unwrap();
    let asked = wallets
        .start_sign_in(&alice, session.clone(), here.clone(), ClientAddress::default())
        .await
        .unwrap();
    let (first, typed) = (process.read(&earlier).await, process.read(&asked).await);
    // The code that was asked for last counts.
    let first = first.try_into().unwrap();
    let refused = wallets.finish_sign_in(&session, here.clone(), &first).await;
    assert!(matches!(refused, Err(WalletError::Refused(_))), "{refused:?}");
    let typed = typed.try_into().unwrap();
    assert!(wallets.finish_sign_in(&session, here.clone(), &typed).await.is_ok());
    for _ in 0..2 {
        process.fixture.clock.advance_seconds(299);
        assert!(wallets.visitor(&session, here.clone()).await.is_ok());
    }
    process.fixture.clock.advance_seconds(300);
    let late = wallets.visitor(&session, here.clone()).await.unwrap_err();
    assert_eq!(late, WalletError::NotSignedIn);
    let asked = wallets
        .start_sign_in(&alice, session.clone(), here.clone(), ClientAddress::default())
        .await
        .unwrap();
    let typed = process.read(&asked).await.try_into().unwrap();
    let visitor = wallets.finish_sign_in(&session, here.clone(), &typed).await.unwrap();
    wallets.sign_out(&visitor).await.unwrap();
    assert_eq!(wallets.visitor(&session, here).await.unwrap_err(), WalletError::NotSignedIn);
}

#[tokio::test]
async fn signing_in_does_not_tell_who_has_a_wallet_and_sends_nothing_to_those_who_have_none() {
    let process = Parties::new().await.process;
    process.open("alice", ALICE).await;
    let (wallets, here) = (&process.wallets, Locale::default());
    let mut told = Vec::new();
    for name in ["alice", "carol"] {
        let session = process.session();
        let who = name.try_into().unwrap();
        let asked = wallets
            .start_sign_in(&who, session.clone(), here.clone(), ClientAddress::default())
            .await
            .unwrap();
        told.push((asked.phone.clone(), asked.short_reference.len(), asked.expires_at));
        let is_sent = process.read_if_any(&asked).await.is_some();
        assert_eq!(is_sent, name == "alice");
        // One of two codes is wrong, whatever the right one is.
        let mut refused = Vec::new();
        for code in ["000000", "111111", "222222", "333333"] {
            let typed = code.try_into().unwrap();
            refused.push(wallets.finish_sign_in(&session, here.clone(), &typed).await.unwrap_err());
        }
        let attempts_left = |attempts_left| Refusal::WrongCode { attempts_left };
        let refusals = [attempts_left(2), attempts_left(1), Refusal::TooManyAttempts];
        let refusals = refusals.into_iter().chain([Refusal::TooManyAttempts]);
        assert_eq!(refused, refusals.map(WalletError::Refused).collect::<Vec<_>>(), "{who:?}");
    }
    let [one, other] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!(one, other);
}

#[tokio::test]
async fn a_card_is_one_persons_and_its_refusal_does_not_say_whose_it_is() {
    let process = Parties::new().await.process;
    let (alice, _) = process.open("alice", ALICE).await;
    let (bob, _) = process.open("bob", BOB).await;
    let (wallets, name) = (&process.wallets, "Blue card".try_into().unwrap());
    // Not vouched for this phone.
    let not_vouched = wallets.tie_card(&bob, &name, &card()).await;
    assert_eq!(not_vouched, Err(WalletError::CardRefused));
    let id = wallets.tie_card(&alice, &name, &card()).await.unwrap();
    // Vouched for this phone now, and tied to somebody else.
    vouch(&process, "alice", ALICE, other_card()).await;
    vouch(&process, "bob", BOB, card()).await;
    assert_eq!(wallets.tie_card(&bob, &name, &card()).await, Err(WalletError::CardRefused));
    // Untied, it stays hers.
    wallets.untie_card(&alice, &id).await.unwrap();
    assert_eq!(wallets.cards(&alice).await, Ok(vec![]));
    assert_eq!(wallets.tie_card(&bob, &name, &card()).await, Err(WalletError::CardRefused));
    assert!(is_not_found(&wallets.untie_card(&bob, &id).await.unwrap_err()));
    vouch(&process, "alice", ALICE, card()).await;
    let again = "Red card".try_into().unwrap();
    assert_eq!(wallets.tie_card(&alice, &again, &card()).await, Ok(id));
    let cards = wallets.cards(&alice).await.unwrap();
    assert_eq!(cards.iter().map(|card| card.name.as_str()).collect::<Vec<_>>(), ["Red card"]);
}

#[tokio::test]
async fn no_card_number_is_kept_in_clear() {
    let (parties, alice) = rich("100.00").await;
    let number = card().expose_number().to_owned();
    for record in parties.process.fixture.store.records() {
        assert!(!record.body.contains(&number), "{}", record.key);
    }
    assert!(!format!("{alice:?}").contains(&number));
}

#[tokio::test]
async fn what_is_paid_in_was_authorized_captured_and_is_posted_once() {
    let (parties, alice) = rich("100.00").await;
    let process = &parties.process;
    assert_eq!(process.fixture.bank.call_names(), ["authorize", "capture"]);
    assert_eq!(money(process, &alice).await, (10_000, 0));
    assert_eq!(process.balance("payer:alice").await, -10_000);
    assert_eq!(process.balance("relying_party:wallets").await, 0);
    // The same name is the same movement, and not another content.
    let again = alice.transfer("first-pay-in", "100.00");
    let view = process.wallets.start_pay_in(&alice.visitor, &again).await.unwrap();
    assert!(matches!(view.status, TransferStatus::Done { balance_minor: 10_000, .. }), "{view:?}");
    for other in [alice.transfer("first-pay-in", "100.01"), {
        let mut other = alice.transfer("first-pay-in", "100.00");
        other.wallet = process.open("alice", ALICE).await.1;
        other
    }] {
        let refused = process.wallets.start_pay_in(&alice.visitor, &other).await;
        assert_eq!(refused, Err(WalletError::KeyReused));
    }
    assert_eq!(process.wallets.take_out(&alice.visitor, &again).await, Err(WalletError::KeyReused));
    assert_eq!(money(process, &alice).await, (10_000, 0));
}

#[tokio::test]
async fn a_pay_in_that_does_not_come_leaves_its_room_to_another() {
    let (parties, alice) = rich("100.00").await;
    let process = &parties.process;
    let (wallets, visitor) = (&process.wallets, &alice.visitor);
    let calls = process.fixture.bank.calls().len();
    let much = alice.transfer("second-pay-in", "400.01");
    let refused = wallets.start_pay_in(visitor, &much).await;
    assert_eq!(refused, Err(MoneyRefusal::BalanceLimit.into()));
    assert_eq!(process.fixture.bank.calls().len(), calls, "the bank was asked");
    let all = alice.transfer("third-pay-in", "400.00");
    let begun = wallets.start_pay_in(visitor, &all).await.unwrap();
    // What is about to come counts.
    let refused = wallets.start_pay_in(visitor, &alice.transfer("other-pay-in", "0.01")).await;
    assert_eq!(refused, Err(MoneyRefusal::BalanceLimit.into()));
    process.fixture.clock.advance_seconds(301);
    process.gateway.resume(10).await.unwrap();
    assert_eq!(wallets.resume(10).await, Ok(1));
    let view = wallets.transfer(visitor, &begun.id).await.unwrap();
    let TransferStatus::NotMade { cause: NotPaid::Code { refusal }, .. } = view.status else {
        panic!("{view:?}")
    };
    assert_eq!(refusal, Refusal::Late);
    process.fixture.bank.decline_with("51");
    let declined = alice.transfer("fourth-pay-in", "400.00");
    let view = wallets.start_pay_in(visitor, &declined).await.unwrap();
    assert!(matches!(view.status, TransferStatus::NotMade { .. }), "{view:?}");
    assert_eq!(money(process, &alice).await, (10_000, 0));
}

#[tokio::test]
async fn money_goes_out_to_the_card_that_it_came_from_and_no_more_than_that() {
    let (parties, alice) = rich("100.00").await;
    let process = &parties.process;
    let (wallets, visitor) = (&process.wallets, &alice.visitor);
    vouch(process, "alice", ALICE, other_card()).await;
    let second = Rich { card: process.tie(visitor, &other_card()).await, ..alice.clone() };
    process.pay_in(visitor, &second.transfer("second-card", "50.00")).await;
    let refused = async |out| wallets.take_out(visitor, &out).await.unwrap_err();
    let poor = refused(alice.transfer("take-out-1", "150.01")).await;
    assert_eq!(poor, MoneyRefusal::InsufficientFunds.into());
    let much = refused(alice.transfer("take-out-2", "100.01")).await;
    assert_eq!(much, MoneyRefusal::NotPaidIn.into());
    let part = wallets.take_out(visitor, &alice.transfer("take-out-3", "40.00")).await.unwrap();
    assert!(matches!(part.status, TransferStatus::Done { balance_minor: 11_000, .. }), "{part:?}");
    let again = wallets.take_out(visitor, &alice.transfer("take-out-3", "40.00")).await;
    assert_eq!(again, Ok(part));
    let more = refused(alice.transfer("take-out-4", "60.01")).await;
    assert_eq!(more, MoneyRefusal::NotPaidIn.into());
    wallets.take_out(visitor, &alice.transfer("take-out-5", "60.00")).await.unwrap();
    wallets.take_out(visitor, &second.transfer("take-out-6", "50.00")).await.unwrap();
    assert_eq!(money(process, &alice).await, (0, 0));
    assert_eq!(process.balance("payer:alice").await, 0);
    let credits = process.fixture.bank.calls();
    let credits = credits.iter().filter(|call| matches!(call, BankCall::Credit(..)));
    assert_eq!(credits.count(), 3);
}

#[tokio::test]
async fn what_is_on_its_way_out_is_held_until_the_bank_has_said() {
    let (parties, alice) = rich("100.00").await;
    let process = &parties.process;
    let (wallets, visitor) = (&process.wallets, &alice.visitor);
    let unreachable = BankError::Unreachable { cause: "down".to_owned() };
    process.fixture.bank.fail_with(Some(unreachable));
    let out = alice.transfer("take-out-1", "40.00");
    let view: TransferView = wallets.take_out(visitor, &out).await.unwrap();
    assert_eq!(view.status, TransferStatus::Processing);
    assert_eq!(money(process, &alice).await, (6_000, 4_000));
    // The card is untied meanwhile: the bank is told all the same, under the same reference.
    wallets.untie_card(visitor, &alice.card).await.unwrap();
    process.fixture.bank.fail_with(None);
    process.fixture.clock.advance_seconds(60);
    assert_eq!(wallets.resume(10).await, Ok(1));
    let view = wallets.transfer(visitor, &view.id).await.unwrap();
    assert!(matches!(view.status, TransferStatus::Done { balance_minor: 6_000, .. }), "{view:?}");
    let calls = process.fixture.bank.calls();
    let credits: Vec<_> =
        calls.iter().filter(|call| matches!(call, BankCall::Credit(..))).collect();
    let [told, again] = credits.as_slice() else { panic!("{credits:?}") };
    assert_eq!(told, again);
    assert_eq!(wallets.resume(10).await, Ok(0));
    let gone = wallets.take_out(visitor, &alice.transfer("take-out-2", "1.00")).await;
    assert!(is_not_found(&gone.unwrap_err()));
}

#[tokio::test]
async fn what_the_bank_refuses_to_credit_is_in_the_wallet_again_and_may_go_out_later() {
    let (parties, alice) = rich("100.00").await;
    let process = &parties.process;
    let (wallets, visitor) = (&process.wallets, &alice.visitor);
    let response = "57".to_owned().try_into().unwrap();
    process.fixture.bank.fail_with(Some(BankError::Refused { response }));
    let view = wallets.take_out(visitor, &alice.transfer("take-out-1", "100.00")).await.unwrap();
    assert!(matches!(view.status, TransferStatus::NotMade { .. }), "{view:?}");
    assert_eq!(money(process, &alice).await, (10_000, 0));
    process.fixture.bank.fail_with(None);
    wallets.take_out(visitor, &alice.transfer("take-out-2", "100.00")).await.unwrap();
    assert_eq!(money(process, &alice).await, (0, 0));
}

#[tokio::test]
async fn a_wallet_is_closed_when_nothing_is_in_it_held_or_about_to_come() {
    let (parties, alice) = rich("100.00").await;
    let process = &parties.process;
    let (wallets, visitor, number) = (&process.wallets, &alice.visitor, &alice.wallet);
    let not_empty = Err(MoneyRefusal::NotEmpty.into());
    assert_eq!(wallets.close(visitor, number).await, not_empty);
    let signed = parties.signed("ticket-0001", "100.00");
    let pay = alice.from_wallet(&signed, "nonce-0001");
    let started = wallets.start_payment(visitor, &pay).await.unwrap();
    assert_eq!(wallets.close(visitor, number).await, not_empty);
    wallets.cancel_payment(visitor, &started.payment).await.unwrap();
    wallets.take_out(visitor, &alice.transfer("take-out-1", "100.00")).await.unwrap();
    let coming = alice.transfer("second-pay-in", "1.00");
    wallets.start_pay_in(visitor, &coming).await.unwrap();
    assert_eq!(wallets.close(visitor, number).await, not_empty);
    process.fixture.clock.advance_seconds(301);
    process.gateway.resume(10).await.unwrap();
    wallets.resume(10).await.unwrap();
    let bob = process.person_with("bob", "1.00").await;
    assert!(is_not_found(&wallets.close(&bob.visitor, number).await.unwrap_err()));
    assert_eq!(wallets.close(visitor, number).await, Ok(()));
    assert_eq!(wallets.close(visitor, number).await, Ok(()));
    let closed = WalletError::NotNow("closed");
    let late = wallets.start_pay_in(visitor, &alice.transfer("third-pay-in", "1.00")).await;
    assert_eq!(late, Err(closed.clone()));
    let signed = parties.signed("ticket-0002", "1.00");
    let pay = alice.from_wallet(&signed, "nonce-0002");
    assert_eq!(wallets.start_payment(visitor, &pay).await, Err(closed));
}

/// Pays a ticket of that number with the code.
async fn sell(parties: &Parties, buyer: &Rich, number: &str, amount: &str) {
    let (wallets, ticket) = (&parties.process.wallets, parties.ticket(number, amount));
    let pay = buyer.from_wallet(&parties.till.sign(&ticket).unwrap(), number);
    let started = wallets.start_payment(&buyer.visitor, &pay).await.unwrap();
    let code = parties.process.read(started.code.as_ref().unwrap()).await;
    let typed = parties.typed(&started, &ticket, &code);
    wallets.finish_payment(&buyer.visitor, &typed).await.unwrap();
}

#[tokio::test]
async fn a_merchant_is_paid_each_sale_once_less_the_fee() {
    let (parties, alice) = rich("100.00").await;
    let process = &parties.process;
    let wallets = &process.wallets;
    let (merchant, euro) = (&parties.till.merchant, "EUR".try_into().unwrap());
    assert_eq!(wallets.pay_out(merchant, euro).await, Ok(None));
    sell(&parties, &alice, "ticket-0001", "10.00").await;
    sell(&parties, &alice, "ticket-0002", "0.99").await;
    let first = wallets.pay_out(merchant, euro).await.unwrap().unwrap();
    // 1.5 % of each, rounded down: 15 and 1.
    assert_eq!((first.payments, first.total_minor, first.fee_minor), (2, 1_099, 16));
    assert_eq!(wallets.pay_out(merchant, euro).await, Ok(None));
    sell(&parties, &alice, "ticket-0003", "0.01").await;
    let second = wallets.pay_out(merchant, euro).await.unwrap().unwrap();
    assert_eq!((second.payments, second.total_minor, second.fee_minor), (1, 1, 0));
    assert_eq!(process.balance(&format!("wallet_merchant:{merchant}")).await, 0);
    assert_eq!(process.balance("wallet_payout:wallets").await, 1_084);
    assert_eq!(process.balance("wallet_fee:wallets").await, 16);
    assert_eq!(wallets.pay_out(merchant, "USD".try_into().unwrap()).await, Ok(None));
}

#[tokio::test]
async fn merchants_are_paid_when_their_time_has_come_and_the_house_reads_what_to_transfer() {
    let (parties, alice) = rich("100.00").await;
    let process = &parties.process;
    let (wallets, clock) = (&process.wallets, &process.fixture.clock);
    let merchant = parties.till.merchant.clone();
    let paid = async |after: u64| {
        let euro = "EUR".try_into().unwrap();
        wallets.payouts(euro, Position(after), 10).await.unwrap()
    };
    sell(&parties, &alice, "ticket-0001", "10.00").await;
    sell(&parties, &alice, "ticket-0002", "10.00").await;
    wallets.resume(10).await.unwrap();
    assert_eq!(paid(0).await, [], "it is not time yet");

    clock.advance_seconds(PAYOUT_EVERY_SECONDS.into());
    wallets.resume(10).await.unwrap();
    wallets.resume(10).await.unwrap();
    let first = paid(0).await;
    let [(position, payout)] = first.as_slice() else { panic!("{first:?}") };
    assert_eq!(
        (payout.merchant.clone(), payout.payments, payout.net_minor()),
        (merchant, 2, 1_970)
    );
    assert_eq!(paid(position.0).await, []);
    clock.advance_seconds(PAYOUT_EVERY_SECONDS.into());
    wallets.resume(10).await.unwrap();
    assert_eq!(paid(position.0).await, [], "nothing was sold since");
}

#[tokio::test]
async fn two_merchants_have_no_name_in_common_whatever_its_case() {
    let parties = Parties::new().await;
    let wallets = &parties.process.wallets;
    let key = countersign_wallet::testing::other_key().public().clone();
    for name in ["Librairie Dupont", "LIBRAIRIE dupont"] {
        let other = wallets.open_merchant(name.try_into().unwrap(), key.clone()).await;
        assert_eq!(other, Err(WalletError::NameTaken), "{name}");
    }
    assert!(wallets.open_merchant("Librairie Durand".try_into().unwrap(), key).await.is_ok());
}

#[tokio::test]
async fn a_merchants_key_is_one_merchants_and_can_be_revoked() {
    let (parties, alice) = rich("100.00").await;
    let wallets = &parties.process.wallets;
    let key = parties.till.key.public().clone();
    let other = wallets.open_merchant("Disquaire".try_into().unwrap(), key.clone()).await;
    assert!(matches!(other, Err(WalletError::Domain(Error::Store(_)))), "{other:?}");
    let signed = parties.signed("ticket-0001", "1.00");
    assert!(wallets.show_ticket(&signed).await.is_ok());
    wallets.revoke_merchant_key(key.id()).await.unwrap();
    let refused = countersign_wallet::error::MessageRefusal::UnknownKey;
    assert_eq!(wallets.show_ticket(&signed).await.unwrap_err(), refused.into());
    let pay = alice.from_wallet(&signed, "nonce-0001");
    let error = wallets.start_payment(&alice.visitor, &pay).await.unwrap_err();
    assert_eq!(error, refused.into());
    let new = countersign_wallet::testing::other_key();
    wallets.add_merchant_key(&parties.till.merchant, new.public().clone()).await.unwrap();
    let till = countersign_wallet::testing::till(parties.till.merchant.clone(), new);
    let signed = till.sign(&parties.ticket("ticket-0002", "1.00")).unwrap();
    assert!(wallets.show_ticket(&signed).await.is_ok());
}
