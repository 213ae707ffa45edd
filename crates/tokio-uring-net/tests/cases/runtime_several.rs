//! Several runtimes in one process, and sockets that go from one to the other.

use crate::stack::net::{TcpListener, TcpStream};
use crate::support::echo::{Client, clients, echo};
use crate::support::poll::{Wakes, poll_once, turns};
use crate::support::setup::{Flavour, Setup, for_each_setup, run_task};
use crate::support::tcp::{Origin, any_port, pair};
use std::io::{self, Write};
use std::thread;
use tokio::io::AsyncReadExt;
use tokio::runtime::{Runtime, is_rt_shutdown_err};
use tokio::sync::oneshot;

/// A runtime that a thread of its own drives, until this is dropped.
struct Driven {
    runtime: Option<Runtime>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<Runtime>>,
}

impl Driven {
    /// Makes `made` inside a runtime that goes on being driven afterwards.
    fn start<T>(setup: Setup, made: impl Future<Output = io::Result<T>>) -> (Driven, T) {
        let runtime = setup.runtime();
        let made = runtime.block_on(made).expect("sockets can be made");
        let (stop, stopped) = oneshot::channel();
        let thread = thread::spawn(move || {
            runtime.block_on(stopped).ok();
            runtime
        });
        let driven = Driven {
            runtime: None,
            stop: Some(stop),
            thread: Some(thread),
        };
        (driven, made)
    }

    /// Stops driving the runtime and ends it.
    fn end(mut self) {
        self.stop.take();
        let thread = self.thread.take().expect("it is driven");
        self.runtime = thread.join().ok();
    }
}

/// This set-up next to every other one.
fn with_every_other(test: impl Fn(Setup, Setup)) {
    for_each_setup(|one| Setup::available().for_each(|two| test(one, two)));
}

#[test]
fn a_stream_works_in_a_runtime_that_it_was_not_made_in() {
    with_every_other(|home, abroad| {
        let (home, mut made) = Driven::start(home, clients(4));
        let mut more = run(abroad, async move {
            let mut own = clients(2).await?;
            for _ in 0..20 {
                for client in made.iter_mut().chain(&mut own) {
                    client.round(1_000).await?;
                }
            }
            Ok(made)
        });
        // The runtime abroad has ended, and that means nothing to them.
        let end = tokio::runtime::Builder::new_current_thread().build();
        let end = end.expect("a runtime can be built");
        for client in &mut more {
            end.block_on(client.round(1_000)).expect("its home goes on");
        }
        drop(more);
        home.end();
    });
}

/// Runs `task` in a runtime of its own and answers what it made.
fn run<T, F>(setup: Setup, task: F) -> T
where
    T: Send + 'static,
    F: Future<Output = io::Result<T>> + Send + 'static,
{
    let (tell, told) = std::sync::mpsc::channel();
    run_task(&setup.runtime(), async move {
        let sent = tell.send(task.await?);
        assert!(sent.is_ok(), "the test waits");
        Ok(())
    });
    told.recv().expect("the task has ended")
}

#[test]
fn a_stream_hears_of_events_only_while_its_own_runtime_runs() {
    with_every_other(|home, abroad| {
        if home.flavour == Flavour::MultiThread {
            return;
        }
        let at_home = home.runtime();
        let made = at_home.block_on(pair(Origin::Connected));
        let (mut stream, mut peer) = made.expect("sockets can be made");
        let abroad = abroad.runtime();
        let wakes = Wakes::new();
        let mut buf = [0; 8];
        let mut read = Box::pin(stream.read(&mut buf));
        abroad.block_on(async {
            assert!(wakes.poll(&mut read).is_pending());
            peer.write_all(b"bytes").expect("the stream is open");
            turns(20).await;
            assert_eq!(wakes.count(), 0);
        });
        at_home.block_on(wakes.reach(1));
        assert!(wakes.poll(&mut read).is_ready());
    });
}

#[test]
fn the_end_of_its_runtime_reaches_a_read_that_waits_in_another() {
    with_every_other(|home, abroad| {
        let (home, (mut stream, peer)) = Driven::start(home, pair(Origin::Accepted));
        let abroad = abroad.runtime();
        let (tell, told) = oneshot::channel();
        let ender = thread::spawn(|| {
            told.blocking_recv().expect("the read waits");
            home.end();
        });
        run_task(&abroad, async move {
            let mut buf = [0; 8];
            let mut read = Box::pin(stream.read(&mut buf));
            assert!(poll_once(&mut read).await.is_pending());
            tell.send(()).expect("the thread waits");
            let error = read.await.expect_err("its runtime has ended");
            assert!(is_rt_shutdown_err(&error), "{error}");
            drop((stream, peer));
            Ok(())
        });
        ender.join().expect("a runtime ends");
    });
}

/// Both ends of a connection in runtimes of their own: neither knows of the other.
#[test]
fn two_runtimes_talk_to_each_other() {
    with_every_other(|one, two| {
        let listener = std::net::TcpListener::bind(any_port());
        let listener = listener.expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        listener
            .set_nonblocking(true)
            .expect("a socket can be set so");
        let server = thread::spawn(move || {
            run(one, async move {
                let listener = TcpListener::from_std(listener)?;
                echo(listener.accept().await?.0).await
            });
        });
        run(two, async move {
            let mut client = Client::new(TcpStream::connect(address).await?, 1);
            for _ in 0..50 {
                client.round(5_000).await?;
            }
            Ok(())
        });
        server.join().expect("no call fails");
    });
}
