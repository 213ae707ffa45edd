//! What is allowed where. A new entry here is a decision: say why in the commit that adds it.

/// One crate below `crates/`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Crate {
    pub(super) name: &'static str,
    /// Packages it may never depend on, not even in tests. `tokio*` stands for all that start so.
    pub(super) never: &'static [&'static str],
}

/// Everything the rules look up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tables {
    /// From the top layer down: a crate may depend only on crates below it.
    pub(super) crates: &'static [Crate],
    /// The only files that may contain `unsafe`. Each says why in `#![expect(unsafe_code, reason = "...")]`,
    /// or in the same attribute on the few items that need it.
    pub(super) unsafe_files: &'static [&'static str],
    /// Files without I/O, which use only one another.
    pub(super) pure_files: &'static [&'static str],
}

/// The tables of this workspace.
pub(super) const TABLES: Tables = Tables {
    crates: &[
        Crate {
            name: "tokio-uring-net",
            never: &["io-uring"],
        },
        Crate {
            name: "ring-reactor",
            never: &["io-uring"],
        },
        Crate {
            name: "ring-core",
            never: &["tokio*", "futures*", "mio", "hyper*"],
        },
    ],
    unsafe_files: &[
        // The entries and buffers of a provided buffer ring are shared with the kernel.
        "crates/ring-core/src/buf_ring.rs",
        // recvmmsg(2) and sendmmsg(2) take arrays of pointers.
        "crates/ring-core/src/datagrams.rs",
        "crates/ring-core/src/fd.rs",
        "crates/ring-core/src/fork.rs",
        // getsockopt(2) with an option that no crate wraps.
        "crates/ring-core/src/meminfo.rs",
        "crates/ring-core/src/ops.rs",
        "crates/ring-core/src/ops/operation.rs",
        // getsockopt(2) with an option that rustix answers unsoundly.
        "crates/ring-core/src/peer_cred.rs",
        // The C interface of AddressSanitizer, in builds by `cargo xtask asan`.
        "crates/ring-core/src/poison.rs",
        // atexit(3) takes a C function; signal masks are C structures.
        "crates/ring-core/src/process.rs",
        "crates/ring-core/src/ring.rs",
        "crates/ring-core/src/sockaddr.rs",
        "crates/ring-core/src/submission.rs",
        // tokio's AsyncFd::register_with_interest, ReadBuf::assume_init and FromRawFd are unsafe.
        "crates/ring-reactor/src/async_fd.rs",
        // A descriptor that its stream lends to the reactor, and the promise to take it back.
        "crates/ring-reactor/src/flow/lent.rs",
        "crates/ring-reactor/src/net/stream.rs",
        "crates/tokio-uring-net/src/read_buf.rs",
        "crates/tokio-uring-net/src/tcp/socket.rs",
        "crates/tokio-uring-net/src/unix/socket.rs",
        // fork(2), rlimits and signals, for tests in processes of their own.
        "crates/ring-core/tests/support/sys.rs",
        "crates/tokio-uring-net/tests/support/fork.rs",
        // System calls of the load generator.
        "benches/src/raw.rs",
    ],
    pure_files: &[
        "crates/ring-core/src/completion.rs",
        "crates/ring-core/src/limits.rs",
        "crates/ring-core/src/ops/counts.rs",
        "crates/ring-core/src/slab.rs",
        "crates/ring-core/src/slot.rs",
        "crates/ring-core/src/token.rs",
        "crates/ring-reactor/src/flow/counters.rs",
        "crates/ring-reactor/src/flow/inbox.rs",
        "crates/ring-reactor/src/flow/lease.rs",
        "crates/ring-reactor/src/flow/policy.rs",
        "crates/ring-reactor/src/flow/pool.rs",
        "crates/ring-reactor/src/flow/recv_queue.rs",
        "crates/ring-reactor/src/flow/send_queue.rs",
        "crates/ring-reactor/src/busy.rs",
        "crates/ring-reactor/src/limits.rs",
        "crates/ring-reactor/src/metrics.rs",
    ],
};
