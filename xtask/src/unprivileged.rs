//! Runs the test executables as an ordinary user: root hides every limit that users meet.
//!
//! The user has no capability, CAP_IPC_LOCK least of all, and at most 8 MiB of locked memory: the
//! default that a ring of his has to fit into.

use std::env;
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::process::{self, Command, Stdio};

use crate::artifacts::{self, Artifact};
use crate::steps::{cargo, succeed};

/// `nobody` on Debian and most others.
const UID: u32 = 65534;
const MEMLOCK_BYTES_MAX: u64 = 8 << 20;

/// Builds the test executables where that was not done yet, and runs each of them.
pub(crate) fn run(root: &Path) -> Result<(), String> {
    let mut artifacts = build(root)?;
    let user = User::new()?;
    let scratch = Scratch::new(&user)?;
    if !user.can_reach(&artifacts) {
        eprintln!("uid {UID} cannot reach the build: running copies of it");
        artifacts = copy_all(&artifacts, &scratch.0)
            .map_err(|error| format!("copying the build to {}: {error}", scratch.0.display()))?;
    }
    let tests: Vec<&Artifact> = artifacts
        .iter()
        .filter(|artifact| artifact.is_test)
        .collect();
    let failed: Vec<String> = tests
        .iter()
        .filter_map(|test| run_one(&user, test, &scratch.0).err())
        .collect();
    if failed.is_empty() && !tests.is_empty() {
        eprintln!("{} test executables passed {user}", tests.len());
        return Ok(());
    }
    Err(format!(
        "{} of {} test executables failed {user}:\n  {}",
        failed.len(),
        tests.len(),
        failed.join("\n  ")
    ))
}

fn build(root: &Path) -> Result<Vec<Artifact>, String> {
    let output = cargo(
        root,
        &[
            "test",
            "--workspace",
            "--exclude=compat",
            "--no-run",
            "--message-format=json-render-diagnostics",
        ],
    )
    .stderr(Stdio::inherit())
    .output()
    .map_err(|error| format!("cargo did not start: {error}"))?;
    if !output.status.success() {
        return Err(format!("`cargo test --no-run` failed: {}", output.status));
    }
    Ok(artifacts::parse(&String::from_utf8_lossy(&output.stdout)))
}

fn run_one(user: &User, test: &Artifact, home: &Path) -> Result<(), String> {
    succeed(
        user.command(&test.executable)
            .current_dir(&test.package_dir)
            .env("CARGO_MANIFEST_DIR", &test.package_dir)
            .env("HOME", home)
            .env("TMPDIR", home)
            .env("REQUIRE_URING", "1"),
    )
}

/// Who runs the tests, and with how much locked memory.
struct User {
    is_root: bool,
    memlock_bytes: u64,
}

impl User {
    fn new() -> Result<User, String> {
        let us = fs::metadata("/proc/self").map_err(|error| format!("/proc/self: {error}"))?;
        let limits = fs::read_to_string("/proc/self/limits")
            .map_err(|error| format!("/proc/self/limits: {error}"))?;
        let is_root = us.uid() == 0;
        if !is_root {
            eprintln!(
                "not root: running as the user we are, uid {}, with the capabilities we have",
                us.uid()
            );
        }
        // Root inside a container may lower its limit, but not raise it.
        let memlock_bytes =
            memlock_hard_bytes(&limits).map_or(MEMLOCK_BYTES_MAX, |now| now.min(MEMLOCK_BYTES_MAX));
        Ok(User {
            is_root,
            memlock_bytes,
        })
    }

    /// `program`, to be started as this user.
    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new("prlimit");
        command.arg(format!("--memlock={0}:{0}", self.memlock_bytes));
        if self.is_root {
            command.args([
                "setpriv",
                "--clear-groups",
                "--inh-caps=-all",
                "--bounding-set=-all",
            ]);
            command.args([format!("--reuid={UID}"), format!("--regid={UID}")]);
        }
        command.arg(program);
        command
    }

    /// Whether this user may start every program and read every package, wherever they lie.
    fn can_reach(&self, artifacts: &[Artifact]) -> bool {
        let mut probe = self.command(Path::new("sh"));
        probe.args([
            "-c",
            r#"for file; do test -r "$file" && test -x "$file" || exit 1; done"#,
            "sh",
        ]);
        for artifact in artifacts {
            probe.args([&artifact.executable, &artifact.package_dir]);
        }
        probe
            .current_dir("/")
            .status()
            .is_ok_and(|status| status.success())
    }
}

impl std::fmt::Display for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let who = if self.is_root {
            "as uid 65534, no capabilities"
        } else {
            "as the user we are"
        };
        write!(f, "{who}, RLIMIT_MEMLOCK {} bytes", self.memlock_bytes)
    }
}

/// The hard limit in a `/proc/*/limits`; `None` where it is unlimited.
fn memlock_hard_bytes(limits: &str) -> Option<u64> {
    let (_, rest) = limits.split_once("Max locked memory")?;
    rest.split_whitespace().nth(1)?.parse().ok()
}

/// A folder that the user owns, gone when the run is over.
struct Scratch(PathBuf);

impl Scratch {
    fn new(user: &User) -> Result<Scratch, String> {
        let path = env::temp_dir().join(format!("xtask-unprivileged-{}", process::id()));
        let made = fs::create_dir(&path).and_then(|()| {
            if user.is_root {
                chown(&path, Some(UID), Some(UID))
            } else {
                Ok(())
            }
        });
        made.map_err(|error| format!("{}: {error}", path.display()))?;
        let scratch = Scratch(path);
        let writable = user
            .command(Path::new("test"))
            .arg("-w")
            .arg(&scratch.0)
            .status();
        if writable.is_ok_and(|status| status.success()) {
            return Ok(scratch);
        }
        Err(format!(
            "{} is no folder that uid {UID} can write to: set TMPDIR to one",
            scratch.0.display()
        ))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            eprintln!("{} stays behind: {error}", self.0.display());
        }
    }
}

/// Copies programs and packages below `scratch`. Programs keep their place relative to each other,
/// because a test finds an example by looking from its own executable.
fn copy_all(artifacts: &[Artifact], scratch: &Path) -> io::Result<Vec<Artifact>> {
    let mut copies = Vec::new();
    for artifact in artifacts {
        let executable = scratch
            .join("build")
            .join(below_profile(&artifact.executable));
        fs::create_dir_all(executable.parent().unwrap_or(scratch))?;
        if fs::hard_link(&artifact.executable, &executable).is_err() {
            fs::copy(&artifact.executable, &executable)?;
        }
        let package_dir = scratch
            .join("packages")
            .join(artifact.package_dir.file_name().unwrap_or_default());
        if !package_dir.exists() {
            copy_tree(&artifact.package_dir, &package_dir)?;
        }
        copies.push(Artifact {
            executable,
            package_dir,
            is_test: artifact.is_test,
        });
    }
    Ok(copies)
}

/// The part of a path that starts at cargo's profile folder, `debug/`.
fn below_profile(executable: &Path) -> PathBuf {
    let parts: Vec<_> = executable.components().collect();
    let start = parts
        .iter()
        .rposition(|part| part.as_os_str() == "debug")
        .unwrap_or(0);
    parts[start..]
        .iter()
        .skip_while(|part| matches!(part, std::path::Component::RootDir))
        .collect()
}

fn copy_tree(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if !entry.file_type()?.is_dir() {
            fs::copy(entry.path(), target)?;
        } else if entry.file_name() != "target" {
            copy_tree(&entry.path(), &target)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
