//! A kernel that stops answering io_uring_enter(2): what was pushed cannot be taken back.
#![expect(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

mod support;

use std::net::TcpStream;
use std::os::fd::AsFd;
use std::time::Duration;

use ring_core::ops::is_transient;
use ring_core::setup::Issuer;
use socket2::SockAddr;

use support::seccomp::{self, ENTER};
use support::sockets::{is_closed, listener, pair, target, tcp_socket};
use support::{IN, events_now, ops};

#[test]
fn what_was_pushed_before_a_failed_enter_stays_in_flight() {
    seccomp::in_own_thread(|| {
        let Some(mut ops) = ops(Issuer::SingleThread) else {
            return;
        };
        let (listener, address) = listener();
        let (here, there) = pair();
        let (closing, closed) = pair();
        let socket = tcp_socket();
        let tokens = [
            ops.poll(target(&here), IN, "poll").unwrap(),
            ops.accept(target(&listener), "accept").unwrap(),
            ops.connect(socket.as_fd(), SockAddr::from(address), "connect")
                .unwrap(),
        ];
        ops.close(closing.into()).unwrap();
        seccomp::refuse(ENTER, libc::EPERM);
        for _ in 0..3 {
            let error = ops.submit_and_get_events().unwrap_err();
            assert_eq!(error.raw_os_error(), Some(libc::EPERM));
            assert!(!is_transient(&error));
            assert!(ops.next_event().is_none());
            assert!(tokens.iter().all(|token| ops.contains(*token)));
            assert_eq!((ops.count(), ops.ring().sq_ready()), (4, 4));
        }
        assert!(!is_closed(&closed));
        assert!(!ops.drain(), "nothing can be drained");
        assert_eq!(ops.count(), 4);

        let (mut contexts, leaked_count) = ops.abandon();
        contexts.sort_unstable();
        assert_eq!(contexts, ["accept", "connect", "poll"]);
        assert_eq!(
            leaked_count, 2,
            "the addresses of the accept and the connect"
        );
        assert!(is_closed(&closed), "a close that never was is made good");
        drop((here, there));
    });
}

#[test]
fn an_accept_that_the_kernel_has_cannot_be_drained_and_is_leaked() {
    seccomp::in_own_thread(|| {
        let Some(mut ops) = ops(Issuer::SingleThread) else {
            return;
        };
        let (listener, address) = listener();
        listener.set_nonblocking(true).unwrap();
        ops.accept(target(&listener), "accept").unwrap();
        assert!(events_now(&mut ops).is_empty());
        seccomp::refuse(ENTER, libc::ENOSYS);
        assert!(!ops.drain());
        assert_eq!(ops.abandon(), (vec!["accept"], 1));
        // Without an enter nothing is accepted: the connection is still the listening socket's.
        let client = TcpStream::connect(address).unwrap();
        let (_stream, peer) = listener.accept().unwrap();
        assert_eq!(peer, client.local_addr().unwrap());
    });
}

#[test]
fn an_error_that_may_pass_is_told_from_one_that_stays() {
    for errno in [libc::EAGAIN, libc::EBUSY] {
        seccomp::in_own_thread(|| {
            let Some(mut ops) = ops(Issuer::SingleThread) else {
                return;
            };
            let (here, _there) = pair();
            ops.poll(target(&here), IN, "poll").unwrap();
            seccomp::refuse(ENTER, errno);
            let error = ops.submit_and_get_events().unwrap_err();
            assert_eq!(error.raw_os_error(), Some(errno));
            assert!(is_transient(&error));
            assert_eq!((ops.count(), ops.ring().sq_ready()), (1, 1));
        });
    }
    for errno in [libc::EPERM, libc::ENOSYS, libc::EEXIST, libc::EBADF] {
        assert!(!is_transient(&std::io::Error::from_raw_os_error(errno)));
    }
}

/// A kernel that says "again" for ever must not hold a drain for ever.
#[test]
fn a_drain_gives_up_on_an_enter_that_never_succeeds() {
    seccomp::in_own_thread(|| {
        let Some(mut ops) = ops(Issuer::SingleThread) else {
            return;
        };
        let (here, _there) = pair();
        ops.poll(target(&here), IN, "poll").unwrap();
        ops.submit_and_get_events().unwrap();
        seccomp::refuse(ENTER, libc::EAGAIN);
        assert!(!ops.drain());
        assert_eq!(ops.count(), 1);
        let wait = ops.ring().submit_and_wait_timeout(1, Duration::ZERO);
        assert_eq!(wait.unwrap_err().raw_os_error(), Some(libc::EAGAIN));
        assert_eq!(ops.abandon(), (vec!["poll"], 0));
    });
}
