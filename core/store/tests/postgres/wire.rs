//! A wire between a store and its server, which tears or stands still where a test wants it.

use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{UnixListener, UnixStream},
    time::timeout,
};

/// What the wire does with commits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Wire {
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
    /// As that, and those that were there before carry nothing any more either; nothing is closed.
    Still,
    /// Stands still before the next commit reaches the server; other connections are sound.
    StillBefore,
    /// Stands still before its answer comes back; other connections are sound.
    StillAfter,
}

pub(crate) struct Mode(Mutex<Wire>);

impl Mode {
    pub(crate) fn sound() -> Arc<Self> {
        Arc::new(Self(Mutex::new(Wire::Sound)))
    }

    pub(crate) fn get(&self) -> Wire {
        *self.0.lock().unwrap()
    }

    pub(crate) fn set(&self, wire: Wire) {
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
        Wire::Silent | Wire::Still => return std::future::pending().await,
        Wire::Sound
        | Wire::TearsBefore
        | Wire::TearsAfter
        | Wire::EndsAfter
        | Wire::StillBefore
        | Wire::StillAfter => {}
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
                    Wire::StillBefore | Wire::StillAfter if commits => {
                        mode.set(Wire::Sound);
                        if wire == Wire::StillAfter {
                            server.write_all(sent).await?;
                        }
                        return std::future::pending().await;
                    }
                    Wire::Dead => return Ok(()),
                    Wire::Still => return std::future::pending().await,
                    Wire::Sound
                    | Wire::TearsBefore
                    | Wire::TearsAfter
                    | Wire::EndsAfter
                    | Wire::StillBefore
                    | Wire::StillAfter
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
pub(crate) fn behind_a_wire(url: &str, folder: &Path, mode: &Arc<Mode>) -> String {
    let (start, rest) = url.split_once("host=").unwrap();
    let (socket, rest) = rest.split_once('&').unwrap();
    let listener = UnixListener::bind(folder.join(".s.PGSQL.5432")).unwrap();
    tokio::spawn(carry(listener, format!("{socket}/.s.PGSQL.5432"), Arc::clone(mode)));
    format!("{start}host={}&{rest}", folder.display())
}
