//! Which driver serves the current runtime: the one place that chooses.

use std::cell::RefCell;
use std::collections::HashMap;
use std::env;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use ring_core::setup::{Issuer, RingBuilder, SetupError};
use rustix::event::EventfdFlags;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::runtime::{Handle, Id, RuntimeFlavor};

use crate::async_fd;
use crate::config::{Builder, DriverChoice};
use crate::driver::Driver;
use crate::limits::{BUSY_POLL_US_MAX, POOL_BUFFERS_MAX};
use crate::metrics::Metrics;
use crate::mode::Mode;
use crate::reactor::{Reactor, Setting};
use crate::shard::Shard;
use crate::status::{self, Reason, Status};

/// The environment variable that chooses the driver of runtimes that no [`Builder`] has set up.
pub const DRIVER_VARIABLE: &str = "TOKIO_URING_NET";

/// The environment variable that chooses the mode of streams for which no [`Builder`] has.
pub const MODE_VARIABLE: &str = "TOKIO_URING_NET_MODE";

/// The environment variable that turns busy polling on where no [`Builder`] sets it: a whole number
/// of microseconds, see [`Builder::busy_poll`].
pub const BUSY_POLL_VARIABLE: &str = "TOKIO_URING_NET_BUSY_POLL_US";

/// The reactors of this process. A reactor lives as long as its driver task or a socket of its.
static REACTORS: LazyLock<Mutex<HashMap<Id, Weak<Reactor>>>> = LazyLock::new(Mutex::default);

/// Moves with every change of [`REACTORS`], so that what threads remember of it can go stale.
static REACTORS_VERSION: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// What this thread found last: most threads see one runtime only.
    static LAST: RefCell<Option<Remembered>> = const { RefCell::new(None) };
}

#[derive(Clone)]
struct Remembered {
    runtime: Id,
    version: u64,
    /// `None`: the runtime has no reactor, and by policy needs none.
    reactor: Option<Weak<Reactor>>,
}

/// What a runtime without a reactor is to get.
struct Policy {
    driver: DriverPolicy,
    mode: Mode,
}

enum DriverPolicy {
    Epoll(Reason),
    Ring(Wanted),
}

/// A ring, and how.
struct Wanted {
    reason: Reason,
    is_required: bool,
    busy_poll: Duration,
}

/// The reactor of the current runtime, made at the first call; `None` where tokio's epoll serves
/// sockets in Exact mode, and there is nothing to remember.
#[track_caller]
pub(crate) fn current() -> io::Result<Option<Arc<Reactor>>> {
    find(Handle::current(), Need::Policy)
}

/// The same, with the runtime's id.
#[track_caller]
pub(crate) fn current_runtime() -> io::Result<(Id, Option<Arc<Reactor>>)> {
    let handle = Handle::current();
    let runtime = handle.id();
    Ok((runtime, find(handle, Need::Policy)?))
}

/// The reactor of `runtime`, also where by policy it needs none: Completion sockets need the turns of
/// its driver.
///
/// # Errors
/// If it has none yet, and is not the current one.
#[track_caller]
pub(crate) fn required_in(runtime: Id) -> io::Result<Arc<Reactor>> {
    let known = REACTORS.lock().get(&runtime).and_then(Weak::upgrade);
    if let Some(reactor) = known {
        return Ok(reactor);
    }
    match Handle::try_current() {
        Ok(handle) if handle.id() == runtime => find(handle, Need::Always)
            .map(|reactor| reactor.expect("a reactor is made where there is none")),
        _ => Err(io::Error::other(
            "a stream on tokio's epoll enters Completion mode in its own runtime: call this there, or give the runtime the mode by Builder::mode",
        )),
    }
}

/// When a runtime without a reactor gets one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Need {
    /// If its policy says so.
    Policy,
    Always,
}

#[track_caller]
fn find(handle: Handle, need: Need) -> io::Result<Option<Arc<Reactor>>> {
    let runtime = handle.id();
    // Acquire: pairs with the Release in `keep`.
    let version = REACTORS_VERSION.load(Ordering::Acquire);
    let last = LAST
        .with_borrow(Clone::clone)
        .filter(|last| last.runtime == runtime && last.version == version);
    match last.map(|last| last.reactor) {
        Some(None) if need == Need::Policy => return Ok(None),
        Some(Some(reactor)) => {
            if let Some(reactor) = reactor.upgrade() {
                return Ok(Some(reactor));
            }
        }
        Some(None) | None => {}
    }
    let made = look_up(handle, need)?;
    let reactor = made.announce();
    let version = REACTORS_VERSION.load(Ordering::Acquire);
    LAST.set(Some(Remembered {
        runtime,
        version,
        reactor: reactor.as_ref().map(Arc::downgrade),
    }));
    Ok(reactor)
}

