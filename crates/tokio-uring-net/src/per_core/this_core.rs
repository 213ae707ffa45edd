//! [`Core`]: what a core knows of itself and of the others.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use tokio::sync::watch;

use super::listeners::Listeners;
use crate::tcp::listener::TcpListener;

/// What all cores of one [`PerCore::run`](super::PerCore::run) share.
#[derive(Debug)]
pub(super) struct Shared {
    /// The CPU of each core.
    pub(super) cpus: Vec<usize>,
    /// The core that panicked before any other.
    pub(super) first_panic: OnceLock<usize>,
    pub(super) listeners: Listeners,
    stop: watch::Sender<bool>,
}

impl Shared {
    pub(super) fn new(cpus: Vec<usize>) -> Shared {
        Shared {
            cpus,
            first_panic: OnceLock::new(),
            listeners: Listeners::default(),
            stop: watch::Sender::new(false),
        }
    }
}

/// One core of [`PerCore::run`](super::PerCore::run), for the future that runs there. Clones are the
/// same core.
#[derive(Clone, Debug)]
pub struct Core {
    index: usize,
    shared: Arc<Shared>,
}

impl Core {
    pub(super) fn new(index: usize, shared: Arc<Shared>) -> Core {
        Core { index, shared }
    }

    /// Which of the cores this is, counted from 0, in the order of the CPUs.
    #[must_use]
    pub fn index(&self) -> usize {
        self.index
    }

    /// How many cores there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.shared.cpus.len()
    }

    /// The CPU it is pinned to, by the kernel's number.
    #[must_use]
    pub fn cpu(&self) -> usize {
        self.shared.cpus[self.index]
    }

    /// Makes this core's listener on `addr`, which it shares with the other cores' by
    /// `SO_REUSEPORT`: the kernel gives each connection to one of them.
    ///
    /// Port 0 lets the kernel choose a free port, the same for all cores. If a core listens on port 0
    /// several times, its first listener shares the port of the other cores' first, its second that
    /// of their second, and so on.
    ///
    /// The address stays bound until [`PerCore::run`](super::PerCore::run) returns, so that the kernel
    /// gives its port to nobody who asks for any. But while no core listens, a server that asks for just
    /// this port may listen there in between. The [module](super) tells what becomes of connections when a core stops listening.
    /// Options are left to the caller: `TCP_NODELAY`, for one, is set on the accepted streams.
    ///
    /// # Errors
    /// As socket(2), bind(2) and listen(2): `AddrInUse` if another socket listens there that is not
    /// one of these cores' when the first of them comes, even one with `SO_REUSEPORT`.
    ///
    /// # Panics
    /// If called outside a tokio runtime, or in one whose I/O is not enabled.
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::per_core::PerCore;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let any_port = "127.0.0.1:0".parse()?;
    /// let ports = PerCore::new().run(async |core| {
    ///     let listener = core.listen(any_port)?;
    ///     Ok(listener.local_addr()?.port())
    /// })?;
    /// let ports: Vec<u16> = ports.into_iter().collect::<std::io::Result<_>>()?;
    /// assert!(ports.iter().all(|port| *port == ports[0]));
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn listen(&self, addr: SocketAddr) -> io::Result<TcpListener> {
        TcpListener::from_std(self.shared.listeners.listen(self.index, addr)?)
    }

    /// Tells all cores to stop, this one included: [`stopped`](Core::stopped) answers from now on.
    /// Ends nothing by itself.
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::per_core::PerCore;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// PerCore::new().run(async |core| match core.index() {
    ///     0 => core.stop(),
    ///     _ => core.stopped().await,
    /// })?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn stop(&self) {
        self.shared.stop.send_replace(true);
    }

    /// Waits until a core has called [`stop`](Core::stop) or panicked; at once if one has. Any number
    /// of tasks may wait.
    ///
    /// # Cancel safety
    /// Cancel safe: the next call answers just the same.
    ///
    /// # Examples
    /// See [`stop`](Core::stop).
    pub async fn stopped(&self) {
        let mut stop = self.shared.stop.subscribe();
        // It fails when there is no sender any more, and `self` holds it.
        let _ = stop.wait_for(|is_stopped| *is_stopped).await;
    }

    /// Notes that this core has panicked, and has the others stop.
    pub(super) fn panicked(&self) {
        // Only the first panic is kept.
        let _ = self.shared.first_panic.set(self.index);
        self.stop();
    }
}
