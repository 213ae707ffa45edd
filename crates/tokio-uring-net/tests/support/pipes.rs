//! Pipes with one end under test and the other in the hands of the test, that no runtime knows.

use crate::stack::net::unix::pipe::{Receiver, Sender};
use rustix::fs::{OFlags, fcntl_setfl};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

/// How many bytes fit into a pipe of one page: the kernel makes none smaller.
pub(crate) const PIPE_BYTES: usize = 4 << 10;

/// A receiver under test and a writer whose writes do not block.
pub(crate) fn receiver() -> io::Result<(Receiver, File)> {
    let (reading, writing) = io::pipe()?;
    let writing = File::from(OwnedFd::from(writing));
    set_blocking(&writing, false)?;
    Ok((Receiver::from_owned_fd(reading.into())?, writing))
}

/// A sender under test and a reader whose reads do not block, with [`PIPE_BYTES`] between them.
pub(crate) fn sender() -> io::Result<(Sender, File)> {
    let (reading, writing) = io::pipe()?;
    let reading = File::from(OwnedFd::from(reading));
    rustix::pipe::fcntl_setpipe_size(&reading, PIPE_BYTES)?;
    set_blocking(&reading, false)?;
    Ok((Sender::from_owned_fd(writing.into())?, reading))
}

pub(crate) fn set_blocking(fd: impl AsFd, is_blocking: bool) -> io::Result<()> {
    let flags = if is_blocking {
        OFlags::empty()
    } else {
        OFlags::NONBLOCK
    };
    Ok(fcntl_setfl(fd, flags)?)
}
