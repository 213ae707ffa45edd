//! io_uring refused from the start.

use crate::stack::net::{Builder, Driver, DriverChoice, TcpListener, driver};
use crate::support::child;
use crate::support::echo::clients;
use crate::support::refuse::{self, DRIVER_VARIABLE, Refusal};
use crate::support::setup::{Flavour, Setup, alone, run_task};
use crate::support::tcp::any_port;
use std::io;

/// Works with sockets of the current runtime.
pub(super) async fn work() -> io::Result<()> {
    for client in &mut clients(3).await? {
        for _ in 0..20 {
            client.round(1_000).await?;
        }
    }
    Ok(())
}

/// Both flavours, without a driver chosen.
pub(super) fn flavours() -> [Setup; 2] {
    [Flavour::CurrentThread, Flavour::MultiThread].map(|flavour| {
        Setup::all()
            .find(|setup| setup.flavour == flavour)
            .expect("every flavour is there")
    })
}

fn served_by_epoll(setup: Setup, refusal: Refusal) {
    refusal.apply();
    let runtime = setup.bare_runtime();
    run_task(&runtime, async move {
        // A ring may have been made and be of no use: that shows when it is first used.
        work().await?;
        let status = driver();
        println!("{setup}: {status}");
        assert_eq!(status.driver(), Driver::Epoll, "{status}");
        let text = status.to_string();
        match setup.flavour {
            Flavour::CurrentThread => assert!(text.contains(refusal.hint()), "{text}"),
            Flavour::MultiThread => assert!(text.contains("multi_thread"), "{text}"),
        }
        Ok(())
    });
}

#[test]
fn a_refused_ring_means_epoll_and_the_reason_is_told() {
    let this = &a_refused_ring_means_epoll_and_the_reason_is_told;
    let in_child = child::runs_case(|case| {
        let refusal = case.parse().expect("the case is a refusal");
        for setup in flavours() {
            served_by_epoll(setup, refusal);
        }
    });
    if !in_child {
        refuse::run_all(this);
    }
}

/// Whoever requires io_uring gets the refusal as an error that says what to do.
#[test]
fn a_refused_ring_that_is_required_is_an_error() {
    let this = &a_refused_ring_that_is_required_is_an_error;
    let in_child = child::runs_case(|case| {
        let refusal: Refusal = case.parse().expect("the case is a refusal");
        refusal.apply();
        for setup in flavours() {
            let required = setup.bare_runtime().block_on(async {
                let by_builder = Builder::new().driver(DriverChoice::IoUring).install();
                let by_variable = TcpListener::bind(any_port()).await;
                [by_builder.map(drop), by_variable.map(drop)]
            });
            for required in required {
                let error = required.expect_err("there is no ring").to_string();
                assert!(error.contains(refusal.hint()), "{error}");
            }
        }
    });
    if !in_child {
        let _alone = alone();
        for refusal in refuse::all().filter(|refusal| refusal.starts_with("io_uring_setup")) {
            let mut command = child::command(this, &refusal);
            command.env(DRIVER_VARIABLE, "uring");
            child::finish(&refusal, command);
        }
    }
}
