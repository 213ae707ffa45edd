//! Receiving into memory that is not initialised yet: the only unsafe code of the socket types.
//!
//! recv(2) writes from the start of the memory it is given and answers how many bytes it wrote;
//! these functions turn that answer into the cursors of [`ReadBuf`], of [`BufMut`] and of hyper, and
//! nothing else does.
#![expect(
    unsafe_code,
    reason = "the cursors of ReadBuf, BufMut and hyper move by unsafe functions; recv(2) says how far"
)]

use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::BorrowedFd;

#[cfg(feature = "hyper-io")]
use ::hyper::rt::ReadBufCursor;
use bytes::BufMut;
use ring_reactor::net::RecvInto;
use socket2::{SockAddr, SockRef};
use tokio::io::ReadBuf;

/// The unfilled part of a [`ReadBuf`]; a receive advances it.
#[derive(Debug)]
pub(crate) struct Unfilled<'a, 'b>(pub(crate) &'a mut ReadBuf<'b>);

/// The same for a call that leaves the bytes in the socket.
#[derive(Debug)]
pub(crate) struct Peeked<'a, 'b>(pub(crate) &'a mut ReadBuf<'b>);

/// The free part of a [`BufMut`]; a receive advances it.
#[derive(Debug)]
pub(crate) struct Free<'a, B>(pub(crate) &'a mut B);

/// The unfilled part of a buffer of hyper's; a receive advances it.
#[cfg(feature = "hyper-io")]
#[derive(Debug)]
pub(crate) struct Cursor<'a>(pub(crate) ReadBufCursor<'a>);

/// Several buffers, one after another.
#[derive(Debug)]
pub(crate) struct Scattered<'a, 'b>(pub(crate) &'a mut [IoSliceMut<'b>]);

/// How many slices one vectored call takes: `UIO_MAXIOV` of Linux.
const SLICES_MAX: usize = 1024;

impl RecvInto for Unfilled<'_, '_> {
    fn room(&self) -> usize {
        self.0.remaining()
    }

    fn put(&mut self, bytes: &[u8]) -> usize {
        let count = bytes.len().min(self.0.remaining());
        self.0.put_slice(&bytes[..count]);
        count
    }

    fn recv(&mut self, fd: BorrowedFd<'_>) -> io::Result<usize> {
        fill(self.0, recv(fd)).map(|(count, ())| count)
    }
}

impl RecvInto for Peeked<'_, '_> {
    fn room(&self) -> usize {
        self.0.remaining()
    }

    fn put(&mut self, bytes: &[u8]) -> usize {
        Unfilled(self.0).put(bytes)
    }

    fn recv(&mut self, fd: BorrowedFd<'_>) -> io::Result<usize> {
        fill(self.0, peek(fd)).map(|(count, ())| count)
    }
}

impl<B: BufMut> RecvInto for Free<'_, B> {
    fn room(&self) -> usize {
        self.0.remaining_mut()
    }

    fn put(&mut self, bytes: &[u8]) -> usize {
        let count = bytes.len().min(self.0.remaining_mut());
        self.0.put_slice(&bytes[..count]);
        count
    }

    fn recv(&mut self, fd: BorrowedFd<'_>) -> io::Result<usize> {
        fill_free(self.0, recv(fd)).map(|(count, ())| count)
    }
}

#[cfg(feature = "hyper-io")]
impl RecvInto for Cursor<'_> {
    fn room(&self) -> usize {
        self.0.remaining()
    }

    fn put(&mut self, bytes: &[u8]) -> usize {
        let count = bytes.len().min(self.0.remaining());
        self.0.put_slice(&bytes[..count]);
        count
    }

    fn recv(&mut self, fd: BorrowedFd<'_>) -> io::Result<usize> {
        // SAFETY: `as_mut` requires that initialised bytes are not made uninitialised. socket2
        // hands the slice to recv(2) alone, which only ever writes bytes that it received.
        let room = unsafe { self.0.as_mut() };
        let received = SockRef::from(&fd).recv(room)?;
        // SAFETY: `advance` requires the first `received` unfilled bytes to be initialised. recv(2)
        // wrote that many at the start of `room`, and never answers more than the length it was
        // given.
        unsafe { self.0.advance(received) };
        Ok(received)
    }
}

impl RecvInto for Scattered<'_, '_> {
    fn room(&self) -> usize {
        self.0.iter().map(|buf| buf.len()).sum()
    }

