//! Unix connections between a stream under test and a blocking peer that no runtime knows.

use super::HANG;
use super::poll::{Wakes, turns};
use crate::stack::net::unix::SocketAddr;
use crate::stack::net::{UnixListener, UnixStream};
use socket2::{SockAddr, SockRef};
use std::ffi::OsStr;
use std::io::{self, ErrorKind, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net as std_unix;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// How the stream under test came to be: a driver may know different things of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Accepted,
    Connected,
    FromStd,
    Pair,
}

impl Origin {
    pub(crate) const ALL: [Origin; 4] = [
        Origin::Accepted,
        Origin::Connected,
        Origin::FromStd,
        Origin::Pair,
    ];
}

/// A stream under test and its blocking peer, whose reads and writes fail rather than hang.
pub(crate) async fn pair(origin: Origin) -> io::Result<(UnixStream, std_unix::UnixStream)> {
    let (stream, peer) = match origin {
        Origin::Accepted => {
            let (listener, address) = listener()?;
            let peer = client(&address)?;
            (listener.accept().await?.0, peer)
        }
        Origin::Connected => {
            let listener = std_listener()?;
            let address = listener.local_addr()?.into();
            let stream = UnixStream::connect_addr(&address).await?;
            (stream, listener.accept()?.0)
        }
        Origin::FromStd => {
            let (stream, peer) = std_unix::UnixStream::pair()?;
            stream.set_nonblocking(true)?;
            (UnixStream::from_std(stream)?, peer)
        }
        Origin::Pair => {
            let (stream, peer) = UnixStream::pair()?;
            let peer = peer.into_std()?;
            peer.set_nonblocking(false)?;
            (stream, peer)
        }
    };
    peer.set_read_timeout(Some(HANG))?;
    peer.set_write_timeout(Some(HANG))?;
    Ok((stream, peer))
}

/// The same, where the kernel holds about `bytes` between the stream's writes and the peer's reads.
pub(crate) async fn pair_with_buffer(
    origin: Origin,
    bytes: usize,
) -> io::Result<(UnixStream, std_unix::UnixStream)> {
    let (stream, peer) = pair(origin).await?;
    SockRef::from(&stream).set_send_buffer_size(bytes)?;
    Ok((stream, peer))
}

/// A listener on a name that the kernel chose.
pub(crate) fn listener() -> io::Result<(UnixListener, SocketAddr)> {
    let listener = UnixListener::bind("")?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// The same, blocking.
pub(crate) fn std_listener() -> io::Result<std_unix::UnixListener> {
    std_unix::UnixListener::bind_addr(&std_unix::SocketAddr::from_pathname("")?)
}

/// Connects from outside the runtime. The kernel completes this before any accept.
pub(crate) fn client(address: &SocketAddr) -> io::Result<std_unix::UnixStream> {
    let client = std_unix::UnixStream::connect_addr(&address.clone().into())?;
    client.set_read_timeout(Some(HANG))?;
    Ok(client)
}

/// The path that stands for an abstract name.
pub(crate) fn path_of(address: &SocketAddr) -> PathBuf {
    let name = address.as_abstract_name().expect("the name is abstract");
    OsStr::from_bytes(&[b"\0", name].concat()).into()
}

/// The address for calls of socket2.
pub(crate) fn raw(address: &SocketAddr) -> io::Result<SockAddr> {
    SockAddr::unix(path_of(address))
}

/// A path for a socket file of its own, which goes with this.
#[derive(Debug)]
pub(crate) struct SocketFile(PathBuf);

impl SocketFile {
    pub(crate) fn new() -> SocketFile {
        SocketFile::with_len(0)
    }

    /// The same, of `bytes` bytes at least.
    pub(crate) fn with_len(bytes: usize) -> SocketFile {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let directory = std::env::temp_dir();
        let room = bytes.saturating_sub(directory.as_os_str().len() + 1);
        let name = format!("uring-net-{}-{number}-", std::process::id());
        SocketFile(directory.join(format!("{name:_<room$}")))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // A test may end before anything was bound.
        std::fs::remove_file(&self.0).ok();
    }
}

/// Reads nothing from `stream` until it knows that it is not readable.
pub(crate) async fn clear_readable(stream: &UnixStream) {
    turns(3).await;
    loop {
        let nothing = stream.try_read(&mut [0; 8]).map_err(|error| error.kind());
        assert_eq!(nothing, Err(ErrorKind::WouldBlock));
        let mut readable = Box::pin(stream.readable());
        if Wakes::new().poll(&mut readable).is_pending() {
            return;
        }
        turns(1).await;
    }
}

/// What the peer of a stream that is gone reads: the end, or that it was reset.
#[track_caller]
pub(crate) fn end(mut peer: &std_unix::UnixStream) -> Result<usize, ErrorKind> {
    // The kernel's end of a ring that this thread once entered interrupts it.
    loop {
        match peer.read(&mut [0; 16]).map_err(|error| error.kind()) {
            Err(ErrorKind::Interrupted) => {}
            read => return read,
        }
    }
}
