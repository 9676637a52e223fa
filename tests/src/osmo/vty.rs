//! The telnet console of an Osmocom program.

use std::io;
use std::net::SocketAddrV4;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Far above any answer asked for here.
const ANSWER_OCTETS: usize = 64 * 1024;

/// A console in privileged mode. Callers bound the time.
pub(super) struct Vty {
    stream: TcpStream,
}

impl Vty {
    /// Connects. The prompt comes when the program has done all of its configuration and all its ports are open.
    pub(super) async fn connect(address: SocketAddrV4) -> io::Result<Self> {
        let mut vty = Self { stream: TcpStream::connect(address).await? };
        vty.answer(b"> ").await?;
        vty.command("enable").await?;
        Ok(vty)
    }

    /// Gives one command; its echo and its answer come back.
    pub(super) async fn command(&mut self, line: &str) -> io::Result<String> {
        self.stream.write_all(format!("{line}\n").as_bytes()).await?;
        self.answer(b"# ").await
    }

    /// What comes up to the prompt.
    async fn answer(&mut self, prompt: &[u8]) -> io::Result<String> {
        let mut answer = Vec::new();
        while !answer.ends_with(prompt) {
            if self.stream.read_buf(&mut answer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if answer.len() > ANSWER_OCTETS {
                return Err(io::ErrorKind::FileTooLarge.into());
            }
        }
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }
}
