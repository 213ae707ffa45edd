//! Runs the tests of the crates with AddressSanitizer.
//!
//! The sanitizer needs an unstable option of the compiler, so the stable toolchain is told to take
//! it. The standard library is not instrumented; what the tests reach through it is.
//! `--cfg ring_core_asan` has ring-core poison the memory that the kernel owns: see its `poison.rs`.

use std::path::Path;

use crate::steps::{cargo, succeed};

const TARGET: &str = "x86_64-unknown-linux-gnu";

/// Lines are enough for a report, and build faster.
const RUSTFLAGS: &str = "-Zsanitizer=address --cfg ring_core_asan -Cdebuginfo=line-tables-only";

/// What ring-core leaks on purpose is exempt from the search for leaks.
const OPTIONS: &str = "detect_leaks=1:detect_stack_use_after_return=1";

/// Builds the tests in a folder of their own and runs them all.
pub(crate) fn run(root: &Path) -> Result<(), String> {
    if !cfg!(all(
        target_arch = "x86_64",
        target_os = "linux",
        target_env = "gnu"
    )) {
        eprintln!("SKIP: this step is for {TARGET}");
        return Ok(());
    }
    let arguments = [
        "test",
        "--package=ring-core",
        "--package=ring-reactor",
        "--package=tokio-uring-net",
        "--all-features",
        // Not the examples of the documentation: each would be linked with the sanitizer.
        "--lib",
        "--tests",
        "--no-fail-fast",
        "--target-dir=target/asan",
        // With it, the flags are not for what runs while building.
        "--target",
        TARGET,
    ];
    succeed(
        cargo(root, &arguments)
            .env("RUSTC_BOOTSTRAP", "1")
            .env("RUSTFLAGS", RUSTFLAGS)
            .env("ASAN_OPTIONS", OPTIONS)
            .env("REQUIRE_URING", "1"),
    )
}
