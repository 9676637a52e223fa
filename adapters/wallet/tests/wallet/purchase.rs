//! F12.0 to F12.6: a ticket is paid, and what keeps one from being paid.

use countersign_domain::{
    error::Error, ports::Clock as _, refusal::Refusal, testing::BankCall, time::Timestamp,
};
use countersign_wallet::{
    error::{MessageRefusal, MoneyRefusal, TicketRefusal, WalletError},
    flow::{PaymentStatus, PaymentView, Started, TransferStatus},
    merchant::{Delivered, NotDelivered, Till},
    message::{Code, CodeTyped, Source, Ticket},
    record::NotPaid,
    testing::{ALICE, Parties, Rich, other_key, request, till as other_till},
};

/// Alice with 100 euros in her wallet, and a ticket.
struct Bought {
    parties: Parties,
    alice: Rich,
    ticket: Ticket,
    signed: String,
}

impl Bought {
    async fn new(amount: &str) -> Self {
        let parties = Parties::new().await;
        let alice = parties.process.person_with("alice", "100.00").await;
        let ticket = parties.ticket("ticket-0001", amount);
        let signed = parties.till.sign(&ticket).unwrap();
        Self { parties, alice, ticket, signed }
    }

    async fn start(&self) -> Started {
        let request = self.alice.from_wallet(&self.signed, "nonce-0001");
        self.parties.process.wallets.start_payment(&self.alice.visitor, &request).await.unwrap()
    }

    async fn right(&self, started: &Started) -> CodeTyped {
        let code = self.parties.process.read(started.code.as_ref().unwrap()).await;
        self.parties.typed(started, &self.ticket, &code)
    }

    async fn finish(&self, typed: &CodeTyped) -> Result<PaymentView, WalletError> {
        self.parties.process.wallets.finish_payment(&self.alice.visitor, typed).await
    }

    /// What is available, and what is held.
    async fn money(&self) -> (u64, u64) {
        let wallets = &self.parties.process.wallets;
        let view = wallets.wallet(&self.alice.visitor, &self.alice.wallet).await.unwrap();
        (view.available_minor, view.held_minor)
    }

    fn now(&self) -> Timestamp {
        self.parties.process.fixture.clock.now()
    }

    async fn owed(&self) -> i128 {
        let account = format!("wallet_merchant:{}", self.parties.till.merchant);
        self.parties.process.balance(&account).await
    }
}

fn receipt(view: &PaymentView) -> (&str, Option<u64>) {
    match &view.status {
        PaymentStatus::Paid { receipt, balance_minor, .. } => (receipt, *balance_minor),
        other => panic!("not paid: {other:?}"),
    }
}

#[tokio::test]
async fn a_ticket_is_shown_held_paid_once_and_its_receipt_is_checked_offline_and_taken_once() {
    let bought = Bought::new("49.90").await;
    let process = &bought.parties.process;
    let shown = process.wallets.show_ticket(&bought.signed).await.unwrap();
    assert_eq!((shown.payee.as_str(), &shown.ticket), ("Librairie Dupont", &bought.ticket));

    let started = bought.start().await;
    assert_eq!(bought.money().await, (5_010, 4_990));
    let asked = started.challenge_started().unwrap();
    assert_eq!(asked.ticket_sha256, shown.ticket_sha256);
    let typed = bought.right(&started).await;
    let text = process.fixture.messenger.taken().last().unwrap().text.expose().clone();
    // v2: the message has the amount, and the reference that the page shows.
    assert!(text.contains("Pay 49.90 EUR to Librairie Dupont"), "{text}");
    assert!(text.contains(&asked.short_reference.0), "{text}");

    let paid = bought.finish(&typed).await.unwrap();
    let (compact, balance) = receipt(&paid);
    assert_eq!(balance, Some(5_010));
    assert_eq!((bought.money().await, bought.owed().await), ((5_010, 0), 4_990));

    let now = bought.now();
    let delivered = bought.parties.till.check(compact, &bought.signed, now).unwrap();
    assert_eq!(delivered, bought.ticket);
    let folder = tempfile::tempdir().unwrap();
    let book = Delivered::in_folder(folder.path()).unwrap();
    assert_eq!(book.take(&delivered), Ok(()));
    assert_eq!(book.take(&delivered), Err(NotDelivered::Taken));
}

