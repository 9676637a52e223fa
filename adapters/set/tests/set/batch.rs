//! Batches: what is counted in them, on both sides, and when the gateway says no.

use std::sync::Arc;

use countersign_domain::{
    amount::Amount,
    bank::BankError,
    error::Error,
    policy::PolicySettings,
    ports::Ports,
    record::Batch,
    testing::{Fixture, SeededEntropy, Unhurried},
};
use countersign_set::{
    BatchNumber, BatchRecord, Failure, Order, SettlementId, SettlementRecord,
    merchant::MerchantServer,
    message::{
        batch::{
            BaStatus, BatchAdminReqData, BatchAdminResData, BatchItem, BatchOperation, BatchTotals,
            TransactionAmtType,
        },
        failure::ErrorCode,
        settlement::{CredReqTbs, SettlementCode, SettlementKind},
        wrapper::Message,
    },
    protect::{Digest, KeyOf, Sealed},
    testing::{self, MERCHANT, OTHER_MERCHANT, Parties, Setup},
};

use crate::forge::{self, Edit};

fn number(number: u32) -> BatchNumber {
    number.try_into().unwrap()
}

fn euros(text: &str) -> Option<Amount> {
    Some(Amount::from_decimal(text, "EUR".try_into().unwrap()).unwrap())
}

/// A purchase of 49.90 that is captured, and batch 1, which is open.
async fn opened() -> (Parties, Order) {
    over(|fixture| fixture).await
}

async fn over(change: impl FnOnce(Fixture) -> Fixture) -> (Parties, Order) {
    let policy = PolicySettings { credit_days: 30, ..PolicySettings::bank_first() };
    let parties = Parties::over(change(Fixture::with_policy(policy)), Setup::default());
    let order = bought(&parties).await;
    let batch = parties.merchant.open_batch(number(1), "EUR".try_into().unwrap()).await.unwrap();
    assert_eq!(batch.opened(), Some(BaStatus::Success));
    (parties, order)
}

async fn bought(parties: &Parties) -> Order {
    let order = parties.order("49.90").await;
    let (sent, _) = parties.buy_order(&order).await;
    let (code, _) = parties.phone().await.unwrap();
    parties.type_code(&sent, &code).await.unwrap();
    order
}

async fn settle(
    parties: &Parties,
    order: &Order,
    kind: SettlementKind,
    amount: &str,
) -> SettlementRecord {
    let id = SettlementId::random(&parties.entropy).unwrap();
    let (amount, batch) = (euros(amount), Some(number(1)));
    parties.merchant.settle(id, &order.id, kind, amount, batch, Batch::default()).await.unwrap()
}

async fn credit(parties: &Parties, order: &Order, amount: &str) -> Option<SettlementCode> {
    settle(parties, order, SettlementKind::Credit, amount).await.code()
}

/// What the gateway has counted, from an item on.
async fn counted(parties: &Parties, from: i64) -> BatchAdminResData {
    let batch = parties.merchant.batch(number(1)).await.unwrap();
    let from = from.try_into().unwrap();
    parties.merchant.counted_by_gateway(&batch, from).await.unwrap().unwrap()
}

/// Credits, then debits: how many, and how much.
fn totals(totals: &BatchTotals) -> [i64; 4] {
    [
        totals.transaction_count_credit.get(),
        totals.transaction_total_amt_credit.get(),
        totals.transaction_count_debit.get(),
        totals.transaction_total_amt_debit.get(),
    ]
}

