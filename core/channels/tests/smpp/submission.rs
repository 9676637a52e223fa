//! What becomes of a message, whatever the centre does.

use std::time::Duration;

use countersign_channels::smpp::{
    pdu::{Body, Pdu, tag},
    status::Status,
};
use countersign_domain::{lane::Lane, message::SendError, ports::Messenger as _};
use tokio::time::{Instant, sleep, timeout};

use crate::centre::Scene;

const SHORT: Duration = Duration::from_millis(200);

/// Short, but not so short that a busy machine is presumed a silent centre.
const TIMEOUT: Duration = Duration::from_millis(500);

fn cause(error: SendError) -> (&'static str, String) {
    match error {
        SendError::Waiting { cause } => ("waiting", cause),
        SendError::Temporary { cause } => ("temporary", cause),
        SendError::Permanent { cause } => ("permanent", cause),
        SendError::Unknown { cause } => ("unknown", cause),
    }
}

fn failed(kind: &'static str, cause: &str) -> (&'static str, String) {
    (kind, cause.to_owned())
}

#[tokio::test]
async fn in_transaction_mode_the_centre_is_asked_to_deliver_at_once() {
    let (scene, mut centre) = Scene::bound(|settings| settings.transaction_mode = true).await;
    let sending = scene.send("Code 123456");
    let (request, message) = centre.next_message().await;
    assert_eq!(message.esm_class, 0x02);
    centre.refuse(&request, Status::ESME_RDELIVERYFAILURE).await;
    let error = sending.await.unwrap().unwrap_err();
    assert_eq!(cause(error).0, "permanent");
    scene.send(&"x".repeat(200));
    let (_, message) = centre.next_message().await;
    assert_eq!(message.esm_class, 0x42);
}

#[tokio::test]
async fn a_text_is_submitted_with_all_that_the_centre_needs() {
    let (scene, mut centre) = Scene::bound(|_| {}).await;
    let sending = scene.send("Code 123456 for 49.99 €");
    let (request, message) = centre.next_message().await;
    let address = |a: &countersign_channels::smpp::pdu::Address| (a.ton, a.npi, a.digits.clone());
    assert_eq!(address(&message.source), (5, 0, "SHOP".to_owned()));
    assert_eq!(address(&message.destination), (1, 1, "33612345678".to_owned()));
    assert_eq!((message.esm_class, message.data_coding, message.registered_delivery), (0, 0, 1));
    assert!(message.short_message.ends_with(&[0x1B, 0x65]));
    // What is left of five minutes, in whole seconds.
    assert_eq!(message.validity_period, "000000000459000R");
    assert_eq!(message.parameter(tag::USER_MESSAGE_REFERENCE).unwrap().len(), 2);

    centre.accept(&request, "00004D2").await;
    assert_eq!(sending.await.unwrap().unwrap().references, ["id:4d2"]);
}

#[tokio::test]
async fn answers_out_of_order_reach_the_sender_that_waits_for_them() {
    let (scene, mut centre) = Scene::bound(|_| {}).await;
    let mut sent = Vec::new();
    for number in 1..=3 {
        let sending = scene.send("text");
        let (request, _) = centre.next_message().await;
        sent.push((number, sending, request));
    }
    for (number, _, request) in sent.iter().rev() {
        centre.accept(request, &number.to_string()).await;
    }
    for (number, sending, _) in sent {
        assert_eq!(sending.await.unwrap().unwrap().references, [format!("id:{number}")]);
    }
}

#[tokio::test]
async fn what_the_centre_has_no_room_for_is_submitted_again_before_all_else() {
    for status in [Status::ESME_RTHROTTLED, Status::ESME_RMSGQFUL] {
        let (scene, mut centre) = Scene::bound(|settings| settings.window = 1).await;
        let first = scene.send_as(1, "first", 300);
        let (request, _) = centre.next_message().await;
        let second = scene.send_as(2, "second", 300);
        centre.refuse(&request, status).await;
        for (text, id) in [(b"first".as_slice(), "1"), (b"second", "2")] {
            let (request, message) = centre.next_message().await;
            assert_eq!(**message.short_message, *text);
            centre.accept(&request, id).await;
        }
        assert_eq!(first.await.unwrap().unwrap().references, ["id:1"]);
        assert_eq!(second.await.unwrap().unwrap().references, ["id:2"]);
    }
}

