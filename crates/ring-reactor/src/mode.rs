//! How a stream moves its bytes.

use std::sync::atomic::{AtomicU8, Ordering};

/// How a stream moves its bytes between the program and the kernel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mode {
    /// No byte leaves the kernel except into a read call, no byte of a write is held back: exactly
    /// as with `tokio::net`.
    #[default]
    Exact,
    /// Small reads are served from bytes received ahead, by the ring itself where there is one, small
    /// writes leave together: when the task waits for its peer, when it flushes, and with the driver's next
    /// turn at the latest.
    Completion,
}

/// A [`Mode`] that threads share.
#[derive(Debug)]
pub struct AtomicMode(AtomicU8);

impl AtomicMode {
    /// A shared `mode`.
    #[must_use]
    pub fn new(mode: Mode) -> AtomicMode {
        AtomicMode(AtomicU8::new(mode as u8))
    }

    /// The mode now.
    #[must_use]
    pub fn load(&self) -> Mode {
        // Relaxed: what a change of mode leaves behind is in queues with locks of their own.
        if self.0.load(Ordering::Relaxed) == Mode::Completion as u8 {
            Mode::Completion
        } else {
            Mode::Exact
        }
    }

    /// Changes the mode; returns the one before.
    pub fn swap(&self, mode: Mode) -> Mode {
        if self.0.swap(mode as u8, Ordering::Relaxed) == Mode::Completion as u8 {
            Mode::Completion
        } else {
            Mode::Exact
        }
    }
}
