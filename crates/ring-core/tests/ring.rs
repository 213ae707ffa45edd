//! The calls on a ring: who may make them, when completions appear, and what signals them.
#![expect(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

mod support;

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, OwnedFd};
use std::thread;
use std::time::Duration;

use ring_core::ring::Ring;
use ring_core::setup::Issuer;
use ring_core::token::Token;
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec};

use support::sockets::pair;
use support::sys::{push_cancel, push_poll};
use support::{IN, ISSUERS, LOST, OUT, has_io_uring, ring, small};

const FIRST: Token = Token::new(1, 0);
const SECOND: Token = Token::new(2, 0);

fn os_error<T: std::fmt::Debug>(result: std::io::Result<T>) -> Option<i32> {
    result.unwrap_err().raw_os_error()
}

fn eventfd() -> OwnedFd {
    rustix::event::eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC).unwrap()
}

/// Waits until `eventfd` is signalled, takes the signal, and answers whether there was one.
fn is_signalled(eventfd: &OwnedFd, timeout: Duration) -> bool {
    let timeout = Timespec::try_from(timeout).unwrap();
    let mut fds = [PollFd::new(eventfd, PollFlags::IN)];
    rustix::event::poll(&mut fds, Some(&timeout)).unwrap() > 0
        && rustix::io::read(eventfd, &mut [0; 8]).is_ok()
}

#[test]
fn a_single_threads_ring_serves_nobody_until_it_is_enabled() {
    if !has_io_uring() {
        return;
    }
    let mut ring = small(Issuer::SingleThread).build().unwrap();
    assert_eq!(os_error(ring.submit_and_get_events()), Some(libc::EBADFD));
    ring.enable_rings().unwrap();
    assert_eq!(ring.submit_and_get_events().unwrap(), 0);
}

#[test]
fn other_threads_get_eexist_from_a_single_threads_ring() {
    let Some(mut ring) = ring(&small(Issuer::SingleThread)) else {
        return;
    };
    let (here, _there) = pair();
    push_poll(&mut ring, &here, OUT, FIRST).unwrap();
    thread::scope(|scope| {
        let elsewhere = scope.spawn(|| {
            assert_eq!(os_error(ring.submit()), Some(libc::EEXIST));
            assert_eq!(os_error(ring.submit_and_get_events()), Some(libc::EEXIST));
            let answer = ring.register_eventfd(eventfd().as_fd());
            assert_eq!(os_error(answer), Some(libc::EEXIST));
        });
        elsewhere.join().unwrap();
    });
    // What was pushed is still there for the thread that may submit it.
    assert_eq!(ring.sq_ready(), 1);
    assert_eq!(ring.submit_and_get_events().unwrap(), 1);
    assert_eq!(ring.next_cqe().unwrap().token, FIRST);
}

#[test]
fn any_thread_may_enter_the_other_kind() {
    let Some(mut ring) = ring(&small(Issuer::AnyThread)) else {
        return;
    };
    let (here, _there) = pair();
    push_poll(&mut ring, &here, OUT, FIRST).unwrap();
    thread::scope(|scope| {
        let elsewhere = scope.spawn(|| ring.submit().unwrap());
        assert_eq!(elsewhere.join().unwrap(), 1);
    });
    assert_eq!(ring.next_cqe().unwrap().token, FIRST);
}

#[test]
fn deferred_work_waits_for_an_enter_that_gets_events() {
    let Some(mut ring) = ring(&small(Issuer::SingleThread)) else {
        return;
    };
    let (here, mut there) = pair();
    push_poll(&mut ring, &here, IN, FIRST).unwrap();
    assert_eq!(ring.submit().unwrap(), 1);
    assert!(!ring.taskrun() && !ring.has_work());

    there.write_all(b"x").unwrap();
    assert!(ring.taskrun() && ring.has_work());
    assert_eq!((ring.cq_ready(), ring.next_cqe()), (0, None));
    ring.submit().unwrap();
    assert_eq!((ring.cq_ready(), ring.next_cqe()), (0, None));

    ring.submit_and_get_events().unwrap();
    assert!(!ring.taskrun() && ring.has_work());
    assert_eq!(ring.cq_ready(), 1);
    let cqe = ring.next_cqe().unwrap();
    assert_eq!(
        (cqe.token, cqe.result & libc::POLLIN as i32),
        (FIRST, libc::POLLIN as i32)
    );
    assert!(!cqe.is_terminal() && !ring.has_work());
}

