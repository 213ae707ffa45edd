//! One example as a child process: started, read, interrupted, and killed when the test is over.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};
use std::sync::{Arc, OnceLock, mpsc};
use std::time::Duration;
use std::{env, thread};

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// How long a server may live. No test comes near it: it turns a server that hangs, on which its test would wait
/// without end, into one that is killed, which the test reports.
const LIFE_MAX: Duration = Duration::from_secs(300);

/// How a server is to be run: what a user chooses from outside.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setup {
    pub(crate) driver: &'static str,
    pub(crate) runtime: &'static str,
}

/// Every driver on every runtime flavour; the forced ring only where there is one.
pub(crate) fn setups() -> Vec<Setup> {
    let mut setups = Vec::new();
    for runtime in ["current-thread", "multi-thread"] {
        for driver in ["auto", "epoll", "uring"] {
            if driver != "uring" || ring_is_available() {
                setups.push(Setup { driver, runtime });
            }
        }
    }
    setups
}

/// The drivers of the examples that have no `--runtime`.
pub(crate) const DRIVERS: [&str; 2] = ["auto", "epoll"];

/// Whether `auto` gives a `current_thread` runtime a ring on this machine. `REQUIRE_URING=1` makes a "no" a failure.
pub(crate) fn ring_is_available() -> bool {
    static ANSWER: OnceLock<bool> = OnceLock::new();
    *ANSWER.get_or_init(|| {
        let server = Server::start("echo", "auto", &["--listen", "127.0.0.1:0"]);
        let available = server.driver.starts_with("io_uring");
        if !available {
            let message = format!("no ring for a current_thread runtime: {}", server.driver);
            assert_ne!(env::var("REQUIRE_URING").as_deref(), Ok("1"), "{message}");
            println!("SKIP: {message}");
        }
        available
    })
}

/// The executable of an example: `target/<profile>/examples/<name>`, while a test's own is in `target/<profile>/deps`.
pub(crate) fn executable(example: &str) -> PathBuf {
    let own = env::current_exe().unwrap();
    let profile = own.parent().and_then(|deps| deps.parent()).unwrap();
    let path = profile.join("examples").join(example);
    assert!(
        path.is_file(),
        "{} is missing: run `cargo build --examples`, or `cargo test` without --test",
        path.display()
    );
    path
}

/// A running example; dropping it kills it.
pub(crate) struct Server {
    /// Where it listens, in the order in which it said so.
    pub(crate) addresses: Vec<SocketAddr>,
    /// What it said after `driver: `.
    pub(crate) driver: String,
    child: Child,
    stdout: BufReader<ChildStdout>,
    stderr: mpsc::Receiver<String>,
    /// A pidfd, because a process id can be another process by the time it is used.
    pidfd: Arc<OwnedFd>,
    /// Dropping it ends the thread that watches over [`LIFE_MAX`].
    _alive: mpsc::Sender<()>,
}

/// How an example ended, with what it had still to say.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stderr: String,
}

impl Server {
    /// Starts an example that listens on one address.
    pub(crate) fn start(example: &str, driver: &str, args: &[&str]) -> Server {
        let mut command = Command::new(executable(example));
        command.env("TOKIO_URING_NET", driver).args(args);
        Server::spawn(command)
    }

    /// Starts the `http` example.
    pub(crate) fn start_http(setup: Setup) -> Server {
        let Setup { driver, runtime } = setup;
        Server::start(
            "http",
            driver,
            &["--listen", "127.0.0.1:0", "--runtime", runtime],
        )
    }

    /// Starts whatever `command` starts, and reads what it prints up to its `driver:` line.
    pub(crate) fn spawn(mut command: Command) -> Server {
        let pipes = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = pipes.spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let stderr = collect(child.stderr.take().unwrap());
        let pidfd = Arc::new(pidfd_open(Pid::from_child(&child), PidfdFlags::empty()).unwrap());
        let alive = limit_life(Arc::clone(&pidfd));
        let mut server = Server {
            addresses: Vec::new(),
            driver: String::new(),
            child,
            stdout,
            stderr,
            pidfd,
            _alive: alive,
        };
        while server.driver.is_empty() {
            let line = server.line();
            match (
                line.strip_prefix("listening on "),
                line.strip_prefix("driver: "),
            ) {
                (Some(address), _) => server.addresses.push(parse_address(address)),
                (None, Some(driver)) => server.driver = driver.to_owned(),
                (None, None) => panic!("unexpected line: {line:?}"),
            }
        }
        server
    }

    /// The one address of a server that has one.
    pub(crate) fn address(&self) -> SocketAddr {
        assert_eq!(self.addresses.len(), 1);
        self.addresses[0]
    }

    /// The next line that the server prints to stdout.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        if self.stdout.read_line(&mut line).unwrap() == 0 {
            panic!(
                "the server ended early: {}",
                self.stderr.iter().collect::<String>()
            );
        }
        line.truncate(line.trim_end().len());
        line
    }

    /// Waits until the server has printed a line with `text` to stderr.
    pub(crate) fn wait_for_stderr(&self, text: &str) -> String {
        let found = self.stderr.iter().find(|line| line.contains(text));
        found.unwrap_or_else(|| panic!("the server ended without saying {text:?}"))
    }

    /// Presses ctrl-c.
    pub(crate) fn interrupt(&self) {
        pidfd_send_signal(&*self.pidfd, Signal::INT).unwrap();
    }

    pub(crate) fn terminate(&self) {
        pidfd_send_signal(&*self.pidfd, Signal::TERM).unwrap();
    }

    /// Waits for the end of the process.
    pub(crate) fn ended(mut self) -> Ended {
        let code = self.child.wait().unwrap().code();
        Ended {
            code,
            stderr: self.stderr.iter().collect(),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail for a process that has been waited for, which is as dead as it should be.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn parse_address(text: &str) -> SocketAddr {
    let text = text.strip_prefix("http://").unwrap_or(text);
    let address = text.split(' ').next().unwrap();
    address.parse().unwrap()
}

/// Reads stderr as it comes, so that the server never waits for a reader.
fn collect(stderr: ChildStderr) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut stderr = BufReader::new(stderr);
        let mut line = Vec::new();
        while stderr
            .by_ref()
            .read_until(b'\n', &mut line)
            .is_ok_and(|count| count > 0)
        {
            let text = String::from_utf8_lossy(&line).into_owned();
            line.clear();
            if sender.send(text).is_err() {
                return;
            }
        }
    });
    receiver
}

/// Kills the process if the returned sender still exists after [`LIFE_MAX`].
fn limit_life(pidfd: Arc<OwnedFd>) -> mpsc::Sender<()> {
    let (alive, ended) = mpsc::channel();
    thread::spawn(move || {
        if ended.recv_timeout(LIFE_MAX) == Err(mpsc::RecvTimeoutError::Timeout) {
            eprintln!("a server was killed because it did not end within {LIFE_MAX:?}");
            // The process may have ended this very moment.
            let _ = pidfd_send_signal(&*pidfd, Signal::KILL);
        }
    });
    alive
}