#[tokio::test]
async fn what_was_done_is_counted_on_both_sides_and_closed_when_it_is_the_same() {
    let (parties, order) = opened().await;
    for (kind, amount, code) in [
        (SettlementKind::Credit, "20.00", SettlementCode::Success),
        (SettlementKind::Credit, "29.91", SettlementCode::AmountError),
        (SettlementKind::CreditReversal, "20.00", SettlementCode::Success),
        (SettlementKind::CaptureReversal, "49.90", SettlementCode::Success),
    ] {
        let settled = settle(&parties, &order, kind, amount).await;
        assert_eq!(settled.code(), Some(code), "{kind:?} {amount}");
    }
    let told = counted(&parties, 1).await;
    let status = told.batch_status.unwrap();
    assert_eq!(
        (told.ba_status, totals(&status.batch_totals)),
        (BaStatus::Success, [2, 6_990, 1, 2_000])
    );
    assert_eq!((status.items_under_way.get(), status.closed_when), (0, None));
    let details = told.trans_details.unwrap();
    let items: Vec<_> = details
        .transaction_detail_seq
        .as_slice()
        .iter()
        .map(|item| (item.batch_sequence_num.get(), item.transaction_amt_type, item.code))
        .collect();
    let (credit, debit) = (TransactionAmtType::Credit, TransactionAmtType::Debit);
    let done = SettlementCode::Success;
    assert_eq!(items, [(1, credit, done), (3, debit, done), (4, credit, done)], "2 was refused");
    assert_eq!(details.next_starting_point, None);

    let closed = parties.merchant.close_batch(number(1)).await.unwrap();
    assert_eq!(closed.closed(), Some(BaStatus::Success));
    assert!(counted(&parties, 1).await.batch_status.unwrap().closed_when.is_some());
    let id = SettlementId::random(&parties.entropy).unwrap();
    let (kind, amount) = (SettlementKind::Credit, euros("1.00"));
    let more =
        parties.merchant.settle(id, &order.id, kind, amount, Some(number(1)), Batch::default());
    assert!(is_not_now(more.await.map(drop)), "nothing is added to a batch that is closed");
}

fn is_not_now(result: Result<(), Failure>) -> bool {
    matches!(result, Err(Failure::Domain(Error::NotNow { .. })))
}

#[tokio::test]
async fn a_reversal_of_an_authorization_is_counted_in_no_batch() {
    let (parties, order) = opened().await;
    let id = SettlementId::random(&parties.entropy).unwrap();
    let reversal = SettlementKind::AuthReversal;
    let settled =
        parties.merchant.settle(id, &order.id, reversal, None, Some(number(1)), Batch::default());
    assert!(matches!(settled.await, Err(Failure::Domain(Error::Invalid(_)))));
}

#[tokio::test]
async fn items_are_told_of_page_by_page() {
    let (parties, order) = opened().await;
    for _ in 0..40 {
        assert_eq!(credit(&parties, &order, "0.01").await, Some(SettlementCode::Success));
    }
    let (mut from, mut told) = (Some(1), Vec::new());
    while let Some(first) = from {
        let details = counted(&parties, first).await.trans_details.unwrap();
        let items = details.transaction_detail_seq.as_slice().iter();
        let numbers: Vec<_> = items.map(|item| item.batch_sequence_num.get()).collect();
        told.push((numbers.first().copied(), numbers.len()));
        from = details.next_starting_point.map(|next| next.get());
    }
    assert_eq!(told, [(Some(1), 32), (Some(33), 8)]);
}

#[tokio::test]
async fn numbers_that_are_left_out_are_passed_over_some_at_a_time() {
    let (parties, order) = opened().await;
    let last = credited(&parties, &order, |tbs| tbs.batch_item = place(1, 9_999)).await;
    assert_eq!(last, Some(SettlementCode::Success));
    for (from, numbers, next) in
        [(1, vec![1], Some(257)), (2, vec![], Some(258)), (9_900, vec![9_999], None)]
    {
        let details = counted(&parties, from).await.trans_details.unwrap();
        let items = details.transaction_detail_seq.as_slice().iter();
        let told: Vec<_> = items.map(|item| item.batch_sequence_num.get()).collect();
        let told_next = details.next_starting_point.map(|next| next.get());
        assert_eq!((told, told_next), (numbers, next), "from {from}");
    }
}

