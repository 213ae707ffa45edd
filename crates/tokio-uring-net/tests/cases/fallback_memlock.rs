//! RLIMIT_MEMLOCK, which root does not know of: an ordinary user's rings are counted against it.

use super::setup_refused::{VARIABLE, work};
use crate::stack::net::{Driver, driver};
use crate::support::child;
use crate::support::setup::{Flavour, Setup, alone, run_task};
use crate::support::skip;
use rustix::process::{Resource, Rlimit, getuid, setrlimit};
use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Output};

/// The user of those who own nothing.
const NOBODY: u32 = 65_534;
const CAP_IPC_LOCK: u64 = 1 << 14;
/// Far more rings than the limit allows.
const RUNTIMES: usize = 24;
const FEW_RINGS_BYTES: u64 = 256 << 10;

/// A copy of this binary that every user can run.
struct Copied(PathBuf);

impl Copied {
    fn new() -> io::Result<Copied> {
        let path = std::env::temp_dir().join(format!("tokio-uring-net-{}", std::process::id()));
        let copied = Copied(path);
        fs::copy(std::env::current_exe()?, &copied.0)?;
        Ok(copied)
    }
}

impl Drop for Copied {
    fn drop(&mut self) {
        fs::remove_file(&self.0).ok();
    }
}

/// Runs `command` as an ordinary user; `None` where this process cannot become one.
fn output_as_ordinary_user(command: &mut Command) -> io::Result<Option<Output>> {
    if !getuid().is_root() {
        return command.output().map(Some);
    }
    let copied = Copied::new()?;
    let mut copy = Command::new(&copied.0);
    copy.args(command.get_args()).env_remove(VARIABLE);
    for (name, value) in command.get_envs() {
        copy.env(name, value.unwrap_or_default());
    }
    copy.current_dir("/").uid(NOBODY).gid(NOBODY);
    match copy.output() {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            skip(&format!(
                "this process cannot become an ordinary user: {error}"
            ));
            Ok(None)
        }
        output => output.map(Some),
    }
}

fn in_process<T: Fn()>(this: &T, case: &str, test: impl FnOnce()) {
    let in_child = child::runs_case(|_| {
        if has_ipc_lock() {
            skip("the user may lock any memory (CAP_IPC_LOCK)");
        } else {
            test();
        }
    });
    if !in_child {
        let _alone = alone();
        let mut command = child::command(this, case);
        command.env(VARIABLE, "auto");
        let output = output_as_ordinary_user(&mut command).expect("this binary can be run");
        if let Some(output) = output {
            child::check(case, &output);
        }
    }
}

fn has_ipc_lock() -> bool {
    let status = fs::read_to_string("/proc/self/status").expect("/proc is mounted");
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let effective = effective.expect("a process has capabilities").trim();
    let effective = u64::from_str_radix(effective, 16).expect("they are hexadecimal");
    effective & CAP_IPC_LOCK != 0
}

fn limit_locked_memory(bytes: u64) {
    let limit = Rlimit {
        current: Some(bytes),
        maximum: Some(bytes),
    };
    setrlimit(Resource::Memlock, limit).expect("a limit can be lowered");
}

fn current_thread() -> Setup {
    Setup::all()
        .find(|setup| setup.flavour == Flavour::CurrentThread)
        .expect("every flavour is there")
}

#[test]
fn an_ordinary_user_without_locked_memory_is_served_by_epoll() {
    let this = &an_ordinary_user_without_locked_memory_is_served_by_epoll;
    in_process(this, "no locked memory", || {
        limit_locked_memory(0);
        run_task(&current_thread().bare_runtime(), async {
            work().await?;
            let status = driver();
            println!("{status}");
            if status.driver() == Driver::IoUring {
                skip("this kernel does not count rings as locked memory");
            } else {
                assert!(status.to_string().contains("RLIMIT_MEMLOCK"), "{status}");
            }
            Ok(())
        });
    });
}

/// The rings that fit the limit serve; the runtimes past it have epoll, and say why.
#[test]
fn runtimes_past_the_limit_are_served_by_epoll() {
    let this = &runtimes_past_the_limit_are_served_by_epoll;
    in_process(this, "few rings", || {
        limit_locked_memory(FEW_RINGS_BYTES);
        let mut runtimes = Vec::new();
        for _ in 0..RUNTIMES {
            let runtime = current_thread().bare_runtime();
            run_task(&runtime, work());
            let status = runtime.block_on(async { driver() });
            runtimes.push((runtime, status));
        }
        // All of them go on, whatever became of the later ones.
        for (runtime, status) in &runtimes {
            println!("{status}");
            run_task(runtime, work());
            if status.driver() == Driver::Epoll {
                assert!(status.to_string().contains("RLIMIT_MEMLOCK"), "{status}");
            }
        }
        let (last, _) = runtimes.pop().expect("there are some");
        if last.block_on(async { driver() }).driver() == Driver::IoUring {
            skip("this kernel does not count rings as locked memory");
        }
    });
}
