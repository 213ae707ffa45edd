//! The task that takes the reactor's turns. The only file that knows tokio's I/O driver.

use std::mem::ManuallyDrop;
use std::os::fd::OwnedFd;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use tokio::io::unix::AsyncFd;
use tokio::task;

use crate::effects::Effects;
use crate::flow::outbox::Outbox;
use crate::reactor::{Reactor, Step, Watch};

/// One a runtime, spawned on it, dropped with it.
///
/// It sleeps on the ring's eventfd, by tokio's own epoll. After a turn that woke tasks it goes to the
/// end of the run queue: what those tasks want submitted leaves in one enter, and only then it looks
/// whether it may sleep. With busy polling it watches the ring first.
pub(crate) struct Driver {
    reactor: Arc<Reactor>,
    eventfd: Option<AsyncFd<Arc<OwnedFd>>>,
    effects: Effects,
    /// The waker of the last poll: a task's does not change, unless another future polls this one.
    known: Option<Waker>,
    /// The outboxes of a turn; kept for its memory.
    outboxes: Vec<Arc<Outbox>>,
    /// While it watches.
    watch: Option<Watch>,
}

impl Driver {
    /// A driver without an eventfd sends what Completion sockets have queued, and keeps the reactor's
    /// record: why there is no ring.
    pub(crate) fn new(reactor: Arc<Reactor>, eventfd: Option<AsyncFd<Arc<OwnedFd>>>) -> Driver {
        Driver {
            reactor,
            eventfd,
            effects: Effects::default(),
            known: None,
            outboxes: Vec::new(),
            watch: None,
        }
    }
}

impl Future for Driver {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        if this.reactor.is_foreign_process() {
            return Poll::Pending;
        }
        let is_known = this
            .known
            .as_ref()
            .is_some_and(|known| known.will_wake(cx.waker()));
        if !is_known {
            this.known = Some(cx.waker().clone());
        }
        this.reactor
            .dirty
            .turn(cx.waker(), is_known, &mut this.outboxes);
        let Some(eventfd) = &this.eventfd else {
            return Poll::Pending;
        };
        // Edge-triggered: the eventfd's count is never read, each signal is an edge. The turn that
        // follows looks for whatever this one stood for.
        if let Poll::Ready(Ok(mut guard)) = eventfd.poll_read_ready(cx) {
            guard.clear_ready();
        }
        loop {
            let step = match &mut this.watch {
                Some(watch) => this.reactor.watch(watch),
                None => this.reactor.turn(cx.waker(), &mut this.effects),
            };
            match step {
                Step::Busy => {
                    this.effects.run();
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Step::Watch => {
                    this.effects.run();
                    this.watch.get_or_insert_default();
                    let_others_run(cx);
                    return Poll::Pending;
                }
                Step::Turn => this.watch = None,
                Step::Idle => {
                    this.watch = None;
                    this.effects.run();
                    match eventfd.poll_read_ready(cx) {
                        // It was signalled meanwhile: the next turn looks again.
                        Poll::Ready(Ok(mut guard)) => guard.clear_ready(),
                        Poll::Ready(Err(_)) | Poll::Pending => return Poll::Pending,
                    }
                }
                Step::Over => {
                    this.effects.run();
                    // The record stays until the runtime goes.
                    this.eventfd = None;
                    return Poll::Pending;
                }
            }
        }
    }
}

/// Has this task polled again when the run queue has been empty and the runtime has looked at its
/// epoll, its timers and the future of `block_on`.
///
/// A wake would not do: it would keep the run queue filled, and then tokio looks for tasks from other
/// threads only at every 31st poll, and at the rest only at every 61st.
fn let_others_run(cx: &mut Context<'_>) {
    let _is_pending = pin!(task::yield_now()).poll(cx);
}

impl Drop for Driver {
    fn drop(&mut self) {
        let eventfd = self.eventfd.take();
        if self.reactor.is_foreign_process() {
            // tokio's epoll is the parent's too: what a forked child takes off it, the parent loses.
            let _ = ManuallyDrop::new(eventfd);
            return;
        }
        self.reactor.dirty.close();
        // The eventfd leaves tokio's epoll before the ring's end signals it.
        drop(eventfd);
        self.reactor.stop(&mut self.effects);
        self.effects.run();
    }
}
