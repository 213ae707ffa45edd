//! Who chooses the mode of a stream: itself, its listener, its runtime, the environment.

use crate::flow::{for_each_setup, on_every_runtime, receive, write};
use crate::stack::net::{Mode, TcpListener, TcpStream, metrics};
use crate::support::child;
use crate::support::pattern::Pattern;
use crate::support::poll::turns;
use crate::support::setup::{Flavour, Setup, run_task};
use crate::support::tcp::{Origin, any_port, both_ends, client, pair};
use std::io;

const VARIABLE: &str = "TOKIO_URING_NET_MODE";

#[test]
fn streams_are_in_the_mode_of_their_runtime() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            assert_eq!(pair(origin).await?.0.mode(), Mode::Completion);
        }
        Ok(())
    });
    for_each_setup(|setup| {
        let runtime = setup.bare_runtime();
        run_task(&runtime, async move {
            setup.stack.builder().mode(Mode::Exact).install()?;
            for origin in Origin::ALL {
                assert_eq!(pair(origin).await?.0.mode(), Mode::Exact);
            }
            Ok(())
        });
    });
}

#[test]
fn accepted_streams_are_in_the_mode_of_their_listener() {
    on_every_runtime(|_| async {
        let listener = TcpListener::bind(any_port()).await?;
        assert_eq!(listener.mode(), Mode::Completion);
        for mode in [Mode::Exact, Mode::Completion, Mode::Exact] {
            listener.set_mode(mode);
            assert_eq!(listener.mode(), mode);
            let (connected, accepted) = tokio::join!(
                TcpStream::connect(listener.local_addr()?),
                listener.accept()
            );
            assert_eq!(accepted?.0.mode(), mode);
            // It says nothing of other streams.
            assert_eq!(connected?.mode(), Mode::Completion);
        }
        Ok(())
    });
}

/// A stream of an Exact runtime that chooses for itself; the runtime may have no reactor.
async fn a_stream_chooses() -> io::Result<()> {
    let (mut stream, peer) = pair(Origin::Accepted).await?;
    assert_eq!(stream.mode(), Mode::Exact);
    let (other, _peer) = pair(Origin::Accepted).await?;
    stream.set_mode(Mode::Completion)?;
    assert_eq!(
        (stream.mode(), other.mode()),
        (Mode::Completion, Mode::Exact)
    );
    let (mut sent, mut received) = (Pattern::new(1), Pattern::new(1));
    // Somebody takes turns for it.
    let before = metrics();
    for _ in 0..3 {
        write(&mut stream, &mut sent, 100).await?;
        write(&mut stream, &mut sent, 100).await?;
        while metrics().queued_writes == before.queued_writes {
            turns(1).await;
        }
        receive(&peer, &mut received, 200)?;
    }
    stream.set_mode(Mode::Exact)?;
    assert_eq!(stream.mode(), Mode::Exact);
    let before = metrics();
    for _ in 0..3 {
        write(&mut stream, &mut sent, 100).await?;
        receive(&peer, &mut received, 100)?;
    }
    assert_eq!(metrics().queued_writes, before.queued_writes);
    Ok(())
}

#[test]
fn a_stream_chooses_its_own_mode() {
    for_each_setup(|setup| {
        let runtime = setup.bare_runtime();
        run_task(&runtime, async move {
            setup.stack.builder().mode(Mode::Exact).install()?;
            a_stream_chooses().await
        });
    });
}

/// No set-up: the first stream in Completion mode makes what it needs. On multi_thread that is a
/// reactor without a ring.
#[test]
fn a_stream_chooses_its_own_mode_where_there_is_no_reactor() {
    for_each_setup(|setup| run_task(&setup.bare_runtime(), a_stream_chooses()));
}

fn in_environment(case: &str) {
    for flavour in [Flavour::CurrentThread, Flavour::MultiThread] {
        let stack = crate::stack::Stack::ALL[0];
        let runtime = Setup { flavour, stack }.bare_runtime();
        runtime.block_on(async {
            match case {
                "completion" => modes_are(Mode::Completion).await,
                "exact" | "" => modes_are(Mode::Exact).await,
                _ => is_refused(case).await,
            }
        });
    }
    // A program that has chosen does not look there.
    for stack in crate::stack::Stack::ALL {
        let flavour = Flavour::CurrentThread;
        let runtime = Setup {
            flavour,
            stack: *stack,
        }
        .bare_runtime();
        runtime.block_on(async {
            if stack.builder().install().is_ok() {
                modes_are(stack.mode()).await;
            }
        });
    }
}

async fn modes_are(mode: Mode) {
    let listener = TcpListener::bind(any_port()).await.expect("a port is free");
    assert_eq!(listener.mode(), mode);
    let (accepted, connected) = both_ends().await.expect("sockets can be made");
    assert_eq!((accepted.mode(), connected.mode()), (mode, mode));
}

async fn is_refused(value: &str) {
    let listener = std::net::TcpListener::bind(any_port()).expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    let std = client(address).expect("it listens");
    std.set_nonblocking(true).expect("it is a socket");
    let refusals = [
        TcpListener::bind(any_port()).await.map(drop),
        TcpStream::connect(address).await.map(drop),
        TcpStream::from_std(std).map(drop),
    ];
    for refused in refusals {
        let error = refused.expect_err("there is no such mode");
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        let message = error.to_string();
        for part in [VARIABLE, value, "exact", "completion"] {
            assert!(message.contains(part), "{message}");
        }
    }
}

#[test]
fn the_environment_chooses_the_mode_or_is_refused() {
    let this = &the_environment_chooses_the_mode_or_is_refused;
    if child::runs_case(in_environment) {
        return;
    }
    let _alone = crate::support::setup::alone();
    for value in ["completion", "exact", "", "Completion", "fast"] {
        let mut command = child::command(this, value);
        command.env(VARIABLE, value);
        child::finish(value, command);
    }
}