#[track_caller]
fn look_up(handle: Handle, need: Need) -> io::Result<Made> {
    let mut reactors = REACTORS.lock();
    if let Some(reactor) = reactors.get(&handle.id()).and_then(Weak::upgrade) {
        return Ok(Made::Known(reactor));
    }
    let builder = Builder::new();
    let policy = policy(&builder, &handle)?;
    let setting = setting(&builder, &policy, handle);
    match policy.driver {
        DriverPolicy::Epoll(reason) if need == Need::Policy && policy.mode == Mode::Exact => {
            Ok(Made::NotNeeded(reason))
        }
        DriverPolicy::Epoll(reason) => {
            let reactor = Reactor::without_ring(setting, reason);
            Ok(Made::New(keep(&mut reactors, reactor, None)))
        }
        DriverPolicy::Ring(wanted) => make(&mut reactors, &builder, setting, wanted).map(Made::New),
    }
}

fn setting(builder: &Builder, policy: &Policy, handle: Handle) -> Setting {
    Setting {
        handle,
        default_mode: policy.mode,
        recv_buffers: builder.recv_buffers.unwrap_or(POOL_BUFFERS_MAX),
    }
}

/// What a look at the table brought.
enum Made {
    Known(Arc<Reactor>),
    New(Arc<Reactor>),
    NotNeeded(Reason),
}

impl Made {
    /// Tells an operator which driver serves: once for each runtime for which a ring was made or refused,
    /// once for each process where none is wanted. No lock may be held: a subscriber may ask for the
    /// driver.
    fn announce(self) -> Option<Arc<Reactor>> {
        static TOLD: AtomicBool = AtomicBool::new(false);
        let (status, reactor) = match self {
            Made::Known(reactor) => return Some(reactor),
            Made::New(reactor) => (reactor.status(), Some(reactor)),
            Made::NotNeeded(reason) => (Status::new(status::Driver::Epoll, reason), None),
        };
        let is_chosen = status.driver() == status::Driver::Epoll
            && !matches!(status.reason(), Reason::Failed(_));
        // Not `Once`: a subscriber may come here again.
        if !is_chosen || !TOLD.swap(true, Ordering::Relaxed) {
            announce(&status, &Builder::new());
        }
        reactor
    }
}

fn announce(status: &Status, builder: &Builder) {
    match status.reason() {
        Reason::Failed(_) => {
            tracing::warn!(%status, "io_uring cannot be set up for this runtime's sockets")
        }
        _ => tracing::info!(%status, "driver chosen for this runtime's sockets"),
    }
    let busy_poll = busy_poll(builder).unwrap_or_default();
    let flavor = Handle::current().runtime_flavor();
    match (status.driver(), flavor) {
        _ if busy_poll.is_zero() => {}
        (status::Driver::IoUring, RuntimeFlavor::CurrentThread) => {
            tracing::info!(?busy_poll, "the ring is watched before this runtime sleeps");
        }
        _ => tracing::info!(
            ?busy_poll,
            "busy polling has no effect: it is for io_uring on a current_thread runtime"
        ),
    }
}

/// Which driver serves the sockets of the current runtime, and why. Makes the reactor if the
/// runtime has none yet.
///
/// # Panics
/// Outside a tokio runtime; where a ring is to be made, also in one without `enable_io`.
#[track_caller]
#[must_use]
pub fn status() -> Status {
    match current() {
        Ok(Some(reactor)) => reactor.status(),
        Ok(None) => match policy(&Builder::new(), &Handle::current()).map(|policy| policy.driver) {
            Ok(DriverPolicy::Epoll(reason)) => Status::new(status::Driver::Epoll, reason),
            Ok(DriverPolicy::Ring(wanted)) => Status::new(status::Driver::IoUring, wanted.reason),
            Err(error) => Status::refused(&error),
        },
        Err(error) => Status::refused(&error),
    }
}

