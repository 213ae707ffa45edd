//! The crate under test, on each of its drivers.

pub(crate) use tokio_uring_net as net;

use tokio_uring_net::{Builder, Driver, DriverChoice, Mode, driver};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stack {
    IoUring,
    Epoll,
    IoUringCompletion,
    EpollCompletion,
}

impl Stack {
    pub(crate) const ALL: &[Stack] = &[
        Stack::IoUring,
        Stack::Epoll,
        Stack::IoUringCompletion,
        Stack::EpollCompletion,
    ];

    fn driver(self) -> (DriverChoice, Driver) {
        match self {
            Stack::IoUring | Stack::IoUringCompletion => (DriverChoice::IoUring, Driver::IoUring),
            Stack::Epoll | Stack::EpollCompletion => (DriverChoice::Epoll, Driver::Epoll),
        }
    }

    /// How its streams move their bytes.
    pub(crate) fn mode(self) -> Mode {
        match self {
            Stack::IoUring | Stack::Epoll => Mode::Exact,
            Stack::IoUringCompletion | Stack::EpollCompletion => Mode::Completion,
        }
    }

    /// Chooses the driver of the current runtime. The error says why it cannot be had.
    pub(crate) fn install(self) -> std::io::Result<()> {
        self.builder().install()?;
        self.check_serves();
        Ok(())
    }

    /// What [`Stack::install`] installs.
    pub(crate) fn builder(self) -> Builder {
        let (choice, _) = self.driver();
        Builder::new().driver(choice).mode(self.mode())
    }

    /// Checks that the current runtime has not been moved to another driver in the meantime.
    #[track_caller]
    pub(crate) fn check_serves(self) {
        let (_, expected) = self.driver();
        let status = driver();
        assert_eq!(status.driver(), expected, "{status}");
    }
}

/// Whether calls of the program's own on the descriptor see every byte.
#[allow(dead_code, reason = "some test binaries make none")]
pub(crate) fn is_exact(stream: &net::TcpStream) -> bool {
    stream.mode() == Mode::Exact
}
