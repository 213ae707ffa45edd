//! Which driver serves the current runtime: the one place that chooses.

use std::cell::RefCell;
use std::collections::HashMap;
use std::env;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Weak};

use parking_lot::Mutex;
use ring_core::setup::{Issuer, RingBuilder, SetupError};
use rustix::event::EventfdFlags;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::runtime::{Handle, Id, RuntimeFlavor};

use crate::async_fd;
use crate::config::{Builder, DriverChoice};
use crate::driver::Driver;
use crate::metrics::Metrics;
use crate::reactor::Reactor;
use crate::shard::Shard;
use crate::status::{self, Reason, Status};

/// The environment variable that chooses the driver of runtimes that no [`Builder`] has set up.
pub const DRIVER_VARIABLE: &str = "TOKIO_URING_NET";

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
enum Policy {
    Epoll(Reason),
    Ring { reason: Reason, is_required: bool },
}

/// The reactor of the current runtime, made at the first call; `None` where tokio's epoll serves
/// and there is nothing to remember.
#[track_caller]
pub(crate) fn current() -> io::Result<Option<Arc<Reactor>>> {
    let handle = Handle::current();
    let runtime = handle.id();
    // Acquire: pairs with the Release in `keep`.
    let version = REACTORS_VERSION.load(Ordering::Acquire);
    let last = LAST
        .with_borrow(Clone::clone)
        .filter(|last| last.runtime == runtime && last.version == version);
    match last.map(|last| last.reactor) {
        Some(None) => return Ok(None),
        Some(Some(reactor)) => {
            if let Some(reactor) = reactor.upgrade() {
                return Ok(Some(reactor));
            }
        }
        None => {}
    }
    let made = {
        let mut reactors = REACTORS.lock();
        match reactors.get(&runtime).and_then(Weak::upgrade) {
            Some(reactor) => Made::Known(reactor),
            None => match policy(&Builder::new(), &handle)? {
                Policy::Epoll(reason) => Made::NotNeeded(reason),
                Policy::Ring {
                    reason,
                    is_required,
                } => Made::New(make(
                    &mut reactors,
                    &Builder::new(),
                    handle,
                    reason,
                    is_required,
                )?),
            },
        }
    };
    let reactor = made.announce();
    let version = REACTORS_VERSION.load(Ordering::Acquire);
    LAST.set(Some(Remembered {
        runtime,
        version,
        reactor: reactor.as_ref().map(Arc::downgrade),
    }));
    Ok(reactor)
}

/// What a look at the table brought.
enum Made {
    Known(Arc<Reactor>),
    New(Arc<Reactor>),
    NotNeeded(Reason),
}

impl Made {
    /// Tells an operator which driver serves: once for each runtime that gets a reactor, once for
    /// each process where none is needed. No lock may be held: a subscriber may ask for the driver.
    fn announce(self) -> Option<Arc<Reactor>> {
        static TOLD: AtomicBool = AtomicBool::new(false);
        match self {
            Made::Known(reactor) => Some(reactor),
            Made::New(reactor) => {
                announce(&reactor.status());
                Some(reactor)
            }
            Made::NotNeeded(reason) => {
                // Not `Once`: a subscriber may come here again.
                if !TOLD.swap(true, Ordering::Relaxed) {
                    announce(&Status::new(status::Driver::Epoll, reason));
                }
                None
            }
        }
    }
}

