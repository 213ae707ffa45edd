//! One runtime per core: a current_thread runtime for each CPU, on a thread that stays there, with a
//! ring and listeners of its own.
//!
//! io_uring serves current_thread runtimes, and one of those uses one CPU. [`PerCore`] runs as many
//! of them as there are CPUs, and `SO_REUSEPORT` has the kernel share the connections of one port
//! out among them. Nothing passes from core to core unless the program passes it, so the futures
//! need not be `Send`.
//!
//! ```
//! use std::io;
//! use tokio_uring_net::per_core::{Core, PerCore};
//!
//! // No `#[tokio::main]`: `run` makes the runtimes.
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let results = PerCore::new().run(async |core| {
//!         let served = serve(&core).await;
//!         // The others would go on without this one.
//!         served.inspect_err(|_| core.stop())
//!     })?;
//!     Ok(results.into_iter().collect::<io::Result<()>>()?)
//! }
//!
//! /// What every core does, until one of them calls `stop`.
//! async fn serve(core: &Core) -> io::Result<()> {
//!     let listener = core.listen(([127, 0, 0, 1], 0).into())?;
//!     # core.stop();
//!     loop {
//!         let (mut stream, _peer) = tokio::select! {
//!             accepted = listener.accept() => accepted?,
//!             () = core.stopped() => return Ok(()),
//!         };
//!         tokio::task::spawn_local(async move {
//!             let (mut from, mut to) = stream.split();
//!             tokio::io::copy(&mut from, &mut to).await
//!         });
//!     }
//! }
//! ```
//!
//! # What `SO_REUSEPORT` means for a service
//! Each core listens with a socket of its own, and the kernel picks one for each connection, by a
//! hash of its addresses and ports.
//! - **Shares are even only on average.** A few connections may all meet on one core, and a busy
//!   core's connections wait for it while others idle.
//! - **A core that stops listening resets what its own queue holds**: connections that the kernel has
//!   completed and nobody has accepted, also if other cores go on. Since Linux 5.14 the sysctl
//!   `net.ipv4.tcp_migrate_req=1` hands them on instead. So let the cores stop together, when no new
//!   connections come (the load balancer has been told), and do not let a core's future end, or its
//!   listener go, in the midst of service.
//! - **Another process of the same user** can join the port with `SO_REUSEPORT`; it is how two
//!   releases of a service overlap. It has to be meant ([`set_reuseport`] does it): [`Core::listen`]
//!   fails with `AddrInUse` where somebody listens already when the first core comes, so starting a
//!   program twice is noticed, unless the first has stopped listening meanwhile.
//!
//! [`set_reuseport`]: crate::TcpSocket::set_reuseport

mod cpu;
mod error;
mod listeners;
mod this_core;
mod worker;

use std::any::Any;
use std::sync::Arc;
use std::thread;

use rustix::thread::CpuSet;
use tokio::runtime::Handle;

pub use self::error::PerCoreError;
pub use self::this_core::Core;

use self::this_core::Shared;
use self::worker::{Order, Worker};
use crate::backend::{Builder, Driver, Status};

/// The settings of a set of runtimes, one for each CPU; [`run`](PerCore::run) makes them.
///
/// # Examples
/// ```
/// use tokio_uring_net::per_core::PerCore;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let cpus = PerCore::new().run(async |core| core.cpu())?;
/// println!("the process may use the CPUs {cpus:?}");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct PerCore {
    cpus: Option<Vec<usize>>,
    builder: Builder,
}

impl PerCore {
    /// A runtime for every CPU that the calling thread may use, on the driver that the environment
    /// names or the kernel offers.
    #[must_use]
    pub fn new() -> PerCore {
        PerCore::default()
    }

    /// The CPUs to run on, by the kernel's numbers; by default those of the calling thread's affinity
    /// (taskset, cpusets).
    ///
    /// A limit on CPU *time*, such as Docker's `--cpus` or a Kubernetes limit, takes no CPU out of
    /// that set: with one, name as many CPUs as there is time for. A CPU that is named twice runs two
    /// runtimes.
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::per_core::PerCore;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let first = PerCore::new().run(async |core| core.cpu())?[0];
    /// let counts = PerCore::new().cpus([first, first]).run(async |core| core.count())?;
    /// assert_eq!(counts, [2, 2]);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn cpus(mut self, cpus: impl IntoIterator<Item = usize>) -> PerCore {
        self.cpus = Some(cpus.into_iter().collect());
        self
    }

    /// The driver and the sizes of the rings, the same for every core.
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::per_core::PerCore;
    /// use tokio_uring_net::{Builder, Driver, DriverChoice, driver};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let epoll = Builder::new().driver(DriverChoice::Epoll);
    /// let drivers = PerCore::new().builder(epoll).run(async |_| driver().driver())?;
    /// assert!(drivers.iter().all(|driver| *driver == Driver::Epoll));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn builder(mut self, builder: Builder) -> PerCore {
        self.builder = builder;
        self
    }

    /// Runs `work` once on every core, each time on a runtime and a thread of its own, and answers
    /// what they have returned, in the order of the CPUs. Blocks the calling thread meanwhile.
    ///
    /// `work` begins on no core before all are set up: pinned to its CPU, the runtime made, its ring
    /// tried out (which its [`metrics`](crate::metrics) count). **All cores have the same driver.** If io_uring cannot be had on one of them, all
    /// are served by tokio's epoll, and [`driver`](crate::driver) tells every core why; if io_uring is
    /// required, it is an error, and `work` runs nowhere.
    ///
    /// The runtimes are current_thread ones with everything enabled that tokio was built with. They
    /// are [`LocalRuntime`](tokio::runtime::LocalRuntime)s: the futures need not be `Send`, and
    /// `tokio::task::spawn_local` works without a `LocalSet` (which tokio does not support inside).
    /// Threads of `spawn_blocking` are not pinned. A runtime is dropped, with its tasks, when its
    /// core's future has returned.
    ///
    /// A panic in a core's future tells the other cores to [stop](Core::stopped); one in a spawned
    /// task is its `JoinHandle`'s, as ever. A core that gives up, with an error say, should call
    /// [`Core::stop`]: `run` waits until all cores have returned. Signals are left to the program;
    /// `examples/per_core.rs` stops all cores on ctrl-c.
    ///
    /// # Errors
    /// [`PerCoreError`]: `NoCpus` and `Setup` before `work` has begun anywhere; `Panicked` when all
    /// cores have ended.
    ///
    /// # Panics
    /// In a tokio runtime, whose thread it would block.
    ///
    /// # Examples
    /// ```
    /// use tokio::io::{AsyncReadExt, AsyncWriteExt};
    /// use tokio_uring_net::TcpStream;
    /// use tokio_uring_net::per_core::PerCore;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let any_port = "127.0.0.1:0".parse()?;
    /// let results = PerCore::new().run(async |core| {
    ///     let listener = core.listen(any_port)?;
    ///     if core.index() == 0 {
    ///         // Whichever core is given the connection answers it and stops them all.
    ///         let address = listener.local_addr()?;
    ///         tokio::spawn(async move { TcpStream::connect(address).await?.read_u8().await });
    ///     }
    ///     tokio::select! {
    ///         accepted = listener.accept() => {
    ///             accepted?.0.write_u8(core.index() as u8).await?;
    ///             core.stop();
    ///         }
    ///         () = core.stopped() => {}
    ///     }
    ///     std::io::Result::Ok(())
    /// })?;
    /// assert!(results.iter().all(Result::is_ok));
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn run<F, T>(self, work: F) -> Result<Vec<T>, PerCoreError>
    where
        F: AsyncFn(Core) -> T + Sync,
        T: Send,
    {
        assert!(
            Handle::try_current().is_err(),
            "PerCore::run was called in a tokio runtime: it blocks its thread and makes runtimes of \
            its own. Call it from a `fn main` without `#[tokio::main]`, or from a thread of \
            std::thread::spawn, not from async code, spawn_blocking or under Handle::enter"
        );
        let usable = cpu::usable();
        let cpus = match (self.cpus, &usable) {
            (Some(cpus), _) => cpus,
            (None, Ok(usable)) => cpu::list(usable),
            (None, Err(error)) => return Err(PerCoreError::NoCpus(error.to_string())),
        };
        if cpus.is_empty() {
            return Err(PerCoreError::NoCpus("the list is empty".to_owned()));
        }
        let shared = Arc::new(Shared::new(cpus));
        let result = run_on_threads(&shared, &self.builder, usable.ok(), &work);
        // A `Core` that has been kept must not keep the addresses.
        shared.listeners.release();
        result
    }
}

