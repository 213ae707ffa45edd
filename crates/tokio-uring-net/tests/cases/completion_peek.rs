//! A peek and a read of one stream by two tasks: neither sees an end that is none.

use crate::flow::{duplicate, on_every_runtime, wait_arrived};
use crate::support::poll::{Wakes, poll_once};
use crate::support::tcp::{Origin, pair};
use std::io::Write;
use tokio::io::AsyncReadExt;
use tokio::task::coop::{consume_budget, has_budget_remaining};

/// The peek finds bytes ahead but has no budget left; meanwhile somebody else reads them.
#[test]
fn a_peek_that_had_to_yield_takes_no_gap_for_the_end() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            let (mut stream, mut peer) = pair(origin).await?;
            let seen = duplicate(&stream)?;
            peer.write_all(b"ten bytes.")?;
            wait_arrived(&seen, 10);
            stream.read_exact(&mut [0; 4]).await?;
            assert_eq!(stream.bytes_ahead(), 6);
            let mut buf = [0; 8];
            let mut peek = Box::pin(stream.peek(&mut buf));
            while has_budget_remaining() {
                consume_budget().await;
            }
            assert!(poll_once(&mut peek).await.is_pending());
            assert_eq!(stream.try_read(&mut [0; 8])?, 6);
            tokio::task::yield_now().await;
            let answer = Wakes::new().poll(&mut peek);
            assert!(answer.is_pending(), "{origin:?} {answer:?}");
            peer.write_all(b"more")?;
            assert_eq!(peek.await?, 4);
        }
        Ok(())
    });
}