#[tokio::test]
async fn the_same_request_and_the_same_code_get_the_first_answer_again() {
    let bought = Bought::new("49.90").await;
    let started = bought.start().await;
    assert_eq!(bought.start().await, started);
    let typed = bought.right(&started).await;
    let paid = bought.finish(&typed).await.unwrap();
    // Another payment changes the balance, and not the answer.
    let other = bought.parties.signed("ticket-0002", "10.00");
    let request = bought.alice.from_wallet(&other, "nonce-0002");
    let wallets = &bought.parties.process.wallets;
    wallets.start_payment(&bought.alice.visitor, &request).await.unwrap();
    // Long after the ticket has expired, too.
    bought.parties.process.fixture.clock.advance_seconds(120);
    assert_eq!(bought.finish(&typed).await.unwrap(), paid);
    bought.parties.process.fixture.clock.advance_seconds(900);
    assert_eq!(bought.start().await, started);
    assert_eq!(bought.owed().await, 4_990);
}

#[tokio::test]
async fn a_ticket_is_paid_from_a_tied_card_by_its_bank() {
    let bought = Bought::new("49.90").await;
    let process = &bought.parties.process;
    let calls = process.fixture.bank.calls().len();
    let request = bought.alice.from_card(&bought.signed, "nonce-0001");
    let started = process.wallets.start_payment(&bought.alice.visitor, &request).await.unwrap();
    let typed = bought.right(&started).await;
    let paid = bought.finish(&typed).await.unwrap();
    let (compact, balance) = receipt(&paid);
    assert_eq!(balance, None);
    let now = bought.now();
    assert!(bought.parties.till.check(compact, &bought.signed, now).is_ok());
    assert_eq!((bought.money().await, bought.owed().await), ((10_000, 0), 4_990));
    let calls = process.fixture.bank.calls().split_off(calls);
    assert_eq!(calls.iter().map(BankCall::name).collect::<Vec<_>>(), ["authorize", "capture"]);
    assert_eq!(bought.finish(&typed).await.unwrap(), paid);
}

#[tokio::test]
async fn a_ticket_whose_card_is_declined_can_be_paid_from_the_wallet() {
    let bought = Bought::new("49.90").await;
    let process = &bought.parties.process;
    process.fixture.bank.decline_with("51");
    let request = bought.alice.from_card(&bought.signed, "nonce-0001");
    let started = process.wallets.start_payment(&bought.alice.visitor, &request).await.unwrap();
    assert_eq!(started.code, None);
    let view = process.wallets.payment(&bought.alice.visitor, &started.payment).await.unwrap();
    let PaymentStatus::NotPaid { cause: NotPaid::Bank { response }, .. } = view.status else {
        panic!("{view:?}")
    };
    assert_eq!(response.as_str(), "51");
    let again = bought.alice.from_wallet(&bought.signed, "nonce-0002");
    let started = process.wallets.start_payment(&bought.alice.visitor, &again).await.unwrap();
    let typed = bought.right(&started).await;
    assert_eq!(receipt(&bought.finish(&typed).await.unwrap()).1, Some(5_010));
    assert_eq!(bought.owed().await, 4_990);
}

#[tokio::test]
async fn a_hold_is_released_when_the_code_is_refused_late_or_cancelled() {
    let wrong = |bought: &Bought, started: &Started, right: &CodeTyped| {
        let is_right = |code: &str| Code::from(code.to_owned()) == right.code;
        let wrong = if is_right("000000") { "111111" } else { "000000" };
        bought.parties.typed(started, &bought.ticket, wrong)
    };
    for end in ["three wrong codes", "late", "nobody came back", "cancelled"] {
        let bought = Bought::new("49.90").await;
        let process = &bought.parties.process;
        let started = bought.start().await;
        let right = bought.right(&started).await;
        let refusal = match end {
            "three wrong codes" => {
                for _ in 0..2 {
                    bought.finish(&wrong(&bought, &started, &right)).await.unwrap_err();
                    assert_eq!(bought.money().await, (5_010, 4_990));
                }
                bought.finish(&wrong(&bought, &started, &right)).await.unwrap_err();
                Refusal::TooManyAttempts
            }
            "late" => {
                process.fixture.clock.advance_seconds(301);
                bought.finish(&right).await.unwrap_err();
                Refusal::Late
            }
            "nobody came back" => {
                process.fixture.clock.advance_seconds(301);
                assert_eq!(process.wallets.resume(10).await.unwrap(), 1);
                assert_eq!(process.wallets.resume(10).await.unwrap(), 0);
                Refusal::Late
            }
            _ => {
                let (visitor, wallets) = (&bought.alice.visitor, &process.wallets);
                wallets.cancel_payment(visitor, &started.payment).await.unwrap();
                Refusal::Cancelled
            }
        };
        assert_eq!((bought.money().await, bought.owed().await), ((10_000, 0), 0), "{end}");
        // What was released is never posted.
        assert_eq!(bought.finish(&right).await, Err(WalletError::Refused(refusal)), "{end}");
        assert_eq!(bought.owed().await, 0, "{end}");
        // The day's limit has it again, and the ticket can be paid by another try.
        let again = bought.alice.from_wallet(&bought.signed, "nonce-0002");
        let started = process.wallets.start_payment(&bought.alice.visitor, &again).await.unwrap();
        let typed = bought.right(&started).await;
        bought.finish(&typed).await.unwrap();
        assert_eq!((bought.money().await, bought.owed().await), ((5_010, 0), 4_990), "{end}");
    }
}

