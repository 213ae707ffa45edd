//! Everything that can be set, with its default and unit.

use std::io;
use std::time::Duration;

use crate::mode::Mode;
use crate::select;
use crate::status::Status;

/// Which driver a runtime is to get.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum DriverChoice {
    /// io_uring on a current_thread runtime where the kernel allows it, tokio's epoll elsewhere.
    #[default]
    Auto,
    /// io_uring on any runtime; that it cannot be set up is an error. A ring that fails later still
    /// gives way to epoll.
    IoUring,
    /// tokio's epoll.
    Epoll,
}

/// The settings of one runtime's reactor.
///
/// Without one, the reactor is made at the runtime's first socket, with the defaults and the driver
/// that the environment variable `TOKIO_URING_NET` names: `auto`, `epoll` or `uring`. Busy polling is
/// as `TOKIO_URING_NET_BUSY_POLL_US` says, in microseconds.
///
/// # Examples
/// ```
/// use ring_reactor::{Builder, Driver, DriverChoice}; // or tokio_uring_net, which re-exports them
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let status = Builder::new().driver(DriverChoice::Epoll).install()?;
/// assert_eq!(status.driver(), Driver::Epoll);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Builder {
    pub(crate) choice: Option<DriverChoice>,
    pub(crate) sq_entries: Option<u32>,
    pub(crate) cq_entries: Option<u32>,
    pub(crate) mode: Option<Mode>,
    pub(crate) recv_buffers: Option<usize>,
    pub(crate) busy_poll: Option<Duration>,
}

impl Builder {
    /// The defaults.
    #[must_use]
    pub fn new() -> Builder {
        Builder::default()
    }

    /// Which driver; by default the one that the environment names, or [`DriverChoice::Auto`].
    #[must_use]
    pub fn driver(mut self, choice: DriverChoice) -> Builder {
        self.choice = Some(choice);
        self
    }

    /// How many SQEs fit the submission queue; 256 by default. A full queue costs an extra enter.
    #[must_use]
    pub fn sq_entries(mut self, count: u32) -> Builder {
        self.sq_entries = Some(count);
        self
    }

    /// How many CQEs fit the completion queue; 1024 by default. What does not fit waits in the
    /// kernel and costs an extra enter.
    #[must_use]
    pub fn cq_entries(mut self, count: u32) -> Builder {
        self.cq_entries = Some(count);
        self
    }

    /// How the streams of the runtime move their bytes, unless a listener or a stream is told
    /// otherwise; by default what the environment variable `TOKIO_URING_NET_MODE` names (`exact` or
    /// `completion`), or [`Mode::Exact`].
    #[must_use]
    pub fn mode(mut self, mode: Mode) -> Builder {
        self.mode = Some(mode);
        self
    }

    /// How many receive buffers of 4 KiB streams in [`Mode::Completion`] may hold at once, all
    /// together; 1024 by default. They are made when they are needed. A stream for which the ring has
    /// received more than 2 KiB that no read has taken counts as one. A read that finds none free receives no byte ahead, nor does the
    /// ring for it; a buffered read or a lease then gets a buffer of its own.
    #[must_use]
    pub fn recv_buffers(mut self, count: usize) -> Builder {
        self.recv_buffers = Some(count);
        self
    }

    /// How long the runtime watches the ring before it sleeps; at most 1 ms. By default what
    /// `TOKIO_URING_NET_BUSY_POLL_US` says, and without it 0: the runtime sleeps at once.
    ///
    /// A runtime that sleeps has to be woken, which costs more than a small request. A runtime that
    /// watches answers sooner, and spares its peer on the same machine the wake-up. **It burns CPU
    /// for that**: up to `time` whenever there is nothing to do. It is for services that wait for few
    /// connections at a time, on a CPU that nobody else needs; 50 microseconds are a good start.
    ///
    /// The runtime's other tasks, timers and descriptors are served meanwhile. When several watches
    /// in a row have seen nothing come, the runtime sleeps at once for a growing number of times,
    /// then tries again. [`Metrics`](crate::Metrics) counts (`busy_polls` and those that follow).
    ///
    /// It has no effect on tokio's epoll, nor on a multi_thread runtime.
    #[must_use]
    pub fn busy_poll(mut self, time: Duration) -> Builder {
        self.busy_poll = Some(time);
        self
    }

    /// Gives the current runtime its reactor, before the runtime's first socket.
    ///
    /// `driver()` and `metrics()` make a reactor too, where there is to be a ring. Where tokio's epoll
    /// serves without one, a late call succeeds and holds for the sockets made after it.
    ///
    /// # Errors
    /// `AlreadyExists` if the runtime has one. With [`DriverChoice::IoUring`], why io_uring cannot
    /// be set up, and what to do about it. `InvalidInput` if the environment says what cannot be
    /// understood and the builder does not overrule it, or if [`Builder::busy_poll`] is above 1 ms.
    /// # Panics
    /// Outside a tokio runtime, or in one without `enable_io`.
    #[track_caller]
    pub fn install(&self) -> io::Result<Status> {
        select::install(self)
    }
}