#[tokio::test]
async fn what_the_bank_has_not_answered_is_under_way_and_counted_once_it_is_known() {
    let (parties, order) = opened().await;
    parties.fixture.bank.fail_with(Some(BankError::Unknown { cause: "silent".to_owned() }));
    let pending = settle(&parties, &order, SettlementKind::Credit, "10.00").await;
    assert_eq!(pending.code(), Some(SettlementCode::UnderWay));
    let told = counted(&parties, 1).await;
    assert_eq!(told.batch_status.unwrap().items_under_way.get(), 1);
    let details = told.trans_details.unwrap();
    let [item] = details.transaction_detail_seq.as_slice() else { panic!("one item") };
    assert_eq!(item.code, SettlementCode::UnderWay);
    let closed = parties.merchant.close_batch(number(1)).await;
    assert!(is_not_now(closed.map(drop)), "the merchant asks for its items first");
    let forced = asked(&parties, |data| data.batch_operation = Some(BatchOperation::Close)).await;
    assert_eq!(forced.unwrap().ba_status, BaStatus::ItemsUnderWay);

    parties.fixture.bank.fail_with(None);
    parties.fixture.clock.advance_seconds(15);
    parties.fixture.gateway.resume(10).await.unwrap();
    for _ in 0..2 {
        let found = parties.merchant.settlement(&pending.id).await.unwrap();
        assert_eq!(found.code(), Some(SettlementCode::Success));
    }
    let status = counted(&parties, 1).await.batch_status.unwrap();
    assert_eq!((totals(&status.batch_totals), status.items_under_way.get()), ([1, 1_000, 0, 0], 0));
    let closed = parties.merchant.close_batch(number(1)).await.unwrap();
    assert_eq!(closed.closed(), Some(BaStatus::Success));
}

#[tokio::test]
async fn an_item_whose_answer_was_lost_is_counted_once_on_both_sides() {
    let (parties, order) = opened().await;
    *parties.wire.instead.lock().unwrap() = Some(b"lost".to_vec());
    let lost = settle(&parties, &order, SettlementKind::Credit, "10.00").await;
    assert_eq!(lost.code(), None);
    let (one, two) =
        tokio::join!(parties.merchant.settlement(&lost.id), parties.merchant.settlement(&lost.id));
    assert_eq!([one.unwrap().code(), two.unwrap().code()], [Some(SettlementCode::Success); 2]);
    let closed = parties.merchant.close_batch(number(1)).await.unwrap();
    assert_eq!(closed.closed(), Some(BaStatus::Success));
    assert_eq!((closed.tally.credits, closed.tally.credited_minor), (1, 1_000));
}

#[tokio::test]
async fn items_that_meet_in_a_batch_are_all_counted() {
    let (parties, _) = over(|mut fixture| {
        let store = Arc::new(Unhurried(fixture.store.clone()));
        let (gateway, outbox) = fixture.process_on(store.clone());
        fixture.ports.store = store;
        (fixture.gateway, fixture.outbox) = (Arc::new(gateway), Arc::new(outbox));
        fixture
    })
    .await;
    let mut orders = Vec::new();
    for _ in 0..4 {
        orders.push(bought(&parties).await);
    }
    let credit = |place: usize| credit(&parties, &orders[place], "1.00");
    let codes = tokio::join!(credit(0), credit(1), credit(2), credit(3));
    let done = Some(SettlementCode::Success);
    assert_eq!(codes, (done, done, done, done));
    let closed = parties.merchant.close_batch(number(1)).await.unwrap();
    assert_eq!((closed.closed(), closed.tally.credits), (Some(BaStatus::Success), 4));
}

#[tokio::test]
async fn a_batch_whose_opening_or_closing_was_lost_is_asked_for_again() {
    let (parties, _) = opened().await;
    for closes in [false, true] {
        *parties.wire.instead.lock().unwrap() = Some(b"lost".to_vec());
        let said = |batch: BatchRecord| if closes { batch.closed() } else { batch.opened() };
        let lost = match closes {
            false => parties.merchant.open_batch(number(2), "EUR".try_into().unwrap()).await,
            true => parties.merchant.close_batch(number(2)).await,
        };
        assert_eq!(said(lost.unwrap()), None);
        let found = parties.merchant.batch(number(2)).await.unwrap();
        assert_eq!(said(found), Some(BaStatus::Success));
        // The very bytes that were lost.
        let seen = parties.wire.seen.lock().unwrap();
        let [.., (first, lost), (second, found)] = seen.as_slice() else { panic!("two exchanges") };
        assert_eq!((first, lost), (second, found));
    }
}

