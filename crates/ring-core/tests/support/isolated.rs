//! Tests that change their process (limits, users, environment, forks), each in one of its own with
//! one thread. For test binaries without libtest; understands the arguments that cargo and nextest
//! give.

use std::env;
use std::panic::Location;
use std::process::{Command, ExitCode};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::process::{Pid, PidfdFlags, Signal};

/// Names the test that a process is to run.
const TEST: &str = "ISOLATED_TEST";

/// A test that runs longer hangs.
const HANGS: Duration = Duration::from_secs(180);

/// One test.
pub(crate) struct Test {
    pub(crate) name: &'static str,
    pub(crate) run: fn(),
    /// Set in the environment of the test's process.
    pub(crate) env: &'static [(&'static str, &'static str)],
}

/// Tests by the names of their functions.
#[macro_export]
macro_rules! isolated_tests {
    ($($name:ident $([$($variable:literal = $value:literal),*])?),* $(,)?) => {
        fn main() -> std::process::ExitCode {
            $crate::support::isolated::main(&[$($crate::support::isolated::Test {
                name: stringify!($name),
                run: $name,
                env: &[$($(($variable, $value)),*)?],
            }),*])
        }
    };
}

/// Runs the tests that the arguments select.
#[track_caller]
pub(crate) fn main(tests: &[Test]) -> ExitCode {
    if let Ok(name) = env::var(TEST) {
        let test = tests.iter().find(|test| test.name == name);
        (test.expect("a test of this binary").run)();
        return ExitCode::SUCCESS;
    }
    let arguments = Arguments::parse(env::args().skip(1));
    let selected = || tests.iter().filter(|test| arguments.select(test.name));
    if arguments.list {
        selected().for_each(|test| println!("{}: test", test.name));
        return ExitCode::SUCCESS;
    }
    println!("running the tests of {}", Location::caller().file());
    let failed: Vec<_> = selected().filter(|test| !passes(test)).collect();
    for test in &failed {
        println!("FAILED: {}", test.name);
    }
    ExitCode::from(u8::from(!failed.is_empty()))
}

fn passes(test: &Test) -> bool {
    let mut child = Command::new(env::current_exe().unwrap())
        .env(TEST, test.name)
        .envs(test.env.iter().copied())
        .spawn()
        .unwrap();
    let pid = Pid::from_child(&child);
    let pidfd = rustix::process::pidfd_open(pid, PidfdFlags::empty()).unwrap();
    let timeout = Timespec::try_from(HANGS).unwrap();
    let mut ends = [PollFd::new(&pidfd, PollFlags::IN)];
    if rustix::event::poll(&mut ends, Some(&timeout)).unwrap() == 0 {
        println!("{} hangs", test.name);
        rustix::process::kill_process(pid, Signal::KILL).unwrap();
    }
    let status = child.wait().unwrap();
    println!("test {} ... {status}", test.name);
    status.success()
}

/// libtest's arguments, as far as they matter here.
#[derive(Default)]
struct Arguments {
    filters: Vec<String>,
    skips: Vec<String>,
    exact: bool,
    list: bool,
    ignored: bool,
}

impl Arguments {
    fn parse(mut from: impl Iterator<Item = String>) -> Arguments {
        let mut arguments = Arguments::default();
        while let Some(argument) = from.next() {
            match argument.as_str() {
                "--exact" => arguments.exact = true,
                "--list" => arguments.list = true,
                "--ignored" => arguments.ignored = true,
                "--skip" => arguments.skips.extend(from.next()),
                "--format" | "--color" | "--test-threads" | "--logfile" | "-Z" => drop(from.next()),
                _ if argument.starts_with('-') => {}
                _ => arguments.filters.push(argument),
            }
        }
        arguments
    }

    fn select(&self, name: &str) -> bool {
        let names = |filter: &String| match self.exact {
            true => name == filter,
            false => name.contains(filter),
        };
        let is_named = self.filters.is_empty() || self.filters.iter().any(names);
        is_named && !self.skips.iter().any(names) && !self.ignored
    }
}
