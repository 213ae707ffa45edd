//! One operation at a time: poll, accept, connect, close, and what becomes of them when nobody wants
//! them any more.
#![expect(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

mod support;

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, OwnedFd};

use ring_core::ops::{Event, Ops};
use ring_core::setup::Issuer;
use socket2::SockAddr;

use support::sockets::{
    is_closed, is_non_blocking_and_close_on_exec, listener, pair, reset, silent, target, tcp_socket,
};
use support::{IN, ISSUERS, LOST, OUT, events_now, next, ops, polled};

/// The connection and the peer's address of an accept's event.
#[track_caller]
fn accepted(event: Event<&'static str>) -> (TcpStream, SocketAddr) {
    let Event::Accept { result, .. } = event else {
        panic!("{event:?} is no accept");
    };
    let (fd, address) = result.unwrap();
    (
        TcpStream::from(fd),
        address.into_addr().as_socket().unwrap(),
    )
}

#[track_caller]
fn error_of(event: Event<&'static str>) -> Option<i32> {
    let error = match event {
        Event::PollArmed { result, .. } | Event::Poll { result, .. } => {
            result.map(drop).unwrap_err()
        }
        Event::Accept { result, .. } => result.map(drop).unwrap_err(),
        Event::AcceptArmed { result, .. } | Event::AcceptEnded { result, .. } => {
            result.map(drop).unwrap_err()
        }
        Event::RecvArmed { .. } => panic!("{event:?} is no error"),
        Event::RecvEnded { result, .. } => result.map(drop).unwrap_err(),
        Event::Connect { result, .. } => result.unwrap_err(),
    };
    error.raw_os_error()
}

#[test]
fn a_poll_reports_what_is_ready_already_and_then_every_change() {
    for issuer in ISSUERS {
        let Some(mut ops) = ops(issuer) else { return };
        let (mut here, mut there) = pair();
        there.write_all(b"x").unwrap();
        ops.poll(target(&here), IN, "poll").unwrap();
        assert_eq!(polled(next(&mut ops), &ops), ("poll", IN, true));

        // From here on by edge: what is still there is not reported again, what comes is.
        assert!(events_now(&mut ops).is_empty());
        here.read_exact(&mut [0]).unwrap();
        assert!(events_now(&mut ops).is_empty());
        there.write_all(b"x").unwrap();
        assert_eq!(polled(next(&mut ops), &ops), ("poll", IN, true));
        there.write_all(b"x").unwrap();
        assert_eq!(polled(next(&mut ops), &ops), ("poll", IN, true));
        assert_eq!(ops.count(), 1);
    }
}

#[test]
fn a_poll_reports_only_what_was_asked_for_and_the_end() {
    for issuer in ISSUERS {
        let Some(mut ops) = ops(issuer) else { return };
        let (here, mut there) = pair();
        ops.poll(target(&here), OUT, "poll").unwrap();
        assert_eq!(polled(next(&mut ops), &ops), ("poll", OUT, true));
        there.write_all(b"x").unwrap();
        drop(there);
        // Unasked, as poll(2) does.
        let hang_up = libc::POLLHUP as u32;
        loop {
            let (_, seen, _) = polled(next(&mut ops), &ops);
            assert_eq!(seen & IN, 0);
            if seen & hang_up != 0 {
                break;
            }
        }
    }
}

#[test]
fn an_accept_has_the_address_of_its_own_peer() {
    for issuer in ISSUERS {
        let Some(mut ops) = ops(issuer) else { return };
        let (listener, address) = listener();
        ops.accept(target(&listener), "first").unwrap();
        ops.accept(target(&listener), "second").unwrap();
        assert!(events_now(&mut ops).is_empty());
        let clients = [(); 2].map(|()| TcpStream::connect(address).unwrap());
        let mut peers = Vec::new();
        for _ in &clients {
            let (stream, peer) = accepted(next(&mut ops));
            assert_eq!(stream.peer_addr().unwrap(), peer);
            assert!(is_non_blocking_and_close_on_exec(&OwnedFd::from(stream)));
            peers.push(peer);
        }
        let mut expected = clients.map(|client| client.local_addr().unwrap());
        peers.sort();
        expected.sort();
        assert_eq!(peers, expected);
        assert_eq!(ops.count(), 0);
    }
}

