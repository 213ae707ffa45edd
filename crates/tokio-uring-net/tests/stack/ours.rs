//! The crate under test, on each of its drivers.

pub(crate) use tokio_uring_net as net;

use tokio_uring_net::{Builder, Driver, DriverChoice};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stack {
    IoUring,
    Epoll,
}

impl Stack {
    pub(crate) const ALL: &[Stack] = &[Stack::IoUring, Stack::Epoll];

    /// Chooses the driver of the current runtime. The error says why it cannot be had.
    pub(crate) fn install(self) -> std::io::Result<()> {
        let (choice, driver) = match self {
            Stack::IoUring => (DriverChoice::IoUring, Driver::IoUring),
            Stack::Epoll => (DriverChoice::Epoll, Driver::Epoll),
        };
        let status = Builder::new().driver(choice).install()?;
        assert_eq!(status.driver(), driver, "{status}");
        Ok(())
    }
}
