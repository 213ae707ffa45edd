//! [`OpenOptions`]: how the end of a FIFO file is opened.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use ring_reactor::net::Origin;
use rustix::fs::OFlags;

use super::checks::{End, check_pipe, check_pollable};
use super::{Receiver, Sender};

/// How the end of a FIFO file is opened.
///
/// A FIFO is made by mkfifo(1) or mkfifo(3). Its reading end can be opened at any time, its writing
/// end while somebody has it open for reading.
///
/// # Examples
/// ```
/// use tokio::io::{AsyncReadExt, AsyncWriteExt};
/// use tokio_uring_net::unix::pipe;
///
/// # #[tokio::main]
/// # async fn main() -> std::io::Result<()> {
/// # let path = std::env::temp_dir().join(format!("options-{}.fifo", std::process::id()));
/// # std::process::Command::new("mkfifo").arg(&path).status()?;
/// let mut receiver = pipe::OpenOptions::new().open_receiver(&path)?;
/// let mut sender = pipe::OpenOptions::new().open_sender(&path)?;
/// sender.write_all(b"hello").await?;
/// drop(sender);
///
/// let mut received = String::new();
/// receiver.read_to_string(&mut received).await?;
/// assert_eq!(received, "hello");
/// # std::fs::remove_file(path)?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct OpenOptions {
    read_write: bool,
    unchecked: bool,
}

impl OpenOptions {
    /// Answers the options as they are at first: all are off.
    ///
    /// # Examples
    /// See [`OpenOptions`].
    #[must_use]
    pub fn new() -> OpenOptions {
        OpenOptions::default()
    }

    /// Chooses whether the file is opened for reading and for writing, whichever end is asked for.
    ///
    /// A [`Sender`] can then be opened although nobody reads yet; what is left in the pipe when the
    /// last end is closed is lost. A [`Receiver`] then sees no end when the last writer goes, and
    /// reads on when the next one comes. It is a feature of Linux, not of POSIX.
    ///
    /// # Examples
    /// ```
    /// use tokio::io::AsyncWriteExt;
    /// use tokio_uring_net::unix::pipe;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// # let path = std::env::temp_dir().join(format!("read-write-{}.fifo", std::process::id()));
    /// # std::process::Command::new("mkfifo").arg(&path).status()?;
    /// let mut sender = pipe::OpenOptions::new().read_write(true).open_sender(&path)?;
    /// sender.write_all(b"before anyone reads").await?;
    /// # std::fs::remove_file(path)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn read_write(&mut self, value: bool) -> &mut OpenOptions {
        self.read_write = value;
        self
    }

    /// Chooses whether it is left unchecked that the file is a FIFO: for a program that knows.
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::unix::pipe;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// # let path = std::env::temp_dir().join(format!("unchecked-{}.fifo", std::process::id()));
    /// # std::process::Command::new("mkfifo").arg(&path).status()?;
    /// let receiver = pipe::OpenOptions::new().unchecked(true).open_receiver(&path)?;
    /// # let _ = receiver;
    /// # std::fs::remove_file(path)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn unchecked(&mut self, value: bool) -> &mut OpenOptions {
        self.unchecked = value;
        self
    }

    /// Opens the FIFO at `path` for reading. It need not be open for writing.
    ///
    /// # Errors
    /// `InvalidInput` if `path` is not a FIFO. Otherwise as open(2).
    ///
    /// # Panics
    /// If called outside a tokio runtime, or in one whose I/O is not enabled.
    ///
    /// # Examples
    /// See [`OpenOptions`].
    #[track_caller]
    pub fn open_receiver<P: AsRef<Path>>(&self, path: P) -> io::Result<Receiver> {
        let fd = self.open(path.as_ref(), End::Reading)?;
        Receiver::new(fd, Origin::NotReady)
    }

    /// Opens the FIFO at `path` for writing.
    ///
    /// # Errors
    /// `InvalidInput` if `path` is not a FIFO. Otherwise as open(2): the errno `ENXIO` if nobody has
    /// the FIFO open for reading, unless [`read_write`](OpenOptions::read_write) is on.
    ///
    /// # Panics
    /// If called outside a tokio runtime, or in one whose I/O is not enabled.
    ///
    /// # Examples
    /// See [`OpenOptions`].
    #[track_caller]
    pub fn open_sender<P: AsRef<Path>>(&self, path: P) -> io::Result<Sender> {
        let fd = self.open(path.as_ref(), End::Writing)?;
        Sender::new(fd, Origin::NotReady)
    }

    fn open(&self, path: &Path, end: End) -> io::Result<OwnedFd> {
        let file = File::options()
            .read(self.read_write || end == End::Reading)
            .write(self.read_write || end == End::Writing)
            .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
            .open(path)?;
        if self.unchecked {
            check_pollable(file.as_fd())?;
        } else {
            check_pipe(file.as_fd())?;
        }
        Ok(file.into())
    }
}
