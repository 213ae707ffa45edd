//! Making a ring: flags, probe, and errors that say what to do.

use std::io;

use io_uring::{IoUring, Probe, opcode};
use thiserror::Error;

use crate::limits::{CQ_ENTRIES_DEFAULT, SQ_ENTRIES_DEFAULT};
use crate::ring::Ring;

/// Who may enter a ring, and when deferred work runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Issuer {
    /// One thread, the one that calls [`Ring::enable_rings`]: `SINGLE_ISSUER`, `DEFER_TASKRUN`,
    /// `TASKRUN_FLAG` and `R_DISABLED`. Completions appear when that thread enters with
    /// `GETEVENTS`; every other thread gets `EEXIST`.
    SingleThread,
    /// Any thread. Completions appear as they happen.
    AnyThread,
}

/// The settings of a ring to be made: liburing's `io_uring_queue_init_params(3)`.
///
/// # Examples
/// ```
/// use ring_core::setup::{Issuer, RingBuilder};
///
/// match RingBuilder::new(Issuer::AnyThread).sq_entries(8).build() {
///     Ok(mut ring) => assert_eq!(ring.sq_space_left(), 8),
///     Err(error) => eprintln!("no io_uring: {error}; {}", error.remedy()),
/// }
/// ```
#[derive(Clone, Debug)]
pub struct RingBuilder {
    issuer: Issuer,
    sq_entries: u32,
    cq_entries: u32,
}

impl RingBuilder {
    /// A ring of the default size for `issuer`.
    #[must_use]
    pub fn new(issuer: Issuer) -> RingBuilder {
        RingBuilder {
            issuer,
            sq_entries: SQ_ENTRIES_DEFAULT,
            cq_entries: CQ_ENTRIES_DEFAULT,
        }
    }

    /// How many SQEs fit the submission queue, at least 1; rounded up to a power of two by the
    /// kernel.
    #[must_use]
    pub fn sq_entries(mut self, count: u32) -> RingBuilder {
        self.sq_entries = count.max(1);
        self
    }

    /// How many CQEs fit the completion queue; rounded up to a power of two by the kernel.
    #[must_use]
    pub fn cq_entries(mut self, count: u32) -> RingBuilder {
        self.cq_entries = count;
        self
    }

    /// Sets the ring up and checks that the kernel has what this crate's operations need.
    ///
    /// A ring for [`Issuer::SingleThread`] is disabled until [`Ring::enable_rings`].
    ///
    /// # Errors
    /// [`SetupError`] names the cause and the remedy.
    /// # Kernel
    /// 6.1.
    pub fn build(&self) -> Result<Ring, SetupError> {
        let mut builder = IoUring::builder();
        builder
            .setup_cqsize(self.cq_entries.max(self.sq_entries))
            .setup_clamp()
            .setup_submit_all();
        match self.issuer {
            Issuer::SingleThread => {
                builder
                    .setup_single_issuer()
                    .setup_defer_taskrun()
                    .setup_taskrun_flag()
                    .setup_r_disabled();
            }
            Issuer::AnyThread => {}
        }
        let inner = builder
            .build(self.sq_entries)
            .map_err(SetupError::from_setup)?;
        check_opcodes(&inner)?;
        Ok(Ring::new(inner, self.issuer))
    }
}

/// The operations that the crate relies on. `SENDMSG_ZC` is not used: it is what a kernel of 6.1
/// has and an older one lacks, so it stands for the bug fixes up to there.
const OPCODES: [(u8, &str); 6] = [
    (opcode::PollAdd::CODE, "IORING_OP_POLL_ADD"),
    (opcode::Accept::CODE, "IORING_OP_ACCEPT"),
    (opcode::Connect::CODE, "IORING_OP_CONNECT"),
    (opcode::Close::CODE, "IORING_OP_CLOSE"),
    (opcode::AsyncCancel::CODE, "IORING_OP_ASYNC_CANCEL"),
    (opcode::SendMsgZc::CODE, "IORING_OP_SENDMSG_ZC"),
];

fn check_opcodes(inner: &IoUring) -> Result<(), SetupError> {
    let mut probe = Probe::new();
    inner
        .submitter()
        .register_probe(&mut probe)
        .map_err(SetupError::from_register)?;
    match OPCODES.iter().find(|(code, _)| !probe.is_supported(*code)) {
        Some((_, feature)) => Err(SetupError::Unsupported {
            feature,
            since: "6.1",
        }),
        None => Ok(()),
    }
}