/// The counters of the current runtime's reactor; all 0 where there was never a ring. Makes the
/// reactor if the runtime has none yet.
///
/// # Panics
/// Outside a tokio runtime; where a ring is to be made, also in one without `enable_io`.
#[track_caller]
#[must_use]
pub fn metrics() -> Metrics {
    current()
        .ok()
        .flatten()
        .map(|reactor| reactor.metrics())
        .unwrap_or_default()
}

/// The mode of new streams in the current runtime.
///
/// # Errors
/// Why the runtime's driver cannot be had.
/// # Panics
/// Outside a tokio runtime; where a ring is to be made, also in one without `enable_io`.
#[track_caller]
pub fn default_mode() -> io::Result<Mode> {
    Ok(current()?.map_or(Mode::Exact, |reactor| reactor.default_mode))
}

/// Makes the reactor of the current runtime as `builder` says.
#[track_caller]
pub(crate) fn install(builder: &Builder) -> io::Result<Status> {
    let handle = Handle::current();
    let policy = policy(builder, &handle)?;
    install_policy(builder, handle, policy)
}

/// Gives the current runtime to tokio's epoll, with the other settings of `builder`, for a reason
/// that was found elsewhere, before the runtime's first socket: another runtime could not have a
/// ring, and this one is to be like it.
///
/// # Errors
/// `AlreadyExists` if the runtime has its driver already; as [`Builder::install`].
/// # Panics
/// Outside a tokio runtime.
#[track_caller]
pub fn install_epoll(builder: &Builder, reason: Reason) -> io::Result<Status> {
    let handle = Handle::current();
    let policy = Policy {
        driver: DriverPolicy::Epoll(reason),
        ..policy(builder, &handle)?
    };
    install_policy(builder, handle, policy)
}

#[track_caller]
fn install_policy(builder: &Builder, handle: Handle, policy: Policy) -> io::Result<Status> {
    let reactor = {
        let mut reactors = REACTORS.lock();
        let known = reactors.get(&handle.id()).and_then(Weak::upgrade);
        if known.is_some() {
            return Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "this runtime has its driver already: install before its first socket, driver() or metrics()",
            ));
        }
        let setting = setting(builder, &policy, handle);
        match policy.driver {
            DriverPolicy::Epoll(reason) => {
                keep(&mut reactors, Reactor::without_ring(setting, reason), None)
            }
            DriverPolicy::Ring(wanted) => make(&mut reactors, builder, setting, wanted)?,
        }
    };
    let status = reactor.status();
    announce(&status, builder);
    Ok(status)
}

fn policy(builder: &Builder, handle: &Handle) -> io::Result<Policy> {
    let busy_poll = busy_poll(builder)?;
    let (choice, requested) = match builder.choice {
        Some(choice) => (choice, Reason::Program),
        None => (choice_of_environment()?, Reason::Environment),
    };
    let driver = match (choice, handle.runtime_flavor()) {
        (DriverChoice::Epoll, _) => DriverPolicy::Epoll(requested),
        (DriverChoice::IoUring, _) => DriverPolicy::Ring(Wanted {
            reason: requested,
            is_required: true,
            busy_poll,
        }),
        (DriverChoice::Auto, RuntimeFlavor::CurrentThread) => DriverPolicy::Ring(Wanted {
            reason: Reason::Available,
            is_required: false,
            busy_poll,
        }),
        (DriverChoice::Auto, _) => DriverPolicy::Epoll(Reason::MultiThread),
    };
    let mode = match builder.mode {
        Some(mode) => mode,
        None => mode_of_environment()?,
    };
    Ok(Policy { driver, mode })
}

fn choice_of_environment() -> io::Result<DriverChoice> {
    from_environment(
        DRIVER_VARIABLE,
        DriverChoice::Auto,
        &[
            ("auto", DriverChoice::Auto),
            ("epoll", DriverChoice::Epoll),
            ("uring", DriverChoice::IoUring),
        ],
    )
}

fn mode_of_environment() -> io::Result<Mode> {
    from_environment(
        MODE_VARIABLE,
        Mode::Exact,
        &[("exact", Mode::Exact), ("completion", Mode::Completion)],
    )
}

/// What `variable` names; `default` if it is unset or empty.
fn from_environment<T: Copy>(variable: &str, default: T, choices: &[(&str, T)]) -> io::Result<T> {
    let Some(value) = variable_text(variable) else {
        return Ok(default);
    };
    if let Some((_, choice)) = choices.iter().find(|(name, _)| *name == value) {
        return Ok(*choice);
    }
    let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
    Err(not_understood(format!(
        "{variable} is {value:?}; it has to be one of: {}",
        names.join(", ")
    )))
}