/// getpeername(2) cannot tell any more: the address has to come with the accept.
#[test]
fn an_accept_has_the_address_of_a_peer_that_has_reset_the_connection() {
    for (issuer, armed_first) in [
        (Issuer::SingleThread, true),
        (Issuer::SingleThread, false),
        (Issuer::AnyThread, false),
    ] {
        let Some(mut ops) = ops(issuer) else { return };
        let (listener, address) = listener();
        if armed_first {
            ops.accept(target(&listener), "accept").unwrap();
            ops.submit_and_get_events().unwrap();
        }
        let client = TcpStream::connect(address).unwrap();
        let client_address = client.local_addr().unwrap();
        reset(client);
        if !armed_first {
            ops.accept(target(&listener), "accept").unwrap();
        }
        let (stream, peer) = accepted(next(&mut ops));
        assert_eq!(peer, client_address);
        let kind = stream.peer_addr().unwrap_err().kind();
        assert_eq!(kind, ErrorKind::NotConnected);
    }
}

#[test]
fn a_multishot_accept_brings_every_connection_until_it_is_cancelled() {
    for issuer in ISSUERS {
        let Some(mut ops) = ops(issuer) else { return };
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let connect = || TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let token = ops.multishot_accept(target(&listener), "all").unwrap();
        for _ in 0..3 {
            let client = connect();
            let Event::AcceptArmed { token: of, result } = next(&mut ops) else {
                panic!("it goes on");
            };
            let accepted = TcpStream::from(result.unwrap());
            assert_eq!(of, token);
            let peer = accepted.peer_addr().unwrap();
            assert_eq!(peer, client.local_addr().unwrap());
        }
        ops.cancel(token).unwrap();
        assert_eq!(error_of(next(&mut ops)), Some(libc::ECANCELED));
        assert_eq!(ops.count(), 0);
    }
}

#[test]
fn what_an_orphaned_multishot_accept_brings_is_closed() {
    for issuer in ISSUERS {
        let Some(mut ops) = ops(issuer) else { return };
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let token = ops.multishot_accept(target(&listener), "all").unwrap();
        assert!(events_now(&mut ops).is_empty());
        ops.orphan(token);
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        while ops.ring().cq_ready() == 0 && !ops.ring().taskrun() {}
        assert!(events_now(&mut ops).is_empty());
        assert_eq!(client.read(&mut [0]).unwrap(), 0);
        assert_eq!(ops.count(), 1);
    }
}

#[test]
fn events_taken_off_the_ring_still_count_and_close_what_they_bring() {
    for issuer in ISSUERS {
        let Some(mut ops) = ops(issuer) else { return };
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        ops.multishot_accept(target(&listener), "all").unwrap();
        assert!(events_now(&mut ops).is_empty());
        let connect = || TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let mut clients: Vec<_> = std::iter::repeat_with(connect).take(3).collect();
        while ops.ring().cq_ready() < 3 {
            ops.submit_and_get_events().unwrap();
        }
        drop(ops.next_event());
        assert_eq!((ops.ring().cq_ready(), ops.ring().has_work()), (2, true));
        let waited = ops.ring().submit_and_wait_timeout(2, LOST).unwrap();
        assert!(waited);
        drop(ops);
        for client in &mut clients {
            client.set_read_timeout(Some(LOST)).unwrap();
            assert_eq!(client.read(&mut [0]).unwrap(), 0);
        }
    }
}

#[test]
fn a_failed_accept_tells_its_error() {
    let Some(mut ops) = ops(Issuer::SingleThread) else {
        return;
    };
    let (silent, _) = silent();
    ops.accept(target(&silent), "accept").unwrap();
    assert_eq!(error_of(next(&mut ops)), Some(libc::EINVAL));
    assert_eq!(ops.count(), 0);
}

