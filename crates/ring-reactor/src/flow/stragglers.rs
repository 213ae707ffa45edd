//! Looks out for queued bytes whose driver gets no turn.
//!
//! A task may write, then block its thread until the peer has answered. On a current_thread runtime
//! the driver then has no turn, and a byte in a queue would wait for ever. So one thread of the
//! process looks, some hundred times a second while there is something queued, for what has been
//! there at the last look already, and sends it. It sleeps while nothing is queued. The same list
//! serves the end of the process.

use std::io;
use std::sync::{Arc, Weak};
use std::thread::{self, Thread};
use std::time::Duration;

use parking_lot::Mutex;
use ring_core::{fork, process};

use super::dirty::Dirty;
use crate::limits::{EXIT_LOCK_WAIT_MS, LOOKOUTS_MAX, STRAGGLER_IDLE_LOOKS_MAX, STRAGGLER_LOOK_MS};

/// What is looked at, and who looks: of this process. A forked child has neither the thread nor a use
/// for its parent's lists, and the lock may have been held when it was forked: it takes the next
/// look-out. (After more forks of forks than there are look-outs, the last serves all.)
static LOOKOUTS: [Mutex<Lookout>; LOOKOUTS_MAX] =
    [const { Mutex::new(Lookout::new()) }; LOOKOUTS_MAX];

#[derive(Debug)]
struct Lookout {
    lists: Vec<Weak<Dirty>>,
    thread: Option<Thread>,
}

impl Lookout {
    const fn new() -> Lookout {
        Lookout {
            lists: Vec::new(),
            thread: None,
        }
    }
}

fn lookout() -> &'static Mutex<Lookout> {
    let forks = usize::try_from(fork::count()).unwrap_or(usize::MAX);
    &LOOKOUTS[forks.min(LOOKOUTS_MAX - 1)]
}

/// Has `list` looked at from now on, until [`Dirty::unwatch`]. Returns whether anybody looks.
pub(crate) fn watch(list: &Arc<Dirty>) -> bool {
    process::at_exit(flush_at_exit);
    let mut lookout = lookout().lock();
    lookout.lists.retain(|list| list.strong_count() > 0);
    let list = Arc::downgrade(list);
    if !lookout.lists.iter().any(|known| known.ptr_eq(&list)) {
        lookout.lists.push(list);
    }
    let mut failure = None;
    if lookout.thread.is_none() {
        match start() {
            Ok(thread) => lookout.thread = Some(thread),
            Err(error) => failure = Some(error),
        }
    }
    if let Some(thread) = &lookout.thread {
        thread.unpark();
    }
    drop(lookout);
    let Some(error) = failure else { return true };
    tracing::warn!(
        %error,
        "no thread can be had: a task that blocks its thread may hold back bytes it has written"
    );
    false
}

fn start() -> io::Result<Thread> {
    let look_out = thread::Builder::new().name("tokio-uring-net".to_owned());
    Ok(look_out.spawn(run)?.thread().clone())
}

fn run() {
    // Signals are for the program's own threads.
    process::block_signals();
    let mut idle_looks = 0;
    loop {
        let lists = lists();
        let mut is_idle = true;
        for list in &lists {
            is_idle &= !list.look();
        }
        idle_looks = if is_idle { idle_looks + 1 } else { 0 };
        if idle_looks > STRAGGLER_IDLE_LOOKS_MAX && all_unwatched(&lists) {
            drop(lists);
            idle_looks = 0;
            // Until `watch`: its unpark is kept if it comes before this.
            thread::park();
        } else {
            drop(lists);
            thread::park_timeout(Duration::from_millis(STRAGGLER_LOOK_MS));
        }
    }
}

fn lists() -> Vec<Arc<Dirty>> {
    lookout()
        .lock()
        .lists
        .iter()
        .filter_map(Weak::upgrade)
        .collect()
}

/// Takes the watch off every list; `false` if one has something queued meanwhile.
fn all_unwatched(lists: &[Arc<Dirty>]) -> bool {
    // Every list, not only up to the first that fails: one without a watch asks for it again.
    lists.iter().filter(|list| !list.unwatch()).count() == 0
}

fn flush_at_exit() {
    let wait = Duration::from_millis(EXIT_LOCK_WAIT_MS);
    let Some(lookout) = lookout().try_lock_for(wait) else {
        return;
    };
    let lists: Vec<_> = lookout.lists.iter().filter_map(Weak::upgrade).collect();
    drop(lookout);
    for list in lists {
        list.flush_at_exit();
    }
}
