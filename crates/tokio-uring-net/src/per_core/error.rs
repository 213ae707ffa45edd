//! [`PerCoreError`]: why there are no results.

use std::io;

use thiserror::Error;

/// Why [`PerCore::run`](super::PerCore::run) has no results.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PerCoreError {
    /// There is no CPU to run on: the list is empty, or the kernel does not tell what this process
    /// may use. Nothing was run.
    #[error("there are no CPUs to run on: {0}; name them with PerCore::cpus")]
    NoCpus(String),
    /// A core could not be set up. Nothing was run on any of them.
    #[error("the runtime of CPU {cpu} cannot be set up: {error}")]
    Setup {
        /// The CPU by the kernel's number.
        cpu: usize,
        /// What is wrong, and what to do about it.
        error: io::Error,
    },
    /// A core's future panicked: the first that did. The others were told to stop, and have ended.
    #[error("the core on CPU {cpu} panicked: {message}")]
    Panicked {
        /// The CPU by the kernel's number.
        cpu: usize,
        /// The message of the panic.
        message: String,
    },
}
