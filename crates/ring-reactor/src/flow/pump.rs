//! Sends the rest of a queue when the kernel has room again.
//!
//! Small writes are queued only while the kernel takes everything: it is for owned buffers. It does
//! not wait on the socket's own readiness, which its tasks use, but on a duplicate of its descriptor.
//! The duplicate also keeps the connection open until the queue is empty, if the stream is dropped
//! meanwhile: its FIN follows the last byte. A pump lasts until the queue is empty, and costs little
//! beside the copy of what it sends (measured: streaming to a slow reader takes no more CPU time
//! than with `tokio::net`).

use std::os::fd::OwnedFd;
use std::sync::Arc;

use tokio::io::Interest;

use super::outbox::{Flush, Outbox};
use crate::net::epoll::EpollSource;
use crate::ready::Bits;

/// Spawns the task that sends what `outbox` holds, by `fd`.
pub(crate) fn start(outbox: Arc<Outbox>, fd: OwnedFd) {
    let handle = outbox.reactor().handle.clone();
    let _runtime = handle.enter();
    match EpollSource::new(fd, Bits::NONE) {
        Ok(source) => {
            let pump = Pump {
                outbox,
                source: Some(source),
            };
            drop(handle.spawn(pump.run()));
        }
        // The runtime is on its way out, or the machine out of memory for another registration.
        Err(_) => outbox.pump_failed(),
    }
}

struct Pump {
    outbox: Arc<Outbox>,
    /// `None` only while it is dropped.
    source: Option<EpollSource>,
}

impl Pump {
    async fn run(mut self) {
        if self.pump().await
            && let Some(source) = self.source.take()
        {
            source.close();
        }
    }

    /// Returns whether the queue got empty.
    async fn pump(&self) -> bool {
        let Some(source) = &self.source else {
            return true;
        };
        while let Ok(event) = source.ready(Interest::WRITABLE).await {
            match self.outbox.flush_by_pump(source.fd()) {
                Flush::Done => return true,
                Flush::Blocked => event.clear(),
            }
        }
        false
    }
}

impl Drop for Pump {
    /// The runtime ends before the queue is empty: what the kernel takes now is not lost.
    fn drop(&mut self) {
        if let Some(source) = self.source.take() {
            self.outbox.pump_dropped(source.fd());
            source.close();
        }
    }
}
