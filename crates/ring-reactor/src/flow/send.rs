//! Sending, with the flags, limits and answers that tokio's types have.

use std::io::{self, IoSlice};
use std::os::fd::BorrowedFd;

use rustix::net::SendFlags;
use socket2::SockRef;

use crate::limits::GATHERED_BYTES_MAX;

/// A send to a closed connection answers `EPIPE` and raises no `SIGPIPE`, whatever the process does
/// with that signal.
const SEND_FLAGS: i32 = SendFlags::NOSIGNAL.bits().cast_signed();

/// How many slices one vectored call takes: `UIO_MAXIOV` of Linux. sendmsg(2) refuses more with
/// `EMSGSIZE`.
const SLICES_MAX: usize = 1024;

/// What one write call wants to send.
#[derive(Clone, Copy, Debug)]
pub enum Data<'a> {
    /// One buffer.
    One(&'a [u8]),
    /// Several, one after another; the first 1024 count, the others are for the next call.
    Many(&'a [IoSlice<'a>]),
}

impl<'a> Data<'a> {
    /// The buffers, in order.
    pub(crate) fn pieces(self) -> impl Iterator<Item = &'a [u8]> {
        let (one, many) = match self {
            Data::One(buf) => (Some(buf), &[][..]),
            Data::Many(bufs) => (None, one_call(bufs)),
        };
        one.into_iter().chain(many.iter().map(|buf| &**buf))
    }

    /// How many bytes there are.
    #[must_use]
    pub fn bytes(self) -> usize {
        match self {
            Data::One(buf) => buf.len(),
            Data::Many(bufs) => one_call(bufs).iter().map(|buf| buf.len()).sum(),
        }
    }

    /// Sends what the socket takes. Several buffers of few bytes go as one.
    ///
    /// Several buffers without a byte are `Ok(0)` without a system call, as with writev(2);
    /// sendmsg(2) would report a closed connection.
    ///
    /// # Errors
    /// Of send(2).
    pub fn send(self, fd: BorrowedFd<'_>) -> io::Result<usize> {
        match self {
            Data::One(buf) => SockRef::from(&fd).send_with_flags(buf, SEND_FLAGS),
            Data::Many(bufs) => match self.bytes() {
                0 => Ok(0),
                1..=GATHERED_BYTES_MAX => self.send_gathered(fd),
                _ => SockRef::from(&fd).send_vectored_with_flags(one_call(bufs), SEND_FLAGS),
            },
        }
    }

    fn send_gathered(self, fd: BorrowedFd<'_>) -> io::Result<usize> {
        let mut gathered = [0; GATHERED_BYTES_MAX];
        let mut bytes = 0;
        for piece in self.pieces() {
            gathered[bytes..][..piece.len()].copy_from_slice(piece);
            bytes += piece.len();
        }
        Data::One(&gathered[..bytes]).send(fd)
    }
}

/// Cuts `bufs` down to what one vectored call takes.
fn one_call<'a, 'b>(bufs: &'a [IoSlice<'b>]) -> &'a [IoSlice<'b>] {
    &bufs[..bufs.len().min(SLICES_MAX)]
}
