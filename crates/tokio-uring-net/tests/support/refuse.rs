//! Seccomp filters that refuse io_uring, for processes that were started for one test case.

use super::child;
use super::setup::alone;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompFilter, apply_filter, apply_filter_all_threads,
};
use std::str::FromStr;

/// Chooses the driver.
pub(crate) const DRIVER_VARIABLE: &str = "TOKIO_URING_NET";

/// A system call and what it answers from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    call: i64,
    errno: i32,
}

const CALLS: [(&str, i64); 3] = [
    ("io_uring_setup", libc::SYS_io_uring_setup),
    ("io_uring_enter", libc::SYS_io_uring_enter),
    ("io_uring_register", libc::SYS_io_uring_register),
];

const ERRNOS: [(&str, i32); 3] = [
    ("EPERM", libc::EPERM),
    ("ENOSYS", libc::ENOSYS),
    ("ENOMEM", libc::ENOMEM),
];

/// Every call with every error, by name.
pub(crate) fn all() -> impl Iterator<Item = String> {
    let calls = CALLS.iter().map(|(call, _)| call);
    calls.flat_map(|call| {
        ERRNOS
            .iter()
            .map(move |(errno, _)| format!("{call}={errno}"))
    })
}

/// Runs each of them as a case of `test`, in a process for which no driver is chosen.
pub(crate) fn run_all<T: Fn()>(test: &T) {
    let _alone = alone();
    for refusal in all() {
        let mut command = child::command(test, &refusal);
        command.env_remove(DRIVER_VARIABLE);
        child::finish(&refusal, command);
    }
}

impl Refusal {
    /// Refuses to this thread and those that it will start.
    pub(crate) fn apply(self) {
        apply_filter(&self.program()).expect("a thread may restrict itself");
    }

    /// Refuses to every thread of the process.
    pub(crate) fn apply_to_all(self) {
        apply_filter_all_threads(&self.program()).expect("a process may restrict itself");
    }

    pub(crate) fn is_of(self, call: &str) -> bool {
        CALLS.contains(&(call, self.call))
    }

    /// What a status that gives this as its reason has in it.
    pub(crate) fn hint(self) -> &'static str {
        match self.errno {
            libc::ENOMEM => "RLIMIT_MEMLOCK",
            _ => "seccomp",
        }
    }

    fn program(self) -> BpfProgram {
        let architecture = std::env::consts::ARCH.try_into();
        let filter = SeccompFilter::new(
            [(self.call, Vec::new())].into(),
            SeccompAction::Allow,
            SeccompAction::Errno(self.errno.unsigned_abs()),
            architecture.expect("the architecture has filters"),
        );
        let filter = filter.expect("two actions differ");
        filter.try_into().expect("the filter is short")
    }
}

impl FromStr for Refusal {
    type Err = String;

    fn from_str(text: &str) -> Result<Refusal, String> {
        let find = || {
            let (call, errno) = text.split_once('=')?;
            let (_, call) = CALLS.into_iter().find(|(name, _)| *name == call)?;
            let (_, errno) = ERRNOS.into_iter().find(|(name, _)| *name == errno)?;
            Some(Refusal { call, errno })
        };
        find().ok_or_else(|| format!("no refusal is called {text}"))
    }
}
