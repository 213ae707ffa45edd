//! Every runtime a test must hold on: both flavours, each driver of the stack under test.

use super::fds::Fds;
use super::{HANG, skip, tcp};
use crate::stack::Stack;
use std::fmt;
use std::io::{self, Write};
use std::panic::resume_unwind;
use std::str::FromStr;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use std::thread;
use tokio::runtime::{Builder, Runtime};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flavour {
    CurrentThread,
    MultiThread,
}

/// A flavour of runtime and the driver that its sockets use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Setup {
    pub(crate) flavour: Flavour,
    pub(crate) stack: Stack,
}

impl Setup {
    /// Every combination, whether this machine has it or not.
    pub(crate) fn all() -> impl Iterator<Item = Setup> {
        let flavours = [Flavour::CurrentThread, Flavour::MultiThread];
        flavours.into_iter().flat_map(|flavour| {
            Stack::ALL
                .iter()
                .map(move |&stack| Setup { flavour, stack })
        })
    }

    /// Those that this machine has.
    pub(crate) fn available() -> impl Iterator<Item = Setup> {
        Setup::all().filter(|setup| setup.missing().is_none())
    }

    /// A runtime without sockets, on which no driver has been chosen.
    pub(crate) fn bare_runtime(self) -> Runtime {
        self.builder().build().expect("a runtime can be built")
    }

    pub(crate) fn builder(self) -> Builder {
        let mut builder = match self.flavour {
            Flavour::CurrentThread => Builder::new_current_thread(),
            Flavour::MultiThread => Builder::new_multi_thread(),
        };
        builder.worker_threads(2).enable_all();
        builder
    }

    /// A runtime whose sockets use the driver of this set-up.
    pub(crate) fn runtime(self) -> Runtime {
        let runtime = self.bare_runtime();
        let installed = runtime.block_on(async { self.stack.install() });
        installed.unwrap_or_else(|error| panic!("{self}: {error}"));
        runtime
    }

    /// Why this machine does not have this set-up.
    fn missing(self) -> Option<io::Error> {
        let runtime = self.bare_runtime();
        runtime.block_on(async { self.stack.install() }).err()
    }
}

impl fmt::Display for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}/{:?}", self.flavour, self.stack)
    }
}

impl FromStr for Setup {
    type Err = String;

    fn from_str(text: &str) -> Result<Setup, String> {
        Setup::all()
            .find(|setup| setup.to_string() == text)
            .ok_or_else(|| format!("no set-up is called {text}"))
    }
}

/// Runs `test` once for every set-up this machine has, alone in this process; its descriptors must
/// be closed at the end.
pub(crate) fn for_each_setup(test: impl Fn(Setup)) {
    let _alone = alone();
    for setup in Setup::all() {
        if let Some(error) = setup.missing() {
            let required = std::env::var_os("REQUIRE_URING").is_some_and(|value| value == "1");
            assert!(!required, "{setup} is required: {error}");
            skip(&format!("{setup}: {error}"));
            continue;
        }
        println!("on {setup}");
        let _watchdog = Watchdog::start(setup.to_string());
        let before = Fds::now();
        test(setup);
        before.wait_returned();
    }
}

/// Runs the future of `test` as a task of every runtime. Its descriptors must be closed before the
/// runtime ends.
pub(crate) fn on_every_runtime<T, F>(test: T)
where
    T: Fn(Setup) -> F,
    F: Future<Output = io::Result<()>> + Send + 'static,
{
    for_each_setup(|setup| {
        let runtime = setup.runtime();
        run_task(&runtime, tcp::warm_up());
        let before = Fds::now();
        run_task(&runtime, test(setup));
        runtime.block_on(async {
            before.returned().await;
            setup.stack.check_serves();
        });
    });
}

/// Runs `task` on `runtime` to its end, as a spawned task, and passes its panic on.
pub(crate) fn run_task<F>(runtime: &Runtime, task: F)
where
    F: Future<Output = io::Result<()>> + Send + 'static,
{
    let finished = runtime.block_on(async { tokio::time::timeout(HANG, tokio::spawn(task)).await });
    match finished {
        Err(_) => panic!("the test hangs"),
        Ok(Err(join)) => resume_unwind(join.into_panic()),
        Ok(Ok(result)) => result.expect("no step of the test fails"),
    }
}

/// Tests count the descriptors of the process, so one runs at a time.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    static WARM: Once = Once::new();
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    // tokio's signal driver opens descriptors that stay open for the life of the process.
    WARM.call_once(|| drop(Builder::new_current_thread().enable_all().build()));
    turn
}

/// Ends the process when a blocked thread keeps a test from ever failing.
pub(crate) struct Watchdog {
    _finished: Sender<()>,
}

impl Watchdog {
    pub(crate) fn start(what: String) -> Watchdog {
        let (finished, end) = channel();
        let test = thread::current().name().unwrap_or("main").to_owned();
        thread::spawn(move || {
            if end.recv_timeout(3 * HANG) == Err(RecvTimeoutError::Timeout) {
                writeln!(io::stderr(), "HANG {test} on {what}").ok();
                std::process::abort();
            }
        });
        Watchdog {
            _finished: finished,
        }
    }
}