fn run_on_threads<F, T>(
    shared: &Arc<Shared>,
    builder: &Builder,
    usable: Option<CpuSet>,
    work: &F,
) -> Result<Vec<T>, PerCoreError>
where
    F: AsyncFn(Core) -> T + Sync,
    T: Send,
{
    thread::scope(|scope| {
        let mut workers = Vec::new();
        let mut agreed = Ok(());
        for index in 0..shared.cpus.len() {
            let core = Core::new(index, shared.clone());
            match Worker::start(scope, core, builder.clone(), usable, work) {
                Ok(worker) => workers.push(worker),
                Err(error) => {
                    let cpu = shared.cpus[index];
                    agreed = Err(PerCoreError::Setup { cpu, error });
                    break;
                }
            }
        }
        let agreed = agreed.and_then(|()| agree(&workers));
        if agreed.is_ok() {
            workers.iter().for_each(|worker| worker.order(Order::Run));
        }
        // All are joined, whatever has happened: the scope would pass a panic on. Those that have no
        // order to run end when they can get none any more, so none may wait for another's end.
        let threads: Vec<_> = workers.into_iter().map(Worker::without_orders).collect();
        let ended: Vec<_> = threads.into_iter().map(|thread| thread.join()).collect();
        results(shared, agreed, ended)
    })
}

