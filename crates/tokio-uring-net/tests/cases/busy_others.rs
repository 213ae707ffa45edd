//! What else the runtime has to do while its driver watches, and the driver itself.

use crate::stack::net::{TcpStream, metrics};
use crate::support::poll::poll_once;
use crate::support::setup::run_task;
use crate::support::tcp::{Origin, pair};
use crate::watch::{
    ATTEMPTS, LONG, Line, SHORT, for_each_watching_setup, still_watches, watching_runtime,
};
use std::io;
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::mpsc;
use std::task::{Context, Waker};
use std::thread;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::UdpSocket;
use tokio::runtime::Handle;
use tokio::sync::{Notify, oneshot};
use tokio::task::yield_now;

#[test]
fn what_comes_while_the_driver_watches_is_a_hit() {
    for_each_watching_setup(|setup| {
        run_task(&watching_runtime(setup, LONG), async {
            let mut line = Line::open().await?;
            for _ in 0..ATTEMPTS {
                let before = line.watch_begins().await?;
                line.event().await?;
                let now = metrics();
                if now.busy_hits == before.busy_hits + 1 && now.busy_misses == before.busy_misses {
                    return Ok(());
                }
            }
            panic!("nothing came in time: {:?}", metrics());
        });
    });
}

/// A thread that does what it is given, and says when it is done.
struct Helper {
    give: mpsc::Sender<Box<dyn FnOnce() + Send>>,
    done: mpsc::Receiver<()>,
}

impl Helper {
    fn start() -> Helper {
        let (give, given) = mpsc::channel::<Box<dyn FnOnce() + Send>>();
        let (tell, done) = mpsc::channel();
        thread::spawn(move || {
            for act in given {
                act();
                if tell.send(()).is_err() {
                    return;
                }
            }
        });
        Helper { give, done }
    }

    /// Blocks the runtime meanwhile: it may have one CPU only.
    fn does(&self, act: impl FnOnce() + Send + 'static) {
        self.give.send(Box::new(act)).expect("the thread waits");
        self.done.recv().expect("the thread goes on");
    }
}

#[test]
fn a_task_from_another_thread_runs_while_the_driver_watches() {
    for_each_watching_setup(|setup| {
        run_task(&watching_runtime(setup, LONG), async move {
            let mut line = Line::open().await?;
            let (helper, runtime) = (Helper::start(), Handle::current());
            for _ in 0..ATTEMPTS {
                let since = line.watch_begins().await?;
                let ((told, ran), runtime) = (oneshot::channel(), runtime.clone());
                helper.does(move || drop(runtime.spawn(async { told.send(metrics()) })));
                if still_watches(&since, &ran.await.expect("the task runs")) {
                    return Ok(());
                }
            }
            panic!("no task ran under a watch: {:?}", metrics());
        });
    });
}

#[test]
fn the_future_of_block_on_is_polled_while_the_driver_watches() {
    for_each_watching_setup(|setup| {
        let runtime = watching_runtime(setup, SHORT);
        let (begun, polled) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (begun_too, polled_too) = (begun.clone(), polled.clone());
        runtime.block_on(async {
            let watches = tokio::spawn(async move {
                let mut line = Line::open().await?;
                for _ in 0..ATTEMPTS {
                    let since = line.watch_begins().await?;
                    begun_too.notify_one();
                    polled_too.notified().await;
                    if still_watches(&since, &metrics()) {
                        return io::Result::Ok(true);
                    }
                }
                Ok(false)
            });
            let answers = async {
                loop {
                    begun.notified().await;
                    polled.notify_one();
                }
            };
            tokio::select! {
                was_polled = watches => {
                    assert!(was_polled.expect("no panic").expect("no call fails"), "{:?}", metrics());
                }
                () = answers => {}
            }
        });
    });
}

#[test]
fn tokios_own_sockets_are_served_while_the_driver_watches() {
    for_each_watching_setup(|setup| {
        run_task(&watching_runtime(setup, SHORT), async {
            let mut line = Line::open().await?;
            let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
            let peer = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
            peer.connect(socket.local_addr()?)?;
            for _ in 0..ATTEMPTS {
                let mut buf = [0; 8];
                let mut receive = Box::pin(socket.recv(&mut buf));
                assert!(poll_once(&mut receive).await.is_pending());
                let since = line.watch_begins().await?;
                peer.send(b"datagram")?;
                receive.await?;
                if still_watches(&since, &metrics()) {
                    return Ok(());
                }
            }
            panic!("no datagram came under a watch: {:?}", metrics());
        });
    });
}

/// Begins to read, for nobody, and returns the stream.
fn begin_to_read(mut stream: TcpStream) -> TcpStream {
    let mut cx = Context::from_waker(Waker::noop());
    let mut buf = [0; 8];
    let read = Pin::new(&mut stream).poll_read(&mut cx, &mut ReadBuf::new(&mut buf));
    assert!(read.is_pending());
    stream
}

#[test]
fn a_wish_of_another_thread_is_granted_while_the_driver_watches() {
    for_each_watching_setup(|setup| {
        run_task(&watching_runtime(setup, LONG), async {
            let mut line = Line::open().await?;
            let helper = Helper::start();
            for _ in 0..ATTEMPTS {
                let (stream, _peer) = pair(Origin::Accepted).await?;
                let (back, taken) = oneshot::channel();
                let since = line.watch_begins().await?;
                helper.does(move || drop(back.send(begin_to_read(stream))));
                while metrics().polls + metrics().recvs == since.polls + since.recvs {
                    yield_now().await;
                }
                let now = metrics();
                drop(taken.await);
                if now.turns == since.turns + 1 && now.busy_misses == since.busy_misses {
                    return Ok(());
                }
            }
            panic!("no wish was granted under a watch: {:?}", metrics());
        });
    });
}
