//! A server that accepts connections and says nothing: whatever is asked of it ends within a time, and goes on elsewhere, or
//! with it once it does.

use std::{io::Write as _, process::Stdio, time::Duration};

use countersign_domain::{
    ports::{Reads as _, Store as _},
    record::StoreError,
    secret::Secret,
};
use countersign_store::{Database, DatabaseError, make_schema, testing};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    time::timeout,
};

use crate::{
    fresh, inserts, note, open,
    wire::{Mode, Wire, behind_a_wire},
};

/// Twice the time after which everything has ended: docs/guides/postgresql.md.
const BOUND: Duration = Duration::from_secs(180);

fn cause<T: std::fmt::Debug>(of: Result<T, StoreError>) -> String {
    let Err(StoreError::Unavailable { cause }) = &of else { panic!("{of:?}") };
    cause.clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_a_server_stands_still_what_is_asked_ends_and_goes_on_when_that_does() {
    let server = testing::Encrypted::start();
    let database = testing::database(&server.socket());
    make_schema(&database).await.unwrap();
    let store = open(&database).await.unwrap();
    store.commit(inserts("before")).await.unwrap();
    let (before, never) = (note("before"), note("never"));
    assert!(store.load(&before).await.unwrap().is_some());

    let frozen = server.freeze();
    let asked = async {
        tokio::join!(
            store.load(&before),
            store.commit(inserts("never")),
            open(&database),
            make_schema(&database)
        )
    };
    let (read, committed, opened, made) = timeout(BOUND, asked).await.unwrap();
    assert!(read.is_err(), "{read:?}");
    let cause = cause(committed);
    assert!(!cause.contains("not known"), "nothing was sent to be committed: {cause}");
    for refused in [opened.map(drop), made.map(drop)] {
        assert!(matches!(refused, Err(DatabaseError::Unusable { .. })), "{refused:?}");
    }

    drop(frozen);
    assert!(store.load(&before).await.unwrap().is_some());
    assert_eq!(store.commit(inserts("after")).await, Ok(()));
    assert_eq!(store.load(&never).await, Ok(None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stands_still_for_a_moment_is_waited_for() {
    let server = testing::Encrypted::start();
    let database = testing::database(&server.socket());
    make_schema(&database).await.unwrap();
    let store = open(&database).await.unwrap();
    store.commit(inserts("before")).await.unwrap();
    let before = note("before");
    let frozen = server.freeze();
    let goes_on = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        drop(frozen);
    };
    let (read, committed, ()) =
        tokio::join!(store.load(&before), store.commit(inserts("after")), goes_on);
    assert!(read.unwrap().is_some());
    assert_eq!(committed, Ok(()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_is_not_answered_is_looked_up() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let (before, after) = (Mode::sound(), Mode::sound());
    // Each on a database of its own: one that stands still under the lock holds up the other.
    let [(one, not_made), (other, is_made)] = [fresh().await, fresh().await];
    let one = testing::database(&behind_a_wire(&one, folders[0].path(), &before));
    let other = testing::database(&behind_a_wire(&other, folders[1].path(), &after));
    let (one, other) = (open(&one).await.unwrap(), open(&other).await.unwrap());
    before.set(Wire::StillBefore);
    after.set(Wire::StillAfter);
    let asked = async { tokio::join!(one.commit(inserts("lost")), other.commit(inserts("made"))) };
    let (lost, made) = timeout(BOUND, asked).await.unwrap();
    let cause = cause(lost);
    assert!(!cause.contains("not known"), "it was looked up: {cause}");
    assert_eq!(not_made.load(&note("lost")).await, Ok(None));
    assert_eq!(made, Ok(()), "it was looked up");
    assert!(is_made.load(&note("made")).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_hosts_that_lead_to_a_store_one_that_comes_to_stand_still_is_left_for_the_other() {
    let (url, _store) = fresh().await;
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let modes = [Mode::sound(), Mode::sound()];
    let [first, second] = [0, 1].map(|nth| behind_a_wire(&url, folders[nth].path(), &modes[nth]));
    let (before, _) = second.split_once("host=").unwrap();
    let first = first.strip_prefix(before).unwrap().split('&').next().unwrap();
    let both = second.replacen("host=", &format!("{first}&host="), 1);
    let store = open(&testing::database(&both)).await.unwrap();
    store.commit(inserts("a")).await.unwrap();
    assert!(store.load(&note("a")).await.unwrap().is_some());
    modes[0].set(Wire::Still);
    let (a, group) = (note("a"), store.commit(inserts("under way")));
    let (read, _) = timeout(BOUND, async { tokio::join!(store.load(&a), group) }).await.unwrap();
    assert!(read.unwrap().is_some());
    assert_eq!(store.commit(inserts("b")).await, Ok(()));
    assert!(store.load(&note("b")).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_accepts_connections_and_says_nothing_is_passed_over_for_the_next() {
    let (url, _store) = fresh().await;
    // Its queue takes connections; nobody ever accepts one.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = silent.local_addr().unwrap().port();
    let url = url.replace("host=", "host=127.0.0.1&host=");
    let store = open(&testing::database(&format!("{url}&port={port},5432"))).await.unwrap();
    store.commit(inserts("a")).await.unwrap();
    assert!(store.load(&note("a")).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_silent_in_the_middle_of_a_handshake_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            // It agrees to encrypt, and that is all.
            let mut asks_for_tls = [0; 8];
            stream.read_exact(&mut asks_for_tls).await.unwrap();
            stream.write_all(b"S").await.unwrap();
            held.push(stream);
        }
    });
    let url = format!("postgresql://countersign@localhost:{port}/x?sslmode=require");
    let database = Database::at(&Secret::new(url), rustls::RootCertStore::empty()).unwrap();
    let refused = timeout(BOUND, make_schema(&database)).await.unwrap();
    let Err(DatabaseError::Unusable { cause, .. }) = refused else { panic!("{refused:?}") };
    assert!(cause.contains("does not let a connection in"), "{cause}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_whose_lock_somebody_keeps_is_not_waited_for_for_ever() {
    let (url, _store) = fresh().await;
    let mut psql = std::process::Command::new(testing::program("psql"));
    let mut holder =
        psql.args(["-q", "-t", &url]).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let lock = b"BEGIN; SELECT 1 FROM countersign.chain FOR UPDATE;\n";
    holder.stdin.as_mut().unwrap().write_all(lock).unwrap();
    let held = "SELECT count(*) FROM pg_locks WHERE relation = 'countersign.chain'::regclass";
    while testing::sql(&url, held) == "0" {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let refused = timeout(BOUND, open(&testing::database(&url))).await.unwrap();
    let Err(DatabaseError::Unusable { cause, .. }) = refused else { panic!("{refused:?}") };
    assert_eq!(cause, "the server does not answer in time");
    holder.kill().unwrap();
    holder.wait().unwrap();
}
