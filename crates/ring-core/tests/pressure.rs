//! Queues that are too small, and the end of everything: drain and abandon.
#![expect(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

mod support;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;

use ring_core::ops::{Event, Ops};
use ring_core::setup::{Issuer, RingBuilder};
use ring_core::submission::QueueFull;
use ring_core::token::Token;
use socket2::SockAddr;

use support::sockets::{is_closed, listener, pair, target, tcp_socket};
use support::{IN, ISSUERS, OUT, events_now, next, polled, ring};

/// Sizes of the two queues from hopeless to small.
const HOSTILE_SIZES: [(u32, u32); 5] = [(1, 1), (1, 2), (2, 2), (2, 4), (4, 4)];

fn ops<C: Clone>(issuer: Issuer, sq_entries: u32, cq_entries: u32) -> Option<Ops<C>> {
    let builder = RingBuilder::new(issuer)
        .sq_entries(sq_entries)
        .cq_entries(cq_entries);
    ring(&builder).map(Ops::new)
}

/// Queues one operation, and makes room for it where there is none.
fn queue<C: Clone>(
    ops: &mut Ops<C>,
    mut operation: impl FnMut(&mut Ops<C>) -> Result<Token, QueueFull>,
) -> Token {
    if let Ok(token) = operation(ops) {
        return token;
    }
    ops.submit_and_get_events().unwrap();
    operation(ops).expect("a submit empties the queue")
}

#[test]
fn a_full_submission_queue_takes_nothing_and_keeps_nothing() {
    for issuer in ISSUERS {
        let Some(mut ops) = ops(issuer, 2, 4) else {
            return;
        };
        let (here, there) = pair();
        let first = ops.poll(target(&here), OUT, 1).unwrap();
        ops.poll(target(&here), OUT, 2).unwrap();
        assert_eq!((ops.ring().sq_ready(), ops.ring().sq_space_left()), (2, 0));

        let (listener, address) = listener();
        assert_eq!(ops.poll(target(&here), OUT, 3), Err(QueueFull));
        assert_eq!(ops.accept(target(&listener), 3), Err(QueueFull));
        let socket = tcp_socket();
        let connect = ops.connect(socket.as_fd(), SockAddr::from(address), 3);
        assert_eq!(connect, Err(QueueFull));
        assert_eq!(ops.cancel(first), Err(QueueFull));
        let there: OwnedFd = ops.close(there.into()).expect_err("there is no room");
        assert_eq!(ops.count(), 2);

        let contexts: Vec<_> = events_now(&mut ops)
            .into_iter()
            .map(|event| polled(event, &ops))
            .collect();
        assert_eq!(contexts, [(1, OUT, true), (2, OUT, true)]);
        assert_eq!(ops.ring().sq_space_left(), 2);
        ops.close(there).unwrap();
        assert!(ops.poll(target(&here), OUT, 3).is_ok());
    }
}

/// More completions than the queue holds: the kernel parks them, and hands them over when there is
/// room. What is multishot ends when it meets the full queue, and says so.
#[test]
fn an_overflown_completion_queue_loses_nothing() {
    const COUNT: usize = 100;
    for issuer in ISSUERS {
        let Some(mut ops) = ops(issuer, 4, 4) else {
            return;
        };
        let pairs: Vec<_> = (0..COUNT).map(|_| pair()).collect();
        for (index, (here, _)) in pairs.iter().enumerate() {
            queue(&mut ops, |ops| ops.poll(target(here), IN, index));
        }
        assert!(events_now(&mut ops).is_empty());
        for (_, there) in &pairs {
            (&*there).write_all(b"x").unwrap();
        }
        ops.submit_and_get_events().unwrap();
        assert!(ops.ring().cq_has_overflow() && ops.ring().has_work());

        let mut armed = [None; COUNT];
        for _ in 0..COUNT {
            let (index, seen, goes_on) = polled(next(&mut ops), &ops);
            assert_eq!((seen, armed[index].replace(goes_on)), (IN, None));
        }
        assert!(events_now(&mut ops).is_empty());
        assert!(!ops.ring().cq_has_overflow());
        let armed_count = armed.iter().filter(|armed| **armed == Some(true)).count();
        assert_eq!((ops.count(), armed_count < COUNT), (armed_count, true));
    }
}

