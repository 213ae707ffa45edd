//! A paused clock stands still while there is something to do.

use crate::stack::net::TcpListener;
use crate::support::echo::Client;
use crate::support::poll::turns;
use crate::support::setup::{Flavour, for_each_setup};
use crate::support::tcp::{Origin, any_port, client, pair};
use std::io::{self, Write};
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::time::{Instant, timeout};

/// Runs `test` under a clock that moves only when nothing else can.
fn with_paused_clock<F>(test: impl Fn() -> F)
where
    F: Future<Output = io::Result<()>>,
{
    for_each_setup(|setup| {
        if setup.flavour == Flavour::MultiThread {
            return;
        }
        let runtime = setup.builder().start_paused(true).build();
        let runtime = runtime.expect("a runtime can be built");
        let tested = runtime.block_on(async {
            setup.stack.install()?;
            test().await
        });
        tested.expect("no call fails");
    });
}

const LATER: Duration = Duration::from_secs(1);

#[test]
fn data_that_is_there_is_read_before_the_clock_moves() {
    with_paused_clock(|| async {
        for origin in Origin::ALL {
            let (mut stream, mut peer) = pair(origin).await?;
            let start = Instant::now();
            for _ in 0..50 {
                peer.write_all(b"bytes")?;
                let mut bytes = [0; 5];
                timeout(LATER, stream.read_exact(&mut bytes)).await??;
                peer.write_all(b"bytes")?;
                turns(1).await;
                timeout(LATER, stream.readable()).await??;
                timeout(LATER, stream.read_exact(&mut bytes)).await??;
            }
            assert_eq!(start.elapsed(), Duration::ZERO);
        }
        Ok(())
    });
}

#[test]
fn a_connection_that_is_there_is_accepted_before_the_clock_moves() {
    with_paused_clock(|| async {
        let listener = TcpListener::bind(any_port()).await?;
        let start = Instant::now();
        for _ in 0..50 {
            let _client = client(listener.local_addr()?)?;
            timeout(LATER, listener.accept()).await??;
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
        Ok(())
    });
}

#[test]
fn the_clock_moves_when_nothing_else_does() {
    with_paused_clock(|| async {
        let (mut stream, mut peer) = pair(Origin::Accepted).await?;
        let start = Instant::now();
        let mut bytes = [0; 5];
        assert!(timeout(LATER, stream.read(&mut bytes)).await.is_err());
        assert_eq!(start.elapsed(), LATER);
        peer.write_all(b"bytes")?;
        stream.read_exact(&mut bytes).await?;
        assert_eq!(start.elapsed(), LATER);
        Ok(())
    });
}

#[test]
fn an_echo_takes_no_time() {
    with_paused_clock(|| async {
        let mut client = Client::connect(1).await?;
        let start = Instant::now();
        for _ in 0..50 {
            timeout(LATER, client.round(1_000)).await??;
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
        Ok(())
    });
}
