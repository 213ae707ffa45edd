//! The steps of `cargo xtask check`: their order, their commands, their timing.

use std::env;
use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::{asan, tidy, unprivileged};

/// One named check.
#[derive(Clone, Copy)]
pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) purpose: &'static str,
    run: fn(&Path) -> Result<(), String>,
}

/// What `cargo xtask check` runs, cheapest first where the order is free.
pub(crate) const CHECK: [Step; 6] = [
    Step {
        name: "fmt",
        purpose: "rustfmt has nothing to change",
        run: fmt,
    },
    Step {
        name: "clippy",
        purpose: "clippy on all targets, with all features and with none, warnings denied",
        run: clippy,
    },
    Step {
        name: "doc",
        purpose: "rustdoc of the workspace, warnings denied",
        run: doc,
    },
    Step {
        name: "tidy",
        purpose: "the house rules that no other tool knows",
        run: tidy::run,
    },
    Step {
        name: "test",
        purpose: "cargo test --workspace; a missing io_uring feature is a failure",
        run: test,
    },
    Step {
        name: "deny",
        purpose: "licences, advisories, duplicates; skipped without cargo-deny",
        run: deny,
    },
];

/// What CI runs next, in this order.
pub(crate) const BEYOND_CHECK: [Step; 2] = [
    // Needs root to be worth anything.
    Step {
        name: "unprivileged",
        purpose: "the test executables once more, as a user without capabilities",
        run: unprivileged::run,
    },
    // Builds everything anew.
    Step {
        name: "asan",
        purpose: "the tests with AddressSanitizer; memory that the kernel owns is poisoned",
        run: asan::run,
    },
];

/// Runs `steps` one after the other and stops at the first that fails.
pub(crate) fn run(root: &Path, steps: &[Step]) -> Result<(), String> {
    for step in steps {
        eprintln!("--- {}", step.name);
        let start = Instant::now();
        let outcome = (step.run)(root);
        let verdict = if outcome.is_ok() { "passed" } else { "FAILED" };
        eprintln!(
            "--- {}: {verdict} after {:.1} s",
            step.name,
            start.elapsed().as_secs_f64()
        );
        outcome?;
    }
    Ok(())
}

/// The cargo that started this program, in the root of the workspace.
pub(crate) fn cargo(root: &Path, arguments: &[&str]) -> Command {
    let program = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(program);
    command.current_dir(root).args(arguments);
    command
}

/// Runs `command`, says so, and turns a failure into a sentence.
pub(crate) fn succeed(command: &mut Command) -> Result<(), String> {
    let words: Vec<_> = command
        .get_args()
        .map(|word| word.to_string_lossy())
        .collect();
    let name = Path::new(command.get_program())
        .file_name()
        .unwrap_or_default()
        .to_string_lossy();
    let line = format!("{name} {}", words.join(" "));
    eprintln!("$ {line}");
    let status = command
        .status()
        .map_err(|error| format!("`{line}` did not start: {error}"))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("`{line}` failed: {status}"))
    }
}

fn fmt(root: &Path) -> Result<(), String> {
    succeed(&mut cargo(root, &["fmt", "--all", "--check"]))
}

fn clippy(root: &Path) -> Result<(), String> {
    // The examples ask for the features of the library: built alone it has none.
    let selections = [
        &["--workspace", "--all-features"][..],
        &["--package", "tokio-uring-net"],
    ];
    for selection in selections {
        let mut command = cargo(root, &["clippy", "--all-targets"]);
        succeed(command.args(selection).args(["--", "-D", "warnings"]))?;
    }
    Ok(())
}

fn doc(root: &Path) -> Result<(), String> {
    let mut command = cargo(root, &["doc", "--workspace", "--no-deps", "--all-features"]);
    succeed(command.env("RUSTDOCFLAGS", "-D warnings"))
}

fn test(root: &Path) -> Result<(), String> {
    succeed(cargo(root, &["test", "--workspace"]).env("REQUIRE_URING", "1"))
}

fn deny(root: &Path) -> Result<(), String> {
    let installed = cargo(root, &["deny", "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if !installed.is_ok_and(|status| status.success()) {
        eprintln!("SKIP: cargo-deny is not installed");
        return Ok(());
    }
    succeed(&mut cargo(root, &["deny", "check"]))
}