#[tokio::test]
async fn a_centre_that_has_no_room_for_too_long_makes_the_message_wait_in_the_line() {
    let (scene, mut centre) = Scene::bound(|settings| settings.response_timeout = TIMEOUT).await;
    let sending = scene.send("text");
    let refused = async {
        loop {
            let (request, _) = centre.next_message().await;
            centre.refuse(&request, Status::ESME_RTHROTTLED).await;
        }
    };
    let ended = tokio::select! {
        ended = sending => ended.unwrap().unwrap_err(),
        () = refused => unreachable!("it has no end"),
    };
    assert_eq!(cause(ended).0, "waiting");
}

#[tokio::test]
async fn only_missing_parts_are_submitted_again() {
    let (scene, mut centre) = Scene::bound(|settings| settings.response_timeout = TIMEOUT).await;
    let long = "ê".repeat(100);
    let sending = scene.send(&long);
    let (request, first) = centre.next_message().await;
    centre.accept(&request, "1").await;
    let (mut sending, mut heads) = (sending, vec![first.short_message[4..6].to_vec()]);
    // The second part finds no room until the message goes back to the line, and then at once.
    loop {
        tokio::select! {
            ended = &mut sending => {
                assert_eq!(cause(ended.unwrap().unwrap_err()).0, "waiting");
                break;
            }
            (request, part) = centre.next_message() => {
                heads.push(part.short_message[4..6].to_vec());
                centre.refuse(&request, Status::ESME_RTHROTTLED).await;
            }
        }
    }
    assert!(heads[1..].iter().all(|head| *head == [2, 2]), "{heads:?}");
    let again = scene.send(&long);
    let (request, part) = centre.next_message().await;
    assert_eq!((&part.short_message[4..6], part.registered_delivery), ([2, 2].as_slice(), 1));
    centre.accept(&request, "2").await;
    assert_eq!(again.await.unwrap().unwrap().references, ["id:2"]);
}

#[tokio::test]
async fn a_refusal_is_permanent_and_says_which() {
    let (scene, mut centre) = Scene::bound(|_| {}).await;
    for (status, expected) in [
        (Status::ESME_RINVDSTADR, failed("permanent", "ESME_RINVDSTADR (0x0b)")),
        (Status(0x401), failed("permanent", "status 0x401")),
        (Status::ESME_RSYSERR, failed("temporary", "ESME_RSYSERR (0x08)")),
    ] {
        let sending = scene.send("text");
        let (request, _) = centre.next_message().await;
        centre.refuse(&request, status).await;
        assert_eq!(cause(sending.await.unwrap().unwrap_err()), expected);
    }
}

#[tokio::test]
async fn a_generic_nack_is_a_refusal_even_when_it_says_no_error() {
    let (scene, mut centre) = Scene::bound(|_| {}).await;
    for (status, expected) in [
        (Status::ESME_RINVCMDLEN, "ESME_RINVCMDLEN (0x02)"),
        (Status::ESME_ROK, "ESME_RUNKNOWNERR (0xff)"),
    ] {
        let sending = scene.send("text");
        let (request, _) = centre.next_message().await;
        centre.say(&Pdu::response(request.sequence, status, Body::GenericNack)).await;
        assert_eq!(cause(sending.await.unwrap().unwrap_err()), failed("permanent", expected));
    }
}

#[tokio::test]
async fn no_answer_in_time_leaves_the_message_in_doubt_and_a_late_one_changes_nothing() {
    let (scene, mut centre) = Scene::bound(|settings| settings.response_timeout = TIMEOUT).await;
    let first = scene.send("first");
    let (late, _) = centre.next_message().await;
    assert_eq!(cause(first.await.unwrap().unwrap_err()), failed("unknown", "no answer in time"));

    let second = scene.send("second");
    let (request, _) = centre.next_message().await;
    centre.accept(&late, "1").await;
    centre.accept(&request, "2").await;
    assert_eq!(second.await.unwrap().unwrap().references, ["id:2"]);
}

