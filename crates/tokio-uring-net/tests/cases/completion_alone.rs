//! A write that waits for company does not wait for ever: not for a task that blocks its thread,
//! nor for one that waits elsewhere.

use crate::flow::{
    arrived, coalesce, flushes, for_each_setup, on_every_runtime, receive, until, write,
};
use crate::stack::net::metrics;
use crate::support::pattern::Pattern;
use crate::support::poll::turns;
use crate::support::skip;
use crate::support::tcp::{Origin, pair};
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::JoinHandle;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Answers on a connection of its own when it has received `len` bytes from `peer`.
fn answer_elsewhere(
    peer: &TcpStream,
    start: Pattern,
    len: usize,
) -> io::Result<(TcpStream, JoinHandle<io::Result<()>>)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let elsewhere = TcpStream::connect(listener.local_addr()?)?;
    elsewhere.set_read_timeout(Some(crate::support::HANG))?;
    let (mut answers, _) = listener.accept()?;
    let peer = peer.try_clone()?;
    let thread = std::thread::spawn(move || {
        let mut received = start;
        receive(&peer, &mut received, len)?;
        answers.write_all(b"!")
    });
    Ok((elsewhere, thread))
}

/// A task may block its thread until it is answered: `writes` writes, then nothing of the runtime's
/// that could send them.
async fn block_until_answered(origin: Origin, coalesces: bool, writes: usize) -> io::Result<()> {
    let (mut stream, peer) = pair(origin).await?;
    let mut sent = Pattern::new(1);
    if coalesces {
        coalesce(&mut stream, &peer, &mut sent).await?;
    }
    let (mut elsewhere, thread) = answer_elsewhere(&peer, sent, 100 * writes)?;
    for _ in 0..writes {
        write(&mut stream, &mut sent, 100).await?;
    }
    elsewhere.read_exact(&mut [0; 1])?;
    thread.join().expect("the peer does not panic")
}

#[test]
fn a_task_that_blocks_its_thread_is_answered() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            for coalesces in [false, true] {
                for writes in 1..=3 {
                    block_until_answered(origin, coalesces, writes).await?;
                }
            }
        }
        Ok(())
    });
}

/// Nobody runs the runtime while the program does something else.
#[test]
fn a_runtime_that_nobody_runs_delivers_what_is_queued() {
    for_each_setup(|setup| {
        let runtime = setup.runtime();
        for origin in Origin::ALL {
            let made = runtime.block_on(async {
                let (mut stream, peer) = pair(origin).await?;
                let mut sent = Pattern::new(1);
                for _ in 0..3 {
                    write(&mut stream, &mut sent, 100).await?;
                }
                io::Result::Ok((stream, peer))
            });
            let (_stream, peer) = made.expect("sockets can be made");
            receive(&peer, &mut Pattern::new(1), 300).expect("all of it is sent");
        }
    });
}

/// Whether the look-out sleeps until it is called: in futex(2), without a timeout. `None`: the kernel
/// does not show that.
fn look_out_sleeps() -> Option<bool> {
    for task in std::fs::read_dir("/proc/self/task").ok()? {
        let task = task.ok()?.path();
        let name = std::fs::read_to_string(task.join("comm")).unwrap_or_default();
        if name.trim_end() == "tokio-uring-net" {
            let call = std::fs::read_to_string(task.join("syscall")).ok()?;
            let words: Vec<_> = call.split(' ').collect();
            let is_futex = words[0] == libc::SYS_futex.to_string();
            return Some(is_futex && words.get(4) == Some(&"0x0"));
        }
    }
    Some(false)
}

#[test]
fn the_look_out_for_stragglers_comes_back_from_sleep() {
    on_every_runtime(|setup| async move {
        for _ in 0..2 {
            block_until_answered(Origin::Accepted, true, 2).await?;
            loop {
                match look_out_sleeps() {
                    Some(true) => break,
                    Some(false) => turns(1).await,
                    None => {
                        skip(&format!("{setup}: /proc shows no system calls"));
                        return Ok(());
                    }
                }
            }
        }
        block_until_answered(Origin::Accepted, true, 2).await
    });
}

/// What comes before a write that is to go at once.
#[derive(Clone, Copy, Debug)]
enum Before {
    /// A read that takes the bytes ahead of it.
    SmallRead,
    LargeRead,
    /// A flush, and a turn of the driver, which sends.
    Flush,
    Turn,
}

impl Before {
    const ALL: [Before; 4] = [
        Before::SmallRead,
        Before::LargeRead,
        Before::Flush,
        Before::Turn,
    ];

    async fn happen(
        self,
        stream: &mut crate::stack::net::TcpStream,
        mut peer: &TcpStream,
        sent: &mut Pattern,
    ) -> io::Result<()> {
        match self {
            Before::SmallRead => {
                peer.write_all(b"request")?;
                stream.read_exact(&mut [0; 7]).await?;
            }
            Before::LargeRead => {
                peer.write_all(b"request")?;
                assert_eq!(stream.read(&mut [0; 4096]).await?, 7);
            }
            Before::Flush | Before::Turn => {
                let mut received = *sent;
                for _ in 0..2 {
                    write(stream, sent, 10).await?;
                }
                if let Before::Flush = self {
                    stream.flush().await?;
                }
                receive(peer, &mut received, 20)?;
                turns(3).await;
            }
        }
        Ok(())
    }
}

