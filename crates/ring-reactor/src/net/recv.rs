//! Where a read puts its bytes.

use std::io;
use std::os::fd::BorrowedFd;

/// The memory of one read call.
pub trait RecvInto {
    /// How many bytes fit.
    fn room(&self) -> usize;

    /// Copies the beginning of `bytes`, as much as fits; answers how much.
    fn put(&mut self, bytes: &[u8]) -> usize;

    /// Makes the system call that receives from `fd`; answers how many bytes came.
    ///
    /// # Errors
    /// Of the call.
    fn recv(&mut self, fd: BorrowedFd<'_>) -> io::Result<usize>;
}