/// A question about batch 1 with something else in it, as the merchant would sign it.
async fn asked(
    parties: &Parties,
    edit: impl FnOnce(&mut BatchAdminReqData),
) -> Result<BatchAdminResData, ErrorCode> {
    counted(parties, 1).await;
    let (question, _) = parties.wire.seen.lock().unwrap().last().unwrap().clone();
    let rrpid = parties.random();
    let message = forge::edited(&question, |wrapper| {
        let Message::BatchAdminReq(sealed) = &mut wrapper.message else { panic!() };
        let signed = sealed.open(&parties.gateway.keys.exchange_keys).unwrap();
        let (data, _) = signed.verify(&parties.issuer.trust(), forge::at(parties)).unwrap();
        let mut data = data.into_value();
        data.rr_tags.rrpid = rrpid.into();
        wrapper.header.rrpid = rrpid.into();
        edit(&mut data);
        let signed = forge::sign(parties, &data, &forge::merchant_signer(parties));
        *sealed = Sealed::seal(&signed, &forge::cert_pe(parties)).unwrap();
    });
    answer_of(parties, &parties.gateway.answer(&message).await.unwrap())
}

fn answer_of(parties: &Parties, answer: &[u8]) -> Result<BatchAdminResData, ErrorCode> {
    let wrapper = forge::read(answer);
    let Message::BatchAdminRes(sealed) = wrapper.message else {
        return Err(forge::error_code(wrapper, parties));
    };
    let signed = sealed.open(std::slice::from_ref(&parties.merchant.keys.exchange_key)).unwrap();
    Ok(signed.verify(&parties.issuer.trust(), forge::at(parties)).unwrap().0.into_value())
}

fn open(data: &mut BatchAdminReqData) {
    data.batch_operation = Some(BatchOperation::Open);
}

fn close(data: &mut BatchAdminReqData) {
    data.batch_operation = Some(BatchOperation::Close);
}

fn miscounted(data: &mut BatchAdminReqData) {
    let totals = data.batch_totals.as_mut().unwrap();
    totals.transaction_total_amt_credit = 1.try_into().unwrap();
}

#[tokio::test]
async fn what_is_wrong_with_a_request_about_a_batch_has_its_code() {
    let (parties, _) = opened().await;
    let cases: [(&str, Edit<BatchAdminReqData>, BaStatus); 13] = [
        ("it is open", open, BaStatus::BatchAlreadyOpen),
        (
            "counted before it is opened",
            |data| {
                (data.batch_id, data.batch_operation) =
                    (2.try_into().unwrap(), Some(BatchOperation::Open));
                miscounted(data);
            },
            BaStatus::TotalsOutOfBalance,
        ),
        (
            "opened in no currency",
            |data| {
                (data.batch_id, data.batch_operation) =
                    (2.try_into().unwrap(), Some(BatchOperation::Open));
                data.batch_totals.as_mut().unwrap().currency = 1.try_into().unwrap();
            },
            BaStatus::TotalsOutOfBalance,
        ),
        (
            "opened with another minor unit",
            |data| {
                (data.batch_id, data.batch_operation) =
                    (2.try_into().unwrap(), Some(BatchOperation::Open));
                data.batch_totals.as_mut().unwrap().amt_exp10 = 0.try_into().unwrap();
            },
            BaStatus::TotalsOutOfBalance,
        ),
        (
            "opened without totals",
            |data| {
                (data.batch_id, data.batch_operation) =
                    (2.try_into().unwrap(), Some(BatchOperation::Open));
                data.batch_totals = None;
            },
            BaStatus::TotalsOutOfBalance,
        ),
        (
            "no such batch to close",
            |data| {
                close(data);
                data.batch_id = 2.try_into().unwrap();
            },
            BaStatus::UnknownBatchId,
        ),
        (
            "no such batch to ask about",
            |data| data.batch_id = 2.try_into().unwrap(),
            BaStatus::UnknownBatchId,
        ),
        (
            "closed with other totals",
            |data| {
                close(data);
                miscounted(data);
            },
            BaStatus::TotalsOutOfBalance,
        ),
        (
            "closed without totals",
            |data| {
                close(data);
                data.batch_totals = None;
            },
            BaStatus::TotalsOutOfBalance,
        ),
        ("asked about with other totals", miscounted, BaStatus::TotalsOutOfBalance),
        ("closed", close, BaStatus::Success),
        ("closed twice", close, BaStatus::BatchClosed),
        ("opened again", open, BaStatus::BatchIdUnavailable),
    ];
    for (what, edit, status) in cases {
        let answer = asked(&parties, edit).await.unwrap();
        assert_eq!(answer.ba_status, status, "{what}");
    }
    let without = asked(&parties, |data| data.batch_totals = None).await.unwrap();
    assert_eq!(without.ba_status, BaStatus::Success, "a question needs no totals");
}