#[tokio::test]
async fn a_code_that_is_joined_to_another_transaction_is_not_looked_at() {
    let bought = Bought::new("49.90").await;
    let started = bought.start().await;
    let right = bought.right(&started).await;
    let other = bought
        .parties
        .process
        .wallets
        .open_merchant("Disquaire".try_into().unwrap(), other_key().public().clone());
    let merchant = other.await.unwrap();
    let others = [
        CodeTyped { ticket_sha256: "00".repeat(32).try_into().unwrap(), ..right.clone() },
        CodeTyped { merchant, ..right.clone() },
        CodeTyped { amount_minor: 4_991.try_into().unwrap(), ..right.clone() },
        CodeTyped { currency: "USD".try_into().unwrap(), ..right.clone() },
    ];
    for other in others {
        let refused = bought.finish(&other).await;
        assert_eq!(refused, Err(TicketRefusal::OtherTransaction.into()), "{other:?}");
    }
    // None of them was counted as an attempt.
    assert!(bought.finish(&right).await.is_ok());
}

#[tokio::test]
async fn a_code_is_good_in_the_session_that_asked_for_it_and_for_its_person() {
    let bought = Bought::new("49.90").await;
    let process = &bought.parties.process;
    let started = bought.start().await;
    let right = bought.right(&started).await;
    let (elsewhere, _) = process.open("alice", ALICE).await;
    let refused = process.wallets.finish_payment(&elsewhere, &right).await;
    assert_eq!(refused, Err(WalletError::Refused(Refusal::OtherSession)));
    let bob = process.person_with("bob", "50.00").await;
    let refused = process.wallets.finish_payment(&bob.visitor, &right).await;
    assert!(matches!(refused, Err(WalletError::Domain(Error::NotFound { .. }))), "{refused:?}");
    assert!(bought.finish(&right).await.is_ok());
}

