//! INTERIM: epoll only; the signatures are final.
use crate::ready::{self, Direction};
use socket2::{SockAddr, SockRef};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::task::{Context, Poll, ready};
use tokio::io::unix::{AsyncFd, AsyncFdReadyGuard};
use tokio::io::{Interest, Ready};

/// Where a socket's file descriptor came from: what may be assumed of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Fresh from accept(2): assumed ready both ways, as tokio does; nobody else holds the descriptor.
    Accepted,
    /// Made here and connecting, or about to: nothing is known; nobody else holds the descriptor.
    Connecting,
    /// Made here and listening: the first accept tries accept4(2) at once.
    Listening,
    /// From outside: it may be duplicated, and nothing is known of its readiness.
    Foreign,
}

struct Fd(RawFd);
impl AsRawFd for Fd {
    fn as_raw_fd(&self) -> RawFd {
        self.0
    }
}

/// A socket whose readiness the runtime's driver reports.
pub struct Socket {
    io: AsyncFd<Fd>,
    fd: OwnedFd,
}

/// Readiness that was seen, to be cleared when an operation proves it stale.
pub struct ReadyEvent<'a>(AsyncFdReadyGuard<'a, Fd>);

impl ReadyEvent<'_> {
    /// What was ready.
    pub fn ready(&self) -> Ready {
        self.0.ready()
    }
    /// Forgets this readiness, unless the driver reported more since.
    pub fn clear(mut self) {
        self.0.clear_ready();
    }
}

impl Socket {
    /// Takes a non-blocking socket into the current runtime.
    #[track_caller]
    pub fn new(fd: OwnedFd, _origin: Origin) -> io::Result<Socket> {
        let io =
            AsyncFd::with_interest(Fd(fd.as_raw_fd()), Interest::READABLE | Interest::WRITABLE)?;
        Ok(Socket { io, fd })
    }
    /// The descriptor, for system calls of our own.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
    /// The descriptor, for the user: from here on it may be duplicated.
    pub fn expose_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
    /// Takes the socket out of its runtime.
    pub fn into_fd(self) -> io::Result<OwnedFd> {
        let Socket { io, fd } = self;
        drop(io);
        Ok(fd)
    }
    /// Waits, by the task of `cx`, until the socket is ready in `direction`; takes a unit of tokio's coop budget.
    pub fn poll_ready(
        &self,
        cx: &mut Context<'_>,
        direction: Direction,
    ) -> Poll<io::Result<ReadyEvent<'_>>> {
        match direction {
            Direction::Read => self.io.poll_read_ready(cx).map_ok(ReadyEvent),
            Direction::Write => self.io.poll_write_ready(cx).map_ok(ReadyEvent),
        }
    }
    /// Runs `f` whenever the socket is ready, until it does not answer `WouldBlock`.
    pub fn poll_io<R>(
        &self,
        cx: &mut Context<'_>,
        direction: Direction,
        mut f: impl FnMut() -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        loop {
            let event = ready!(self.poll_ready(cx, direction))?;
            match f() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => event.clear(),
                result => return Poll::Ready(result),
            }
        }
    }
    /// Runs `f` if the socket is ready now.
    pub fn try_io<R>(
        &self,
        interest: Interest,
        f: impl FnOnce() -> io::Result<R>,
    ) -> io::Result<R> {
        let _ = ready::mask(interest);
        self.io.try_io(interest, |_| f())
    }
    /// Waits until the socket is ready for `interest`; any number of tasks may wait.
    pub async fn ready(&self, interest: Interest) -> io::Result<ReadyEvent<'_>> {
        self.io.ready(interest).await.map(ReadyEvent)
    }
    /// Waits and runs `f` until it does not answer `WouldBlock`; any number of tasks may wait.
    pub async fn async_io<R>(
        &self,
        interest: Interest,
        mut f: impl FnMut() -> io::Result<R>,
    ) -> io::Result<R> {
        self.io.async_io(interest, |_| f()).await
    }
    /// Accepts one connection; any number of tasks may wait.
    pub async fn accept(&self) -> io::Result<(OwnedFd, SockAddr)> {
        self.async_io(Interest::READABLE, || {
            SockRef::from(&self.fd).accept().map(|(s, a)| {
                s.set_nonblocking(true).ok();
                (s.into(), a)
            })
        })
        .await
    }
    /// Accepts one connection for the task of `cx`.
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(OwnedFd, SockAddr)>> {
        self.poll_io(cx, Direction::Read, || {
            SockRef::from(&self.fd).accept().map(|(s, a)| {
                s.set_nonblocking(true).ok();
                (s.into(), a)
            })
        })
    }
    /// Whether the runtime was moved, failed or is served by ring: for tests.
    #[doc(hidden)]
    pub fn interest_mask(interest: Interest) -> Ready {
        ready::mask(interest)
    }
}
