//! Readiness from tokio's epoll.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::pin::pin;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, Waker, ready};

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

/// Readiness that was seen: taken for granted, reported, or both.
#[derive(Debug)]
pub(crate) struct EpollEvent<'a> {
    assumed: Option<(&'a AtomicU8, Bits)>,
    reported: Option<AsyncFdReadyGuard<'a, OwnedFd>>,
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
        guard.map_ok(EpollEvent::reported)
    }

    pub(crate) async fn ready(&self, interest: Interest) -> io::Result<EpollEvent<'_>> {
        let mut event = match self.assume(Bits::of(interest)) {
            Some(event) => event,
            None => return self.io.ready(interest).await.map(EpollEvent::reported),
        };
        // What was reported besides belongs to the answer, but is not waited for.
        let mut cx = Context::from_waker(Waker::noop());
        if let Poll::Ready(guard) = pin!(self.io.ready(interest)).poll(&mut cx) {
            event.reported = Some(guard?);
        }
        Ok(event)
    }

    pub(crate) fn try_io<R>(
        &self,
        interest: Interest,
        f: impl FnOnce() -> io::Result<R>,
    ) -> io::Result<R> {
        let Some(event) = self.assume(Bits::of(interest)) else {
            return self.io.try_io(interest, |_| f());
        };
        f().map_err(|error| {
            if error.kind() != io::ErrorKind::WouldBlock {
                return error;
            }
            event.clear();
            io::ErrorKind::WouldBlock.into()
        })
    }

    fn assume(&self, wanted: Bits) -> Option<EpollEvent<'_>> {
        // Relaxed: a hint for the next system call; nothing is published by it.
        let assumed = Bits::from_raw(self.assumed.load(Ordering::Relaxed)).intersection(wanted);
        (!assumed.is_empty()).then_some(EpollEvent {
            assumed: Some((&self.assumed, assumed)),
            reported: None,
        })
    }
}

impl<'a> EpollEvent<'a> {
    fn reported(guard: AsyncFdReadyGuard<'a, OwnedFd>) -> EpollEvent<'a> {
        EpollEvent {
            assumed: None,
            reported: Some(guard),
        }
    }

    pub(crate) fn ready(&self) -> Ready {
        let assumed = self.assumed.map_or(Bits::NONE, |(_, bits)| bits);
        let reported = self
            .reported
            .as_ref()
            .map_or(Ready::EMPTY, AsyncFdReadyGuard::ready);
        assumed.to_ready() | reported
    }

    pub(crate) fn clear(self) {
        if let Some((assumed, bits)) = self.assumed {
            assumed.fetch_and(!bits.raw(), Ordering::Relaxed);
        }
        if let Some(mut guard) = self.reported {
            guard.clear_ready();
        }
    }
}