#[tokio::test]
async fn each_refusal_of_a_payment_has_its_own_error() {
    let bought = Bought::new("49.90").await;
    let (process, till) = (&bought.parties.process, &bought.parties.till);
    let bob = process.person_with("bob", "500.00").await;
    let pay = async |who: &Rich, ticket: &str, nonce: &str| {
        process.wallets.start_payment(&who.visitor, &who.from_wallet(ticket, nonce)).await
    };
    let refused =
        async |who: &Rich, ticket: &str, nonce: &str| pay(who, ticket, nonce).await.unwrap_err();

    let forger = other_till(till.merchant.clone(), other_key());
    let forged = forger.sign(&bought.ticket).unwrap();
    let unknown = WalletError::Message(MessageRefusal::UnknownKey);
    assert_eq!(refused(&bought.alice, &forged, "nonce-1000").await, unknown);
    let (_, signature) = bought.signed.rsplit_once('.').unwrap();
    let (header, _) = bought.signed.split_once('.').unwrap();
    let cheaper = bought.parties.signed("ticket-0001", "1.00");
    let altered = format!("{header}.{}.{signature}", cheaper.split('.').nth(1).unwrap());
    let signature = WalletError::Message(MessageRefusal::Signature);
    assert_eq!(refused(&bought.alice, &altered, "nonce-1000").await, signature);

    let much = bought.parties.signed("ticket-0003", "100.01");
    let poor = WalletError::Money(MoneyRefusal::InsufficientFunds);
    assert_eq!(refused(&bought.alice, &much, "nonce-1000").await, poor);
    let limit = WalletError::Money(MoneyRefusal::PaymentLimit);
    let above = bought.parties.signed("ticket-0004", "200.01");
    assert_eq!(refused(&bob, &above, "nonce-1000").await, limit);
    for number in ["ticket-0005", "ticket-0006"] {
        let signed = bought.parties.signed(number, "120.00");
        pay(&bob, &signed, "nonce-1000").await.unwrap();
    }
    let day = WalletError::Money(MoneyRefusal::DayLimit);
    let last = bought.parties.signed("ticket-0007", "60.01");
    assert_eq!(refused(&bob, &last, "nonce-1000").await, day);

    let dollars = Ticket { currency: "USD".try_into().unwrap(), ..bought.ticket.clone() };
    let dollars = till.sign(&dollars).unwrap();
    let currency = WalletError::Money(MoneyRefusal::OtherCurrency);
    assert_eq!(refused(&bought.alice, &dollars, "nonce-1000").await, currency);
    // A merchant could not be paid out what comes of it.
    let from_card = bought.alice.from_card(&dollars, "nonce-1000");
    let refusal = process.wallets.start_payment(&bought.alice.visitor, &from_card).await;
    let unkept = WalletError::Money(MoneyRefusal::NoSuchCurrency);
    assert_eq!(refusal.unwrap_err(), unkept);

    let not_hers = request(&bought.signed, Source::Wallet(bob.wallet.clone()), "nonce-1000");
    let refusal = process.wallets.start_payment(&bought.alice.visitor, &not_hers).await;
    assert!(matches!(refusal, Err(WalletError::Domain(Error::NotFound { .. }))), "{refusal:?}");
    let not_hers = request(&bought.signed, Source::Card(bob.card.clone()), "nonce-1000");
    let refusal = process.wallets.start_payment(&bought.alice.visitor, &not_hers).await;
    assert!(matches!(refusal, Err(WalletError::Domain(Error::NotFound { .. }))), "{refusal:?}");

    let started = bought.start().await;
    let taken = WalletError::Ticket(TicketRefusal::Taken);
    assert_eq!(refused(&bob, &bought.signed, "nonce-1000").await, taken);
    assert_eq!(refused(&bought.alice, &bought.signed, "nonce-1000").await, taken);
    let from_card = bought.alice.from_card(&bought.signed, "nonce-0001");
    let refusal = process.wallets.start_payment(&bought.alice.visitor, &from_card).await;
    assert_eq!(refusal, Err(WalletError::KeyReused));
    let other = bought.parties.signed("ticket-0001", "1.00");
    let other_ticket = WalletError::Ticket(TicketRefusal::OtherTicket);
    assert_eq!(refused(&bought.alice, &other, "nonce-1000").await, other_ticket);

    let typed = bought.right(&started).await;
    bought.finish(&typed).await.unwrap();
    let paid = WalletError::Ticket(TicketRefusal::Paid);
    assert_eq!(refused(&bob, &bought.signed, "nonce-1000").await, paid);
    assert_eq!(refused(&bought.alice, &bought.signed, "nonce-1000").await, paid);
    assert_eq!(bought.owed().await, 4_990);

    process.fixture.clock.advance_seconds(900);
    let late = bought.parties.ticket("ticket-0008", "1.00");
    process.fixture.clock.advance_seconds(900);
    let expired = WalletError::Message(MessageRefusal::Expired);
    let late = till.sign(&late).unwrap();
    assert_eq!(refused(&bought.alice, &late, "nonce-1000").await, expired);
}

#[tokio::test]
async fn a_ticket_is_tried_five_times() {
    let bought = Bought::new("49.90").await;
    let (wallets, visitor) = (&bought.parties.process.wallets, &bought.alice.visitor);
    for number in 1..=5 {
        let request = bought.alice.from_wallet(&bought.signed, &format!("nonce-{number:04}"));
        let started = wallets.start_payment(visitor, &request).await.unwrap();
        wallets.cancel_payment(visitor, &started.payment).await.unwrap();
    }
    let sixth = bought.alice.from_wallet(&bought.signed, "nonce-0006");
    let refused = wallets.start_payment(visitor, &sixth).await;
    assert_eq!(refused, Err(TicketRefusal::TooManyTries.into()));
    // A request of an earlier try that is sent again begins nothing, and is answered.
    let first = bought.alice.from_wallet(&bought.signed, "nonce-0001");
    assert!(wallets.start_payment(visitor, &first).await.unwrap().code.is_some());
    assert_eq!(bought.money().await, (10_000, 0));
}

