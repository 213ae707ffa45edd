//! The crate under test, on each of its drivers.

pub(crate) use tokio_uring_net as net;

use tokio_uring_net::{Builder, Driver, DriverChoice, Mode, driver};

/// A listener as a stream of its connections.
#[allow(dead_code, reason = "some test binaries make none")]
pub(crate) type TcpListenerStream = net::TcpListenerStream;

/// The same of a Unix listener.
#[allow(dead_code, reason = "some test binaries make none")]
pub(crate) type UnixListenerStream = net::UnixListenerStream;

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

    /// Whether io_uring serves it.
    #[allow(
        dead_code,
        reason = "some test binaries ask for the driver by its type"
    )]
    pub(crate) fn is_ring(self) -> bool {
        self.driver().1 == Driver::IoUring
    }

    /// The settings of a runtime that uses it.
    pub(crate) fn builder(self) -> Builder {
        let (choice, _) = self.driver();
        Builder::new().driver(choice).mode(self.mode())
    }

    /// Chooses the driver of the current runtime. The error says why it cannot be had.
    pub(crate) fn install(self) -> std::io::Result<()> {
        self.builder().install()?;
        self.check_serves();
        Ok(())
    }

    /// Checks that the current runtime has not been moved to another driver in the meantime.
    #[track_caller]
    pub(crate) fn check_serves(self) {
        let (_, expected) = self.driver();
        let status = driver();
        assert_eq!(status.driver(), expected, "{status}");
    }
}

/// Bytes that were received and that the socket has not any more.
#[allow(dead_code, reason = "some test binaries make none")]
pub(crate) fn bytes_ahead(stream: &net::TcpStream) -> usize {
    stream.bytes_ahead()
}

/// Takes a stream out of its runtime, with what was received ahead.
#[allow(dead_code, reason = "some test binaries make none")]
pub(crate) fn into_std(stream: net::TcpStream) -> std::io::Result<(std::net::TcpStream, Vec<u8>)> {
    match stream.into_std() {
        Ok(stream) => Ok((stream, Vec::new())),
        Err(error) => {
            let refused = error.downcast::<net::IntoStdError>()?;
            let (stream, ahead) = refused.into_parts();
            Ok((stream.into_std()?, ahead))
        }
    }
}

/// Whether calls of the program's own on the descriptor see every byte.
#[allow(dead_code, reason = "some test binaries make none")]
pub(crate) fn is_exact(stream: &net::TcpStream) -> bool {
    stream.mode() == Mode::Exact
}
