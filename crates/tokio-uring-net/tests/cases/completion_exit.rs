//! However a process or a runtime ends, what was queued arrives; and it is sent by the process that
//! wrote it, not by one that was forked from it.

use crate::flow::{coalesce, for_each_setup, write};
use crate::stack::net::TcpStream;
use crate::support::child;
use crate::support::closing::read_all;
use crate::support::fork::fork;
use crate::support::pattern::Pattern;
use crate::support::poll::turns;
use crate::support::setup::{Setup, run_task};
use crate::support::tcp::{Origin, any_port, pair};
use std::io::{self, ErrorKind, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsRawFd;
use std::process::Stdio;
use std::sync::OnceLock;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::Runtime;

const ADDRESS: &str = "TOKIO_URING_NET_TEST_ADDRESS";

/// How a process leaves `main` with a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leave {
    /// A task ends the process while it holds the stream.
    ExitInTask,
    /// Another thread does, while the task's thread is kept busy.
    ExitElsewhere,
    /// `main` returns; the runtime was leaked and the stream is in a static.
    ReturnWithLeakedRuntime,
    /// `main` returns at once after `shutdown_background`; the stream is in a task.
    ShutdownBackground,
    /// The runtime is dropped; the stream is in a static.
    DropRuntime,
}

impl Leave {
    const ALL: [Leave; 5] = [
        Leave::ExitInTask,
        Leave::ExitElsewhere,
        Leave::ReturnWithLeakedRuntime,
        Leave::ShutdownBackground,
        Leave::DropRuntime,
    ];
}

/// Brings a stream to queue whatever it writes, at a peer that is another process.
async fn queueing_stream() -> io::Result<(TcpStream, Pattern)> {
    let address = std::env::var(ADDRESS).expect("the parent says where it listens");
    let address: SocketAddr = address.parse().expect("it is an address");
    let mut stream = TcpStream::connect(address).await?;
    let mut sent = Pattern::new(1);
    for _ in 0..4 {
        write(&mut stream, &mut sent, 10).await?;
        write(&mut stream, &mut sent, 10).await?;
        let read = stream.try_read(&mut [0; 1]).map_err(|error| error.kind());
        assert_eq!(read, Err(ErrorKind::WouldBlock));
    }
    Ok((stream, sent))
}

const WRITES: usize = 3;
const LEN: usize = 100;
/// What the peer must receive in all.
const TOTAL: usize = 4 * 20 + WRITES * LEN;

/// The process itself.
fn leave(setup: Setup, how: Leave) {
    static STREAM: OnceLock<TcpStream> = OnceLock::new();
    let runtime = setup.runtime();
    let (tell, told) = std::sync::mpsc::channel();
    let task = async move {
        let (mut stream, mut sent) = queueing_stream().await.expect("the parent listens");
        for _ in 0..WRITES {
            let written = write(&mut stream, &mut sent, LEN).await;
            written.expect("the queue has room");
        }
        match how {
            Leave::ExitInTask => std::process::exit(0),
            Leave::ExitElsewhere => {
                let _stream = stream;
                std::thread::spawn(|| std::process::exit(0));
                loop {
                    std::hint::spin_loop();
                }
            }
            Leave::ReturnWithLeakedRuntime | Leave::DropRuntime => {
                STREAM.set(stream).expect("it is empty");
            }
            Leave::ShutdownBackground => {
                tell.send(()).expect("main waits");
                std::future::pending::<()>().await;
                drop(stream);
            }
        }
    };
    match how {
        Leave::ExitInTask | Leave::ExitElsewhere => runtime.block_on(task),
        Leave::ReturnWithLeakedRuntime => {
            runtime.block_on(task);
            child::keep(runtime);
        }
        Leave::DropRuntime => {
            runtime.block_on(task);
            drop(runtime);
        }
        Leave::ShutdownBackground => shut_down(runtime, task, &told),
    }
}

fn shut_down(
    runtime: Runtime,
    task: impl Future<Output = ()> + Send + 'static,
    told: &std::sync::mpsc::Receiver<()>,
) {
    runtime.spawn(task);
    runtime.block_on(async {
        while told.try_recv().is_err() {
            turns(1).await;
        }
    });
    runtime.shutdown_background();
}

fn parse(case: &str) -> (Setup, Leave) {
    let (setup, how) = case.split_once(' ').expect("a case is two words");
    let how = Leave::ALL
        .into_iter()
        .find(|leave| format!("{leave:?}") == how)
        .expect("the second is a way to leave");
    (setup.parse().expect("the first is a set-up"), how)
}

#[test]
fn a_process_that_ends_delivers_what_is_queued() {
    let this = &a_process_that_ends_delivers_what_is_queued;
    let in_child = child::runs_case(|case| {
        let (setup, how) = parse(case);
        leave(setup, how);
    });
    if in_child {
        return;
    }
    for_each_setup(|setup| {
        for how in Leave::ALL {
            let listener = TcpListener::bind(any_port()).expect("a port is free");
            let address = listener.local_addr().expect("it is bound").to_string();
            let case = format!("{setup} {how:?}");
            let mut process = child::command(this, &case);
            process.env(ADDRESS, address).stdout(Stdio::piped());
            let process = process.spawn().expect("this binary can be run again");
            let (peer, _) = listener.accept().expect("the process connects");
            read_all(&peer, TOTAL);
            let output = process.wait_with_output().expect("the process ends");
            assert!(output.status.success(), "{case}: {output:?}");
        }
    });
}