#[tokio::test]
async fn a_connection_lost_after_a_submission_leaves_it_in_doubt() {
    let (scene, mut centre) = Scene::bound(|_| {}).await;
    let sending = scene.send("text");
    centre.next_message().await;
    drop(centre);
    assert_eq!(cause(sending.await.unwrap().unwrap_err()), failed("unknown", "the session ended"));

    // It is not sent again by us.
    let mut centre = scene.accept_and_bind().await;
    centre.hears_nothing_for(SHORT).await;
}

#[tokio::test]
async fn what_was_not_written_when_the_connection_ended_is_certainly_not_sent() {
    // One in a second: the second message waits in the session.
    let (scene, mut centre) = Scene::bound(|settings| settings.max_per_second = Some(1)).await;
    let first = scene.send("first");
    let (request, _) = centre.next_message().await;
    centre.accept(&request, "1").await;
    first.await.unwrap().unwrap();
    let second = scene.send("second");
    sleep(Duration::from_millis(50)).await;
    drop(centre);
    assert_eq!(cause(second.await.unwrap().unwrap_err()), failed("waiting", "the session ended"));
}

#[tokio::test]
async fn without_a_session_a_message_is_certainly_not_sent() {
    let scene = Scene::unbound(|_| {}).await;
    let error = scene.send("text").await.unwrap().unwrap_err();
    assert_eq!(cause(error), failed("waiting", "not bound to the centre"));
}

#[tokio::test]
async fn no_more_than_the_window_waits_for_an_answer() {
    let (scene, mut centre) = Scene::bound(|settings| settings.window = 2).await;
    let sent = [scene.send("text"), scene.send("text"), scene.send("text")];
    let (first, _) = centre.next_message().await;
    let (second, _) = centre.next_message().await;
    centre.hears_nothing_for(SHORT).await;
    centre.accept(&second, "2").await;
    let (third, _) = centre.next_message().await;
    centre.accept(&third, "3").await;
    centre.accept(&first, "1").await;
    for sending in sent {
        assert!(sending.await.unwrap().is_ok());
    }
}

#[tokio::test]
async fn a_window_that_stays_full_is_not_waited_for_without_end() {
    // One in a second and one at once: the second message has the only place, and the third waits for it.
    let (scene, mut centre) = Scene::bound(|settings| {
        settings.window = 1;
        settings.max_per_second = Some(1);
        settings.response_timeout = TIMEOUT;
    })
    .await;
    let first = scene.send("first");
    let (request, _) = centre.next_message().await;
    centre.accept(&request, "1").await;
    first.await.unwrap().unwrap();
    let _second = scene.send("second");
    sleep(Duration::from_millis(50)).await;
    let third = scene.send("third").await.unwrap().unwrap_err();
    assert_eq!(cause(third), failed("waiting", "the window was full for too long"));
}

#[tokio::test]
async fn a_rate_is_kept() {
    let (scene, mut centre) = Scene::bound(|settings| settings.max_per_second = Some(50)).await;
    let started = Instant::now();
    let sent: Vec<_> = (0..10).map(|_| scene.send("text")).collect();
    for _ in 0..10 {
        let (request, _) = centre.next_message().await;
        centre.accept(&request, "1").await;
    }
    assert!(started.elapsed() >= Duration::from_millis(170), "{:?}", started.elapsed());
    for sending in sent {
        assert!(sending.await.unwrap().is_ok());
    }
}

#[tokio::test]
async fn a_code_whose_life_is_over_is_not_sent() {
    let (scene, mut centre) = Scene::bound(|_| {}).await;
    let error = scene.send_valid_for("text", 0).await.unwrap().unwrap_err();
    assert_eq!(cause(error), failed("temporary", "the code's life is over"));
    centre.hears_nothing_for(Duration::from_millis(50)).await;
}

