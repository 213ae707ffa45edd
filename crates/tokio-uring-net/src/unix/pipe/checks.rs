//! What a descriptor has to be before it becomes the end of a pipe.

use std::io::{self, ErrorKind};
use std::os::fd::BorrowedFd;

use rustix::event::epoll;
use rustix::fs::{FileType, OFlags, fcntl_getfl, fcntl_setfl, fstat};

/// The end of a pipe that a descriptor is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Reading,
    Writing,
}

impl End {
    /// Checks that `fd` is a pipe that is open for this end, and makes it non-blocking.
    pub(super) fn prepare(self, fd: BorrowedFd<'_>) -> io::Result<()> {
        check_pipe(fd)?;
        let flags = fcntl_getfl(fd)?;
        let (mode, refusal) = match self {
            End::Reading => (OFlags::RDONLY, "not in O_RDONLY or O_RDWR access mode"),
            End::Writing => (OFlags::WRONLY, "not in O_WRONLY or O_RDWR access mode"),
        };
        let access = flags & OFlags::ACCMODE;
        if access != mode && access != OFlags::RDWR {
            return Err(io::Error::new(ErrorKind::InvalidInput, refusal));
        }
        if !flags.contains(OFlags::NONBLOCK) {
            fcntl_setfl(fd, flags | OFlags::NONBLOCK)?;
        }
        Ok(())
    }
}

/// Checks that `fd` is a pipe or a FIFO.
pub(super) fn check_pipe(fd: BorrowedFd<'_>) -> io::Result<()> {
    match FileType::from_raw_mode(fstat(fd)?.st_mode) {
        FileType::Fifo => Ok(()),
        _ => Err(io::Error::new(ErrorKind::InvalidInput, "not a pipe")),
    }
}

/// Checks that `fd` is of a kind that can be waited for, such as a pipe: a file is not, and reading it
/// would block the runtime's thread. Only epoll says so; a ring takes a file to be ready.
pub(super) fn check_pollable(fd: BorrowedFd<'_>) -> io::Result<()> {
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    let event = epoll::EventData::new_u64(0);
    Ok(epoll::add(epoll, fd, event, epoll::EventFlags::empty())?)
}

/// Makes the calls on `fd` wait.
pub(super) fn set_blocking(fd: BorrowedFd<'_>) -> io::Result<()> {
    Ok(fcntl_setfl(fd, fcntl_getfl(fd)? - OFlags::NONBLOCK)?)
}
