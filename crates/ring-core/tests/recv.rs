//! Multishot receives into the ring's buffers: whose bytes are whose, and where the buffers go.
#![expect(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

mod support;

use std::io::Write;
use std::net::TcpStream;

use ring_core::errno::ENOBUFS;
use ring_core::ops::{Event, Filled, Ops};
use ring_core::setup::Issuer;

use support::sockets::{listener, pair, reset, target};
use support::{ISSUERS, events_now, next, ops};

const BUFFER_BYTES: usize = 16;

/// A ring that has `count` buffers.
fn ops_with_buffers(issuer: Issuer, count: u16) -> Option<Ops<&'static str>> {
    let mut ops = ops(issuer)?;
    ops.setup_buf_ring(count, BUFFER_BYTES).unwrap();
    Some(ops)
}

/// The buffer of a receive that goes on.
#[track_caller]
fn armed(event: Event<&'static str>) -> Filled {
    match event {
        Event::RecvArmed { filled, .. } => filled.expect("it brought bytes"),
        event => panic!("{event:?} is not of a receive that goes on"),
    }
}

/// How a receive ended: its context, and the errno, or whether it brought bytes.
#[track_caller]
fn ended(event: Event<&'static str>) -> (&'static str, Result<bool, Option<i32>>) {
    let Event::RecvEnded { context, result } = event else {
        panic!("{event:?} is not the end of a receive");
    };
    let result = result.map(|filled| filled.is_some());
    (context, result.map_err(|error| error.raw_os_error()))
}

fn bytes(ops: &mut Ops<&'static str>, filled: Filled) -> Vec<u8> {
    ops.take_bytes(filled, <[u8]>::to_vec)
}

#[test]
fn every_message_comes_once_and_in_order_until_the_stream_ends() {
    for issuer in ISSUERS {
        let Some(mut ops) = ops_with_buffers(issuer, 2) else {
            return;
        };
        let (here, mut there) = pair();
        ops.recv_multishot(target(&here), "recv").unwrap();
        // More messages than there are buffers: each goes back before the next is needed.
        for round in 0..5_u8 {
            there.write_all(&[round; 3]).unwrap();
            let filled = armed(next(&mut ops));
            assert_eq!(bytes(&mut ops, filled), [round; 3]);
        }
        drop(there);
        assert_eq!(ended(next(&mut ops)), ("recv", Ok(false)));
        assert_eq!(ops.count(), 0);
    }
}

#[test]
fn without_a_buffer_it_ends_and_the_bytes_stay_in_the_socket() {
    for issuer in ISSUERS {
        let Some(mut ops) = ops_with_buffers(issuer, 1) else {
            return;
        };
        let (here, mut there) = pair();
        ops.recv_multishot(target(&here), "recv").unwrap();
        there.write_all(&[1; BUFFER_BYTES]).unwrap();
        let first = armed(next(&mut ops));
        there.write_all(b"later").unwrap();
        assert_eq!(ended(next(&mut ops)), ("recv", Err(Some(ENOBUFS))));
        // The first buffer was not touched meanwhile.
        assert_eq!(bytes(&mut ops, first), [1; BUFFER_BYTES]);
        ops.recv_multishot(target(&here), "again").unwrap();
        let later = armed(next(&mut ops));
        assert_eq!(bytes(&mut ops, later), b"later");
    }
}

#[test]
fn the_buffers_of_an_orphan_go_back() {
    for issuer in ISSUERS {
        let Some(mut ops) = ops_with_buffers(issuer, 1) else {
            return;
        };
        let (here, mut there) = pair();
        let token = ops.recv_multishot(target(&here), "gone").unwrap();
        ops.submit_and_get_events().unwrap();
        ops.orphan(token);
        there.write_all(b"nobody's").unwrap();
        ops.cancel(token).unwrap();
        while ops.count() > 0 {
            assert!(events_now(&mut ops).is_empty(), "nobody waits for it");
        }
        let (here, mut there) = pair();
        ops.recv_multishot(target(&here), "here").unwrap();
        there.write_all(b"mine").unwrap();
        let mine = armed(next(&mut ops));
        assert_eq!(bytes(&mut ops, mine), b"mine");
    }
}