#[test]
fn accepts_and_closes_survive_an_overflown_completion_queue() {
    const COUNT: usize = 30;
    for issuer in ISSUERS {
        let Some(mut ops) = ops(issuer, 2, 2) else {
            return;
        };
        let (listener, address) = listener();
        for index in 0..COUNT {
            queue(&mut ops, |ops| ops.accept(target(&listener), index));
        }
        ops.submit_and_get_events().unwrap();
        let clients: Vec<_> = (0..COUNT)
            .map(|_| TcpStream::connect(address).unwrap())
            .collect();
        let mut streams = Vec::new();
        for _ in 0..COUNT {
            match next(&mut ops) {
                Event::Accept { result, .. } => streams.push(result.unwrap().0),
                event => panic!("{event:?}"),
            }
        }
        assert_eq!(ops.count(), 0);
        for mut stream in streams {
            while let Err(full) = ops.close(stream) {
                stream = full;
                ops.submit_and_get_events().unwrap();
            }
        }
        while ops.count() > 0 {
            assert!(events_now(&mut ops).is_empty());
        }
        for mut client in clients {
            assert_eq!(client.read(&mut [0]).unwrap(), 0);
        }
    }
}

/// Operations that would last for ever, with what keeps them so.
struct Idle {
    _listener: TcpListener,
    _pairs: Vec<(UnixStream, UnixStream)>,
}

/// Puts one accept and `polls` polls in flight.
fn idle(ops: &mut Ops<usize>, polls: usize) -> Idle {
    let (listener, _) = listener();
    queue(ops, |ops| ops.accept(target(&listener), 0));
    let pairs: Vec<_> = (0..polls).map(|_| pair()).collect();
    for (index, (here, _)) in pairs.iter().enumerate() {
        queue(ops, |ops| ops.poll(target(here), IN, index));
    }
    assert!(events_now(ops).is_empty());
    assert_eq!(ops.count(), polls + 1);
    Idle {
        _listener: listener,
        _pairs: pairs,
    }
}

#[test]
fn a_drain_ends_idle_operations_with_one_enter() {
    for issuer in ISSUERS {
        let Some(mut ops) = ops(issuer, 8, 64) else {
            return;
        };
        let _idle = idle(&mut ops, 20);
        let enters = ops.ring().enters();
        assert!(ops.drain());
        assert_eq!((ops.count(), ops.strays()), (0, 0));
        assert_eq!(ops.ring().enters() - enters, 1);
        assert_eq!(ops.abandon(), (vec![], 0));
    }
}

#[test]
fn a_drain_of_nothing_is_over_without_an_enter() {
    let Some(mut ops) = ops::<usize>(Issuer::SingleThread, 2, 4) else {
        return;
    };
    assert!(ops.drain());
    assert_eq!(ops.ring().enters(), 0);
}

#[test]
fn a_drain_copes_with_queues_of_any_size() {
    for (sq_entries, cq_entries) in HOSTILE_SIZES {
        for issuer in ISSUERS {
            let Some(mut ops) = ops(issuer, sq_entries, cq_entries) else {
                return;
            };
            let idle = idle(&mut ops, 40);
            // Some have something to say, and the submission queue is full.
            for (_, there) in idle._pairs.iter().step_by(3) {
                (&*there).write_all(b"x").unwrap();
            }
            while ops.ring().sq_space_left() > 0 {
                ops.poll(target(&idle._listener), OUT, 99).unwrap();
            }
            assert!(ops.drain(), "SQ {sq_entries}, CQ {cq_entries}");
            assert_eq!(ops.count(), 0);
        }
    }
}

