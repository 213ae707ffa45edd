//! What the tests of this crate share.
#![allow(dead_code, reason = "every test binary uses a part of it")]

pub(crate) mod isolated;
pub(crate) mod seccomp;
pub(crate) mod sockets;
pub(crate) mod sys;

use std::env;
use std::time::Duration;

use ring_core::ops::{Event, Ops};
use ring_core::ring::Ring;
use ring_core::setup::{Issuer, RingBuilder};

/// The poll(2) bits that the tests ask for.
pub(crate) const IN: u32 = libc::POLLIN as u32;
pub(crate) const OUT: u32 = libc::POLLOUT as u32;

/// After this long something that has to come is taken to be lost. No passing test waits for it.
pub(crate) const LOST: Duration = Duration::from_secs(60);

/// A ring that is ready for this thread. `None` where there is no io_uring: the test is skipped,
/// or fails with `REQUIRE_URING=1`.
pub(crate) fn ring(builder: &RingBuilder) -> Option<Ring> {
    let mut ring = match builder.build() {
        Ok(ring) => ring,
        Err(error) => {
            let line = format!("{error}; {}", error.remedy());
            assert!(env::var_os("REQUIRE_URING").is_none(), "{line}");
            println!("SKIP {line}");
            return None;
        }
    };
    if ring.issuer() == Issuer::SingleThread {
        ring.enable_rings().unwrap();
    }
    Some(ring)
}

/// Whether the tests that need io_uring are to run: see [`ring`].
pub(crate) fn has_io_uring() -> bool {
    ring(&small(Issuer::AnyThread)).is_some()
}

/// Operations on a small ring; `None` as in [`ring`]. Their contexts are names.
pub(crate) fn ops(issuer: Issuer) -> Option<Ops<&'static str>> {
    ring(&small(issuer)).map(Ops::new)
}

/// Small, because an ordinary user has 8 MiB of locked memory for all rings together.
pub(crate) fn small(issuer: Issuer) -> RingBuilder {
    RingBuilder::new(issuer).sq_entries(8).cq_entries(64)
}

/// Both kinds of ring.
pub(crate) const ISSUERS: [Issuer; 2] = [Issuer::SingleThread, Issuer::AnyThread];

/// Submits, and waits for the next event.
pub(crate) fn next<C: Clone>(ops: &mut Ops<C>) -> Event<C> {
    loop {
        ops.submit_and_get_events().unwrap();
        if let Some(event) = ops.next_event() {
            return event;
        }
        let came = ops.ring().submit_and_wait_timeout(1, LOST).unwrap();
        assert!(came, "an event was lost");
    }
}

/// The event of a poll: its context, its poll(2) bits, and whether it goes on.
#[track_caller]
pub(crate) fn polled<C: Clone + std::fmt::Debug>(event: Event<C>, ops: &Ops<C>) -> (C, u32, bool) {
    match event {
        Event::PollArmed { token, result } => {
            let context = ops.context(token).expect("an armed poll is in its slot");
            (context.clone(), result.unwrap(), true)
        }
        Event::Poll { context, result } => (context, result.unwrap(), false),
        Event::AcceptArmed { .. }
        | Event::AcceptEnded { .. }
        | Event::RecvArmed { .. }
        | Event::RecvEnded { .. }
        | Event::Accept { .. }
        | Event::Connect { .. } => panic!("{event:?} is no poll"),
    }
}

/// What has happened so far, without waiting.
pub(crate) fn events_now<C: Clone>(ops: &mut Ops<C>) -> Vec<Event<C>> {
    ops.submit_and_get_events().unwrap();
    std::iter::from_fn(|| ops.next_event()).collect()
}