#[test]
fn a_cancel_ends_it_and_takes_nothing() {
    for issuer in ISSUERS {
        let Some(mut ops) = ops_with_buffers(issuer, 2) else {
            return;
        };
        let (here, mut there) = pair();
        let token = ops.recv_multishot(target(&here), "recv").unwrap();
        ops.submit_and_get_events().unwrap();
        ops.cancel(token).unwrap();
        assert_eq!(
            ended(next(&mut ops)),
            ("recv", Err(Some(ring_core::errno::ECANCELED)))
        );
        there.write_all(b"stays").unwrap();
        ops.recv_multishot(target(&here), "again").unwrap();
        let stays = armed(next(&mut ops));
        assert_eq!(bytes(&mut ops, stays), b"stays");
    }
}

#[test]
fn a_reset_ends_it_with_the_error() {
    for issuer in ISSUERS {
        let Some(mut ops) = ops_with_buffers(issuer, 2) else {
            return;
        };
        let (listener, address) = listener();
        let peer = TcpStream::connect(address).unwrap();
        let (here, _) = listener.accept().unwrap();
        ops.recv_multishot(target(&here), "recv").unwrap();
        ops.submit_and_get_events().unwrap();
        reset(peer);
        assert_eq!(ended(next(&mut ops)), ("recv", Err(Some(libc::ECONNRESET))));
    }
}

#[test]
fn a_ring_has_one_set_of_buffers() {
    for issuer in ISSUERS {
        let Some(mut ops) = ops_with_buffers(issuer, 2) else {
            return;
        };
        assert!(ops.has_buf_ring());
        let error = ops.setup_buf_ring(2, BUFFER_BYTES).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EEXIST));
        let (here, mut there) = pair();
        ops.recv_multishot(target(&here), "recv").unwrap();
        there.write_all(b"still").unwrap();
        let still = armed(next(&mut ops));
        assert_eq!(bytes(&mut ops, still), b"still");
    }
}

#[test]
fn a_buffer_of_another_ring_is_nobodys() {
    for issuer in ISSUERS {
        let (Some(mut ops), Some(mut other)) =
            (ops_with_buffers(issuer, 1), ops_with_buffers(issuer, 1))
        else {
            return;
        };
        let (here, mut there) = pair();
        ops.recv_multishot(target(&here), "recv").unwrap();
        there.write_all(b"mine").unwrap();
        let mine = armed(next(&mut ops));
        // The other ring's buffer of that number is the kernel's, and stays so.
        assert_eq!(bytes(&mut other, mine), b"");
    }
}

#[test]
fn a_ring_that_is_dropped_with_a_receive_in_flight_leaks_its_buffers_and_says_so() {
    for issuer in ISSUERS {
        let Some(mut ops) = ops_with_buffers(issuer, 2) else {
            return;
        };
        let (here, _there) = pair();
        ops.recv_multishot(target(&here), "recv").unwrap();
        ops.submit_and_get_events().unwrap();
        let (contexts, leaked) = ops.abandon();
        assert_eq!((contexts, leaked), (vec!["recv"], 1));
    }
}

#[test]
fn a_drain_ends_receives() {
    for issuer in ISSUERS {
        let Some(mut ops) = ops_with_buffers(issuer, 2) else {
            return;
        };
        let (here, mut there) = pair();
        ops.recv_multishot(target(&here), "recv").unwrap();
        ops.submit_and_get_events().unwrap();
        there.write_all(b"unread").unwrap();
        assert!(ops.drain());
        assert_eq!(ops.abandon().1, 0);
    }
}
