//! Sockets made and used by threads that are not the runtime's, and tasks that stay where they are.

use crate::stack::net::{TcpListener, TcpSocket, TcpStream};
use crate::support::echo::{Client, clients, echo};
use crate::support::setup::{Flavour, Setup, for_each_setup, run_task};
use crate::support::tcp::{any_port, both_ends, warm_up};
use std::io;
use std::rc::Rc;
use std::thread;
use tokio::runtime::{Handle, Runtime};
use tokio::sync::oneshot;
use tokio::task::{JoinSet, LocalSet, block_in_place, spawn_local};

/// Sockets of every kind, as one can make them without waiting.
struct Made {
    from_std: TcpListener,
    listening: TcpListener,
    client: TcpStream,
}

/// Makes sockets in a thread that has entered the runtime but runs no task of it.
fn make() -> io::Result<Made> {
    let from_std = std::net::TcpListener::bind(any_port())?;
    from_std.set_nonblocking(true)?;
    let client = std::net::TcpStream::connect(from_std.local_addr()?)?;
    client.set_nonblocking(true)?;
    let listening = TcpSocket::new_v4()?;
    listening.bind(any_port())?;
    Ok(Made {
        from_std: TcpListener::from_std(from_std)?,
        listening: listening.listen(8)?,
        client: TcpStream::from_std(client)?,
    })
}

/// Uses every one of them inside the runtime.
async fn use_all(made: Made) -> io::Result<()> {
    let (server, _) = made.from_std.accept().await?;
    tokio::spawn(echo(server));
    let mut client = Client::new(made.client, 1);
    let (connected, accepted) = tokio::join!(
        TcpStream::connect(made.listening.local_addr()?),
        made.listening.accept()
    );
    tokio::spawn(echo(accepted?.0));
    let mut connected = Client::new(connected?, 2);
    for _ in 0..10 {
        client.round(100).await?;
        connected.round(100).await?;
    }
    Ok(())
}

fn make_in_thread(setup: Setup, handle: &Handle, first: bool) -> io::Result<Made> {
    let make = || {
        let _entered = handle.enter();
        if first {
            setup.stack.install()?;
        }
        make()
    };
    thread::scope(|scope| scope.spawn(make).join().expect("nothing panics"))
}

#[test]
fn the_first_sockets_of_a_runtime_may_be_made_in_another_thread() {
    for_each_setup(|setup| {
        let runtime = setup.bare_runtime();
        let made = make_in_thread(setup, runtime.handle(), true).expect("sockets can be made");
        run_task(&runtime, use_all(made));
    });
}

#[test]
fn sockets_may_be_made_in_another_thread_while_the_runtime_sleeps() {
    for_each_setup(|setup| {
        let runtime = setup.runtime();
        let handle = runtime.handle().clone();
        run_task(&runtime, async move {
            warm_up().await?;
            let (tell, told) = oneshot::channel();
            let maker = thread::spawn(move || {
                let made = make_in_thread(setup, &handle, false);
                tell.send(made).ok().expect("the runtime waits");
            });
            use_all(told.await.expect("the thread answers")?).await?;
            maker.join().expect("nothing panics");
            Ok(())
        });
    });
}

/// Runs `outside` in a thread of its own, while the runtime runs until that has ended.
fn beside<F>(runtime: &Runtime, outside: F)
where
    F: FnOnce() + Send,
{
    let (tell, told) = oneshot::channel();
    thread::scope(|scope| {
        let outside = scope.spawn(move || {
            outside();
            tell.send(()).expect("the runtime waits");
        });
        runtime.block_on(told).ok();
        outside.join().expect("nothing panics outside");
    });
}

#[test]
fn a_handle_blocks_on_sockets_from_outside() {
    for_each_setup(|setup| {
        let runtime = setup.runtime();
        beside(&runtime, || {
            let handle = runtime.handle();
            let used = handle.block_on(async {
                for client in &mut clients(3).await? {
                    for _ in 0..30 {
                        client.round(1_000).await?;
                    }
                }
                io::Result::Ok(())
            });
            used.expect("no call fails");
        });
    });
}

#[test]
fn several_threads_outside_share_one_runtime() {
    for_each_setup(|setup| {
        let runtime = setup.runtime();
        beside(&runtime, || {
            let handle = runtime.handle();
            thread::scope(|scope| {
                for lane in 0..4 {
                    scope.spawn(move || {
                        let used = handle.block_on(async {
                            let mut client = Client::connect(lane).await?;
                            for _ in 0..50 {
                                client.round(1_000).await?;
                            }
                            io::Result::Ok(())
                        });
                        used.expect("no call fails");
                    });
                }
            });
        });
    });
}

/// Uses a stream in tasks that never leave their thread.
async fn use_locally() -> io::Result<()> {
    let (server, client) = both_ends().await?;
    let server = Rc::new(server);
    let echo = spawn_local(async move {
        let mut buf = [0; 256];
        loop {
            server.readable().await?;
            match server.try_read(&mut buf) {
                Ok(0) => return Ok(()),
                Ok(count) => assert_eq!(server.try_write(&buf[..count])?, count),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    });
    let mut client = Client::new(client, 1);
    for _ in 0..50 {
        client.round(100).await?;
    }
    drop(client);
    echo.await?
}

#[test]
fn local_tasks_use_sockets() {
    for_each_setup(|setup| {
        let runtime = setup.runtime();
        let local = LocalSet::new();
        local
            .block_on(&runtime, use_locally())
            .expect("no call fails");
        let local = LocalSet::new();
        runtime
            .block_on(local.run_until(use_locally()))
            .expect("no call fails");
        // What a local set still holds ends with it.
        let local = LocalSet::new();
        local.spawn_local(use_locally());
        runtime.block_on(local.run_until(tokio::task::yield_now()));
        drop(local);
    });
}

/// As many tasks block in place as there are workers, and one more.
#[test]
fn workers_that_block_in_place_use_sockets() {
    for_each_setup(|setup| {
        if setup.flavour == Flavour::CurrentThread {
            return;
        }
        run_task(&setup.runtime(), async {
            let mut tasks = JoinSet::new();
            for mut client in clients(3).await? {
                tasks.spawn(async move {
                    for _ in 0..20 {
                        client.round(1_000).await?;
                        block_in_place(|| Handle::current().block_on(client.round(1_000)))?;
                    }
                    io::Result::Ok(())
                });
            }
            tasks.join_all().await.into_iter().collect()
        });
    });
}
