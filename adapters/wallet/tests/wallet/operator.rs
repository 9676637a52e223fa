//! F12.v1: an operator computes the codes of tickets, sends and compares them. What waits is held here until it says what they
//! come to, and no longer than a code is good.

use std::sync::Arc;

use countersign_domain::{
    challenge::Challenge,
    error::Error,
    lane::Lane,
    operator::CodeOrder,
    ports::{Operator, Store},
    refusal::Refusal,
    testing::{FakeOperator, MemoryStore},
};
use countersign_wallet::{
    error::{TicketRefusal, WalletError},
    flow::{PaymentStatus, PaymentView, Started},
    message::{CodeTyped, PaymentRequest, Ticket},
    testing::{ALICE, Parties, Process, Rich},
};

use crate::turns::{Turns, meet};

/// Alice with 100 euros in her wallet, a ticket for 49.90, and an operator.
struct Bought {
    operator: Arc<FakeOperator>,
    parties: Parties,
    alice: Rich,
    ticket: Ticket,
    signed: String,
}

impl Bought {
    async fn new() -> Self {
        let operator = Arc::new(FakeOperator::default());
        let parties = Parties::operated(operator.clone()).await;
        let alice = parties.process.person_with("alice", "100.00").await;
        let ticket = parties.ticket("ticket-0001", "49.90");
        let signed = parties.till.sign(&ticket).unwrap();
        Self { operator, parties, alice, ticket, signed }
    }

    async fn start(&self, request: &PaymentRequest) -> Started {
        let process = &self.parties.process;
        let started = process.wallets.start_payment(&self.alice.visitor, request).await.unwrap();
        self.send().await;
        started
    }

    async fn paid_from_wallet(&self) -> Started {
        self.start(&self.alice.from_wallet(&self.signed, "nonce-0001")).await
    }

    /// Hands over what is due by the operator's way.
    async fn send(&self) {
        let Process { outbox, fixture, .. } = &self.parties.process;
        for id in outbox.due_in(Lane::Operator, 10).await.unwrap() {
            outbox.send(&id, fixture.messenger.as_ref()).await.unwrap();
        }
    }

    fn order(&self) -> CodeOrder {
        self.operator.orders().pop().unwrap()
    }

    fn right(&self, started: &Started) -> CodeTyped {
        self.parties.typed(started, &self.ticket, &FakeOperator::code(&self.order()))
    }

    fn wrong(&self, started: &Started) -> CodeTyped {
        let is_right = FakeOperator::code(&self.order()) == "000000";
        let wrong = if is_right { "111111" } else { "000000" };
        self.parties.typed(started, &self.ticket, wrong)
    }

    async fn finish(&self, typed: &CodeTyped) -> Result<PaymentView, WalletError> {
        self.parties.process.wallets.finish_payment(&self.alice.visitor, typed).await
    }

    /// What is available, what is held, and what the merchant is owed.
    async fn money(&self) -> (u64, u64, i128) {
        let process = &self.parties.process;
        let view = process.wallets.wallet(&self.alice.visitor, &self.alice.wallet).await.unwrap();
        let owed = format!("wallet_merchant:{}", self.parties.till.merchant);
        (view.available_minor, view.held_minor, process.balance(&owed).await)
    }

    /// The operator's word, as it is kept with the challenge.
    async fn statement(&self, started: &Started) -> Option<String> {
        let challenge = started.code.as_ref().unwrap().challenge.as_str();
        let store: &dyn Store = self.parties.process.fixture.store.as_ref();
        store.expect::<Challenge>(challenge).await.unwrap().value.statement().map(str::to_owned)
    }
}

const HELD: (u64, u64, i128) = (5_010, 4_990, 0);
const PAID: (u64, u64, i128) = (5_010, 0, 4_990);
const RELEASED: (u64, u64, i128) = (10_000, 0, 0);

fn is_paid(view: &PaymentView) -> bool {
    matches!(view.status, PaymentStatus::Paid { .. })
}

#[tokio::test]
async fn the_operators_code_pays_once_and_its_word_is_kept_with_the_challenge() {
    let bought = Bought::new().await;
    let texts = bought.parties.process.fixture.messenger.taken().len();
    let started = bought.paid_from_wallet().await;
    assert_eq!((bought.money().await, bought.operator.sent()), (HELD, 1));
    assert_eq!(bought.statement(&started).await, None);
    let right = bought.right(&started);
    let paid = bought.finish(&right).await.unwrap();
    assert!(is_paid(&paid), "{paid:?}");
    assert_eq!(bought.money().await, PAID);
    let order = bought.order();
    assert_eq!(bought.statement(&started).await, Some(format!("word for {}", order.challenge)));
    assert_eq!(bought.finish(&right).await.unwrap(), paid);
    assert_eq!(bought.money().await, PAID);
    // Nothing went to the phone from here.
    assert_eq!(bought.parties.process.fixture.messenger.taken().len(), texts);
}

