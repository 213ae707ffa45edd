//! Receiving into memory that is not initialised yet: the only unsafe code of the socket types.
//!
//! recv(2) writes from the start of the memory it is given and answers how many bytes it wrote;
//! these functions turn that answer into the cursors of [`ReadBuf`] and [`BufMut`], and nothing
//! else does.
#![expect(
    unsafe_code,
    reason = "the cursors of ReadBuf and BufMut move by unsafe functions; recv(2) says how far"
)]

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::BorrowedFd;

use bytes::BufMut;
use socket2::SockRef;
use tokio::io::ReadBuf;

/// Receives into the unfilled part of `buf` and advances it; answers how many bytes came.
pub(crate) fn recv(fd: BorrowedFd<'_>, buf: &mut ReadBuf<'_>) -> io::Result<usize> {
    fill(buf, |room| SockRef::from(&fd).recv(room))
}

/// Copies what waits in the socket to the unfilled part of `buf` and advances it; the bytes stay in
/// the socket.
pub(crate) fn peek(fd: BorrowedFd<'_>, buf: &mut ReadBuf<'_>) -> io::Result<usize> {
    fill(buf, |room| SockRef::from(&fd).peek(room))
}

/// Receives into the next chunk of `buf` and advances it; answers how many bytes came.
pub(crate) fn recv_buf<B: BufMut>(fd: BorrowedFd<'_>, buf: &mut B) -> io::Result<usize> {
    let chunk = buf.chunk_mut();
    // SAFETY: `as_uninit_slice_mut` requires that no uninitialised byte is written. socket2 hands
    // the slice to recv(2) alone, which only ever writes bytes that it received.
    let room = unsafe { chunk.as_uninit_slice_mut() };
    let received = SockRef::from(&fd).recv(room)?;
    // SAFETY: `advance_mut` requires the next `received` bytes of the chunk to be initialised.
    // recv(2) wrote that many at its start, and never answers more than the length it was given.
    unsafe { buf.advance_mut(received) };
    Ok(received)
}

/// Runs one receive call on the unfilled part of `buf` and moves both cursors over what it wrote.
fn fill(
    buf: &mut ReadBuf<'_>,
    receive: impl FnOnce(&mut [MaybeUninit<u8>]) -> io::Result<usize>,
) -> io::Result<usize> {
    // SAFETY: `unfilled_mut` requires that initialised bytes are not made uninitialised. Both
    // callers hand the slice to recv(2) alone, which only ever writes bytes that it received.
    let room = unsafe { buf.unfilled_mut() };
    let received = receive(room)?;
    // SAFETY: `assume_init` requires the first `received` unfilled bytes to be initialised. recv(2)
    // wrote that many at the start of `room`, and never answers more than the length it was given.
    unsafe { buf.assume_init(received) };
    buf.advance(received);
    Ok(received)
}