/// Why there is no ring.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SetupError {
    /// The kernel is too old.
    #[error("the kernel lacks {feature}")]
    Unsupported {
        /// What is missing.
        feature: &'static str,
        /// The kernel that has it.
        since: &'static str,
    },
    /// An administrator has switched io_uring off.
    #[error("io_uring is switched off (kernel.io_uring_disabled={io_uring_disabled})")]
    Disabled {
        /// The sysctl's value: 1 reserves io_uring for `kernel.io_uring_group`, 2 refuses all.
        io_uring_disabled: u32,
    },
    /// A seccomp filter or a security module refuses the system call.
    #[error(
        "{call} is refused ({error}), most likely by a seccomp filter or a security module, or the kernel is built without io_uring"
    )]
    Denied {
        /// The system call that was refused.
        call: &'static str,
        /// What it answered.
        error: io::Error,
    },
    /// The memory of the ring is over a limit.
    #[error("no memory for the ring (RLIMIT_MEMLOCK is {limit_bytes} bytes)")]
    Memory {
        /// The limit on locked memory, in bytes, per user; `u64::MAX` if there is none.
        limit_bytes: u64,
    },
    /// Something else.
    #[error("{call} failed: {error}")]
    Os {
        /// The system call that failed.
        call: &'static str,
        /// What it answered.
        error: io::Error,
    },
}

impl SetupError {
    /// What an operator can do about it.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        match self {
            SetupError::Unsupported { .. } => "use kernel 6.1 or newer",
            SetupError::Disabled {
                io_uring_disabled: 1,
            } => {
                "set sysctl kernel.io_uring_group to a group of this user, or sysctl kernel.io_uring_disabled=0"
            }
            SetupError::Disabled { .. } => "set sysctl kernel.io_uring_disabled=0",
            SetupError::Denied { .. } => {
                "allow io_uring_setup, io_uring_enter and io_uring_register in the container's seccomp profile or security policy"
            }
            SetupError::Memory { .. } => {
                "raise the limit (ulimit -l, LimitMEMLOCK= in systemd, --ulimit memlock= in Docker), or make fewer or smaller rings (sq_entries and cq_entries)"
            }
            SetupError::Os { error, .. }
                if matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE)) =>
            {
                "raise the limit of open files (ulimit -n, LimitNOFILE= in systemd)"
            }
            SetupError::Os { .. } => "look the error up in io_uring_setup(2)",
        }
    }

    /// Reads the error of io_uring_enter(2).
    #[must_use]
    pub fn from_enter(error: io::Error) -> SetupError {
        SetupError::classify("io_uring_enter", error)
    }

    fn from_setup(error: io::Error) -> SetupError {
        match error.raw_os_error() {
            Some(libc::EINVAL) => SetupError::Unsupported {
                feature: "IORING_SETUP_SINGLE_ISSUER or IORING_SETUP_DEFER_TASKRUN",
                since: "6.1",
            },
            _ => SetupError::classify("io_uring_setup", error),
        }
    }

    /// Reads the error of io_uring_register(2).
    #[must_use]
    pub fn from_register(error: io::Error) -> SetupError {
        SetupError::classify("io_uring_register", error)
    }

    fn classify(call: &'static str, error: io::Error) -> SetupError {
        match error.raw_os_error() {
            Some(libc::EPERM | libc::EACCES | libc::ENOSYS | libc::EOPNOTSUPP) => {
                match io_uring_disabled() {
                    Some(io_uring_disabled @ 1..) => SetupError::Disabled { io_uring_disabled },
                    Some(0) | None => SetupError::Denied { call, error },
                }
            }
            Some(libc::ENOMEM) => SetupError::Memory {
                limit_bytes: memlock_bytes(),
            },
            _ => SetupError::Os { call, error },
        }
    }
}

/// The sysctl that switches io_uring off, where the kernel has it (6.6).
fn io_uring_disabled() -> Option<u32> {
    std::fs::read_to_string("/proc/sys/kernel/io_uring_disabled")
        .ok()?
        .trim()
        .parse()
        .ok()
}

/// The soft limit on locked memory as /proc tells it.
fn memlock_bytes() -> u64 {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max locked memory"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok())
        .unwrap_or(u64::MAX)
}
