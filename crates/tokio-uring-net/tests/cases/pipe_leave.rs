//! Ends of pipes that leave their runtime, or outlive it.

use crate::stack::net::unix::pipe::{self, Receiver};
use crate::support::poll::{Wakes, turns};
use crate::support::setup::{Setup, alone, for_each_setup, on_every_runtime, run_task};
use std::fs::File;
use std::io::{self, Read, Write};
use std::task::Poll;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::is_rt_shutdown_err;

/// Has the driver wait for bytes to `receiver`.
async fn wait(receiver: &mut Receiver) {
    let mut buf = [0; 8];
    let mut read = Box::pin(receiver.read(&mut buf));
    assert!(Wakes::new().poll(&mut read).is_pending());
    turns(3).await;
}

#[test]
fn an_end_that_was_waited_for_can_be_taken_out() {
    on_every_runtime(|_| async {
        let (mut sender, mut receiver) = pipe::pipe()?;
        wait(&mut receiver).await;
        sender.write_all(b"not read").await?;
        let (mut writing, mut reading) = (
            File::from(sender.into_blocking_fd()?),
            File::from(receiver.into_blocking_fd()?),
        );
        writing.write_all(b", and more")?;
        drop(writing);
        let mut received = String::new();
        reading.read_to_string(&mut received)?;
        assert_eq!(received, "not read, and more");
        Ok(())
    });
}

/// This set-up next to every other one.
fn with_every_other(test: impl Fn(Setup, Setup)) {
    for_each_setup(|one| Setup::available().for_each(|two| test(one, two)));
}

#[test]
fn an_end_goes_from_runtime_to_runtime() {
    with_every_other(|home, abroad| {
        let (home, abroad) = (home.runtime(), abroad.runtime());
        let made = home.block_on(async { pipe::pipe() });
        let (sender, mut receiver) = made.expect("a pipe can be made");
        home.block_on(wait(&mut receiver));
        run_task(&abroad, async move {
            let mut sender = pipe::Sender::from_owned_fd(sender.into_nonblocking_fd()?)?;
            let mut receiver = Receiver::from_owned_fd(receiver.into_nonblocking_fd()?)?;
            sender.write_all(b"hello").await?;
            drop(sender);
            let mut received = Vec::new();
            receiver.read_to_end(&mut received).await?;
            assert_eq!(received, b"hello");
            Ok(())
        });
    });
}

#[test]
fn two_runtimes_are_joined_by_a_pipe() {
    const BYTES: usize = 1 << 20;
    with_every_other(|home, abroad| {
        let (home, abroad) = (home.runtime(), abroad.runtime());
        let (reading, writing) = io::pipe().expect("a pipe can be made");
        let thread = std::thread::spawn(move || {
            run_task(&home, async move {
                let mut sender = pipe::Sender::from_owned_fd(writing.into())?;
                sender.write_all(&vec![7; BYTES]).await
            });
        });
        run_task(&abroad, async move {
            let mut received = Vec::new();
            let mut receiver = Receiver::from_owned_fd(reading.into())?;
            assert_eq!(receiver.read_to_end(&mut received).await?, BYTES);
            Ok(())
        });
        thread.join().expect("no call fails");
    });
}

/// Polls a call once, outside any runtime: its runtime has ended.
#[track_caller]
fn shut_down<T>(future: impl Future<Output = io::Result<T>>) {
    match Wakes::new().poll(&mut Box::pin(future)) {
        Poll::Ready(Err(error)) => assert!(is_rt_shutdown_err(&error), "{error}"),
        Poll::Ready(Ok(_)) => panic!("it works without a runtime"),
        Poll::Pending => panic!("it waits for nothing"),
    }
}

#[test]
fn every_wait_fails_after_the_end_of_the_runtime() {
    for_each_setup(|setup| {
        let runtime = setup.runtime();
        let made = runtime.block_on(async { pipe::pipe() });
        let (mut sender, mut receiver) = made.expect("a pipe can be made");
        runtime.block_on(wait(&mut receiver));
        drop(runtime);
        shut_down(receiver.read(&mut [0; 8]));
        shut_down(receiver.readable());
        shut_down(sender.write(b"x"));
        shut_down(sender.writable());
    });
}

#[test]
#[should_panic(expected = "there is no reactor running")]
fn a_pipe_needs_a_runtime() {
    let _alone = alone();
    drop(pipe::pipe());
}
