//! Who asks for busy polling, and where it has an effect.

use crate::stack::net::{Builder, TcpListener, metrics};
use crate::support::child;
use crate::support::echo::Client;
use crate::support::setup::{Flavour, Setup, alone, for_each_setup, run_task};
use crate::support::tcp::any_port;
use crate::watch::{LONG, install};
use std::ffi::OsStr;
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;
use tokio::runtime::Runtime;

const VARIABLE: &str = "TOKIO_URING_NET_BUSY_POLL_US";

/// Whether the driver watches at all.
fn watches(runtime: &Runtime) -> bool {
    run_task(runtime, async {
        let mut client = Client::connect(1).await?;
        for _ in 0..20 {
            client.round(1_000).await?;
        }
        Ok(())
    });
    let seen = runtime.block_on(async { metrics() });
    seen.busy_polls > 0
}

fn can_watch(setup: Setup) -> bool {
    setup.flavour == Flavour::CurrentThread && setup.stack.is_ring()
}

#[test]
fn it_has_an_effect_on_a_ring_of_one_thread_alone() {
    for_each_setup(|setup| {
        let runtime = setup.bare_runtime();
        runtime.block_on(async { install(setup, LONG) });
        assert_eq!(watches(&runtime), can_watch(setup));
    });
}

#[test]
fn it_is_off_unless_asked_for() {
    let this = &it_is_off_unless_asked_for;
    let in_child = child::runs_case(|case| {
        for setup in Setup::available() {
            assert_eq!(watches(&setup.runtime()), case == "50" && can_watch(setup));
            let runtime = setup.bare_runtime();
            runtime.block_on(async { install(setup, Duration::ZERO) });
            assert!(!watches(&runtime), "the program overrules the environment");
        }
    });
    if !in_child {
        let _alone = alone();
        for value in ["", "0", "50"] {
            let mut command = child::command(this, value);
            command.env(VARIABLE, value);
            child::finish(value, command);
        }
        let mut command = child::command(this, "not set");
        command.env_remove(VARIABLE);
        child::finish("not set", command);
    }
}

#[test]
fn an_environment_that_says_nothing_sensible_is_an_error() {
    let this = &an_environment_that_says_nothing_sensible_is_an_error;
    let in_child = child::runs_case(|_| {
        for setup in Setup::available() {
            let bound = setup.bare_runtime().block_on(TcpListener::bind(any_port()));
            let error = bound.expect_err("no such time can be watched");
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(error.to_string().contains(VARIABLE), "{error}");
            let runtime = setup.bare_runtime();
            runtime.block_on(async { install(setup, LONG) });
            assert_eq!(watches(&runtime), can_watch(setup), "the program overrules");
        }
    });
    if !in_child {
        let _alone = alone();
        for value in ["1001", "-1", "0.5", "50us", "on", " 50"] {
            let mut command = child::command(this, value);
            command.env(VARIABLE, value);
            child::finish(value, command);
        }
        let mut command = child::command(this, "not UTF-8");
        command.env(VARIABLE, OsStr::from_bytes(b"5\xff"));
        child::finish("not UTF-8", command);
    }
}

#[test]
fn a_program_that_asks_for_too_much_is_told() -> io::Result<()> {
    let _alone = alone();
    for setup in Setup::available() {
        setup.bare_runtime().block_on(async {
            let too_long = LONG + Duration::from_nanos(1);
            let refused = Builder::new().busy_poll(too_long).install();
            let error = refused.expect_err("that is above the maximum");
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(error.to_string().contains("1ms"), "{error}");
            Builder::new().busy_poll(LONG).install().map(drop)
        })?;
    }
    Ok(())
}
