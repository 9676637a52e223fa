//! Connections that are lost, at every point of a commit.

use std::{net::Ipv4Addr, time::Duration};

use countersign_domain::{
    ports::{Reads as _, Store as _},
    record::StoreError,
};
use countersign_store::testing;
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    time::timeout,
};

use crate::{
    fresh, happened, inserts, note, open,
    wire::{Mode, Wire, behind_a_wire},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_connection_is_lost_is_made_once_and_is_said_to_be() {
    let (url, _store) = fresh().await;
    let folder = tempfile::tempdir().unwrap();
    let mode = Mode::sound();
    let database = testing::database(&behind_a_wire(&url, folder.path(), &mode));
    let store = open(&database).await.unwrap();
    for (number, wire) in [Wire::TearsBefore, Wire::TearsAfter, Wire::Sound].into_iter().enumerate()
    {
        let id = number.to_string();
        mode.set(wire);
        let mut batch = inserts(&id);
        batch.facts = happened(&id, 1).facts;
        assert_eq!(store.commit(batch).await, Ok(()), "{wire:?}");
        assert!(mode.get() == Wire::Sound, "{wire:?}");
        assert_eq!(store.facts(&note(&id)).await.unwrap().len(), 1, "{wire:?}");
    }
    // What has no facts is looked up in the same way.
    mode.set(Wire::TearsAfter);
    assert_eq!(store.commit(inserts("silent")).await, Ok(()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_cannot_be_looked_up_is_said_not_to_be_known() {
    let (url, direct) = fresh().await;
    let folder = tempfile::tempdir().unwrap();
    let mode = Mode::sound();
    let database = testing::database(&behind_a_wire(&url, folder.path(), &mode));
    let store = open(&database).await.unwrap();
    mode.set(Wire::EndsAfter);
    let unknown = store.commit(inserts("a")).await;
    let Err(StoreError::Unavailable { cause }) = unknown else { panic!("{unknown:?}") };
    assert!(cause.ends_with("it is not known whether the commit was made"), "{cause}");
    assert!(direct.load(&note("a")).await.unwrap().is_some(), "it was");
    let never_sent = store.commit(inserts("b")).await;
    let Err(StoreError::Unavailable { cause }) = never_sent else { panic!("{never_sent:?}") };
    assert!(!cause.contains("not known"), "{cause}");
    assert_eq!(direct.load(&note("b")).await, Ok(None));
    mode.set(Wire::Sound);
    assert_eq!(store.commit(inserts("c")).await, Ok(()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_waits_until_another_server_has_taken_the_place_of_one_that_is_gone() {
    let (url, _store) = fresh().await;
    let folder = tempfile::tempdir().unwrap();
    let mode = Mode::sound();
    let database = testing::database(&behind_a_wire(&url, folder.path(), &mode));
    let store = open(&database).await.unwrap();
    store.commit(inserts("a")).await.unwrap();
    mode.set(Wire::Dead);
    let key = note("a");
    let comes_back = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        mode.set(Wire::Sound);
    };
    let (read, ()) = tokio::join!(store.load(&key), comes_back);
    assert!(read.unwrap().is_some());
    mode.set(Wire::Dead);
    let nobody = store.load(&key).await;
    assert!(matches!(nobody, Err(StoreError::Unavailable { .. })), "{nobody:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn however_many_connections_there_may_be_a_read_that_nobody_answers_ends() {
    let (url, _store) = fresh().await;
    let folder = tempfile::tempdir().unwrap();
    let mode = Mode::sound();
    let database = testing::database(&behind_a_wire(&url, folder.path(), &mode));
    let store = open(&database.with_connections(100)).await.unwrap();
    mode.set(Wire::Silent);
    // Far from the time that as many tries take as there are connections.
    let read = timeout(Duration::from_secs(90), store.load(&note("a"))).await.unwrap();
    assert!(matches!(read, Err(StoreError::Unavailable { .. })), "{read:?}");
    mode.set(Wire::Sound);
    assert_eq!(store.load(&note("a")).await, Ok(None));
}

/// An address that nothing answers from, as if its machine were off: whatever comes finds a queue that is full.
async fn dark() -> (u16, TcpListener, Vec<TcpStream>) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut queue = Vec::new();
    while let Ok(connected) = timeout(Duration::from_secs(5), TcpStream::connect(address)).await {
        queue.push(connected.unwrap());
        assert!(queue.len() < 64, "the queue is never full");
    }
    (address.port(), listener, queue)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_whose_machine_is_dark_is_passed_over_for_the_next() {
    let (url, _store) = fresh().await;
    let (port, _listener, _queue) = dark().await;
    let url = url.replace("host=", "host=127.0.0.1&host=");
    let store = open(&testing::database(&format!("{url}&port={port},5432"))).await.unwrap();
    store.commit(inserts("a")).await.unwrap();
    assert!(store.load(&note("a")).await.unwrap().is_some());
}

#[tokio::test]
async fn after_a_restart_of_the_server_reads_and_commits_go_on() {
    let (url, store) = fresh().await;
    store.commit(inserts("a")).await.unwrap();
    store.load(&note("a")).await.unwrap();
    for id in ["b", "c"] {
        let ended = "SELECT count(pg_terminate_backend(pid)) > 0 FROM pg_stat_activity
                     WHERE datname = current_database() AND pid <> pg_backend_pid()";
        assert_eq!(testing::sql(&url, ended), "t");
        assert!(store.load(&note("a")).await.unwrap().is_some());
        store.commit(inserts(id)).await.unwrap();
    }
}