#[test]
fn a_runtime_that_ends_delivers_what_its_tasks_have_queued() {
    for_each_setup(|setup| {
        for end in [drop::<Runtime>, Runtime::shutdown_background] {
            let runtime = setup.runtime();
            let (tell, told) = std::sync::mpsc::channel();
            run_task(&runtime, async move {
                let (mut stream, peer) = pair(Origin::Accepted).await?;
                let mut sent = Pattern::new(1);
                coalesce(&mut stream, &peer, &mut sent).await?;
                tell.send((peer, sent)).expect("the test waits");
                write(&mut stream, &mut sent, LEN).await?;
                let (tell, started) = tokio::sync::oneshot::channel();
                tokio::spawn(async move {
                    write(&mut stream, &mut sent, LEN).await?;
                    tell.send(()).expect("the test waits");
                    std::future::pending::<()>().await;
                    drop(stream);
                    io::Result::Ok(())
                });
                started.await.expect("the task writes");
                Ok(())
            });
            end(runtime);
            let (mut peer, mut received) = told.recv().expect("the task has sent them");
            let mut bytes = Vec::new();
            std::io::Read::read_to_end(&mut peer, &mut bytes).expect("the stream ends");
            received.take(&bytes);
            assert_eq!(bytes.len(), 2 * LEN);
        }
    });
}

/// A stream that nobody has dropped sends what it held when its runtime ended.
#[test]
fn a_runtime_that_ends_delivers_what_a_stream_outside_has_queued() {
    for_each_setup(|setup| {
        for end in [drop::<Runtime>, Runtime::shutdown_background] {
            let runtime = setup.runtime();
            // On a worker, which does not run the driver meanwhile.
            let made = runtime.block_on(async {
                let task = tokio::spawn(async {
                    let (mut stream, peer) = pair(Origin::Connected).await?;
                    let mut sent = Pattern::new(1);
                    coalesce(&mut stream, &peer, &mut sent).await?;
                    let start = sent;
                    write(&mut stream, &mut sent, LEN).await?;
                    io::Result::Ok((stream, peer, start))
                });
                task.await.expect("nothing cancels it")
            });
            let (stream, peer, mut start) = made.expect("sockets can be made");
            end(runtime);
            crate::flow::receive(&peer, &mut start, LEN).expect("it was sent");
            // There is nobody who would send it later: a write goes at once, or says that it cannot.
            let tried = stream.try_write(&start.bytes(LEN));
            if tried.is_ok() {
                crate::flow::receive(&peer, &mut start, LEN).expect("it was sent");
            }
            drop(stream);
        }
    });
}

/// What a forked child does with a stream of its parent's that has a queue.
#[derive(Clone, Copy, Debug)]
enum InChild {
    Leave,
    Exit,
    Show,
    Drop,
}

impl InChild {
    const ALL: [InChild; 4] = [InChild::Leave, InChild::Exit, InChild::Show, InChild::Drop];

    fn run(self, stream: &mut Option<TcpStream>) {
        match self {
            InChild::Leave => {}
            InChild::Exit => std::process::exit(0),
            InChild::Show => {
                let stream = stream.as_ref().expect("it is inherited");
                assert!(stream.as_raw_fd() >= 0);
            }
            InChild::Drop => drop(stream.take()),
        }
    }
}

/// Queues, has `in_child` happen in a forked child, and checks that the peer gets every byte once.
async fn queue_and_fork(in_child: InChild) -> io::Result<()> {
    let (mut stream, peer) = pair(Origin::Accepted).await?;
    let mut sent = Pattern::new(1);
    coalesce(&mut stream, &peer, &mut sent).await?;
    let mut received = sent;
    write(&mut stream, &mut sent, LEN).await?;
    let mut stream = Some(stream);
    fork(|| in_child.run(&mut stream)).wait();
    let mut stream = stream.expect("the parent has its own");
    write(&mut stream, &mut sent, LEN).await?;
    stream.shutdown().await?;
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut &peer, &mut bytes)?;
    received.take(&bytes);
    assert_eq!(bytes.len(), 2 * LEN);
    (&peer).write_all(b"!")?;
    stream.read_exact(&mut [0]).await.map(drop)
}

#[test]
fn a_forked_child_sends_nothing_of_its_parents_queue() {
    let this = &a_forked_child_sends_nothing_of_its_parents_queue;
    let in_child = child::runs_case(|case| {
        let setup: Setup = case.parse().expect("the case is a set-up");
        for in_child in InChild::ALL {
            run_task(&setup.runtime(), queue_and_fork(in_child));
        }
    });
    if !in_child {
        for_each_setup(|setup| {
            let case = setup.to_string();
            let mut process = child::command(this, &case);
            child::without_leak_detection(&mut process);
            child::finish(&case, process);
        });
    }
}
