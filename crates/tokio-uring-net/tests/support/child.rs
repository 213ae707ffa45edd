//! Tests that change their process: they run as a case in a process of their own, which is this
//! binary once more.

use super::setup::Watchdog;
use std::any::{Any, type_name_of_val};
use std::process::{Command, Output, Stdio};
use std::sync::{Mutex, PoisonError};

const CASE: &str = "TOKIO_URING_NET_TEST_CASE";
const FINISHED: &str = "the case has finished";

/// A process that will run `case` of the test function `test`.
pub(crate) fn command<T: Fn()>(test: &T, case: &str) -> Command {
    let path = type_name_of_val(test);
    let (_, test) = path.split_once("::").expect("a path starts with its crate");
    let mut command = Command::new(std::env::current_exe().expect("/proc is mounted"));
    command.args([test, "--exact", "--nocapture", "--test-threads=1"]);
    command.env(CASE, case).stdin(Stdio::null());
    command
}

/// Has `command` look for no leaks, in a build by `cargo xtask asan`: a forked child has none of its
/// parent's threads, and what they hold counts as lost.
pub(crate) fn without_leak_detection(command: &mut Command) -> &mut Command {
    command.env("ASAN_OPTIONS", "detect_leaks=0")
}

/// Keeps `value` to the end of the process, which drops no statics.
pub(crate) fn keep<T: Send + 'static>(value: T) {
    static KEPT: Mutex<Vec<Box<dyn Any + Send>>> = Mutex::new(Vec::new());
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    kept.push(Box::new(value));
}

/// Runs `case` of `test` in a process of its own; fails unless the case got to its end.
pub(crate) fn run<T: Fn()>(test: &T, case: &str) {
    finish(case, command(test, case));
}

/// Runs `command`, made by [`command`], to its end; fails unless the case got there.
pub(crate) fn finish(case: &str, mut command: Command) {
    let output = command.output().expect("this binary can be run again");
    check(case, &output);
}

/// Fails unless the case behind `output` got to its end.
pub(crate) fn check(case: &str, output: &Output) {
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    for line in stderr.lines().filter(|line| line.starts_with("SKIP ")) {
        super::skip(&format!("{case}: {}", &line["SKIP ".len()..]));
    }
    assert!(
        output.status.success() && stdout.contains(FINISHED),
        "{case}: {}\n{stdout}\n{stderr}",
        output.status
    );
}

/// In a process that was started for a case: runs it. Answers whether this is such a process.
pub(crate) fn runs_case(run: impl FnOnce(&str)) -> bool {
    let Ok(case) = std::env::var(CASE) else {
        return false;
    };
    let _watchdog = Watchdog::start(case.clone());
    run(&case);
    println!("{FINISHED}");
    true
}
