//! How much memory this process, and the kernel on its behalf, holds.

use std::fs::read_to_string;
use std::path::PathBuf;

/// A figure in bytes that can be read again and again.
#[derive(Debug)]
pub(crate) struct Gauge {
    pub(crate) name: &'static str,
    path: PathBuf,
    /// The line that holds the figure, and its unit; a file of one figure has none.
    line: Option<(&'static str, u64)>,
}

impl Gauge {
    /// What the process itself has in memory.
    pub(crate) fn resident() -> Gauge {
        Gauge {
            name: "resident memory",
            path: "/proc/self/status".into(),
            line: Some(("VmRSS:", 1 << 10)),
        }
    }

    /// What the kernel holds for the memory cgroup of the process, if it says so: either version of
    /// the interface.
    pub(crate) fn kernel() -> Option<Gauge> {
        let groups = read_to_string("/proc/self/cgroup").ok()?;
        let gauges = groups.lines().filter_map(|line| {
            let mut fields = line.splitn(3, ':').skip(1);
            let (controllers, path) = (fields.next()?, fields.next()?.trim_start_matches('/'));
            let (file, line) = match controllers {
                "" => (
                    format!("/sys/fs/cgroup/{path}/memory.stat"),
                    Some(("kernel", 1)),
                ),
                _ if controllers.split(',').any(|name| name == "memory") => {
                    let root = "/sys/fs/cgroup/memory";
                    (format!("{root}/{path}/memory.kmem.usage_in_bytes"), None)
                }
                _ => return None,
            };
            let path = PathBuf::from(file);
            let name = "kernel memory of the cgroup";
            Some(Gauge { name, path, line })
        });
        gauges.into_iter().find(|gauge| gauge.read().is_some())
    }

    pub(crate) fn read(&self) -> Option<u64> {
        let text = read_to_string(&self.path).ok()?;
        let (prefix, unit) = self.line.unwrap_or(("", 1));
        let line = text.lines().find_map(|line| line.strip_prefix(prefix))?;
        let figure: u64 = line.split_whitespace().next()?.parse().ok()?;
        Some(figure * unit)
    }
}