#[tokio::test]
async fn a_receipt_is_good_for_its_ticket_its_merchant_and_its_server_alone() {
    let bought = Bought::new("49.90").await;
    let typed = bought.right(&bought.start().await).await;
    let paid = bought.finish(&typed).await.unwrap();
    let compact = receipt(&paid).0;
    let till = &bought.parties.till;
    let now = bought.now();
    for (other, refusal) in [
        // The same number and amount, another order.
        (
            Ticket { reference: "order-2".try_into().unwrap(), ..bought.ticket.clone() },
            NotDelivered::OtherTicket,
        ),
        (bought.parties.ticket("ticket-0002", "49.90"), NotDelivered::OtherTicket),
        (bought.parties.ticket("ticket-0001", "49.91"), NotDelivered::OtherTicket),
    ] {
        let signed = till.sign(&other).unwrap();
        assert_eq!(till.check(compact, &signed, now), Err(refusal), "{other:?}");
    }
    // The server has another key now, and the merchant knows both; or knows one that never signed.
    let (old, new) = (till.server_keys.clone(), other_key().public().clone());
    let both = Till { server_keys: [vec![new.clone()], old].concat(), ..till.clone() };
    assert!(both.check(compact, &bought.signed, now).is_ok());
    let only_new = Till { server_keys: vec![new], ..till.clone() };
    let unknown = Err(NotDelivered::Message(MessageRefusal::UnknownKey));
    assert_eq!(only_new.check(compact, &bought.signed, now), unknown);
    // A ticket is no receipt, and a receipt no ticket.
    let type_ = Err(NotDelivered::Message(MessageRefusal::Type));
    assert_eq!(till.check(&bought.signed, &bought.signed, now), type_);
    assert_eq!(till.check(compact, compact, now), type_);
}

#[tokio::test]
async fn what_the_bank_has_ended_is_seen_by_the_payer_who_looks_when_the_process_that_asked_is_gone()
 {
    let bought = Bought::new("49.90").await;
    let (process, visitor) = (&bought.parties.process, &bought.alice.visitor);
    let (wallets, session) = (&process.wallets, &visitor.person().session);
    let more = bought.alice.transfer("second-pay-in", "10.00");
    let paying_in = wallets.start_pay_in(visitor, &more).await.unwrap();
    let TransferStatus::AwaitingCode(asked) = &paying_in.status else { panic!("{paying_in:?}") };
    let by_card = bought.alice.from_card(&bought.signed, "nonce-0001");
    let started = wallets.start_payment(visitor, &by_card).await.unwrap();
    // The codes are accepted, and the process is gone; another one asks the bank for what it is still to be asked.
    for asked in [asked, started.code.as_ref().unwrap()] {
        let typed = process.read(asked).await.try_into().unwrap();
        let done = wallets.verifier.finish_challenge(&asked.challenge, session, &typed);
        assert!(done.await.unwrap().done().is_ok());
    }
    process.fixture.clock.advance_seconds(61);
    process.gateway.resume(10).await.unwrap();
    let paid = wallets.payment(visitor, &started.payment).await.unwrap();
    assert!(matches!(paid.status, PaymentStatus::Paid { .. }), "{paid:?}");
    let done = wallets.transfer(visitor, &paying_in.id).await.unwrap();
    assert!(matches!(done.status, TransferStatus::Done { .. }), "{done:?}");
}

#[tokio::test]
async fn two_requests_at_once_are_one_payment() {
    let bought = Bought::new("49.90").await;
    let request = bought.alice.from_wallet(&bought.signed, "nonce-0001");
    let (wallets, visitor) = (&bought.parties.process.wallets, &bought.alice.visitor);
    let (one, two) = tokio::join!(
        wallets.start_payment(visitor, &request),
        wallets.start_payment(visitor, &request)
    );
    assert_eq!(one.unwrap(), two.unwrap());
    assert_eq!(bought.money().await, (5_010, 4_990));
}
