//! The id of the current thread, for comparisons on hot paths.

use std::thread::{self, ThreadId};

thread_local! {
    /// `thread::current()` counts a reference up and down with each call.
    static THIS_THREAD: ThreadId = thread::current().id();
}

/// The id of the current thread.
pub(crate) fn this_thread() -> ThreadId {
    THIS_THREAD
        .try_with(|id| *id)
        .unwrap_or_else(|_| thread::current().id())
}
