//! Connections that answer what they are sent.

use super::pattern::Pattern;
use super::tcp::both_ends;
use crate::stack::net::TcpStream;
use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Sends back what arrives, to the end of the stream.
pub(crate) async fn echo(mut stream: TcpStream) -> io::Result<()> {
    let (mut read, mut write) = stream.split();
    tokio::io::copy(&mut read, &mut write).await.map(drop)
}

/// One end of a connection whose other end, in a task of the current runtime, echoes.
#[derive(Debug)]
pub(crate) struct Client {
    stream: TcpStream,
    sent: Pattern,
}

impl Client {
    pub(crate) async fn connect(lane: u64) -> io::Result<Client> {
        let (server, stream) = both_ends().await?;
        tokio::spawn(echo(server));
        Ok(Client::new(stream, lane))
    }

    /// A client on a stream whose other end echoes.
    pub(crate) fn new(stream: TcpStream, lane: u64) -> Client {
        let sent = Pattern::new(lane);
        Client { stream, sent }
    }

    /// Sends the next `len` bytes and waits until they are back.
    pub(crate) async fn round(&mut self, len: usize) -> io::Result<()> {
        let mut received = vec![0; len];
        self.stream.write_all(&self.sent.bytes(len)).await?;
        self.stream.read_exact(&mut received).await?;
        self.sent.take(&received);
        Ok(())
    }
}

/// Connects `count` clients, each with a lane of its own.
pub(crate) async fn clients(count: u64) -> io::Result<Vec<Client>> {
    let mut clients = Vec::new();
    for lane in 0..count {
        clients.push(Client::connect(lane).await?);
    }
    Ok(clients)
}
