//! What changes its process or needs one without threads: limits, users, forks, signals.
#![expect(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

mod support;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::process::{Command, Stdio, id};

use ring_core::ops::Ops;
use ring_core::setup::{Issuer, RingBuilder, SetupError};
use rustix::process::{PidfdFlags, PidfdGetfdFlags, Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::set_thread_uid;
use socket2::SockAddr;

use support::seccomp::{self, SETUP};
use support::sockets::{is_closed, listener, pair, target, tcp_socket};
use support::{IN, ISSUERS, OUT, events_now, has_io_uring, next, ops, polled, small, sys};

isolated_tests! {
    an_ordinary_users_limit_on_locked_memory_is_named,
    a_switched_off_io_uring_names_the_sysctl,
    a_forked_child_gets_errors_and_its_parent_goes_on,
    a_forked_child_writes_to_no_ring,
    a_forked_child_that_counts_writes_to_no_ring,
    a_forked_child_that_drops_writes_to_no_ring,
    a_forked_child_drops_its_parents_operations,
    a_forked_child_makes_rings_of_its_own,
    a_close_that_the_kernel_refuses_is_made_good,
    a_stopped_and_continued_process_goes_on_waiting,
}

/// Root is not bound by the limit, so root becomes somebody else first.
fn an_ordinary_users_limit_on_locked_memory_is_named() {
    if !has_io_uring() {
        return;
    }
    let limit_bytes = 4096;
    let maximum = getrlimit(Resource::Memlock).maximum;
    let current = Some(limit_bytes);
    setrlimit(Resource::Memlock, Rlimit { current, maximum }).unwrap();
    if rustix::process::getuid().is_root() {
        set_thread_uid(rustix::process::Uid::from_raw(65_534)).unwrap();
    }
    let error = RingBuilder::new(Issuer::SingleThread).build().unwrap_err();
    assert!(
        matches!(error, SetupError::Memory { limit_bytes: 4096 }),
        "{error:?}"
    );
    assert_eq!(
        error.to_string(),
        "no memory for the ring (RLIMIT_MEMLOCK is 4096 bytes)"
    );
}

/// Others use the real sysctl: a file of ours is mounted over it, where only this process sees it.
fn a_switched_off_io_uring_names_the_sysctl() {
    const SYSCTL: &str = "/proc/sys/kernel/io_uring_disabled";
    if !has_io_uring() || !Path::new(SYSCTL).exists() {
        return;
    }
    let ours = std::env::temp_dir().join(format!("io_uring_disabled-{}", id()));
    std::fs::write(&ours, "0\n").unwrap();
    let mounted = sys::unshare_mounts().and_then(|()| rustix::mount::mount_bind(&ours, SYSCTL));
    if let Err(error) = mounted {
        println!("SKIP mounting over the sysctl: {error}");
        return std::fs::remove_file(ours).unwrap();
    }
    let write = |value: &str| std::fs::write(SYSCTL, value).unwrap();
    seccomp::refuse(SETUP, libc::EPERM);
    let refused = || small(Issuer::SingleThread).build().unwrap_err();

    write("2\n");
    let error = refused();
    assert_eq!(
        error.to_string(),
        "io_uring is switched off (kernel.io_uring_disabled=2)"
    );
    assert_eq!(error.remedy(), "set sysctl kernel.io_uring_disabled=0");

    write("1\n");
    let error = refused();
    assert!(
        matches!(
            error,
            SetupError::Disabled {
                io_uring_disabled: 1
            }
        ),
        "{error:?}"
    );
    assert!(
        error.remedy().contains("kernel.io_uring_group"),
        "{}",
        error.remedy()
    );

    write("0\n");
    assert!(matches!(refused(), SetupError::Denied { .. }));
    std::fs::remove_file(ours).unwrap();
}

fn a_forked_child_gets_errors_and_its_parent_goes_on() {
    for issuer in ISSUERS {
        let Some(mut ops) = ops(issuer) else { return };
        ops.ring().register_ring_fd().unwrap();
        let (here, mut there) = pair();
        let (listener, address) = listener();
        let poll = ops.poll(target(&here), IN, "poll").unwrap();
        ops.submit_and_get_events().unwrap();
        // In the submission queue and in the completion queue something waits for the parent.
        ops.accept(target(&listener), "accept").unwrap();
        there.write_all(b"x").unwrap();
        assert!(!ops.is_foreign_process());

        let child = sys::fork(|| {
            assert!(ops.is_foreign_process());
            everything_is_refused(&mut ops);
            assert!(ops.poll(target(&here), IN, "poll").is_err());
            assert!(ops.accept(target(&listener), "accept").is_err());
            let socket = tcp_socket();
            let connect = ops.connect(socket.as_fd(), SockAddr::from(address), "connect");
            assert!(connect.is_err() && ops.cancel(poll).is_err());
            let fd = OwnedFd::from(socket);
            assert!(ops.close(fd).is_err());
            assert_eq!(ops.count(), 2, "nothing was kept");
            assert!(!ops.drain());
        });
        child.join();

        assert_eq!(polled(next(&mut ops), &ops), ("poll", IN, true));
        let _client = TcpStream::connect(address).unwrap();
        let event = next(&mut ops);
        assert!(format!("{event:?}").contains("accept"), "{event:?}");
        ops.ring().unregister_ring_fd().unwrap();
    }
}

fn everything_is_refused(ops: &mut Ops<&'static str>) {
    assert!(ops.submit_and_get_events().is_err());
    assert!(ops.next_event().is_none());
    let mut ring = ops.ring();
    assert!(ring.is_foreign_process());
    let no_time = std::time::Duration::ZERO;
    assert!(ring.submit_and_wait_timeout(1, no_time).is_err());
    assert!(ring.enable_rings().is_err());
    assert!(ring.unregister_ring_fd().is_err());
    assert!(ring.register_ring_fd().is_err());
    ring.cq_eventfd_toggle(false);
    assert_eq!(ring.enters(), 1, "the parent's");
}

/// The memory is shared: whatever the child writes there, the parent and the kernel read.
fn a_forked_child_writes_to_no_ring() {
    let Some(mut ops) = ops(Issuer::SingleThread) else {
        return;
    };
    let (here, _there) = pair();
    ops.poll(target(&here), OUT, "poll").unwrap();
    ops.submit_and_get_events().unwrap();
    ops.poll(target(&here), OUT, "poll").unwrap();
    let child = sys::fork(|| {
        sys::forbid_writing_to_rings();
        assert!(ops.poll(target(&here), OUT, "poll").is_err());
        assert!(ops.submit_and_get_events().is_err());
        assert!(ops.next_event().is_none());
        ops.ring().cq_eventfd_toggle(false);
    });
    child.join();
    assert_eq!(events_now(&mut ops).len(), 2);
}

/// A count that puts the queue's head or tail back where it found it undoes what the parent does at
/// that moment.
fn a_forked_child_that_counts_writes_to_no_ring() {
    let Some(mut ops) = ops(Issuer::SingleThread) else {
        return;
    };
    let child = sys::fork(|| {
        sys::forbid_writing_to_rings();
        let mut ring = ops.ring();
        let _ = (ring.sq_ready(), ring.sq_space_left(), ring.cq_ready());
        let _ = (ring.cq_has_overflow(), ring.taskrun(), ring.has_work());
    });
    child.join();
}

fn a_forked_child_that_drops_writes_to_no_ring() {
    for abandon in [true, false] {
        let Some(mut ops) = ops(Issuer::SingleThread) else {
            return;
        };
        let (here, _there) = pair();
        ops.poll(target(&here), IN, "poll").unwrap();
        let mut ops = Some(ops);
        let child = sys::fork(|| {
            sys::forbid_writing_to_rings();
            let ops = ops.take().expect("the parent's");
            if abandon {
                ops.abandon();
            }
        });
        child.join();
    }
}

fn a_forked_child_drops_its_parents_operations() {
    for issuer in ISSUERS {
        let Some(mut ops) = ops(issuer) else { return };
        let (here, mut there) = pair();
        let (closing, closed) = pair();
        ops.poll(target(&here), IN, "poll").unwrap();
        ops.submit_and_get_events().unwrap();
        ops.close(closing.into()).unwrap();
        let mut ops = Some(ops);
        let child = sys::fork(|| drop(ops.take()));
        child.join();
        let mut ops = ops.take().expect("the parent's");
        there.write_all(b"x").unwrap();
        assert!(!is_closed(&closed));
        assert_eq!(polled(next(&mut ops), &ops), ("poll", IN, true));
        assert!(is_closed(&closed));
    }
}

fn a_forked_child_makes_rings_of_its_own() {
    let Some(_parents) = ops(Issuer::SingleThread) else {
        return;
    };
    sys::fork(|| {
        let mut ops = ops(Issuer::SingleThread).unwrap();
        assert!(!ops.is_foreign_process());
        let (here, _there) = pair();
        ops.poll(target(&here), OUT, "poll").unwrap();
        assert_eq!(polled(next(&mut ops), &ops), ("poll", OUT, true));
        // And is itself a parent.
        sys::fork(|| assert!(ops.submit_and_get_events().is_err())).join();
        assert!(ops.drain());
    })
    .join();
}

/// The kernel closes no ring through a ring; whoever queued the close must not hear of that.
fn a_close_that_the_kernel_refuses_is_made_good() {
    for issuer in ISSUERS {
        let Some(mut ops) = ops(issuer) else { return };
        let before = open_count();
        let (own, number) = (own_pidfd(), ring_descriptor());
        let refused = rustix::process::pidfd_getfd(own, number, PidfdGetfdFlags::empty()).unwrap();
        assert_eq!(open_count(), before + 1);
        ops.close(refused).unwrap();
        assert!(events_now(&mut ops).is_empty());
        assert_eq!((ops.count(), open_count()), (0, before));
    }
}

fn own_pidfd() -> OwnedFd {
    rustix::process::pidfd_open(rustix::process::getpid(), PidfdFlags::empty()).unwrap()
}

fn open_count() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// The number of a ring of this process.
fn ring_descriptor() -> i32 {
    let numbers = std::fs::read_dir("/proc/self/fd").unwrap();
    let is_ring = |path: &Path| {
        std::fs::read_link(path).is_ok_and(|to| to.to_string_lossy().contains("[io_uring]"))
    };
    let path = numbers
        .map(|entry| entry.unwrap().path())
        .find(|path| is_ring(path))
        .expect("a ring is open");
    path.file_name().unwrap().to_string_lossy().parse().unwrap()
}

/// Stopping interrupts the wait, and a wait that was interrupted is waited again.
fn a_stopped_and_continued_process_goes_on_waiting() {
    let Some(mut ops) = ops(Issuer::SingleThread) else {
        return;
    };
    let interrupt = format!(
        "i=0; while [ $i -lt 500 ]; do kill -STOP {0}; kill -CONT {0}; i=$((i+1)); done; echo x",
        id()
    );
    let mut shell = Command::new("sh")
        .args(["-c", &interrupt])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = shell.stdout.take().unwrap();
    ops.poll(target(&output), IN, "output").unwrap();
    let (context, seen, _) = polled(next(&mut ops), &ops);
    assert_eq!((context, seen & IN), ("output", IN));
    output.read_exact(&mut [0]).unwrap();
    assert!(shell.wait().unwrap().success());
}
