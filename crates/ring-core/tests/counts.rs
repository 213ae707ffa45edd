//! The counters of a ring balance at every moment.
#![expect(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

mod support;

use std::io::Write;
use std::net::TcpStream;

use ring_core::ops::Ops;

use support::sockets::{listener, pair, target};
use support::{IN, ISSUERS, events_now, next, ops};

#[track_caller]
fn assert_balanced(ops: &Ops<&'static str>) {
    let counts = ops.counts();
    let gone = counts.ended + counts.strays + counts.skipped();
    assert_eq!(counts.sqes, gone + ops.count() as u64, "{counts:?}");
}

#[test]
fn every_sqe_ends_in_one_way() {
    for issuer in ISSUERS {
        let Some(mut ops) = ops(issuer) else { return };
        let (here, mut there) = pair();
        let (listener, address) = listener();
        let poll = ops.poll(target(&here), IN, "poll").unwrap();
        ops.accept(target(&listener), "accept").unwrap();
        assert_balanced(&ops);
        events_now(&mut ops);
        there.write_all(b"x").unwrap();
        next(&mut ops);
        assert_balanced(&ops);
        assert_eq!((ops.counts().cqes, ops.counts().ended), (1, 0));
        let _client = TcpStream::connect(address).unwrap();
        next(&mut ops);
        assert_balanced(&ops);
        assert_eq!((ops.counts().cqes, ops.counts().ended), (2, 1));

        // A cancel that succeeds has no CQE, one that fails has.
        ops.cancel(poll).unwrap();
        assert_balanced(&ops);
        next(&mut ops);
        ops.cancel(poll).unwrap();
        assert!(events_now(&mut ops).is_empty());
        assert_balanced(&ops);
        let counts = ops.counts();
        assert_eq!((counts.sqes, counts.cqes, counts.ended), (4, 4, 2));
        assert_eq!((counts.skipped(), counts.strays), (1, 1));
        assert_eq!((counts.cancels, counts.failed_cancels), (2, 1));
    }
}

#[test]
fn a_full_queue_counts_nothing() {
    for issuer in ISSUERS {
        let Some(mut ops) = ops(issuer) else { return };
        let (here, _there) = pair();
        let mut sqes = 0;
        while ops.poll(target(&here), IN, "poll").is_ok() {
            sqes += 1;
        }
        let token = ops.poll(target(&here), IN, "poll");
        assert!(token.is_err());
        assert_eq!(ops.counts().sqes, sqes);
        assert_balanced(&ops);
        assert!(ops.drain());
        assert_balanced(&ops);
        assert_eq!(ops.counts().ended, sqes);
    }
}
