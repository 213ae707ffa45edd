//! The crate under test, on each of its drivers.

pub(crate) use tokio_uring_net as net;

use tokio_uring_net::{Builder, Driver, DriverChoice, driver};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stack {
    IoUring,
    Epoll,
}

impl Stack {
    pub(crate) const ALL: &[Stack] = &[Stack::IoUring, Stack::Epoll];

    /// Chooses the driver of the current runtime. The error says why it cannot be had.
    pub(crate) fn install(self) -> std::io::Result<()> {
        let choice = match self {
            Stack::IoUring => DriverChoice::IoUring,
            Stack::Epoll => DriverChoice::Epoll,
        };
        Builder::new().driver(choice).install()?;
        self.check_serves();
        Ok(())
    }

    /// Checks that the current runtime has not been moved to another driver in the meantime.
    #[track_caller]
    pub(crate) fn check_serves(self) {
        let expected = match self {
            Stack::IoUring => Driver::IoUring,
            Stack::Epoll => Driver::Epoll,
        };
        let status = driver();
        assert_eq!(status.driver(), expected, "{status}");
    }
}
