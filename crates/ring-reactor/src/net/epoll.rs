//! Readiness from tokio's epoll.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::pin::pin;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, Waker, ready};

use ring_core::fork;
use rustix::io::DupFlags;
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
    fork_count: u32,
}

/// Readiness that was seen.
#[derive(Debug)]
pub(crate) enum EpollEvent<'a> {
    /// Taken for granted.
    Assumed(&'a AtomicU8, Bits),
    /// Reported by tokio's driver.
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
            fork_count: fork::count(),
        })
    }

    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.io.get_ref().as_fd()
    }

    /// Closes the descriptor.
    ///
    /// A forked child shares the epoll instance with its parent, and taking its copy of the socket
    /// off that instance would take off the parent's. So the child first makes the descriptor
    /// another file, of which epoll knows nothing.
    pub(crate) fn close(mut self) {
        if self.fork_count != fork::count()
            && let Ok(null) = File::open("/dev/null")
        {
            // EINTR and EBUSY: then it is as in tokio.
            let _ = rustix::io::dup3(null, self.io.get_mut(), DupFlags::CLOEXEC);
        }
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
        if let Some(event) = self.assume(direction.interest())? {
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
        match self.assume(interest)? {
            Some(event) => Ok(event),
            None => self.io.ready(interest).await.map(EpollEvent::Reported),
        }
    }

    pub(crate) fn try_io<R>(
        &self,
        interest: Interest,
        f: impl FnOnce() -> io::Result<R>,
    ) -> io::Result<R> {
        let event = match self.assume(interest) {
            Ok(None | Some(EpollEvent::Reported(_))) => return self.io.try_io(interest, |_| f()),
            Ok(Some(event)) => event,
            // As in tokio: what was ready before the runtime went can still be used.
            Err(_) => EpollEvent::Assumed(&self.assumed, Bits::of(interest)),
        };
        f().map_err(|error| {
            if error.kind() != io::ErrorKind::WouldBlock {
                return error;
            }
            event.clear();
            // Without the errno, as tokio's.
            io::ErrorKind::WouldBlock.into()
        })
    }

    /// What is taken for granted of `interest`, until tokio's driver has reported on it for the
    /// first time.
    fn assume(&self, interest: Interest) -> io::Result<Option<EpollEvent<'_>>> {
        // Relaxed: a hint for the next system call; nothing is published by it.
        let assumed = Bits::from_raw(self.assumed.load(Ordering::Relaxed));
        let assumed = assumed.intersection(Bits::of(interest));
        if assumed.is_empty() {
            return Ok(None);
        }
        let mut cx = Context::from_waker(Waker::noop());
        match pin!(self.io.ready(interest)).poll(&mut cx) {
            Poll::Pending => Ok(Some(EpollEvent::Assumed(&self.assumed, assumed))),
            Poll::Ready(reported) => {
                let event = EpollEvent::Reported(reported?);
                self.assumed.fetch_and(!assumed.raw(), Ordering::Relaxed);
                Ok(Some(event))
            }
        }
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