#[tokio::test]
async fn a_ticket_that_a_card_pays_has_the_operators_code_too() {
    let bought = Bought::new().await;
    let started = bought.start(&bought.alice.from_card(&bought.signed, "nonce-0001")).await;
    assert_eq!(bought.operator.sent(), 1);
    let paid = bought.finish(&bought.right(&started)).await.unwrap();
    assert!(is_paid(&paid), "{paid:?}");
    assert_eq!(bought.money().await, (10_000, 0, 4_990));
}

#[tokio::test]
async fn the_operator_is_told_number_amount_payee_and_digests_and_nothing_else() {
    let bought = Bought::new().await;
    let started = bought.paid_from_wallet().await;
    // Taken apart without `..`: a further member does not compile here.
    let CodeOrder { challenge, to, locale, origin, amount, payee, digest, name: _ } =
        bought.order();
    assert_eq!(challenge, started.code.as_ref().unwrap().challenge);
    assert_eq!(to.msisdn().unwrap().expose(), ALICE);
    assert_eq!(locale.as_str(), "en");
    assert_eq!(origin.unwrap().as_str(), "wallet.example.com");
    assert_eq!((amount.amount_minor(), payee.as_str()), (4_990, "Librairie Dupont"));
    assert_eq!(digest, started.ticket_sha256);
}

#[tokio::test]
async fn wrong_codes_are_counted_by_the_operator_told_and_the_last_releases() {
    let bought = Bought::new().await;
    let started = bought.paid_from_wallet().await;
    let (right, wrong) = (bought.right(&started), bought.wrong(&started));
    for attempts_left in [2, 1] {
        let refusal = Refusal::WrongCode { attempts_left };
        assert_eq!(bought.finish(&wrong).await, Err(WalletError::Refused(refusal)));
        assert_eq!(bought.money().await, HELD);
    }
    let refusal = WalletError::Refused(Refusal::TooManyAttempts);
    assert_eq!(bought.finish(&wrong).await, Err(refusal.clone()));
    assert_eq!(bought.operator.attempts(&bought.order().challenge), 3);
    assert_eq!((bought.money().await, bought.statement(&started).await), (RELEASED, None));
    assert_eq!(bought.finish(&right).await, Err(refusal));
    assert_eq!(bought.money().await, RELEASED);
}

#[tokio::test]
async fn an_operator_that_is_down_at_the_start_sends_when_it_is_back() {
    let bought = Bought::new().await;
    bought.operator.set_down(true);
    let started = bought.paid_from_wallet().await;
    assert_eq!((bought.operator.sent(), bought.money().await), (0, HELD));
    bought.operator.set_down(false);
    bought.parties.process.fixture.clock.advance_seconds(2);
    bought.send().await;
    assert_eq!(bought.operator.sent(), 1);
    assert!(is_paid(&bought.finish(&bought.right(&started)).await.unwrap()));
    assert_eq!(bought.money().await, PAID);
}

#[tokio::test]
async fn an_operator_that_stays_down_holds_nothing_for_longer_than_a_code_is_good() {
    let bought = Bought::new().await;
    bought.operator.set_down(true);
    let started = bought.paid_from_wallet().await;
    let typed = bought.parties.typed(&started, &bought.ticket, "123456");
    let failed = bought.finish(&typed).await;
    assert!(matches!(failed, Err(WalletError::Domain(Error::Operator(_)))), "{failed:?}");
    bought.parties.process.fixture.clock.advance_seconds(301);
    assert_eq!(bought.parties.process.wallets.resume(10).await.unwrap(), 1);
    assert_eq!(bought.money().await, RELEASED);
    bought.operator.set_down(false);
    bought.send().await;
    assert_eq!(bought.operator.sent(), 0, "a code that is of no use was sent");
    // The ticket may be tried again.
    let again = bought.start(&bought.alice.from_wallet(&bought.signed, "nonce-0002")).await;
    assert!(is_paid(&bought.finish(&bought.right(&again)).await.unwrap()));
    assert_eq!(bought.money().await, PAID);
}