#[tokio::test]
async fn whatever_is_not_authentic_of_a_request_about_a_batch_has_one_answer() {
    let (parties, _) = opened().await;
    let cases: [(&str, Edit<BatchAdminReqData>); 3] = [
        ("another gateway inside", |data| data.rr_tags.gateway = KeyOf::new([7; 32])),
        ("another merchant inside", |data| {
            data.rr_tags.merchant_id = OTHER_MERCHANT.try_into().unwrap();
        }),
        ("another request inside", |data| data.rr_tags.rrpid = [7; 20].into()),
    ];
    for (what, edit) in cases {
        assert_eq!(asked(&parties, edit).await.err(), Some(ErrorCode::SignatureFailure), "{what}");
    }
    counted(&parties, 1).await;
    let (question, answer) = parties.wire.seen.lock().unwrap().last().unwrap().clone();
    let flipped = forge::edited(&question, |wrapper| {
        let Message::BatchAdminReq(sealed) = &mut wrapper.message else { panic!() };
        *sealed = forge::flipped(sealed);
    });
    let about = forge::edited(&question, |wrapper| wrapper.header.xid = Some([7; 20].into()));
    for (what, message) in [("a tag that is wrong", flipped), ("a purchase in the header", about)] {
        let answer = parties.gateway.answer(&message).await.unwrap();
        assert_eq!(answer_of(&parties, &answer).err(), Some(ErrorCode::SignatureFailure), "{what}");
    }
    let again = parties.gateway.answer(&question).await.unwrap();
    assert_eq!(again, answer, "the honest one gets its answer, byte for byte");
}

#[tokio::test]
async fn another_request_under_the_same_name_is_none() {
    let (parties, _) = opened().await;
    let first = asked(&parties, |_| {}).await.unwrap();
    let used = first.rr_tags.rrpid.clone();
    let (question, _) = parties.wire.seen.lock().unwrap().last().unwrap().clone();
    let message = forge::edited(&question, |wrapper| {
        let Message::BatchAdminReq(sealed) = &mut wrapper.message else { panic!() };
        let signed = sealed.open(&parties.gateway.keys.exchange_keys).unwrap();
        let (data, _) = signed.verify(&parties.issuer.trust(), forge::at(&parties)).unwrap();
        let mut data = data.into_value();
        data.rr_tags.rrpid = used.clone();
        wrapper.header.rrpid = used.clone();
        close(&mut data);
        let signed = forge::sign(&parties, &data, &forge::merchant_signer(&parties));
        *sealed = Sealed::seal(&signed, &forge::cert_pe(&parties)).unwrap();
    });
    let answer = parties.gateway.answer(&message).await.unwrap();
    assert_eq!(answer_of(&parties, &answer).err(), Some(ErrorCode::UnknownRrpid));
}

