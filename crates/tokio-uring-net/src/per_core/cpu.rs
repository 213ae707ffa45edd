//! On which CPUs a thread runs.

use std::io;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The CPUs that the calling thread may use.
pub(super) fn usable() -> io::Result<CpuSet> {
    sched_getaffinity(None).map_err(|errno| {
        let error = io::Error::from(errno);
        io::Error::new(error.kind(), format!("sched_getaffinity failed: {error}"))
    })
}

/// The CPUs of `set` by their numbers.
pub(super) fn list(set: &CpuSet) -> Vec<usize> {
    (0..CpuSet::MAX_CPU)
        .filter(|cpu| set.is_set(*cpu))
        .collect()
}

/// Keeps the calling thread on `cpu`.
pub(super) fn pin(cpu: usize, usable: Option<&CpuSet>) -> io::Result<()> {
    let mut only = CpuSet::new();
    let pinned = if cpu < CpuSet::MAX_CPU {
        only.set(cpu);
        sched_setaffinity(None, &only)
    } else {
        // The set of the system call ends there.
        Err(rustix::io::Errno::INVAL)
    };
    pinned.map_err(|errno| {
        let error = io::Error::from(errno);
        let usable = usable.map_or_else(
            || "only CPUs of its affinity and cpuset".to_owned(),
            |usable| format!("{:?}", list(usable)),
        );
        let message =
            format!("this process cannot run there ({error}): it may use the CPUs {usable}");
        io::Error::new(error.kind(), message)
    })
}

/// Lets the calling thread run on every CPU of `usable` again. Where that is refused, it stays where
/// it is: a matter of speed only.
pub(super) fn unpin(usable: &CpuSet) {
    let _ = sched_setaffinity(None, usable);
}
