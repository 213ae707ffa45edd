//! Sends the rest of a queue when the kernel has room again.
//!
//! Small writes are queued only while the kernel takes everything: it is for owned buffers. It does
//! not wait on the socket's own readiness, which its tasks use, but on a duplicate of its descriptor.
//! The duplicate also keeps the connection open until the queue is empty, if the stream is dropped
//! meanwhile: its FIN follows the last byte. A pump lasts until the queue is empty, and costs little
//! beside the copy of what it sends (measured: streaming to a slow reader takes no more CPU time
//! than with `tokio::net`).

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use tokio::io::Interest;

use super::outbox::{Flush, Outbox};
use crate::net::epoll::EpollSource;
use crate::ready::Bits;

/// Spawns the task that sends what `outbox` holds, by `fd`.
pub(crate) fn start(outbox: Arc<Outbox>, fd: OwnedFd) {
    let handle = outbox.reactor().handle.clone();
    let pump = Pump {
        outbox,
        fd: Some(fd),
        source: None,
    };
    drop(handle.spawn(pump.run()));
}

struct Pump {
    outbox: Arc<Outbox>,
    /// Until it is registered, in the task.
    fd: Option<OwnedFd>,
    /// From then on, until the drop.
    source: Option<EpollSource>,
}

impl Pump {
    async fn run(mut self) {
        let Some(fd) = self.fd.take() else { return };
        match EpollSource::new(fd, Bits::NONE) {
            Ok(source) => {
                let source = self.source.insert(source);
                if pump(&self.outbox, source).await
                    && let Some(source) = self.source.take()
                {
                    source.close();
                }
            }
            // The machine is out of memory for another registration.
            Err(_) => self.outbox.pump_failed(),
        }
    }
}

/// Returns whether the queue got empty.
async fn pump(outbox: &Outbox, source: &EpollSource) -> bool {
    while let Ok(event) = source.ready(Interest::WRITABLE).await {
        match outbox.flush_by_pump(source.fd()) {
            Flush::Done => return true,
            Flush::Blocked => event.clear(),
        }
    }
    false
}

impl Drop for Pump {
    /// The runtime ends before the queue is empty: what the kernel takes now is not lost.
    fn drop(&mut self) {
        let fd = match (&self.fd, &self.source) {
            (Some(fd), _) => fd.as_fd(),
            (None, Some(source)) => source.fd(),
            (None, None) => return,
        };
        self.outbox.pump_dropped(fd);
        if let Some(source) = self.source.take() {
            source.close();
        }
    }
}