/// Neither a queue nor a second poll of the task has a part in it.
#[test]
fn the_first_write_goes_at_once() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            let (mut stream, peer) = pair(origin).await?;
            assert!(goes_at_once(&mut stream, &peer, &mut Pattern::new(1)).await?);
            for before in Before::ALL {
                let what = format!("{before:?}");
                until(&what, || Box::pin(go_at_once_thrice(origin, before))).await?;
            }
        }
        Ok(())
    });
}

async fn go_at_once_thrice(origin: Origin, before: Before) -> io::Result<bool> {
    let (mut stream, peer) = pair(origin).await?;
    let mut sent = Pattern::new(1);
    let mut at_once = true;
    for _ in 0..3 {
        before.happen(&mut stream, &peer, &mut sent).await?;
        at_once &= goes_at_once(&mut stream, &peer, &mut sent).await?;
    }
    // What comes after a read always does; a turn may come when it likes.
    let is_read = matches!(before, Before::SmallRead | Before::LargeRead);
    assert!(at_once || !is_read, "{before:?}");
    Ok(at_once)
}

async fn goes_at_once(
    stream: &mut crate::stack::net::TcpStream,
    peer: &TcpStream,
    sent: &mut Pattern,
) -> io::Result<bool> {
    let mut received = *sent;
    let before = metrics();
    write(stream, sent, 100).await?;
    receive(peer, &mut received, 100)?;
    let after = metrics();
    Ok(after.queued_writes == before.queued_writes && flushes(&after) == flushes(&before))
}

/// Only what a socket has shown of itself makes the first write wait.
#[test]
fn a_stream_seen_to_write_in_batches_queues_from_the_first_write() {
    on_every_runtime(|_| async {
        until("nothing sent, then one batch", || Box::pin(one_batch())).await
    });
}

async fn one_batch() -> io::Result<bool> {
    let (mut stream, peer) = pair(Origin::Connected).await?;
    let mut sent = Pattern::new(1);
    coalesce(&mut stream, &peer, &mut sent).await?;
    let mut received = sent;
    let before = metrics();
    for _ in 0..8 {
        write(&mut stream, &mut sent, 10).await?;
    }
    let waits = arrived(&peer) == 0 && flushes(&metrics()) == flushes(&before);
    stream.flush().await?;
    receive(&peer, &mut received, 80)?;
    let after = metrics();
    Ok(waits
        && flushes(&after) - flushes(&before) == 1
        && after.queued_writes - before.queued_writes == 8)
}

/// A lone write in a round: the next first write does not wait any more.
#[test]
fn a_lone_write_ends_the_habit_of_waiting() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            let (mut stream, peer) = pair(origin).await?;
            let mut sent = Pattern::new(1);
            coalesce(&mut stream, &peer, &mut sent).await?;
            let mut received = sent;
            write(&mut stream, &mut sent, 10).await?;
            stream.flush().await?;
            receive(&peer, &mut received, 10)?;
            let before = metrics();
            write(&mut stream, &mut sent, 10).await?;
            receive(&peer, &mut received, 10)?;
            let after = metrics();
            assert_eq!(after.queued_writes, before.queued_writes);
            assert_eq!(flushes(&after), flushes(&before));
        }
        Ok(())
    });
}

/// Two halves in two tasks: the one that writes never reads, and its queue leaves although the other
/// waits already.
#[test]
fn a_half_that_writes_does_not_depend_on_one_that_waits() {
    const ROUNDS: usize = 200;
    const WRITES: usize = 5;
    const LEN: usize = 70;
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            let (stream, mut peer) = pair(origin).await?;
            let echo = std::thread::spawn(move || {
                let mut received = Pattern::new(1);
                for _ in 0..ROUNDS {
                    receive(&peer, &mut received, WRITES * LEN)?;
                    peer.write_all(b"answer")?;
                }
                io::Result::Ok(())
            });
            let (mut read, mut half) = stream.into_split();
            let (tell, mut answers) = tokio::sync::mpsc::channel(1);
            let reader = tokio::spawn(async move {
                for _ in 0..ROUNDS {
                    let mut answer = [0; 6];
                    read.read_exact(&mut answer).await?;
                    assert_eq!(&answer, b"answer");
                    tell.send(()).await.expect("the writer waits");
                }
                io::Result::Ok(())
            });
            turns(3).await;
            let mut sent = Pattern::new(1);
            for _ in 0..ROUNDS {
                for _ in 0..WRITES {
                    half.write_all(&sent.bytes(LEN)).await?;
                    sent.skip(LEN);
                }
                answers.recv().await.expect("the reader gets every answer");
            }
            reader.await??;
            echo.join().expect("the peer does not panic")?;
        }
        Ok(())
    });
}
