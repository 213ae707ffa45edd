//! Which driver serves a runtime, why, and what an operator can do about it.

use std::fmt;
use std::io;
use std::sync::Arc;

use ring_core::setup::SetupError;

/// The driver that serves the sockets of one runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Driver {
    /// Readiness, accept and close go through an io_uring of the runtime's own.
    IoUring,
    /// Readiness comes from tokio's epoll.
    Epoll,
}

/// Why a driver was chosen.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Reason {
    /// io_uring is there, and nothing speaks against it.
    Available,
    /// It was asked for, by a [`Builder`](crate::Builder) or by `TOKIO_URING_NET`.
    Requested,
    /// The runtime is multi_thread: there tokio's own readiness was measured to be the faster one.
    MultiThread,
    /// io_uring could not be set up, or failed later.
    Failed(Arc<SetupError>),
    /// No driver serves: io_uring was required and cannot be had, or the setting is not understood.
    /// Every socket answers with this error.
    Refused(Arc<str>),
    /// The runtime was driven from too many threads in turn: each change costs a new ring.
    ThreadChanges,
}

/// The answer to "which driver, and why": see [`status`](crate::status).
///
/// Its `Display` form is one line for a log.
#[derive(Clone, Debug)]
pub struct Status {
    driver: Driver,
    reason: Reason,
}

impl Status {
    pub(crate) fn new(driver: Driver, reason: Reason) -> Status {
        Status { driver, reason }
    }

    pub(crate) fn refused(error: &io::Error) -> Status {
        Status::new(Driver::Epoll, Reason::Refused(error.to_string().into()))
    }

    /// The driver in use.
    #[must_use]
    pub fn driver(&self) -> Driver {
        self.driver
    }

    /// Why it is in use.
    #[must_use]
    pub fn reason(&self) -> &Reason {
        &self.reason
    }

    /// What would bring io_uring, where it is not in use.
    #[must_use]
    pub fn remedy(&self) -> Option<&'static str> {
        match (&self.reason, self.driver) {
            (Reason::Failed(error), _) => Some(error.remedy()),
            (Reason::Requested, Driver::Epoll) => {
                Some("unset TOKIO_URING_NET, or set it to auto or uring")
            }
            (Reason::MultiThread, _) => {
                Some("use a current_thread runtime, or set TOKIO_URING_NET=uring")
            }
            (Reason::ThreadChanges, _) => Some("drive the runtime from one thread"),
            (Reason::Available | Reason::Requested | Reason::Refused(_), _) => None,
        }
    }
}

impl fmt::Display for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Driver::IoUring => "io_uring",
            Driver::Epoll => "epoll",
        })
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Available => f.write_str("the kernel offers it"),
            Reason::Requested => f.write_str("it was asked for"),
            Reason::MultiThread => {
                f.write_str("tokio's own readiness is the faster one on a multi_thread runtime")
            }
            Reason::Failed(error) => write!(f, "{error}"),
            Reason::Refused(error) => write!(f, "no socket can be made: {error}"),
            Reason::ThreadChanges => f.write_str("the runtime keeps changing threads"),
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Reason::Refused(_) = self.reason {
            return write!(f, "none: {}", self.reason);
        }
        write!(f, "{}: {}", self.driver, self.reason)?;
        match self.remedy() {
            Some(remedy) => write!(f, "; for io_uring: {remedy}"),
            None => Ok(()),
        }
    }
}