#[test]
fn debug_does_not_read_what_the_kernel_may_write() {
    let Some(mut ops) = ops(Issuer::SingleThread) else {
        return;
    };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    ops.accept(target(&listener), "accept").unwrap();
    let text = format!("{ops:?}");
    assert!(text.contains("held: Accept }"), "{text}");
}

#[test]
fn a_connect_ends_connected_or_refused() {
    for issuer in ISSUERS {
        let Some(mut ops) = ops(issuer) else { return };
        let (listener, address) = listener();
        let socket = tcp_socket();
        ops.connect(socket.as_fd(), SockAddr::from(address), "connect")
            .unwrap();
        match next(&mut ops) {
            Event::Connect {
                context: "connect",
                result: Ok(()),
            } => {}
            event => panic!("{event:?}"),
        }
        let (_stream, peer) = listener.accept().unwrap();
        assert_eq!(socket.local_addr().unwrap().as_socket(), Some(peer));

        let (_silent, refused) = silent();
        let socket = tcp_socket();
        ops.connect(socket.as_fd(), SockAddr::from(refused), "refused")
            .unwrap();
        assert_eq!(error_of(next(&mut ops)), Some(libc::ECONNREFUSED));
        assert_eq!(ops.count(), 0);
    }
}

#[test]
fn a_close_closes_and_tells_nobody() {
    for issuer in ISSUERS {
        let Some(mut ops) = ops(issuer) else { return };
        let (here, there) = pair();
        ops.close(here.into()).unwrap();
        assert_eq!(ops.count(), 1);
        assert!(!is_closed(&there), "closed before the submit");
        assert!(events_now(&mut ops).is_empty());
        assert!(is_closed(&there));
        assert_eq!(ops.count(), 0);
    }
}

/// Why the reactor cancels before it closes.
#[test]
fn a_poll_in_flight_keeps_a_closed_socket_open_until_it_is_cancelled() {
    let Some(mut ops) = ops(Issuer::SingleThread) else {
        return;
    };
    let (here, there) = pair();
    let poll = ops.poll(target(&here), IN, "poll").unwrap();
    ops.submit_and_get_events().unwrap();
    ops.close(here.into()).unwrap();
    assert!(events_now(&mut ops).is_empty());
    assert!(!is_closed(&there));
    ops.cancel(poll).unwrap();
    assert_eq!(error_of(next(&mut ops)), Some(libc::ECANCELED));
    assert!(is_closed(&there));
}

#[test]
fn cancel_and_close_in_one_enter_close_at_once() {
    let Some(mut ops) = ops(Issuer::SingleThread) else {
        return;
    };
    let (here, there) = pair();
    let poll = ops.poll(target(&here), IN, "poll").unwrap();
    ops.submit_and_get_events().unwrap();
    ops.orphan(poll);
    ops.cancel(poll).unwrap();
    ops.close(here.into()).unwrap();
    let enters = ops.ring().enters();
    assert!(events_now(&mut ops).is_empty());
    assert_eq!((ops.ring().enters(), ops.count()), (enters + 1, 0));
    assert!(is_closed(&there));
}

#[test]
fn a_cancelled_operation_ends_with_ecanceled() {
    for issuer in ISSUERS {
        let Some(mut ops) = ops(issuer) else { return };
        let (here, _there) = pair();
        let (listener, _) = listener();
        let poll = ops.poll(target(&here), IN, "poll").unwrap();
        let accept = ops.accept(target(&listener), "accept").unwrap();
        assert!(events_now(&mut ops).is_empty());
        for (token, name) in [(accept, "accept"), (poll, "poll")] {
            ops.cancel(token).unwrap();
            assert!(ops.contains(token), "cancelled is not ended");
            let event = next(&mut ops);
            assert!(format!("{event:?}").contains(name), "{event:?}");
            assert_eq!(error_of(event), Some(libc::ECANCELED));
            assert!(!ops.contains(token));
        }
        assert_eq!((ops.count(), ops.strays()), (0, 0));
    }
}

