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
    /// None: every socket answers with an error, [`Reason::Refused`].
    None,
}

/// Why a driver was chosen.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Reason {
    /// io_uring is there, and nothing speaks against it.
    Available,
    /// The environment variable `TOKIO_URING_NET` asks for it.
    Environment,
    /// The program asked for it, by a [`Builder`](crate::Builder).
    Program,
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
        Status::new(Driver::None, Reason::Refused(error.to_string().into()))
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
            (Reason::Environment, Driver::Epoll) => Some(
                "unset TOKIO_URING_NET on a current_thread runtime, or set it to uring (slower on a multi_thread runtime)",
            ),
            (Reason::Program, Driver::Epoll) => {
                Some("let the program's Builder choose another driver")
            }
            (Reason::MultiThread, _) => Some(
                "use a current_thread runtime, or set TOKIO_URING_NET=uring (measured to be slower here)",
            ),
            (Reason::ThreadChanges, _) => Some("drive the runtime from one thread"),
            (Reason::Available | Reason::Environment | Reason::Program | Reason::Refused(_), _) => {
                None
            }
        }
    }
}

impl fmt::Display for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Driver::IoUring => "io_uring",
            Driver::Epoll => "epoll",
            Driver::None => "none",
        })
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Available => f.write_str("the kernel offers it"),
            Reason::Environment => f.write_str("TOKIO_URING_NET asks for it"),
            Reason::Program => f.write_str("the program asked for it"),
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
        write!(f, "{}: {}", self.driver, self.reason)?;
        match self.remedy() {
            Some(remedy) => write!(f, "; for io_uring: {remedy}"),
            None => Ok(()),
        }
    }
}