/// A credit of 1.00 with something else in it, as the merchant would sign it.
async fn credited(
    parties: &Parties,
    order: &Order,
    edit: impl FnOnce(&mut CredReqTbs),
) -> Option<SettlementCode> {
    *parties.wire.instead.lock().unwrap() = Some(b"lost".to_vec());
    assert_eq!(credit(parties, order, "0.01").await, None);
    let (question, _) = parties.wire.seen.lock().unwrap().last().unwrap().clone();
    let rrpid = parties.random();
    let message = forge::edited(&question, |wrapper| {
        let Message::CredReq(sealed) = &mut wrapper.message else { panic!() };
        let signed = sealed.open(&parties.gateway.keys.exchange_keys).unwrap();
        let (tbs, _) = signed.verify(&parties.issuer.trust(), forge::at(parties)).unwrap();
        let mut tbs = tbs.into_value();
        tbs.auth_tags.auth_rr_tags.rrpid = rrpid.into();
        wrapper.header.rrpid = rrpid.into();
        edit(&mut tbs);
        let signed = forge::sign(parties, &tbs, &forge::merchant_signer(parties));
        *sealed = Sealed::seal(&signed, &forge::cert_pe(parties)).unwrap();
    });
    let answer = forge::read(&parties.gateway.answer(&message).await.unwrap());
    let Message::CredRes(sealed) = answer.message else { panic!("no CredRes") };
    let signed = sealed.open(std::slice::from_ref(&parties.merchant.keys.exchange_key)).unwrap();
    let (result, _) = signed.verify(&parties.issuer.trust(), forge::at(parties)).unwrap();
    Some(result.settled.code)
}

fn place(batch: i64, number: i64) -> Option<BatchItem> {
    Some(BatchItem {
        batch_id: batch.try_into().unwrap(),
        batch_sequence_num: number.try_into().unwrap(),
    })
}

#[tokio::test]
async fn an_item_that_cannot_be_counted_is_not_carried_out() {
    let (parties, order) = opened().await;
    for (batch, currency) in [(2, "EUR"), (3, "JPY")] {
        parties.merchant.open_batch(number(batch), currency.try_into().unwrap()).await.unwrap();
    }
    parties.merchant.close_batch(number(2)).await.unwrap();
    let cases: [(&str, Edit<CredReqTbs>, SettlementCode); 5] = [
        ("no such batch", |tbs| tbs.batch_item = place(4, 1), SettlementCode::BatchUnknown),
        ("a batch that is closed", |tbs| tbs.batch_item = place(2, 1), SettlementCode::BatchClosed),
        (
            "another item's number",
            |tbs| tbs.batch_item = place(1, 1),
            SettlementCode::SequenceNumUsed,
        ),
        (
            "a batch of another currency",
            |tbs| tbs.batch_item = place(3, 1),
            SettlementCode::AmountError,
        ),
        ("in no batch", |tbs| tbs.batch_item = None, SettlementCode::Success),
    ];
    for (what, edit, code) in cases {
        let before = parties.fixture.bank.call_names().len();
        assert_eq!(credited(&parties, &order, edit).await, Some(code), "{what}");
        let is_done = code == SettlementCode::Success;
        let asked = parties.fixture.bank.call_names().len() - before;
        // One credit of the merchant's own, whose answer was lost.
        assert_eq!(asked, 1 + usize::from(is_done), "{what}");
    }
}

