//! The descriptors of this process: every socket test leaves as many as it found.

use super::HANG;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::time::Instant;

/// The open descriptors at one moment, and what each refers to.
#[derive(Debug)]
pub(crate) struct Fds(BTreeMap<String, String>);

impl Fds {
    pub(crate) fn now() -> Fds {
        let directory = std::fs::read_dir("/proc/self/fd").expect("/proc is mounted");
        let names = directory.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        // The descriptor of the directory itself is closed by now: its link cannot be read.
        let names: Vec<String> = names.collect();
        let read = |name: String| {
            let link = std::fs::read_link(format!("/proc/self/fd/{name}")).ok()?;
            Some((name, link.to_string_lossy().into_owned()))
        };
        Fds(names.into_iter().filter_map(read).collect())
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// Waits, inside a runtime, until no more descriptors are open than in `self`.
    pub(crate) async fn returned(&self) {
        let start = Instant::now();
        while self.leaked(start) {
            tokio::task::yield_now().await;
        }
    }

    /// Waits, outside any runtime, until no more descriptors are open than in `self`.
    pub(crate) fn wait_returned(&self) {
        let start = Instant::now();
        while self.leaked(start) {
            std::thread::yield_now();
        }
    }

    fn leaked(&self, since: Instant) -> bool {
        let now = Fds::now();
        let leaked = now.count() > self.count();
        assert!(
            !leaked || since.elapsed() < HANG / 2,
            "descriptors are left open: {:?}",
            now.new_since(self)
        );
        leaked
    }

    fn new_since<'a>(&'a self, before: &Fds) -> Vec<(&'a String, &'a String)> {
        let known = |entry: &(&String, &String)| before.0.get(entry.0) != Some(entry.1);
        self.0.iter().filter(known).collect()
    }
}

/// Lets the process open a few descriptors more than it has. A ring goes by the limit at the time
/// when it is asked, so this comes first.
pub(crate) fn limit_descriptors() -> io::Result<()> {
    let limit = getrlimit(Resource::Nofile);
    let near = Fds::now().count() as u64 + 32;
    setrlimit(
        Resource::Nofile,
        Rlimit {
            current: Some(near),
            ..limit
        },
    )?;
    Ok(())
}

/// Opens as many descriptors as the process may.
pub(crate) fn use_up_descriptors() -> io::Result<Vec<File>> {
    let mut hogs = Vec::new();
    loop {
        match File::open("/dev/null") {
            Ok(hog) => hogs.push(hog),
            Err(error) if error.raw_os_error() == Some(libc::EMFILE) => return Ok(hogs),
            Err(error) => return Err(error),
        }
    }
}

#[track_caller]
pub(crate) fn check_emfile<T>(result: io::Result<T>) {
    match result {
        Ok(_) => panic!("a connection was accepted without a descriptor"),
        Err(error) => assert_eq!(error.raw_os_error(), Some(libc::EMFILE), "{error}"),
    }
}
