//! The driver that was asked for, by the environment or by the program.

use super::setup_refused::{flavours, work};
use crate::stack::net::{Builder, Driver, DriverChoice, Mode, TcpListener, driver};
use crate::support::child;
use crate::support::refuse::DRIVER_VARIABLE;
use crate::support::setup::{Flavour, Setup, alone, run_task};
use crate::support::tcp::{Origin, any_port, pair, warm_up};
use crate::support::told::{Listen, events};
use std::io::ErrorKind;

/// Whether this machine has io_uring at all.
fn has_uring() -> bool {
    Setup::available().any(|setup| setup.stack == crate::stack::Stack::IoUring)
}

fn expected(value: &str, flavour: Flavour) -> Driver {
    match (value, flavour) {
        ("uring", _) | ("auto" | "", Flavour::CurrentThread) if has_uring() => Driver::IoUring,
        _ => Driver::Epoll,
    }
}

#[test]
fn the_environment_chooses() {
    let in_child = child::runs_case(|value| {
        for setup in flavours() {
            let expected = expected(value, setup.flavour);
            run_task(&setup.bare_runtime(), async move {
                assert_eq!(driver().driver(), expected, "{}", driver());
                work().await?;
                assert_eq!(driver().driver(), expected, "{}", driver());
                Ok(())
            });
        }
    });
    if !in_child {
        let _alone = alone();
        for value in ["auto", "", "epoll", "uring"] {
            if value == "uring" && !has_uring() {
                continue;
            }
            let mut command = child::command(&the_environment_chooses, value);
            command.env(DRIVER_VARIABLE, value);
            child::finish(value, command);
        }
    }
}

#[test]
fn an_environment_that_says_nothing_sensible_is_an_error() {
    let this = &an_environment_that_says_nothing_sensible_is_an_error;
    let in_child = child::runs_case(|_| {
        for setup in flavours() {
            let bound = setup.bare_runtime().block_on(TcpListener::bind(any_port()));
            let error = bound.expect_err("there is no such driver");
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(error.to_string().contains(DRIVER_VARIABLE), "{error}");
        }
    });
    if !in_child {
        let _alone = alone();
        let mut command = child::command(this, "nonsense");
        command.env(DRIVER_VARIABLE, "nonsense");
        child::finish("nonsense", command);
    }
}

#[test]
fn the_program_overrules_the_environment_once_and_in_time() {
    let this = &the_program_overrules_the_environment_once_and_in_time;
    let in_child = child::runs_case(|_| {
        for setup in flavours() {
            run_task(&setup.bare_runtime(), async {
                let choice = Builder::new().driver(DriverChoice::Epoll);
                assert_eq!(choice.install()?.driver(), Driver::Epoll);
                work().await?;
                assert_eq!(driver().driver(), Driver::Epoll);
                let again = choice.install().map_err(|error| error.kind());
                assert_eq!(again.err(), Some(ErrorKind::AlreadyExists));
                Ok(())
            });
        }
        // A socket that is there has chosen already, where there was something to choose.
        run_task(&flavours()[0].bare_runtime(), async {
            warm_up().await?;
            let late = Builder::new().driver(DriverChoice::Epoll).install();
            let late = late.map_err(|error| error.kind());
            assert_eq!(late.err(), Some(ErrorKind::AlreadyExists));
            Ok(())
        });
    });
    if !in_child {
        let _alone = alone();
        let mut command = child::command(this, "auto");
        command.env(DRIVER_VARIABLE, "auto");
        child::finish("auto", command);
    }
}

/// Also where streams in Completion mode make a reactor without a ring.
#[test]
fn that_no_ring_is_wanted_is_told_once_for_the_process() {
    let this = &that_no_ring_is_wanted_is_told_once_for_the_process;
    let in_child = child::runs_case(|_| {
        tracing::subscriber::set_global_default(Listen("ring_reactor")).expect("nobody listens");
        for setup in flavours() {
            run_task(&setup.bare_runtime(), async {
                work().await?;
                let (stream, _peer) = pair(Origin::Accepted).await?;
                stream.set_mode(Mode::Completion)
            });
        }
        let events = events();
        assert_eq!(events.len(), 1, "{events:?}");
        assert!(events[0].1.contains("driver chosen"), "{events:?}");
    });
    if !in_child {
        let _alone = alone();
        let mut command = child::command(this, "epoll");
        command.env(DRIVER_VARIABLE, "epoll");
        child::finish("epoll", command);
    }
}