#[test]
fn completions_of_any_threads_ring_appear_without_an_enter() {
    let Some(mut ring) = ring(&small(Issuer::AnyThread)) else {
        return;
    };
    let (here, mut there) = pair();
    push_poll(&mut ring, &here, IN, FIRST).unwrap();
    ring.submit().unwrap();
    assert!(!ring.has_work());
    there.write_all(b"x").unwrap();
    assert!(ring.has_work());
    assert_eq!(ring.next_cqe().unwrap().token, FIRST);
}

#[test]
fn a_wait_says_whether_the_completions_came_in_time() {
    for issuer in ISSUERS {
        let Some(mut ring) = ring(&small(issuer)) else {
            return;
        };
        let (here, mut there) = pair();
        push_poll(&mut ring, &here, IN, FIRST).unwrap();
        ring.submit().unwrap();
        let no_time = Duration::from_millis(1);
        assert!(!ring.submit_and_wait_timeout(1, no_time).unwrap());
        there.write_all(b"x").unwrap();
        assert!(ring.submit_and_wait_timeout(1, LOST).unwrap());
        assert_eq!(ring.next_cqe().unwrap().token, FIRST);
        assert!(!ring.submit_and_wait_timeout(1, no_time).unwrap());
    }
}

#[test]
fn a_wait_that_also_submits_says_whether_the_completions_came_in_time() {
    for issuer in ISSUERS {
        let Some(mut ring) = ring(&small(issuer)) else {
            return;
        };
        let (here, _there) = pair();
        push_poll(&mut ring, &here, IN, FIRST).unwrap();
        let no_time = Duration::from_millis(1);
        let came = ring.submit_and_wait_timeout(1, no_time).unwrap();
        assert_eq!((came, ring.sq_ready(), ring.cq_ready()), (false, 0, 0));
    }
}

#[test]
fn every_enter_is_counted() {
    let Some(mut ring) = ring(&small(Issuer::AnyThread)) else {
        return;
    };
    assert_eq!(ring.enters(), 0);
    ring.submit().unwrap();
    ring.submit_and_get_events().unwrap();
    assert_eq!(ring.enters(), 2);
}

#[test]
fn a_cancel_answers_for_itself_and_for_the_operation() {
    let Some(mut ring) = ring(&small(Issuer::SingleThread)) else {
        return;
    };
    let (here, _there) = pair();
    push_poll(&mut ring, &here, IN, FIRST).unwrap();
    push_cancel(&mut ring, FIRST, SECOND).unwrap();
    ring.submit_and_get_events().unwrap();
    let mut results = [ring.next_cqe().unwrap(), ring.next_cqe().unwrap()];
    results.sort_by_key(|cqe| cqe.token.index());
    assert_eq!(
        (results[0].token, results[0].result),
        (FIRST, -libc::ECANCELED)
    );
    assert_eq!((results[1].token, results[1].result), (SECOND, 0));
    assert!(results[0].is_terminal());

    push_cancel(&mut ring, FIRST, SECOND).unwrap();
    ring.submit_and_get_events().unwrap();
    assert_eq!(ring.next_cqe().unwrap().result, -libc::ENOENT);
}

#[test]
fn the_eventfd_is_signalled_only_while_its_signals_are_on() {
    for issuer in ISSUERS {
        let Some(mut ring) = ring(&small(issuer)) else {
            return;
        };
        let eventfd = eventfd();
        ring.register_eventfd(eventfd.as_fd()).unwrap();
        let (mut here, mut there) = pair();
        push_poll(&mut ring, &here, IN, FIRST).unwrap();
        ring.submit().unwrap();

        ring.cq_eventfd_toggle(false);
        there.write_all(b"x").unwrap();
        assert!(ring.has_work() && !is_signalled(&eventfd, Duration::ZERO));
        ring.submit_and_get_events().unwrap();
        assert_eq!(ring.next_cqe().unwrap().token, FIRST);
        assert!(!is_signalled(&eventfd, Duration::ZERO));

        ring.cq_eventfd_toggle(true);
        here.read_exact(&mut [0]).unwrap();
        there.write_all(b"x").unwrap();
        assert!(is_signalled(&eventfd, LOST) && ring.has_work());
    }
}

