//! The only place where a negative CQE result becomes an [`io::Error`].

use std::io;

pub use libc::{
    EAGAIN, ECANCELED, EINTR, EINVAL, EMFILE, ENFILE, ENOBUFS, ENOMEM, ENOTCONN, EOPNOTSUPP,
};

/// The value of a CQE result, or the error that a negative one stands for.
///
/// # Errors
/// The errno that `result` negates.
pub fn result(result: i32) -> io::Result<u32> {
    u32::try_from(result).map_err(|_| io::Error::from_raw_os_error(result.wrapping_neg()))
}

#[cfg(test)]
mod tests {
    #[test]
    fn negative_results_are_errno_and_the_rest_are_values() {
        assert_eq!(super::result(0).unwrap(), 0);
        assert_eq!(super::result(i32::MAX).unwrap(), 0x7fff_ffff);
        let error = super::result(-libc::ECONNRESET).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ECONNRESET));
    }
}
