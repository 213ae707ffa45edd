//! One runtime that `block_on` drives from several threads, in turn and at once.

use crate::stack::net::TcpStream;
use crate::support::HANG;
use crate::support::echo::{Client, clients};
use crate::support::setup::{Setup, for_each_setup};
use crate::support::tcp::{Origin, pair};
use std::io::{self, Write};
use std::sync::mpsc::{Sender, channel};
use tokio::io::AsyncReadExt;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

/// More than a driver may be willing to follow.
const ROUNDS: usize = 150;
/// What it must be able to follow.
const ROUNDS_FOLLOWED: usize = 20;
const CLIENTS: u64 = 8;

/// A connection whose bytes come from outside, while nobody drives the runtime; a task waits for
/// them all the time.
struct Listener {
    peer: std::net::TcpStream,
    heard: mpsc::UnboundedReceiver<usize>,
}

impl Listener {
    async fn start(origin: Origin) -> io::Result<Listener> {
        let (stream, peer) = pair(origin).await?;
        let (tell, heard) = mpsc::unbounded_channel();
        tokio::spawn(listen(stream, tell));
        Ok(Listener { peer, heard })
    }

    async fn hear(&mut self, count: usize) {
        let mut heard = 0;
        while heard < count {
            heard += self.heard.recv().await.expect("the stream is open");
        }
        assert_eq!(heard, count);
    }
}

async fn listen(mut stream: TcpStream, tell: mpsc::UnboundedSender<usize>) -> io::Result<()> {
    let mut buf = [0; 64];
    loop {
        match stream.read(&mut buf).await? {
            0 => return Ok(()),
            count => tell.send(count).expect("the test listens"),
        }
    }
}

/// The connections of one runtime, handed from thread to thread.
struct Connections {
    clients: Vec<Client>,
    listeners: Vec<Listener>,
}

impl Connections {
    async fn open() -> io::Result<Connections> {
        let mut listeners = Vec::new();
        for origin in Origin::ALL {
            listeners.push(Listener::start(origin).await?);
        }
        let clients = clients(CLIENTS).await?;
        Ok(Connections { clients, listeners })
    }

    /// One round in the current thread: first something happens while nobody drives the runtime.
    fn round(&mut self, runtime: &Runtime) {
        for listener in &self.listeners {
            (&listener.peer)
                .write_all(b"from outside")
                .expect("the stream is open");
        }
        let round = async {
            for listener in &mut self.listeners {
                listener.hear(12).await;
            }
            for client in &mut self.clients {
                client.round(1_000).await.expect("the stream is open");
            }
        };
        runtime
            .block_on(async { tokio::time::timeout(HANG, round).await })
            .expect("no round hangs");
    }
}

fn open(setup: Setup) -> (Runtime, Connections) {
    let runtime = setup.runtime();
    let connections = runtime.block_on(Connections::open());
    (runtime, connections.expect("sockets can be made"))
}

/// A thread that does rounds whenever it is given the connections, and hands them back.
fn rounds<'scope>(
    scope: &'scope std::thread::Scope<'scope, '_>,
    runtime: &'scope Runtime,
    done: Sender<Connections>,
) -> Sender<Connections> {
    let (give, take) = channel::<Connections>();
    scope.spawn(move || {
        for mut connections in take {
            connections.round(runtime);
            done.send(connections).expect("the test waits");
        }
    });
    give
}

#[test]
fn three_threads_in_turn_keep_its_connections() {
    for_each_setup(|setup| {
        let (runtime, mut connections) = open(setup);
        std::thread::scope(|scope| {
            let (done, back) = channel();
            let threads = [(); 3].map(|()| rounds(scope, &runtime, done.clone()));
            for turn in 0..ROUNDS {
                let thread = &threads[turn % threads.len()];
                thread.send(connections).expect("the thread waits");
                connections = back.recv().expect("no round fails");
                if turn == ROUNDS_FOLLOWED {
                    runtime.block_on(async { setup.stack.check_serves() });
                }
            }
        });
    });
}

/// What a thread has asked of the kernel must not end with the thread.
#[test]
fn threads_that_end_after_their_turn_take_no_connection_with_them() {
    for_each_setup(|setup| {
        let runtime = setup.bare_runtime();
        let mut connections = None;
        for turn in 0..ROUNDS {
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    let connections = connections.get_or_insert_with(|| {
                        let opened = runtime.block_on(async {
                            setup.stack.install()?;
                            Connections::open().await
                        });
                        opened.expect("sockets can be made")
                    });
                    connections.round(&runtime);
                    if turn == ROUNDS_FOLLOWED {
                        runtime.block_on(async { setup.stack.check_serves() });
                    }
                });
            });
        }
    });
}

/// One of the threads drives the runtime and the others wait for it; which one changes all the
/// time.
#[test]
fn three_threads_at_once_keep_its_connections() {
    for_each_setup(|setup| {
        let (runtime, connections) = open(setup);
        std::thread::scope(|scope| {
            for mut client in connections.clients {
                let runtime = &runtime;
                scope.spawn(move || {
                    for _ in 0..ROUNDS {
                        let round = async { tokio::time::timeout(HANG, client.round(1_000)).await };
                        let round = runtime.block_on(round).expect("no round hangs");
                        round.expect("the stream is open");
                    }
                });
            }
        });
    });
}
