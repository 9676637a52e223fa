//! Connections that are lost, at every point of a commit.

use std::{
    net::Ipv4Addr,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use countersign_domain::{
    ports::{Reads as _, Store as _},
    record::StoreError,
};
use countersign_store::testing;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpSocket, TcpStream, UnixListener, UnixStream},
    time::timeout,
};

use crate::{fresh, happened, inserts, note, open};

/// What the wire does with commits.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Wire {
    /// Carries them.
    Sound,
    /// Tears before the next commit reaches the server; is sound from then on.
    TearsBefore,
    /// Tears before its answer comes back; is sound from then on.
    TearsAfter,
    /// As that, and carries nothing any more.
    EndsAfter,
    /// Carries nothing.
    Dead,
    /// Is taken, and nobody answers.
    Silent,
}

struct Mode(Mutex<Wire>);

impl Mode {
    fn sound() -> Arc<Self> {
        Arc::new(Self(Mutex::new(Wire::Sound)))
    }

    fn get(&self) -> Wire {
        *self.0.lock().unwrap()
    }

    fn set(&self, wire: Wire) {
        *self.0.lock().unwrap() = wire;
    }
}

/// Stands between a store and the server's socket.
async fn carry(listener: UnixListener, server: String, mode: Arc<Mode>) {
    while let Ok((client, _)) = listener.accept().await {
        let (server, mode) = (server.clone(), Arc::clone(&mode));
        tokio::spawn(async move {
            let _ = carry_one(client, &server, &mode).await;
        });
    }
}

async fn carry_one(mut client: UnixStream, server: &str, mode: &Mode) -> std::io::Result<()> {
    match mode.get() {
        Wire::Dead => return Ok(()),
        Wire::Silent => return std::future::pending().await,
        Wire::Sound | Wire::TearsBefore | Wire::TearsAfter | Wire::EndsAfter => {}
    }
    let mut server = UnixStream::connect(server).await?;
    let (mut up, mut down) = (vec![0; 65_536], vec![0; 65_536]);
    loop {
        tokio::select! {
            read = client.read(&mut up) => {
                let sent = up.get(..read?).filter(|sent| !sent.is_empty());
                let Some(sent) = sent else { return Ok(()) };
                let commits = sent.windows(7).any(|octets| octets == b"COMMIT\0");
                let wire = mode.get();
                match wire {
                    Wire::TearsBefore if commits => {
                        mode.set(Wire::Sound);
                        return Ok(());
                    }
                    Wire::TearsAfter | Wire::EndsAfter if commits => {
                        server.write_all(sent).await?;
                        // Until the server has answered all of it.
                        while timeout(Duration::from_millis(500), server.read(&mut down)).await.is_ok() {}
                        let then = if wire == Wire::EndsAfter { Wire::Dead } else { Wire::Sound };
                        mode.set(then);
                        return Ok(());
                    }
                    Wire::Dead => return Ok(()),
                    Wire::Sound
                    | Wire::TearsBefore
                    | Wire::TearsAfter
                    | Wire::EndsAfter
                    | Wire::Silent => {}
                }
                server.write_all(sent).await?;
            }
            read = server.read(&mut down) => {
                let received = down.get(..read?).filter(|received| !received.is_empty());
                let Some(received) = received else { return Ok(()) };
                client.write_all(received).await?;
            }
        }
    }
}

/// The same database behind such a wire.
fn behind_a_wire(url: &str, folder: &Path, mode: &Arc<Mode>) -> String {
    let (start, rest) = url.split_once("host=").unwrap();
    let (socket, rest) = rest.split_once('&').unwrap();
    let listener = UnixListener::bind(folder.join(".s.PGSQL.5432")).unwrap();
    tokio::spawn(carry(listener, format!("{socket}/.s.PGSQL.5432"), Arc::clone(mode)));
    format!("{start}host={}&{rest}", folder.display())
}

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

#[tokio::test]
async fn a_process_that_stands_still_under_the_lock_does_not_hold_up_the_others_for_ever() {
    let (url, store) = fresh().await;
    let other = std::thread::spawn(move || {
        let stands_still = "
            BEGIN; SET LOCAL idle_in_transaction_session_timeout = '5s';
            SELECT 1 FROM countersign.chain FOR UPDATE; SELECT pg_sleep(2); COMMIT";
        testing::sql(&url, stands_still)
    });
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(store.commit(inserts("a")).await, Ok(()));
    other.join().unwrap();
}
