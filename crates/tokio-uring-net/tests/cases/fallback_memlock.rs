//! RLIMIT_MEMLOCK, which root does not know of: an ordinary user's rings are counted against it.

use super::setup_refused::work;
use crate::stack::net::per_core::PerCore;
use crate::stack::net::{Driver, driver};
use crate::support::child;
use crate::support::refuse::DRIVER_VARIABLE;
use crate::support::setup::{Flavour, Setup, alone, run_task};
use crate::support::{HANG, skip};
use rustix::process::{Resource, Rlimit, getuid, setrlimit};
use rustix::thread::{CpuSet, sched_getaffinity};
use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::thread;
use std::time::Instant;

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
    copy.args(command.get_args()).env_remove(DRIVER_VARIABLE);
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
        command.env(DRIVER_VARIABLE, "auto");
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

/// Whether a runtime gets a ring, once the kernel has taken back what other processes of the user had
/// locked: that goes on for a while after they have ended.
fn a_ring_fits() -> bool {
    let start = Instant::now();
    loop {
        let status = current_thread().bare_runtime().block_on(async { driver() });
        if status.driver() == Driver::IoUring {
            return true;
        }
        if !status.to_string().contains("RLIMIT_MEMLOCK") || start.elapsed() > HANG / 2 {
            return false;
        }
        thread::yield_now();
    }
}

/// All cores have rings, or none has: with a few, they would differ in speed and nobody would know.
#[test]
fn where_not_every_core_can_have_a_ring_none_has() {
    let this = &where_not_every_core_can_have_a_ring_none_has;
    in_process(this, "fewer rings than cores", || {
        limit_locked_memory(FEW_RINGS_BYTES);
        if !a_ring_fits() {
            return skip("not even one ring fits the limit");
        }
        let usable = sched_getaffinity(None).expect("a thread may ask");
        let cpu = (0..CpuSet::MAX_CPU).find(|cpu| usable.is_set(*cpu));
        let cpu = cpu.expect("this thread runs somewhere");
        let cores = PerCore::new().cpus([cpu; RUNTIMES]);
        let statuses = cores.run(async |_| {
            let worked = work().await;
            worked.map(|()| driver())
        });
        let statuses = statuses.expect("every core can be set up");
        assert_eq!(statuses.len(), RUNTIMES);
        let statuses = statuses
            .into_iter()
            .map(|status| status.expect("no step fails"));
        let statuses: Vec<_> = statuses.collect();
        if statuses
            .iter()
            .all(|status| status.driver() == Driver::IoUring)
        {
            return skip("this kernel does not count rings as locked memory");
        }
        for status in statuses {
            assert_eq!(status.driver(), Driver::Epoll, "{status}");
            assert!(status.to_string().contains("RLIMIT_MEMLOCK"), "{status}");
        }
    });
}
