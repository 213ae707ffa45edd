//! Readiness from tokio's epoll.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::unix::{AsyncFd, AsyncFdReadyGuard};
use tokio::io::{Interest, Ready};
use tokio::task::coop;

use crate::async_fd;
use crate::ready::{Bits, Direction};

/// A socket registered with tokio's I/O driver.
#[derive(Debug)]
pub(crate) struct EpollSource {
    io: AsyncFd<OwnedFd>,
    /// Readiness that is taken for granted until an operation proves it wrong.
    assumed: AtomicU8,
}

/// Readiness that was seen.
#[derive(Debug)]
pub(crate) enum EpollEvent<'a> {
    Assumed(&'a AtomicU8, Bits),
    Reported(AsyncFdReadyGuard<'a, OwnedFd>),
}

impl EpollSource {
    /// Registers `fd` with the current runtime.
    #[track_caller]
    pub(crate) fn new(fd: OwnedFd, assumed: Bits) -> io::Result<EpollSource> {
        let io = async_fd::register(fd, Interest::READABLE | Interest::WRITABLE)?;
        Ok(EpollSource {
            io,
            assumed: AtomicU8::new(assumed.raw()),
        })
    }

    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.io.get_ref().as_fd()
    }

    /// Takes the descriptor out of the runtime.
    pub(crate) fn into_fd(self) -> OwnedFd {
        self.io.into_inner()
    }

    pub(crate) fn poll_ready(
        &self,
        cx: &mut Context<'_>,
        direction: Direction,
    ) -> Poll<io::Result<EpollEvent<'_>>> {
        if let Some(event) = self.assume(direction.bits()) {
            ready!(coop::poll_proceed(cx)).made_progress();
            return Poll::Ready(Ok(event));
        }
        let guard = match direction {
            Direction::Read => self.io.poll_read_ready(cx),
            Direction::Write => self.io.poll_write_ready(cx),
        };
        guard.map_ok(EpollEvent::Reported)
    }

    pub(crate) async fn ready(&self, interest: Interest) -> io::Result<EpollEvent<'_>> {
        match self.assume(Bits::of(interest)) {
            Some(event) => Ok(event),
            None => self.io.ready(interest).await.map(EpollEvent::Reported),
        }
    }

    pub(crate) fn try_io<R>(
        &self,
        interest: Interest,
        f: impl FnOnce() -> io::Result<R>,
    ) -> io::Result<R> {
        let Some(event) = self.assume(Bits::of(interest)) else {
            return self.io.try_io(interest, |_| f());
        };
        let result = f();
        if matches!(&result, Err(error) if error.kind() == io::ErrorKind::WouldBlock) {
            event.clear();
        }
        result
    }

    fn assume(&self, wanted: Bits) -> Option<EpollEvent<'_>> {
        // Relaxed: a hint for the next system call; nothing is published by it.
        let assumed = Bits::from_raw(self.assumed.load(Ordering::Relaxed)).intersection(wanted);
        (!assumed.is_empty()).then_some(EpollEvent::Assumed(&self.assumed, assumed))
    }
}

impl EpollEvent<'_> {
    pub(crate) fn ready(&self) -> Ready {
        match self {
            EpollEvent::Assumed(_, bits) => bits.to_ready(),
            EpollEvent::Reported(guard) => guard.ready(),
        }
    }

    pub(crate) fn clear(self) {
        match self {
            EpollEvent::Assumed(assumed, bits) => {
                assumed.fetch_and(!bits.raw(), Ordering::Relaxed);
            }
            EpollEvent::Reported(mut guard) => guard.clear_ready(),
        }
    }
}
