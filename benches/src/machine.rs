//! Where and when the samples were taken, and on which CPU a thread runs.

use std::fs;
use std::hint::black_box;
use std::io;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rustix::process::{Resource, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// What a reader needs in order to judge the numbers.
#[derive(Clone, Debug)]
pub(crate) struct Machine {
    pub(crate) cpu_model: String,
    /// CPUs that this process may use.
    pub(crate) cpu_count: usize,
    pub(crate) kernel: String,
    /// Day of the run, UTC, as YYYY-MM-DD.
    pub(crate) date: String,
    /// The checked-out commit, and whether the tree differs from it.
    pub(crate) commit: String,
    /// Cost of getppid(2), the cheapest system call.
    pub(crate) syscall_ns: f64,
}

impl Machine {
    /// Looks at the machine; call it before the calling thread is pinned.
    pub(crate) fn inspect() -> Machine {
        let system = rustix::system::uname();
        let since_epoch = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Machine {
            cpu_model: cpu_model(&fs::read_to_string("/proc/cpuinfo").unwrap_or_default()),
            cpu_count: allowed_cpus().map_or(0, |cpus| cpus.len()),
            kernel: format!(
                "{} {} {}",
                system.sysname().to_string_lossy(),
                system.release().to_string_lossy(),
                system.machine().to_string_lossy()
            ),
            date: date(since_epoch.as_secs() / (24 * 60 * 60)),
            commit: commit(),
            syscall_ns: syscall_cost().as_secs_f64() * 1e9,
        }
    }
}

/// The CPUs that the calling thread may run on, in ascending order.
pub(crate) fn allowed_cpus() -> io::Result<Vec<usize>> {
    let set = sched_getaffinity(None)?;
    Ok((0..CpuSet::MAX_CPU)
        .filter(|cpu| set.is_set(*cpu))
        .collect())
}

/// Binds the calling thread, and the threads and processes it starts from now on, to `cpus`.
pub(crate) fn pin(cpus: &[usize]) -> io::Result<()> {
    let mut set = CpuSet::new();
    for &cpu in cpus.iter().filter(|cpu| **cpu < CpuSet::MAX_CPU) {
        set.set(cpu);
    }
    sched_setaffinity(None, &set).map_err(|error| {
        let error = io::Error::from(error);
        io::Error::new(
            error.kind(),
            format!("cannot pin to CPUs {cpus:?}: {error}"),
        )
    })
}

/// The time that these CPUs have been idle since boot, added up; the kernel counts it in ticks,
/// commonly 100 to the second.
pub(crate) fn idle_time(cpus: &[usize]) -> io::Result<Duration> {
    let ticks = idle_ticks(&fs::read_to_string("/proc/stat")?, cpus);
    let ticks_per_second = rustix::param::clock_ticks_per_second();
    Ok(Duration::from_millis(ticks * 1000 / ticks_per_second))
}

/// Raises the soft limit of open files to the hard one; returns the limit.
pub(crate) fn raise_open_files_limit() -> io::Result<u64> {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit)?;
    Ok(limit.maximum.unwrap_or(u64::MAX))
}

/// Sums the fields `idle` and `iowait` of the lines of `cpus`.
fn idle_ticks(stat: &str, cpus: &[usize]) -> u64 {
    let mut ticks = 0;
    for line in stat.lines() {
        let mut fields = line.split_whitespace();
        let cpu = fields.next().and_then(|name| name.strip_prefix("cpu"));
        if cpu
            .and_then(|number| number.parse().ok())
            .is_some_and(|cpu| cpus.contains(&cpu))
        {
            ticks += fields
                .skip(3)
                .take(2)
                .filter_map(|field| field.parse::<u64>().ok())
                .sum::<u64>();
        }
    }
    ticks
}

fn cpu_model(cpuinfo: &str) -> String {
    cpuinfo
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| key.trim() == "model name")
        .map_or_else(
            || "unknown CPU".to_owned(),
            |(_, model)| model.trim().to_owned(),
        )
}

/// The Gregorian date of a day counted from 1970-01-01, by whole 400-year cycles of 146,097 days.
fn date(days_since_epoch: u64) -> String {
    let leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    let mut year = 1970 + days_since_epoch / 146_097 * 400;
    let mut day = days_since_epoch % 146_097;
    while day >= 365 + u64::from(leap(year)) {
        day -= 365 + u64::from(leap(year));
        year += 1;
    }
    let february = 28 + u64::from(leap(year));
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if day < length {
            break;
        }
        day -= length;
        month += 1;
    }
    format!("{year:04}-{month:02}-{:02}", day + 1)
}

fn commit() -> String {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).output().ok()?;
        output
            .status
            .success()
            .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let Some(commit) = git(&["rev-parse", "--short=12", "HEAD"]) else {
        return "unknown".to_owned();
    };
    match git(&["status", "--porcelain", "--untracked-files=no"]) {
        Some(changes) if changes.is_empty() => commit,
        Some(_) | None => format!("{commit} with local changes"),
    }
}

/// The least of several rounds: whatever interrupts a round only adds to it.
fn syscall_cost() -> Duration {
    const CALLS: u32 = 100_000;
    (0..7)
        .map(|_| {
            let begin = Instant::now();
            for _ in 0..CALLS {
                black_box(rustix::process::getppid());
            }
            begin.elapsed() / CALLS
        })
        .min()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_around_leap_days() {
        assert_eq!(date(0), "1970-01-01");
        assert_eq!(date(11_016), "2000-02-29");
        assert_eq!(date(11_017), "2000-03-01");
        assert_eq!(date(19_722), "2023-12-31");
        assert_eq!(date(19_723), "2024-01-01");
        assert_eq!(date(47_540), "2100-02-28");
        assert_eq!(date(47_541), "2100-03-01");
        assert_eq!(date(146_097), "2370-01-01");
    }

    #[test]
    fn the_model_is_read_from_cpuinfo() {
        let cpuinfo = "processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\nflags\t: a b\n";
        assert_eq!(cpu_model(cpuinfo), "Some CPU @ 2 GHz");
        assert_eq!(cpu_model("Processor : 0\n"), "unknown CPU");
    }

    #[test]
    fn idle_time_is_that_of_the_named_cpus_alone() {
        let stat = "cpu  9 9 9 9 9 9 9\ncpu0 1 2 3 40 5 6 7\n\
                    cpu1 1 2 3 100 20 6 7\ncpu10 1 1 1 7 8 1\nintr 5 5 5 5 5\n";
        assert_eq!(idle_ticks(stat, &[0]), 45);
        assert_eq!(idle_ticks(stat, &[0, 1]), 165);
        assert_eq!(idle_ticks(stat, &[10]), 15);
        assert_eq!(idle_ticks(stat, &[2]), 0);
    }

    #[test]
    fn a_cpu_that_does_not_exist_cannot_be_pinned_to() {
        let error = pin(&[CpuSet::MAX_CPU + 1]).unwrap_err();
        assert!(error.to_string().contains("cannot pin"), "{error}");
    }
}