#[test]
fn a_drain_closes_the_connections_that_still_arrive() {
    for issuer in ISSUERS {
        let Some(mut ops) = ops(issuer, 8, 64) else {
            return;
        };
        let (listener, address) = listener();
        ops.accept(target(&listener), 0).unwrap();
        ops.submit_and_get_events().unwrap();
        let mut client = TcpStream::connect(address).unwrap();
        assert!(ops.drain());
        drop(listener);
        // By the drain, or with the listening socket's queue.
        assert!(!matches!(client.read(&mut [0]), Ok(1..)));
    }
}

#[test]
fn abandoning_leaks_only_what_the_kernel_may_write_to() {
    for issuer in ISSUERS {
        let Some(mut ops) = ops(issuer, 8, 64) else {
            return;
        };
        let _idle = idle(&mut ops, 5);
        let (mut contexts, leaked_count) = ops.abandon();
        contexts.sort_unstable();
        assert_eq!(contexts, [0, 0, 1, 2, 3, 4]);
        assert_eq!(leaked_count, 1, "the accept's address");
    }
}

#[test]
fn abandoning_hands_over_what_has_completed_and_leaks_none_of_it() {
    let Some(mut ops) = ops(Issuer::SingleThread, 8, 64) else {
        return;
    };
    let (listener, address) = listener();
    ops.accept(target(&listener), 7).unwrap();
    ops.submit_and_get_events().unwrap();
    let mut client = TcpStream::connect(address).unwrap();
    while ops.ring().cq_ready() == 0 {
        ops.submit_and_get_events().unwrap();
    }
    assert_eq!(ops.abandon(), (vec![7], 0));
    // The connection that nobody fetched is closed.
    assert_eq!(client.read(&mut [0]).unwrap(), 0);
}

#[test]
fn abandoning_leaks_an_address_that_a_connect_may_still_read() {
    let Some(mut ops) = ops(Issuer::SingleThread, 8, 64) else {
        return;
    };
    let (_listener, address) = listener();
    let socket = tcp_socket();
    ops.connect(socket.as_fd(), SockAddr::from(address), 7)
        .unwrap();
    assert_eq!(ops.abandon(), (vec![7], 1));
}

#[test]
fn a_close_that_was_never_submitted_is_made_good_when_the_ring_is_abandoned_or_dropped() {
    for abandon in [true, false] {
        let Some(mut ops) = ops::<usize>(Issuer::SingleThread, 8, 64) else {
            return;
        };
        let (here, there) = pair();
        ops.close(here.into()).unwrap();
        if abandon {
            assert_eq!(ops.abandon(), (vec![], 0));
        } else {
            drop(ops);
        }
        assert!(is_closed(&there));
    }
}

/// Whether the close was done is in the parked CQEs. To close again could hit another descriptor.
#[test]
fn a_close_whose_end_is_hidden_by_an_overflow_is_not_repeated() {
    let Some(mut ops) = ops(Issuer::SingleThread, 4, 4) else {
        return;
    };
    let pairs: Vec<_> = (0..10).map(|_| pair()).collect();
    for (index, (here, _)) in pairs.iter().enumerate() {
        queue(&mut ops, |ops| ops.poll(target(here), OUT, index));
    }
    ops.submit_and_get_events().unwrap();
    let (here, there) = pair();
    ops.close(here.into()).unwrap();
    ops.submit_and_get_events().unwrap();
    assert!(ops.ring().cq_has_overflow() && is_closed(&there));
    let (mut contexts, leaked_count) = ops.abandon();
    assert_eq!(leaked_count, 1, "the close's descriptor");
    // A poll that goes on is named by each of its events, and once more at its end.
    contexts.sort_unstable();
    contexts.dedup();
    assert_eq!(contexts.len(), pairs.len());
}
