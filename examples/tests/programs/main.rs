//! Runs every example as a process of its own, on 127.0.0.1 with a port that the kernel picks, and uses it.
//!
//! The clients are std's and tokio's, so that a fault of `tokio_uring_net` cannot hide behind itself.
//!
//! Cargo sets no `CARGO_BIN_EXE_*` for examples, but it puts them into `examples/` next to the `deps/` that holds this
//! executable, and `cargo test` builds them first: see `server::executable`. A run restricted by `--test` does not
//! build them; `cargo build --examples` does.

#![expect(
    clippy::unwrap_used,
    reason = "a test ends at the first thing that fails"
)]

mod axum;
mod client;
mod command_line;
mod echo;
mod grpc;
mod http;
mod http_shutdown;
mod migrate;
mod pattern;
mod per_core;
mod proxy;
mod quic;
mod server;