#[test]
fn a_cancel_that_finds_nothing_is_a_stray_and_hurts_nobody() {
    for issuer in ISSUERS {
        let Some(mut ops) = ops(issuer) else { return };
        let (here, mut there) = pair();
        let old = ops.poll(target(&here), IN, "old").unwrap();
        ops.cancel(old).unwrap();
        assert_eq!(error_of(next(&mut ops)), Some(libc::ECANCELED));

        // The slot has a new operation now, and the old one's token another generation.
        let new = ops.poll(target(&here), IN, "new").unwrap();
        assert_eq!(new.index(), old.index());
        ops.cancel(old).unwrap();
        assert!(events_now(&mut ops).is_empty());
        assert_eq!((ops.strays(), ops.contains(new)), (1, true));
        there.write_all(b"x").unwrap();
        assert_eq!(polled(next(&mut ops), &ops), ("new", IN, true));
    }
}

#[test]
fn a_cancel_that_comes_too_late_loses_no_connection() {
    for issuer in ISSUERS {
        let Some(mut ops) = ops(issuer) else { return };
        let (listener, address) = listener();
        listener.set_nonblocking(true).unwrap();
        let accept = ops.accept(target(&listener), "accept").unwrap();
        ops.submit_and_get_events().unwrap();
        let client = TcpStream::connect(address).unwrap();
        ops.cancel(accept).unwrap();
        let peer = match next(&mut ops) {
            Event::Accept {
                result: Ok((_, peer)),
                ..
            } => peer.into_addr().as_socket().unwrap(),
            // Then it is still in the queue.
            event => {
                assert_eq!(error_of(event), Some(libc::ECANCELED));
                listener.accept().unwrap().1
            }
        };
        assert_eq!(peer, client.local_addr().unwrap());
        assert_eq!(ops.count(), 0);
    }
}

#[test]
fn a_connection_that_an_orphaned_accept_brings_is_closed() {
    for issuer in ISSUERS {
        let Some(mut ops) = ops(issuer) else { return };
        let (listener, address) = listener();
        let accept = ops.accept(target(&listener), "accept").unwrap();
        ops.submit_and_get_events().unwrap();
        ops.orphan(accept);
        assert!(ops.contains(accept));
        let mut client = TcpStream::connect(address).unwrap();
        while ops.count() > 0 {
            assert!(events_now(&mut ops).is_empty());
        }
        // It was accepted, and it was closed: the stream ends instead of waiting.
        assert_eq!(client.read(&mut [0]).unwrap(), 0);
        assert_has_no_connection(&listener);
    }
}

fn assert_has_no_connection(listener: &TcpListener) {
    listener.set_nonblocking(true).unwrap();
    let kind = listener.accept().unwrap_err().kind();
    assert_eq!(kind, ErrorKind::WouldBlock);
}

#[test]
fn events_of_an_orphaned_poll_reach_nobody() {
    for issuer in ISSUERS {
        let Some(mut ops) = ops(issuer) else { return };
        let (here, mut there) = pair();
        let poll = ops.poll(target(&here), IN, "poll").unwrap();
        ops.submit_and_get_events().unwrap();
        ops.orphan(poll);
        there.write_all(b"x").unwrap();
        assert!(events_now(&mut ops).is_empty());
        assert!(ops.contains(poll), "multishot: it goes on");
        ops.cancel(poll).unwrap();
        while ops.count() > 0 {
            assert!(events_now(&mut ops).is_empty());
        }
    }
}

#[test]
fn the_contexts_of_all_operations_can_be_seen_orphans_included() {
    let Some(mut ops) = ops(Issuer::SingleThread) else {
        return;
    };
    let (here, there) = pair();
    let (listener, _) = listener();
    let poll = ops.poll(target(&here), IN, "poll").unwrap();
    ops.accept(target(&listener), "accept").unwrap();
    ops.close(there.into()).unwrap();
    ops.orphan(poll);
    let contexts = |ops: &Ops<&'static str>| {
        let mut contexts = Vec::new();
        ops.for_each_context(|context| contexts.push(*context));
        contexts.sort_unstable();
        contexts
    };
    assert_eq!(contexts(&ops), ["accept", "poll"]);
    assert_eq!(ops.count(), 3);
}
