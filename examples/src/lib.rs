//! Programs that use `tokio-uring-net`, one idea each: see the files beside the manifest.
//!
//! This library holds what every example needs around its idea: failures that say what to do and turn into an exit
//! code, the value of an address option, what an accept loop does after an error, and how an HTTP service ends.

use std::error::Error;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_uring_net::hyper::Stopped;
use tokio_uring_net::per_core::PerCoreError;

/// How long an accept loop rests when the process or the machine has run out of something.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How long requests in flight may take once a service has been told to stop.
pub const DRAIN_LIMIT: Duration = Duration::from_secs(10);

/// Why an example ends early, in words for the person who started it.
#[derive(Debug)]
pub enum Failure {
    /// The command line makes no sense: exit code 2.
    Usage(String),
    /// The program could not do its work: exit code 1.
    Run(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Usage(message) => write!(f, "{message}\nTry --help."),
            Failure::Run(message) => f.write_str(message),
        }
    }
}

impl From<lexopt::Error> for Failure {
    fn from(error: lexopt::Error) -> Self {
        Failure::Usage(error.to_string())
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Failure::Run(error.to_string())
    }
}

impl From<PerCoreError> for Failure {
    fn from(error: PerCoreError) -> Self {
        Failure::Run(error.to_string())
    }
}

/// Prints a failure to stderr and gives the exit code that `main` returns: 0, 1 or, for a usage error, 2.
#[must_use]
pub fn report(result: Result<(), Failure>) -> ExitCode {
    let Err(failure) = result else {
        return ExitCode::SUCCESS;
    };
    eprintln!("error: {failure}");
    match failure {
        Failure::Usage(_) => ExitCode::from(2),
        Failure::Run(_) => ExitCode::FAILURE,
    }
}

/// Takes the value of `option` from the command line: an IP address and a port.
///
/// # Errors
/// `Usage` if the value is absent or is no such address.
pub fn address(parser: &mut lexopt::Parser, option: &str) -> Result<SocketAddr, Failure> {
    let value = parser.value()?;
    let address = value.to_str().and_then(|text| text.parse().ok());
    address.ok_or_else(|| {
        Failure::Usage(format!(
            "{option} wants an IP address and a port, such as 127.0.0.1:8080 or [::1]:8080, not {value:?}"
        ))
    })
}

/// Says why `address`, given with `option`, cannot be listened on, and what to do about it.
#[must_use]
pub fn listen_failed(option: &str, address: SocketAddr, error: &io::Error) -> Failure {
    let advice = match error.kind() {
        io::ErrorKind::AddrInUse => {
            format!(
                "another program listens there: stop it, or pick another port with {option} (port 0: any free one)"
            )
        }
        io::ErrorKind::PermissionDenied => {
            format!(
                "ports below 1024 are usually reserved for root: pick a higher one with {option}"
            )
        }
        io::ErrorKind::AddrNotAvailable => {
            format!(
                "no interface of this machine has that address: pick another one with {option}, such as 127.0.0.1"
            )
        }
        // The driver's errors carry their own.
        _ => return Failure::Run(format!("cannot listen on {address}: {error}")),
    };
    Failure::Run(format!("cannot listen on {address}: {error}\n{advice}"))
}

/// Says that `what` has failed, and why: `error` with the errors behind it.
#[must_use]
pub fn failed(what: &dyn fmt::Display, error: &dyn Error) -> Failure {
    let mut message = format!("{what}: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        message += &format!(": {error}");
        cause = error.source();
    }
    Failure::Run(message)
}

/// Reports an error of `accept` and returns when the accept loop may go on.
///
/// A connection that its peer gave up while it waited to be accepted concerns nobody else: the next accept follows at
/// once. Anything else, out of file descriptors first of all, lasts a while and leaves the connection in the kernel's
/// queue, so that the next accept would fail again at once: this waits instead of spinning.
pub async fn accept_failed(error: &io::Error) {
    eprintln!("accept: {error}");
    match error.kind() {
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset => {}
        _ => tokio::time::sleep(ACCEPT_PAUSE).await,
    }
}

/// What it means that an HTTP service has stopped.
///
/// # Errors
/// `Run` if connections were cut because their requests took too long.
pub fn drained(stopped: Stopped) -> Result<(), Failure> {
    match stopped.connections_cut {
        0 => Ok(()),
        count => Err(Failure::Run(format!(
            "{count} open connections were cut after {} seconds",
            DRAIN_LIMIT.as_secs()
        ))),
    }
}

/// The signals that ask a service to stop: SIGINT, which is ctrl-c, and SIGTERM.
#[derive(Debug)]
pub struct StopSignals {
    interrupt: Signal,
    terminate: Signal,
}

impl StopSignals {
    /// Those that come from now on.
    ///
    /// # Errors
    /// If the signals cannot be had: see `tokio::signal::unix::signal`.
    pub fn new() -> io::Result<StopSignals> {
        Ok(StopSignals {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Waits for the next one.
    pub async fn recv(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Waits for a ctrl-c, or SIGTERM, that comes after this call: the second, for a service that is about to
/// stop. Answers what it means.
pub fn second_ctrl_c() -> impl Future<Output = Failure> {
    // Subscriptions of its own: those that were made before the first may still have that to tell.
    let signals = StopSignals::new();
    async {
        match signals {
            Ok(mut signals) => signals.recv().await,
            Err(error) => return error.into(),
        }
        Failure::Run("second ctrl-c: open connections were cut".into())
    }
}
