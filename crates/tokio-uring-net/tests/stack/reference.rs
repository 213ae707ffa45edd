//! `tokio::net` itself: what the tests state is its behaviour.

pub(crate) use tokio::net;

/// A listener as a stream of its connections: tokio-stream's.
pub(crate) type TcpListenerStream = tokio_stream::wrappers::TcpListenerStream;

/// The same of a Unix listener.
pub(crate) type UnixListenerStream = tokio_stream::wrappers::UnixListenerStream;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stack {
    Tokio,
}

impl Stack {
    pub(crate) const ALL: &[Stack] = &[Stack::Tokio];

    /// There is one driver, and it is always there.
    #[expect(clippy::unused_self, reason = "the other stack chooses by it")]
    pub(crate) fn install(self) -> std::io::Result<()> {
        Ok(())
    }

    /// It always serves.
    #[expect(clippy::unused_self, reason = "the other stack has two drivers")]
    pub(crate) fn check_serves(self) {}
}

/// Bytes that were received and that the socket has not any more.
pub(crate) fn bytes_ahead(_: &net::TcpStream) -> usize {
    0
}

/// Takes a stream out of its runtime, with what was received ahead.
pub(crate) fn into_std(stream: net::TcpStream) -> std::io::Result<(std::net::TcpStream, Vec<u8>)> {
    stream.into_std().map(|stream| (stream, Vec::new()))
}

/// Whether calls of the program's own on the descriptor see every byte.
pub(crate) fn is_exact(_: &net::TcpStream) -> bool {
    true
}