/// One end of a ping-pong sleeps on the eventfd as the driver of a runtime does: signals off, work,
/// signals on, look again, sleep. The other end answers at once, so that its answers fall into every
/// gap of that. A lost signal is a sleep without an end.
#[test]
fn no_signal_is_lost_between_the_last_look_and_the_sleep() {
    const ROUNDS: u32 = 30_000;
    for issuer in ISSUERS {
        let Some(mut ring) = ring(&small(issuer)) else {
            return;
        };
        let (mut here, mut there) = pair();
        let echo = thread::spawn(move || {
            let mut byte = [0];
            while there.read(&mut byte).unwrap() == 1 {
                there.write_all(&byte).unwrap();
            }
        });
        let eventfd = eventfd();
        ring.register_eventfd(eventfd.as_fd()).unwrap();
        push_poll(&mut ring, &here, IN, FIRST).unwrap();
        ring.submit().unwrap();
        for round in 0..ROUNDS {
            here.write_all(&[1]).unwrap();
            sleep_until_work(&mut ring, &eventfd, round);
            while let Some(cqe) = ring.next_cqe() {
                assert!(!cqe.is_terminal() && cqe.result > 0, "{cqe:?}");
            }
            here.read_exact(&mut [0]).unwrap();
        }
        // Not by a close: the armed poll holds the socket.
        here.shutdown(Shutdown::Write).unwrap();
        echo.join().unwrap();
    }
}

fn sleep_until_work(ring: &mut Ring, eventfd: &OwnedFd, round: u32) {
    loop {
        ring.cq_eventfd_toggle(false);
        ring.submit_and_get_events().unwrap();
        if ring.cq_ready() > 0 {
            return;
        }
        ring.cq_eventfd_toggle(true);
        while !ring.has_work() {
            assert!(is_signalled(eventfd, LOST), "round {round} lost its signal");
        }
    }
}

#[test]
fn enters_go_through_the_registered_descriptor_until_it_is_given_back() {
    let Some(mut ring) = ring(&small(Issuer::AnyThread)) else {
        return;
    };
    ring.register_ring_fd().unwrap();
    ring.register_ring_fd()
        .expect("registering twice changes nothing");
    ring.submit_and_get_events().unwrap();
    // The index means nothing to another thread: proof that it is in use.
    thread::scope(|scope| {
        let elsewhere = scope.spawn(|| os_error(ring.submit_and_get_events()));
        assert!(elsewhere.join().unwrap().is_some());
    });
    ring.unregister_ring_fd().unwrap();
    ring.unregister_ring_fd()
        .expect("there is nothing to give back");
    thread::scope(|scope| {
        let elsewhere = scope.spawn(|| ring.submit_and_get_events());
        assert_eq!(elsewhere.join().unwrap().unwrap(), 0);
    });
}

#[test]
fn a_registered_ring_waits_and_submits_as_any_other() {
    let Some(mut ring) = ring(&small(Issuer::SingleThread)) else {
        return;
    };
    ring.register_ring_fd().unwrap();
    let (here, _there) = pair();
    push_poll(&mut ring, &here, OUT, FIRST).unwrap();
    assert!(ring.submit_and_wait_timeout(1, LOST).unwrap());
    assert_eq!(ring.next_cqe().unwrap().token, FIRST);
    assert!(
        !ring
            .submit_and_wait_timeout(1, Duration::from_millis(1))
            .unwrap()
    );
    ring.unregister_ring_fd().unwrap();
}

#[test]
fn a_thread_registers_sixteen_rings_and_one_more_when_one_is_given_back() {
    if !has_io_uring() {
        return;
    }
    let mut rings: Vec<Ring> = (0..17)
        .map(|_| small(Issuer::AnyThread).build().unwrap())
        .collect();
    let mut last = rings.pop().unwrap();
    for ring in &mut rings {
        ring.register_ring_fd().unwrap();
    }
    assert_eq!(os_error(last.register_ring_fd()), Some(libc::EBUSY));
    last.submit().expect("the ring goes on with its descriptor");
    rings[0].unregister_ring_fd().unwrap();
    last.register_ring_fd().unwrap();
    last.submit().unwrap();
    for ring in rings.iter_mut().skip(1).chain([&mut last]) {
        ring.unregister_ring_fd().unwrap();
    }
}
