//! [`UCred`]: whose process is at the other end.

use std::io;
use std::os::fd::BorrowedFd;

use ring_reactor::net::{PeerCred, peer_cred};
use tokio::net::unix::{gid_t, pid_t, uid_t};

/// The credentials of a process, as [`UnixStream::peer_cred`](crate::UnixStream::peer_cred) answers
/// them.
///
/// # Examples
/// ```
/// use tokio_uring_net::UnixStream;
///
/// # #[tokio::main]
/// # async fn main() -> std::io::Result<()> {
/// let (one, two) = UnixStream::pair()?;
/// assert_eq!(one.peer_cred()?, two.peer_cred()?);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UCred {
    pid: Option<pid_t>,
    uid: uid_t,
    gid: gid_t,
}

impl UCred {
    pub(super) fn of_peer(fd: BorrowedFd<'_>) -> io::Result<UCred> {
        let PeerCred { pid, uid, gid } = peer_cred(fd)?;
        Ok(UCred {
            pid: Some(pid),
            uid,
            gid,
        })
    }

    /// Answers the user id of the process.
    pub fn uid(&self) -> uid_t {
        self.uid
    }

    /// Answers the group id of the process.
    pub fn gid(&self) -> gid_t {
        self.gid
    }

    /// Answers the id of the process, which is never `None` on Linux.
    ///
    /// It is 0 if the process has none in the pid namespace of this one, as between a container and
    /// its host. A process that has ended may have left its id to another one.
    pub fn pid(&self) -> Option<pid_t> {
        self.pid
    }
}
