//! The thread of one core: set up first, then told what to do.
//!
//! | the thread reports | it may be told | and then |
//! |---|---|---|
//! | its status | [`Order::Run`] | runs the user's future, and ends |
//! | its status | [`Order::UseEpoll`] | makes its runtime anew, and reports again |
//! | its status | nothing: the sender is gone | ends |
//! | an error | | ends |
//! | nothing: the sender is gone | | has panicked |
//!
//! Whoever goes takes its channel ends along, so that neither side can wait for the other in vain.

use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, Scope, ScopedJoinHandle};

use rustix::thread::CpuSet;
use tokio::runtime::{self, LocalOptions, LocalRuntime};

use super::cpu;
use super::error::PerCoreError;
use super::this_core::Core;
use crate::backend::{Builder, Driver, Reason, Status, driver};
use crate::tcp::stream::TcpStream;

/// What a core that is set up does next.
#[derive(Debug)]
pub(super) enum Order {
    /// Run the user's future.
    Run,
    /// Give the ring up and use tokio's epoll, for the reason that another core has it.
    UseEpoll(Reason),
}

/// A core's thread, as the thread that started it sees it.
#[derive(Debug)]
pub(super) struct Worker<'scope, T> {
    cpu: usize,
    orders: Sender<Order>,
    reports: Receiver<io::Result<Status>>,
    thread: ScopedJoinHandle<'scope, Option<T>>,
}

impl<'scope, T: Send + 'scope> Worker<'scope, T> {
    /// Starts the thread of `core`, which sets itself up and reports.
    pub(super) fn start<'env, F>(
        scope: &'scope Scope<'scope, 'env>,
        core: Core,
        builder: Builder,
        usable: Option<CpuSet>,
        work: &'env F,
    ) -> io::Result<Worker<'scope, T>>
    where
        F: AsyncFn(Core) -> T + Sync,
    {
        let cpu = core.cpu();
        let name = format!("per-core-{}", core.index());
        let (orders, to_orders) = channel();
        let (to_reports, reports) = channel();
        let seat = Seat {
            core,
            builder,
            usable,
            reports: to_reports,
            orders: to_orders,
        };
        let thread = thread::Builder::new()
            .name(name)
            .spawn_scoped(scope, move || seat.work(work))?;
        Ok(Worker {
            cpu,
            orders,
            reports,
            thread,
        })
    }
}

impl<'scope, T> Worker<'scope, T> {
    /// Waits until the thread has set itself up.
    pub(super) fn report(&self) -> Result<Status, PerCoreError> {
        let report = self.reports.recv();
        // The panic itself comes with the end of the thread.
        let report = report.unwrap_or_else(|_| Err(io::Error::other("it panicked")));
        report.map_err(|error| PerCoreError::Setup {
            cpu: self.cpu,
            error,
        })
    }

    pub(super) fn order(&self, order: Order) {
        // A thread that is gone has reported why, or will be found to have panicked.
        let _ = self.orders.send(order);
    }

    /// Gives no more orders: the thread ends, at once or with its future.
    pub(super) fn without_orders(self) -> ScopedJoinHandle<'scope, Option<T>> {
        self.thread
    }
}

/// A core's thread, as it sees itself.
struct Seat {
    core: Core,
    builder: Builder,
    /// Where threads may run that are not pinned.
    usable: Option<CpuSet>,
    reports: Sender<io::Result<Status>>,
    orders: Receiver<Order>,
}

impl Seat {
    /// Sets up, reports, and does as it is told. `None`: nothing was run.
    fn work<F, T>(self, work: &F) -> Option<T>
    where
        F: AsyncFn(Core) -> T,
    {
        let _stop = StopOnPanic(&self.core);
        let mut made = self.set_up();
        loop {
            let (runtime, report) = match made {
                Ok((runtime, status)) => (Some(runtime), Ok(status)),
                Err(error) => (None, Err(error)),
            };
            self.reports.send(report).ok()?;
            let runtime = runtime?;
            match self.orders.recv().ok()? {
                Order::Run => return Some(run(&self.core, runtime, work)),
                Order::UseEpoll(reason) => {
                    drop(runtime);
                    made = self.set_up_epoll(reason);
                }
            }
        }
    }

    fn set_up(&self) -> io::Result<(LocalRuntime, Status)> {
        cpu::pin(self.core.cpu(), self.usable.as_ref())?;
        let runtime = self.runtime()?;
        let status = runtime.block_on(async {
            let chosen = self.builder.install()?;
            if chosen.driver() != Driver::IoUring {
                return Ok(chosen);
            }
            try_out().await?;
            let status = driver();
            match (status.driver(), chosen.reason()) {
                (Driver::IoUring, _) | (_, Reason::Available) => Ok(status),
                // It was asked for.
                _ => Err(io::Error::other(format!(
                    "io_uring is required, but there is {status}"
                ))),
            }
        })?;
        Ok((runtime, status))
    }

    fn set_up_epoll(&self, reason: Reason) -> io::Result<(LocalRuntime, Status)> {
        let runtime = self.runtime()?;
        let status =
            runtime.block_on(async { ring_reactor::install_epoll(&self.builder, reason) })?;
        Ok((runtime, status))
    }

    fn runtime(&self) -> io::Result<LocalRuntime> {
        let mut builder = runtime::Builder::new_current_thread();
        builder.enable_all();
        if let Some(usable) = self.usable {
            // A thread starts where the one that starts it may run: those for blocking work would
            // all keep this core from its work.
            builder.on_thread_start(move || cpu::unpin(&usable));
        }
        builder.build_local(LocalOptions::default())
    }
}

/// Waits for a byte that the current runtime's driver has to tell of. A ring that can be made and not
/// used gives way to epoll here, before the cores agree on a driver, and not later.
async fn try_out() -> io::Result<()> {
    let (near, mut far) = UnixStream::pair()?;
    near.set_nonblocking(true)?;
    // Only the readiness of the socket is used, which is the same for every kind.
    let near = TcpStream::from_std(OwnedFd::from(near).into())?;
    // A task, so that it comes when the future below waits already.
    let sent = tokio::spawn(async move { far.write_all(&[0]) });
    near.readable().await?;
    sent.await?
}

fn run<F, T>(core: &Core, runtime: LocalRuntime, work: &F) -> T
where
    F: AsyncFn(Core) -> T,
{
    // It comes before the end of the runtime, which may wait for blocking work.
    let _stop = StopOnPanic(core);
    runtime.block_on(work(core.clone()))
}

/// Has the other cores stop if this one panics.
struct StopOnPanic<'a>(&'a Core);

impl Drop for StopOnPanic<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.panicked();
        }
    }
}