fn announce(status: &Status) {
    match status.reason() {
        Reason::Failed(_) => {
            tracing::warn!(%status, "io_uring cannot be set up for this runtime's sockets")
        }
        _ => tracing::info!(%status, "driver chosen for this runtime's sockets"),
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
        Ok(None) => match policy(&Builder::new(), &Handle::current()) {
            Ok(Policy::Epoll(reason)) => Status::new(status::Driver::Epoll, reason),
            Ok(Policy::Ring { reason, .. }) => Status::new(status::Driver::IoUring, reason),
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

/// Makes the reactor of the current runtime as `builder` says.
#[track_caller]
pub(crate) fn install(builder: &Builder) -> io::Result<Status> {
    let handle = Handle::current();
    let policy = policy(builder, &handle)?;
    install_policy(builder, handle, policy)
}

/// Gives the current runtime to tokio's epoll for a reason that was found elsewhere, before the
/// runtime's first socket: another runtime could not have a ring, and this one is to be like it.
///
/// # Errors
/// `AlreadyExists` if the runtime has its driver already.
/// # Panics
/// Outside a tokio runtime.
#[track_caller]
pub fn install_epoll(reason: Reason) -> io::Result<Status> {
    install_policy(&Builder::new(), Handle::current(), Policy::Epoll(reason))
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
        match policy {
            Policy::Epoll(reason) => {
                keep(&mut reactors, Reactor::without_ring(handle, reason), None)
            }
            Policy::Ring {
                reason,
                is_required,
            } => make(&mut reactors, builder, handle, reason, is_required)?,
        }
    };
    let status = reactor.status();
    announce(&status);
    Ok(status)
}

fn policy(builder: &Builder, handle: &Handle) -> io::Result<Policy> {
    let (choice, requested) = match builder.choice {
        Some(choice) => (choice, Reason::Program),
        None => (choice_of_environment()?, Reason::Environment),
    };
    Ok(match (choice, handle.runtime_flavor()) {
        (DriverChoice::Epoll, _) => Policy::Epoll(requested),
        (DriverChoice::IoUring, _) => Policy::Ring {
            reason: requested,
            is_required: true,
        },
        (DriverChoice::Auto, RuntimeFlavor::CurrentThread) => Policy::Ring {
            reason: Reason::Available,
            is_required: false,
        },
        (DriverChoice::Auto, _) => Policy::Epoll(Reason::MultiThread),
    })
}

fn choice_of_environment() -> io::Result<DriverChoice> {
    match env::var(DRIVER_VARIABLE).as_deref() {
        Err(env::VarError::NotPresent) | Ok("" | "auto") => Ok(DriverChoice::Auto),
        Ok("epoll") => Ok(DriverChoice::Epoll),
        Ok("uring") => Ok(DriverChoice::IoUring),
        other => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!(
                "{DRIVER_VARIABLE} is {:?}; it has to be auto, epoll or uring",
                other.unwrap_or("not UTF-8")
            ),
        )),
    }
}

/// Sets a ring up and spawns its driver. Without a ring, the reason is kept, unless the ring was
/// required: then it is the error.
#[track_caller]
fn make(
    reactors: &mut HashMap<Id, Weak<Reactor>>,
    builder: &Builder,
    handle: Handle,
    reason: Reason,
    is_required: bool,
) -> io::Result<Arc<Reactor>> {
    // First of all, for tokio's panics and errors where the runtime has no I/O driver.
    let eventfd = Arc::new(rustix::event::eventfd(
        0,
        EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK,
    )?);
    let async_eventfd = async_fd::register(eventfd.clone(), Interest::READABLE)?;
    match set_up(builder, &handle, eventfd) {
        Ok(shard) => Ok(keep(
            reactors,
            Reactor::with_ring(handle, shard, reason),
            Some(async_eventfd),
        )),
        Err(error) if is_required => {
            let remedy = error.remedy();
            Err(io::Error::other(format!(
                "io_uring is required ({DRIVER_VARIABLE}=uring or Builder), but {error}; {remedy}"
            )))
        }
        Err(error) => {
            let reactor = Reactor::without_ring(handle, Reason::Failed(Arc::new(error)));
            Ok(keep(reactors, reactor, None))
        }
    }
}

fn set_up(builder: &Builder, handle: &Handle, eventfd: Arc<OwnedFd>) -> Result<Shard, SetupError> {
    let issuer = match handle.runtime_flavor() {
        RuntimeFlavor::CurrentThread => Issuer::SingleThread,
        _ => Issuer::AnyThread,
    };
    let mut ring = RingBuilder::new(issuer);
    if let Some(count) = builder.sq_entries {
        ring = ring.sq_entries(count);
    }
    if let Some(count) = builder.cq_entries {
        ring = ring.cq_entries(count);
    }
    Shard::new(ring, eventfd)
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