/// Has every core on the same driver.
fn agree<T>(workers: &[Worker<'_, T>]) -> Result<(), PerCoreError> {
    let statuses: Vec<Status> = workers
        .iter()
        .map(Worker::report)
        .collect::<Result<_, _>>()?;
    let on_epoll = |status: &&Status| status.driver() == Driver::Epoll;
    let Some(refused) = statuses.iter().find(on_epoll) else {
        return Ok(());
    };
    let with_ring = || {
        let both = workers.iter().zip(&statuses);
        both.filter(|(_, status)| status.driver() == Driver::IoUring)
    };
    for (worker, _) in with_ring() {
        worker.order(Order::UseEpoll(refused.reason().clone()));
    }
    with_ring().try_for_each(|(worker, _)| worker.report().map(drop))
}

/// The results in the order of the cores; instead of them the first panic, or why nothing was run.
fn results<T>(
    shared: &Shared,
    agreed: Result<(), PerCoreError>,
    ended: Vec<thread::Result<Option<T>>>,
) -> Result<Vec<T>, PerCoreError> {
    let mut results = Vec::new();
    let mut panics = Vec::new();
    for (index, ended) in ended.into_iter().enumerate() {
        match ended {
            Ok(result) => results.extend(result),
            Err(payload) => panics.push((index, payload)),
        }
    }
    // Other panics may have come of the first.
    panics.sort_by_key(|(index, _)| shared.first_panic.get() != Some(index));
    match panics.first() {
        Some((index, payload)) => Err(PerCoreError::Panicked {
            cpu: shared.cpus[*index],
            message: message(payload.as_ref()),
        }),
        None => agreed.map(|()| results),
    }
}

/// What a panic had to say.
fn message(payload: &(dyn Any + Send)) -> String {
    if let Some(text) = payload.downcast_ref::<&str>() {
        return (*text).to_owned();
    }
    match payload.downcast_ref::<String>() {
        Some(text) => text.clone(),
        None => "a payload that is no text".to_owned(),
    }
}
