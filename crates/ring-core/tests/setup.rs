//! Setting a ring up, and what an operator is told where that fails.
#![expect(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

mod support;

use std::thread;

use ring_core::setup::{Issuer, RingBuilder, SetupError};
use rustix::process::{Resource, getrlimit};

use support::seccomp::{self, ENTER, REGISTER, SETUP};
use support::{ISSUERS, has_io_uring, ring, small};

/// The error of a set-up whose `call` answers `errno`.
fn refused(call: i64, errno: i32) -> SetupError {
    seccomp::in_own_thread(|| {
        seccomp::refuse(call, errno);
        let result = small(Issuer::SingleThread).build();
        result.expect_err("the filter refuses a call of the set-up")
    })
}

#[test]
fn a_refused_call_is_named_with_its_error_and_the_likely_cause() {
    if !has_io_uring() {
        return;
    }
    for (call, name) in [(SETUP, "io_uring_setup"), (REGISTER, "io_uring_register")] {
        for errno in [libc::EPERM, libc::EACCES, libc::ENOSYS, libc::EOPNOTSUPP] {
            let error = refused(call, errno);
            let SetupError::Denied { call, error: os } = &error else {
                panic!("{name}, {errno}: {error:?}");
            };
            assert_eq!((*call, os.raw_os_error()), (name, Some(errno)));
            assert_eq!(
                error.to_string(),
                format!(
                    "{name} is refused ({os}), most likely by a seccomp filter or a security module, \
                     or the kernel is built without io_uring"
                )
            );
            assert_eq!(
                error.remedy(),
                "allow io_uring_setup, io_uring_enter and io_uring_register in the container's \
                 seccomp profile or security policy"
            );
        }
    }
}

#[test]
fn a_lack_of_memory_names_the_limit_and_how_to_raise_it() {
    if !has_io_uring() {
        return;
    }
    let limit_now = getrlimit(Resource::Memlock).current.unwrap_or(u64::MAX);
    for call in [SETUP, REGISTER] {
        let error = refused(call, libc::ENOMEM);
        let SetupError::Memory { limit_bytes } = error else {
            panic!("{error:?}");
        };
        assert_eq!(limit_bytes, limit_now);
        assert_eq!(
            error.to_string(),
            format!("no memory for the ring (RLIMIT_MEMLOCK is {limit_bytes} bytes)")
        );
        for remedy in ["ulimit -l", "LimitMEMLOCK=", "--ulimit memlock="] {
            assert!(error.remedy().contains(remedy), "{}", error.remedy());
        }
    }
}

#[test]
fn flags_that_the_kernel_does_not_know_mean_an_old_kernel() {
    if !has_io_uring() {
        return;
    }
    let error = refused(SETUP, libc::EINVAL);
    assert!(
        matches!(error, SetupError::Unsupported { since: "6.1", .. }),
        "{error:?}"
    );
    assert_eq!(
        error.to_string(),
        "the kernel lacks IORING_SETUP_SINGLE_ISSUER or IORING_SETUP_DEFER_TASKRUN"
    );
    assert_eq!(error.remedy(), "use kernel 6.1 or newer");
}

#[test]
fn other_errors_name_the_call() {
    if !has_io_uring() {
        return;
    }
    let cases = [
        (SETUP, libc::EMFILE, "io_uring_setup", "ulimit -n"),
        (
            REGISTER,
            libc::EINVAL,
            "io_uring_register",
            "io_uring_setup(2)",
        ),
    ];
    for (call, errno, name, remedy) in cases {
        let error = refused(call, errno);
        let SetupError::Os { call, error: os } = &error else {
            panic!("{error:?}");
        };
        assert_eq!((*call, os.raw_os_error()), (name, Some(errno)));
        assert_eq!(error.to_string(), format!("{name} failed: {os}"));
        assert!(error.remedy().contains(remedy));
    }
}

#[test]
fn a_refusal_that_comes_after_the_set_up_is_read_the_same_way() {
    let Some(mut ring) = ring(&small(Issuer::AnyThread)) else {
        return;
    };
    let error = seccomp::in_own_thread(|| {
        seccomp::refuse(ENTER, libc::EPERM);
        SetupError::from_enter(ring.submit_and_get_events().unwrap_err())
    });
    assert!(
        matches!(
            error,
            SetupError::Denied {
                call: "io_uring_enter",
                ..
            }
        ),
        "{error:?}"
    );
}

#[test]
fn sizes_are_rounded_up_to_powers_of_two_and_clamped() {
    if !has_io_uring() {
        return;
    }
    let sq_entries = |count| {
        let builder = RingBuilder::new(Issuer::AnyThread).sq_entries(count);
        let mut ring = builder.cq_entries(1).build().unwrap();
        ring.sq_space_left()
    };
    assert_eq!(sq_entries(1), 1);
    assert_eq!(sq_entries(3), 4);
    assert_eq!(sq_entries(8), 8);
    assert_eq!(sq_entries(u32::MAX), 32_768);
}

#[test]
fn a_ring_for_no_sqes_is_the_smallest_or_an_error_that_says_so() {
    if !has_io_uring() {
        return;
    }
    for issuer in ISSUERS {
        match small(issuer).sq_entries(0).cq_entries(0).build() {
            Ok(mut ring) => assert_eq!(ring.sq_space_left(), 1),
            Err(error) => assert!(
                !matches!(error, SetupError::Unsupported { .. }),
                "the kernel is not to blame: {error}"
            ),
        }
    }
}

#[test]
fn a_ring_of_the_default_size_has_256_sqes() {
    let Some(mut ring) = ring(&RingBuilder::new(Issuer::SingleThread)) else {
        return;
    };
    assert_eq!((ring.sq_space_left(), ring.sq_ready()), (256, 0));
}

#[test]
fn the_thread_that_enables_a_ring_is_its_issuer_whoever_built_it() {
    if !has_io_uring() {
        return;
    }
    let built = thread::spawn(|| small(Issuer::SingleThread).build().unwrap());
    let mut ring = built.join().unwrap();
    ring.enable_rings().unwrap();
    assert_eq!(ring.submit_and_get_events().unwrap(), 0);
}