#[tokio::test]
async fn an_operator_that_is_down_at_the_code_costs_no_attempt_and_the_hold_stays() {
    let bought = Bought::new().await;
    let started = bought.paid_from_wallet().await;
    let right = bought.right(&started);
    bought.operator.set_down(true);
    for _ in 0..5 {
        let failed = bought.finish(&right).await;
        assert!(matches!(failed, Err(WalletError::Domain(Error::Operator(_)))), "{failed:?}");
        assert_eq!(bought.money().await, HELD);
    }
    bought.operator.set_down(false);
    assert!(is_paid(&bought.finish(&right).await.unwrap()));
    assert_eq!(bought.money().await, PAID);
}

#[tokio::test]
async fn a_payment_that_is_cancelled_or_late_is_released_and_never_paid_whatever_the_operator_says()
{
    for end in ["cancelled", "late"] {
        let bought = Bought::new().await;
        let started = bought.paid_from_wallet().await;
        let right = bought.right(&started);
        let refusal = if end == "late" {
            bought.parties.process.fixture.clock.advance_seconds(301);
            Refusal::Late
        } else {
            let (wallets, visitor) = (&bought.parties.process.wallets, &bought.alice.visitor);
            wallets.cancel_payment(visitor, &started.payment).await.unwrap();
            Refusal::Cancelled
        };
        assert_eq!(bought.finish(&right).await, Err(WalletError::Refused(refusal)), "{end}");
        assert_eq!(bought.operator.attempts(&bought.order().challenge), 0, "{end}");
        assert_eq!(bought.money().await, RELEASED, "{end}");
    }
}

#[tokio::test]
async fn another_session_or_transaction_is_not_asked_about() {
    let bought = Bought::new().await;
    let started = bought.paid_from_wallet().await;
    let right = bought.right(&started);
    let (elsewhere, _) = bought.parties.process.open("alice", ALICE).await;
    let refused = bought.parties.process.wallets.finish_payment(&elsewhere, &right).await;
    assert_eq!(refused, Err(WalletError::Refused(Refusal::OtherSession)));
    let other = CodeTyped { amount_minor: 1.try_into().unwrap(), ..right };
    assert_eq!(bought.finish(&other).await, Err(TicketRefusal::OtherTransaction.into()));
    assert_eq!(bought.operator.attempts(&bought.order().challenge), 0);
}

#[tokio::test]
async fn a_further_message_is_the_operators_too() {
    let bought = Bought::new().await;
    let started = bought.paid_from_wallet().await;
    let (wallets, visitor) = (&bought.parties.process.wallets, &bought.alice.visitor);
    bought.parties.process.fixture.clock.advance_seconds(31);
    wallets.resend_code(visitor, &started.payment).await.unwrap();
    bought.send().await;
    assert_eq!((bought.operator.sent(), bought.operator.orders().len()), (2, 1));
    assert!(is_paid(&bought.finish(&bought.right(&started)).await.unwrap()));
}

/// The verdict and what it means here are not one commit: whatever dies in between, the same code has the same verdict, and is
/// posted once.
#[test]
fn a_crash_at_any_operation_between_verdict_and_debit_loses_and_doubles_nothing() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (mut at, mut accepted_before_a_crash) = (0, 0);
    loop {
        let bought = runtime.block_on(Bought::new());
        let started = runtime.block_on(bought.paid_from_wallet());
        let right = bought.right(&started);
        let store: Arc<MemoryStore> = bought.parties.process.fixture.store.clone();
        let operator: Arc<dyn Operator> = bought.operator.clone();
        let dying = Process::operated(
            countersign_domain::testing::Fixture::new(),
            Arc::new(Turns(store)),
            Some(operator),
        );
        let dies = Box::pin(async {
            let _ = dying.wallets.finish_payment(&bought.alice.visitor, &right).await;
        });
        let had_ended = meet(dies, at, drop);
        let was_accepted = bought.operator.attempts(&bought.order().challenge) == 1;
        let money = runtime.block_on(bought.money());
        assert!(money == HELD || money == PAID, "{at}: {money:?}");
        accepted_before_a_crash += usize::from(was_accepted && money == HELD);
        let paid = runtime.block_on(bought.finish(&right)).unwrap();
        assert!(is_paid(&paid), "{at}: {paid:?}");
        assert_eq!(runtime.block_on(bought.money()), PAID, "{at}");
        assert_eq!(bought.operator.attempts(&bought.order().challenge), 1, "{at}");
        if had_ended {
            break;
        }
        at += 1;
    }
    assert!(accepted_before_a_crash > 0, "no crash was between verdict and debit");
}
