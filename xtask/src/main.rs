//! The project's checks: `cargo xtask check` is what CI runs.
//!
//! Each step can be run alone; `cargo xtask` without arguments lists them. CONTRIBUTING.md says
//! what every step is for and how to mend what `tidy` reports.

mod artifacts;
mod asan;
mod steps;
mod tidy;
mod unprivileged;

use std::env;
use std::path::PathBuf;
use std::process::ExitCode;

use crate::steps::{BEYOND_CHECK, CHECK, Step};

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let steps = match arguments.as_slice() {
        [name] => select(name),
        _ => None,
    };
    let Some(steps) = steps else {
        eprintln!("{}", usage());
        return ExitCode::from(2);
    };
    match repository().and_then(|root| steps::run(&root, &steps)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("xtask: {problem}");
            ExitCode::FAILURE
        }
    }
}

/// The steps that a command name stands for.
fn select(name: &str) -> Option<Vec<Step>> {
    if name == "check" {
        return Some(CHECK.to_vec());
    }
    let one = CHECK
        .into_iter()
        .chain(BEYOND_CHECK)
        .find(|step| step.name == name)?;
    Some(vec![one])
}

fn usage() -> String {
    let mut text = String::from(
        "usage: cargo xtask <step>\n\n  check         all steps down to `deny`, in this order\n",
    );
    for step in CHECK.into_iter().chain(BEYOND_CHECK) {
        text.push_str(&format!("  {:13} {}\n", step.name, step.purpose));
    }
    text
}

/// The root of the workspace: the folder above this package's.
fn repository() -> Result<PathBuf, String> {
    let package = env::var_os("CARGO_MANIFEST_DIR")
        .ok_or("CARGO_MANIFEST_DIR is not set: run this as `cargo xtask`")?;
    let package = PathBuf::from(package);
    package
        .parent()
        .map(PathBuf::from)
        .ok_or_else(|| format!("{} has no parent folder", package.display()))
}