#[tokio::test]
async fn a_batch_is_its_merchants_alone() {
    let (parties, order) = opened().await;
    let cases = [
        (parties.second_merchant(MERCHANT), BaStatus::BatchIdUnavailable),
        (parties.second_merchant(OTHER_MERCHANT), BaStatus::Success),
    ];
    let id = format!("{MERCHANT}:1");
    for (other, status) in cases {
        let batch = parties.merchant.batch(number(1)).await.unwrap();
        let told = other.counted_by_gateway(&batch, 1.try_into().unwrap()).await.unwrap().unwrap();
        assert_eq!(told.ba_status, BaStatus::UnknownBatchId, "{}", other.settings.id);
        assert_eq!((told.batch_status, told.trans_details), (None, None));
        // A namesake has books of its own, in which there is no such batch.
        let ports = Ports { entropy: Arc::new(SeededEntropy::new(99)), ..Fixture::new().ports };
        let other = MerchantServer { ports, ..other };
        let opened = other.open_batch(number(1), "EUR".try_into().unwrap()).await.unwrap();
        assert_eq!(opened.opened(), Some(status), "{}", other.settings.id);
    }
    assert!(parties.fixture.ports.store.find::<BatchRecord>(&id).await.unwrap().is_some());
    assert_eq!(credit(&parties, &order, "1.00").await, Some(SettlementCode::Success));
}

/// The gateway's answer to the opening of batch 2, with something else in it, and what the merchant makes of it.
async fn opened_by(
    parties: &Parties,
    signer: &countersign_certs::cms::signed::Signer<'_>,
    edit: impl FnOnce(&mut BatchAdminResData),
) -> Option<BaStatus> {
    let batch = parties.merchant.batch(number(2)).await.unwrap();
    assert_eq!(batch.opened(), None);
    let (_, answer) = parties.wire.seen.lock().unwrap().last().unwrap().clone();
    let changed = forge::edited(&answer, |wrapper| {
        let Message::BatchAdminRes(sealed) = &mut wrapper.message else { panic!() };
        let keys = std::slice::from_ref(&parties.merchant.keys.exchange_key);
        let signed = sealed.open(keys).unwrap();
        let (result, _) = signed.verify(&parties.issuer.trust(), forge::at(parties)).unwrap();
        let mut result = result.into_value();
        edit(&mut result);
        let signed = forge::sign(parties, &result, signer);
        *sealed = Sealed::seal(&signed, &forge::cert_me(parties)).unwrap();
    });
    *parties.wire.instead.lock().unwrap() = Some(changed);
    parties.merchant.batch(number(2)).await.unwrap().opened()
}

#[tokio::test]
async fn an_answer_that_is_not_to_the_question_is_not_accepted() {
    let (parties, _) = opened().await;
    parties.wire.loses_answers.store(true, std::sync::atomic::Ordering::SeqCst);
    parties.merchant.open_batch(number(2), "EUR".try_into().unwrap()).await.unwrap();
    let own = forge::gateway_signer(&parties);
    let (other, _) =
        testing::gateway(&parties.fixture, &parties.issuer, "gateway-2", Setup::default());
    let other = countersign_certs::cms::signed::Signer {
        certificate: &other.keys.certificate,
        key: other.keys.key.as_ref(),
        above: &[],
    };
    let cases: [(&str, _, Edit<BatchAdminResData>, Option<BaStatus>); 6] = [
        ("another gateway's", &other, |_| {}, None),
        ("to another request", &own, |result| result.rr_tags.rrpid = [7; 20].into(), None),
        (
            "to another merchant",
            &own,
            |result| result.rr_tags.merchant_id = OTHER_MERCHANT.try_into().unwrap(),
            None,
        ),
        (
            "to another content",
            &own,
            |result| result.h_batch_admin_req = Digest::from_bytes([7; 32]),
            None,
        ),
        ("of another batch", &own, |result| result.batch_id = 1.try_into().unwrap(), None),
        ("as it was", &own, |_| {}, Some(BaStatus::Success)),
    ];
    for (what, signer, edit, accepted) in cases {
        parties.wire.loses_answers.store(true, std::sync::atomic::Ordering::SeqCst);
        parties.merchant.batch(number(2)).await.unwrap();
        parties.wire.loses_answers.store(false, std::sync::atomic::Ordering::SeqCst);
        *parties.wire.instead.lock().unwrap() = Some(b"lost".to_vec());
        assert_eq!(opened_by(&parties, signer, edit).await, accepted, "{what}");
    }
}