#[tokio::test]
async fn a_long_text_is_accepted_when_all_its_parts_are() {
    let (scene, mut centre) = Scene::bound(|settings| settings.window = 1).await;
    let sending = scene.send(&"ê".repeat(100));
    let mut heads = Vec::new();
    for (id, receipt) in [("1", 0), ("2", 1)] {
        let (request, message) = centre.next_message().await;
        assert_eq!((message.esm_class, message.data_coding), (0x40, 8));
        assert_eq!(
            message.registered_delivery, receipt,
            "a receipt is asked for the last part only"
        );
        assert_eq!(message.validity_period, "000000000459000R");
        heads.push(message.short_message[..6].to_vec());
        centre.accept(&request, id).await;
    }
    // The reference is the end of the message's id.
    assert_eq!(heads, [[5, 0, 3, 0xA7, 2, 1], [5, 0, 3, 0xA7, 2, 2]]);
    assert_eq!(sending.await.unwrap().unwrap().references, ["id:2"]);
}

#[tokio::test]
async fn a_long_text_of_which_a_part_is_refused_is_refused() {
    let (scene, mut centre) = Scene::bound(|_| {}).await;
    let sending = scene.send(&"ê".repeat(100));
    let (first, _) = centre.next_message().await;
    centre.refuse(&first, Status::ESME_RINVDSTADR).await;
    assert_eq!(
        cause(sending.await.unwrap().unwrap_err()),
        failed("permanent", "ESME_RINVDSTADR (0x0b)")
    );
}

#[tokio::test]
async fn a_text_too_long_is_refused_before_it_costs_anything() {
    let (scene, mut centre) = Scene::bound(|_| {}).await;
    let error = scene.send(&"a".repeat(2_000)).await.unwrap().unwrap_err();
    assert_eq!(cause(error), failed("permanent", "the text needs more than 10 parts"));
    centre.hears_nothing_for(Duration::from_millis(50)).await;
}

#[tokio::test]
async fn a_sender_that_gives_up_keeps_its_place_until_the_answer() {
    let (scene, mut centre) = Scene::bound(|settings| settings.window = 1).await;
    let first = scene.send("first");
    let (request, _) = centre.next_message().await;
    first.abort();
    let second = scene.send("second");
    centre.hears_nothing_for(SHORT).await;
    centre.accept(&request, "1").await;
    let (request, _) = centre.next_message().await;
    centre.accept(&request, "2").await;
    assert_eq!(second.await.unwrap().unwrap().references, ["id:2"]);
}

#[tokio::test]
async fn what_nobody_waits_for_any_more_is_not_sent() {
    let (scene, mut centre) = Scene::bound(|settings| settings.max_per_second = Some(5)).await;
    let first = scene.send("first");
    let (request, _) = centre.next_message().await;
    centre.accept(&request, "1").await;
    first.await.unwrap().unwrap();
    let second = scene.send("second");
    sleep(Duration::from_millis(50)).await;
    second.abort();
    centre.hears_nothing_for(2 * SHORT).await;
}

#[tokio::test]
async fn a_turn_is_given_at_once_while_there_is_a_session_with_room_and_nobody_waits_for_it() {
    let scene = Scene::unbound(|settings| settings.window = 1).await;
    for lane in [Lane::Payments, Lane::Others] {
        assert!(scene.messenger.try_turn(lane).is_none(), "{lane:?}");
    }
    assert!(scene.messenger.try_turn(Lane::Operator).is_some(), "an operator needs no session");
    let centre = scene.accept_and_bind().await;
    let mut turns: Vec<_> = (0..2).map(|_| scene.messenger.try_turn(Lane::Payments)).collect();
    assert!(turns.iter().all(Option::is_some));
    assert!(
        scene.messenger.try_turn(Lane::Payments).is_none(),
        "the session would not take it soon"
    );
    let messenger = scene.messenger.clone();
    let mut waiting = Box::pin(async move { messenger.turn(Lane::Payments).await });
    assert!(timeout(SHORT, &mut waiting).await.is_err());
    // What is free now is for the payment that waits.
    drop(turns.pop());
    assert!(scene.messenger.try_turn(Lane::Others).is_none());
    let turn = waiting.await;
    assert!(scene.messenger.try_turn(Lane::Others).is_none());
    drop(turn);
    assert!(scene.messenger.try_turn(Lane::Others).is_some());
    // Without a session there is none any more.
    drop((turns, centre));
    let ended = async {
        while scene.messenger.is_bound() {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(20), ended).await.unwrap();
    assert!(scene.messenger.try_turn(Lane::Others).is_none());
}
