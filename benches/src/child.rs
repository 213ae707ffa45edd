//! A server process, as the harness sees it.

use std::fs;
use std::io::{self, BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::Failure;
use crate::cells::{Flavour, Service};
use crate::raw;
use crate::variant::Variant;

/// Which server to start, and where.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ServerSpec<'a> {
    pub(crate) service: Service,
    pub(crate) flavour: Flavour,
    pub(crate) variant: Variant,
    pub(crate) cpus: &'a [usize],
}

/// A running server; killed when dropped.
#[derive(Debug)]
pub(crate) struct Server {
    process: Child,
    address: String,
    driver: String,
}

impl Server {
    /// Starts this program again as a server and waits until it listens.
    pub(crate) fn start(spec: &ServerSpec<'_>) -> Result<Server, Failure> {
        let cpus: Vec<String> = spec.cpus.iter().map(usize::to_string).collect();
        let mut command = Command::new("/proc/self/exe");
        for variable in Variant::VARIABLES {
            command.env_remove(variable);
        }
        let process = command
            .args(["serve", "--stack", spec.variant.stack()])
            .args(["--kind", spec.service.kind.name()])
            .args(["--parts", &spec.service.parts.to_string()])
            .args(["--buffer-bytes", &spec.service.buffer_bytes.to_string()])
            .args(["--runtime", spec.flavour.name()])
            .args(["--cpus", &cpus.join(",")])
            .envs(spec.variant.environment().iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut server = Server {
            process,
            address: String::new(),
            driver: String::new(),
        };
        let out = server.process.stdout.take();
        let mut line = String::new();
        BufReader::new(out.ok_or("the server has no output")?).read_line(&mut line)?;
        let (address, driver) = line.trim_end().split_once(' ').ok_or_else(|| {
            format!(
                "the {} server did not start; its own message is above",
                spec.variant
            )
        })?;
        server.address = address.to_owned();
        server.driver = driver.to_owned();
        Ok(server)
    }

    /// Where it is reached: an IP address and a port, or an abstract name of a Unix socket.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// What serves its sockets, in its own words.
    pub(crate) fn driver(&self) -> &str {
        &self.driver
    }

    /// The CPU time that the process has used so far.
    pub(crate) fn cpu_time(&self) -> io::Result<Duration> {
        raw::process_cpu_time(self.process.id())
    }

    /// The process's resident set.
    pub(crate) fn resident_bytes(&self) -> io::Result<usize> {
        let statm = fs::read_to_string(format!("/proc/{}/statm", self.process.id()))?;
        resident_pages(&statm)
            .map(|pages| pages * rustix::param::page_size())
            .ok_or_else(|| io::Error::other(format!("unexpected statm: {statm}")))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // An error means that the process is gone already, which is what is wanted.
        let _gone = self.process.kill();
        let _reaped = self.process.wait();
    }
}

fn resident_pages(statm: &str) -> Option<usize> {
    statm.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resident_pages_are_the_second_field_of_statm() {
        assert_eq!(resident_pages("812 345 200 10 0 90 0\n"), Some(345));
        assert_eq!(resident_pages("812"), None);
    }
}
