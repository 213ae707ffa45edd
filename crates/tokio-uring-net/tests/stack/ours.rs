//! The crate under test, on each of its drivers.

pub(crate) use tokio_uring_net as net;

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
            Stack::IoUring => net::DriverChoice::IoUring,
            Stack::Epoll => net::DriverChoice::Epoll,
        };
        net::Builder::new().driver(choice).install().map(drop)
    }
}