    fn put(&mut self, bytes: &[u8]) -> usize {
        let mut rest = bytes;
        for buf in &mut *self.0 {
            let (part, more) = rest.split_at(rest.len().min(buf.len()));
            buf[..part.len()].copy_from_slice(part);
            rest = more;
        }
        bytes.len() - rest.len()
    }

    /// Room for no byte at all is `Ok(0)`, as readv(2) answers.
    fn recv(&mut self, fd: BorrowedFd<'_>) -> io::Result<usize> {
        let count = self.0.len().min(SLICES_MAX);
        rustix::io::readv(fd, &mut self.0[..count]).map_err(io::Error::from)
    }
}

// ---- Datagrams with the address of their sender, and read(2) ----

impl Unfilled<'_, '_> {
    /// recvfrom(2): how many bytes came, and from whom.
    pub(crate) fn recv_from(&mut self, fd: BorrowedFd<'_>) -> io::Result<(usize, SockAddr)> {
        fill(self.0, |room| SockRef::from(&fd).recv_from(room))
    }

    /// read(2), for what is no socket.
    pub(crate) fn read(&mut self, fd: BorrowedFd<'_>) -> io::Result<usize> {
        fill(self.0, read(fd)).map(|(count, ())| count)
    }
}

impl Peeked<'_, '_> {
    /// recvfrom(2) of a datagram that stays in the socket.
    pub(crate) fn recv_from(&mut self, fd: BorrowedFd<'_>) -> io::Result<(usize, SockAddr)> {
        fill(self.0, |room| SockRef::from(&fd).peek_from(room))
    }
}

impl<B: BufMut> Free<'_, B> {
    /// recvfrom(2): how many bytes came, and from whom.
    pub(crate) fn recv_from(&mut self, fd: BorrowedFd<'_>) -> io::Result<(usize, SockAddr)> {
        fill_free(self.0, |room| SockRef::from(&fd).recv_from(room))
    }

    /// read(2), for what is no socket.
    pub(crate) fn read(&mut self, fd: BorrowedFd<'_>) -> io::Result<usize> {
        fill_free(self.0, read(fd)).map(|(count, ())| count)
    }
}

// ----

/// Runs one receive call on the unfilled part of `buf` and moves both cursors over what it wrote.
fn fill<R>(
    buf: &mut ReadBuf<'_>,
    receive: impl FnOnce(&mut [MaybeUninit<u8>]) -> io::Result<(usize, R)>,
) -> io::Result<(usize, R)> {
    // SAFETY: `unfilled_mut` requires that initialised bytes are not made uninitialised. The callers,
    // all in this file, hand the slice to a system call alone, which only ever writes bytes that it
    // received.
    let room = unsafe { buf.unfilled_mut() };
    let (received, rest) = receive(room)?;
    // SAFETY: `assume_init` requires the first `received` unfilled bytes to be initialised. The
    // system call wrote that many at the start of `room`, and never answers more than the length it
    // was given.
    unsafe { buf.assume_init(received) };
    buf.advance(received);
    Ok((received, rest))
}

/// The same for the free part of `buf`.
fn fill_free<R>(
    buf: &mut impl BufMut,
    receive: impl FnOnce(&mut [MaybeUninit<u8>]) -> io::Result<(usize, R)>,
) -> io::Result<(usize, R)> {
    let chunk = buf.chunk_mut();
    // SAFETY: `as_uninit_slice_mut` requires that no uninitialised byte is written. The callers, all
    // in this file, hand the slice to a system call alone, which only ever writes bytes that it
    // received.
    let room = unsafe { chunk.as_uninit_slice_mut() };
    let (received, rest) = receive(room)?;
    // SAFETY: `advance_mut` requires the next `received` bytes of the chunk to be initialised. The
    // system call wrote that many at its start, and never answers more than the length it was given.
    unsafe { buf.advance_mut(received) };
    Ok((received, rest))
}

/// recv(2), as the functions above want it.
fn recv(fd: BorrowedFd<'_>) -> impl FnOnce(&mut [MaybeUninit<u8>]) -> io::Result<(usize, ())> {
    move |room| Ok((SockRef::from(&fd).recv(room)?, ()))
}

/// The same, of bytes that stay in the socket.
fn peek(fd: BorrowedFd<'_>) -> impl FnOnce(&mut [MaybeUninit<u8>]) -> io::Result<(usize, ())> {
    move |room| Ok((SockRef::from(&fd).peek(room)?, ()))
}

/// read(2), for what is no socket.
fn read(fd: BorrowedFd<'_>) -> impl FnOnce(&mut [MaybeUninit<u8>]) -> io::Result<(usize, ())> {
    move |room| Ok((rustix::io::read(fd, room)?.0.len(), ()))
}
