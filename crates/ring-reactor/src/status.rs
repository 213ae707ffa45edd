//! Which driver serves a runtime, and why.

use std::fmt;

/// The driver that serves the sockets of one runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Driver {
    /// Readiness, accept and close go through an io_uring of the runtime's own.
    IoUring,
    /// Readiness comes from tokio's epoll.
    Epoll,
}

/// The answer to "which driver, and why": see [`status`].
#[derive(Clone, Debug)]
pub struct Status {
    driver: Driver,
}

impl Status {
    /// The driver in use.
    #[must_use]
    pub fn driver(&self) -> Driver {
        self.driver
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("driver: epoll")
    }
}

/// Says which driver serves the current runtime.
#[track_caller]
#[must_use]
pub fn status() -> Status {
    Status {
        driver: Driver::Epoll,
    }
}