/// The value of an environment variable that is set and not empty.
fn variable_text(variable: &str) -> Option<String> {
    let value = env::var_os(variable)?;
    (!value.is_empty()).then(|| value.to_string_lossy().into_owned())
}

/// How long to watch the ring before a sleep, as asked for.
fn busy_poll(builder: &Builder) -> io::Result<Duration> {
    let time_max = Duration::from_micros(BUSY_POLL_US_MAX);
    match builder.busy_poll {
        None => busy_poll_of_environment(),
        Some(time) if time <= time_max => Ok(time),
        Some(time) => Err(not_understood(format!(
            "the busy polling asked for is {time:?}; it has to be at most {time_max:?}"
        ))),
    }
}

fn busy_poll_of_environment() -> io::Result<Duration> {
    let Some(text) = variable_text(BUSY_POLL_VARIABLE) else {
        return Ok(Duration::ZERO);
    };
    let time_us = text.parse().ok().filter(|us| *us <= BUSY_POLL_US_MAX);
    time_us.map(Duration::from_micros).ok_or_else(|| {
        not_understood(format!(
            "{BUSY_POLL_VARIABLE} is {text:?}; it has to be a whole number of microseconds from 0 to {BUSY_POLL_US_MAX}"
        ))
    })
}

fn not_understood(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, message)
}

/// Sets a ring up and spawns its driver. Without a ring, the reason is kept, unless the ring was
/// required: then it is the error.
#[track_caller]
fn make(
    reactors: &mut HashMap<Id, Weak<Reactor>>,
    builder: &Builder,
    setting: Setting,
    wanted: Wanted,
) -> io::Result<Arc<Reactor>> {
    // First of all, for tokio's panics and errors where the runtime has no I/O driver.
    let eventfd = Arc::new(rustix::event::eventfd(
        0,
        EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK,
    )?);
    let async_eventfd = async_fd::register(eventfd.clone(), Interest::READABLE)?;
    match set_up(builder, &setting.handle, eventfd, wanted.busy_poll) {
        Ok(shard) => Ok(keep(
            reactors,
            Reactor::with_ring(setting, shard, wanted.reason),
            Some(async_eventfd),
        )),
        Err(error) if wanted.is_required => {
            let remedy = error.remedy();
            Err(io::Error::other(format!(
                "io_uring is required ({DRIVER_VARIABLE}=uring or Builder), but {error}; {remedy}"
            )))
        }
        Err(error) => {
            let reactor = Reactor::without_ring(setting, Reason::Failed(Arc::new(error)));
            Ok(keep(reactors, reactor, None))
        }
    }
}

fn set_up(
    builder: &Builder,
    handle: &Handle,
    eventfd: Arc<OwnedFd>,
    busy_poll: Duration,
) -> Result<Shard, SetupError> {
    let (issuer, busy_poll) = match handle.runtime_flavor() {
        RuntimeFlavor::CurrentThread => (Issuer::SingleThread, busy_poll),
        // Workers that have nothing to do look for each other's tasks; none is to be kept busy.
        _ => (Issuer::AnyThread, Duration::ZERO),
    };
    let mut ring = RingBuilder::new(issuer);
    if let Some(count) = builder.sq_entries {
        ring = ring.sq_entries(count);
    }
    if let Some(count) = builder.cq_entries {
        ring = ring.cq_entries(count);
    }
    Shard::new(ring, eventfd, busy_poll)
}

/// Enters a reactor into the table and spawns the task that keeps it until the runtime goes.
fn keep(
    reactors: &mut HashMap<Id, Weak<Reactor>>,
    reactor: Reactor,
    eventfd: Option<AsyncFd<Arc<OwnedFd>>>,
) -> Arc<Reactor> {
    let reactor = Arc::new(reactor);
    reactors.retain(|_, reactor| reactor.strong_count() > 0);
    reactors.insert(reactor.handle.id(), Arc::downgrade(&reactor));
    // Release: pairs with the Acquire in `current`.
    REACTORS_VERSION.fetch_add(1, Ordering::Release);
    drop(reactor.handle.spawn(Driver::new(reactor.clone(), eventfd)));
    reactor
}
