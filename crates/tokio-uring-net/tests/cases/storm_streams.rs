//! Operations on one end of a connection in a storm, while things happen at the other end.

use crate::stack::net::{Mode, TcpListener, TcpSocket, TcpStream};
use crate::support::cancel::Canceller;
use crate::support::poll::BoxFuture;
use crate::support::rng::Rng;
use crate::support::tcp::any_port;
use std::future::pending;
use std::io;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};

/// What the kernel holds for each direction, so that a connection is soon full.
const KERNEL_BYTES: u32 = 4 << 10;
const LARGE_BYTES: usize = 32 << 10;

/// Two ends of a connection.
#[derive(Debug)]
pub(crate) struct Ends {
    pub(crate) here: TcpStream,
    pub(crate) there: TcpStream,
}

impl Ends {
    /// A listener for connections that hold few bytes.
    pub(crate) fn listener() -> io::Result<(TcpListener, SocketAddr)> {
        let socket = small_socket()?;
        socket.bind(any_port())?;
        let listener = socket.listen(8)?;
        let address = listener.local_addr()?;
        Ok((listener, address))
    }

    pub(crate) async fn new(
        (listener, address): &(TcpListener, SocketAddr),
        rng: &mut Rng,
    ) -> io::Result<Ends> {
        let connected = small_socket()?;
        let (accepted, there) = tokio::join!(listener.accept(), connected.connect(*address));
        let (here, there) = (accepted?.0, there?);
        if !rng.one_in(4) {
            // Or there would be no port left after a while.
            here.set_zero_linger()?;
            there.set_zero_linger()?;
        }
        Ok(Ends { here, there })
    }

    /// Something happens at the other end.
    fn disturb(there: &TcpStream, rng: &mut Rng) {
        let mut buf = [0; 4 << 10];
        let bytes = 1 + rng.below(buf.len());
        // They may not be possible now.
        let _ = match rng.one_in(2) {
            true => there.try_read(&mut buf[..bytes]),
            false => there.try_write(&buf[..bytes]),
        };
    }

    pub(crate) async fn read(&mut self, canceller: &mut Canceller) -> io::Result<()> {
        let mut buf = [0; LARGE_BYTES];
        let bytes = [1, 100, LARGE_BYTES][canceller.rng.below(3)];
        let read = Box::pin(self.here.read(&mut buf[..bytes]));
        let disturb = |rng: &mut Rng| Ends::disturb(&self.there, rng);
        canceller.run(read, disturb).await.transpose().map(drop)
    }

    /// A write and a read that are not dropped: whatever was dropped before, they are woken.
    pub(crate) async fn patience(&mut self) -> io::Result<()> {
        let Ends { here, there } = self;
        let reads = async {
            while here.read(&mut [0; 100]).await? > 0 {}
            io::Result::Ok(())
        };
        tokio::select! {
            written = there.write(b"!") => assert_eq!(written?, 1),
            ended = reads => panic!("the other end is open: {ended:?}"),
        }
        let write = async {
            there.write_all(b"!").await?;
            pending().await
        };
        let mut buf = [0; 100];
        tokio::select! {
            read = here.read(&mut buf) => read.map(|count| assert!(count > 0)),
            failed = write => failed,
        }
    }

    pub(crate) async fn peek(&mut self, canceller: &mut Canceller) -> io::Result<()> {
        let mut buf = [0; 100];
        let peek = Box::pin(self.here.peek(&mut buf));
        let disturb = |rng: &mut Rng| Ends::disturb(&self.there, rng);
        canceller.run(peek, disturb).await.transpose().map(drop)
    }

    /// A few writes, which may wait for company, and a read that sends them off.
    pub(crate) async fn small_writes(&mut self, canceller: &mut Canceller) -> io::Result<()> {
        for _ in 0..1 + canceller.rng.below(3) {
            let write = Box::pin(self.here.write(&[3; 50]));
            let disturb = |rng: &mut Rng| Ends::disturb(&self.there, rng);
            canceller.run(write, disturb).await.transpose()?;
        }
        if canceller.rng.one_in(2) {
            self.read(canceller).await?;
        }
        Ok(())
    }

    pub(crate) async fn large_writes(&mut self, canceller: &mut Canceller) -> io::Result<()> {
        for _ in 0..1 + canceller.rng.below(4) {
            let write = Box::pin(self.here.write(&[3; LARGE_BYTES]));
            let disturb = |rng: &mut Rng| Ends::disturb(&self.there, rng);
            canceller.run(write, disturb).await.transpose()?;
        }
        let flush = Box::pin(self.here.flush());
        canceller.run(flush, |_| {}).await.transpose().map(drop)
    }

    /// Waits for readiness of every kind.
    pub(crate) async fn ready(&mut self, canceller: &mut Canceller) -> io::Result<()> {
        let here = &self.here;
        let ready: BoxFuture<'_, io::Result<()>> = match canceller.rng.below(4) {
            0 => Box::pin(here.readable()),
            1 => Box::pin(here.writable()),
            2 => Box::pin(async { here.ready(Interest::READABLE).await.map(drop) }),
            _ => Box::pin(async {
                let both = Interest::READABLE | Interest::WRITABLE;
                here.ready(both).await.map(drop)
            }),
        };
        let disturb = |rng: &mut Rng| Ends::disturb(&self.there, rng);
        if canceller.run(ready, disturb).await.transpose()?.is_some() {
            // A wait that is over has to be made worth the next one.
            while here
                .try_read(&mut [0; 1 << 10])
                .is_ok_and(|count| count > 0)
            {}
        }
        Ok(())
    }

    /// A read and a write at the same time, in borrowed halves.
    pub(crate) async fn borrowed_halves(&mut self, canceller: &mut Canceller) -> io::Result<()> {
        let (mut read, mut write) = self.here.split();
        let both = Box::pin(async {
            let mut buf = [0; 300];
            let (read, written) = tokio::join!(read.read(&mut buf), write.write(&[3; LARGE_BYTES]));
            read.and(written)
        });
        let disturb = |rng: &mut Rng| Ends::disturb(&self.there, rng);
        canceller.run(both, disturb).await.transpose().map(drop)
    }

    /// A read and a write at the same time, in owned halves, which may never meet again.
    pub(crate) async fn owned_halves(self, canceller: &mut Canceller) -> io::Result<Option<Ends>> {
        let Ends { here, there } = self;
        let (mut read, mut write) = here.into_split();
        let both = Box::pin(async {
            let mut buf = [0; 300];
            let (read, written) = tokio::join!(read.read(&mut buf), write.write(&[3; LARGE_BYTES]));
            read.and(written)
        });
        let disturb = |rng: &mut Rng| Ends::disturb(&there, rng);
        canceller.run(both, disturb).await.transpose()?;
        if canceller.rng.one_in(4) {
            drop(write);
            tokio::task::yield_now().await;
            return Ok(None);
        }
        let here = read.reunite(write).expect("they are of one stream");
        Ok(Some(Ends { here, there }))
    }

    /// Either end changes its mode.
    pub(crate) fn flip(&mut self, rng: &mut Rng) -> io::Result<()> {
        let end = if rng.one_in(2) {
            &self.here
        } else {
            &self.there
        };
        end.set_mode(match end.mode() {
            Mode::Exact => Mode::Completion,
            _ => Mode::Exact,
        })
    }

    /// Out of the runtime and in again, which is refused where bytes are ahead or queued.
    pub(crate) fn convert(self) -> io::Result<Option<Ends>> {
        let Ends { here, there } = self;
        let Ok(here) = here.into_std() else {
            return Ok(None);
        };
        let here = TcpStream::from_std(here)?;
        Ok(Some(Ends { here, there }))
    }

    /// Both ends are dropped, one after the other, in whatever state they are.
    pub(crate) async fn end(self, canceller: &mut Canceller) -> io::Result<()> {
        let Ends { mut here, there } = self;
        // What is ahead, what is queued.
        let _ = here.try_read(&mut [0; 1]);
        let _ = here.try_write(b"last");
        let _ = here.try_write(b"words");
        if canceller.rng.one_in(4) {
            // Not the thread of the ring.
            tokio::task::spawn_blocking(move || drop(there)).await?;
        } else {
            drop(there);
        }
        let mut buf = [0; LARGE_BYTES];
        let read = Box::pin(here.read(&mut buf));
        // The end of the stream, bytes before it, or a reset.
        drop(canceller.run(read, |_| {}).await);
        if canceller.rng.one_in(8) {
            tokio::task::spawn_blocking(move || drop(here)).await?;
        }
        Ok(())
    }
}

fn small_socket() -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_send_buffer_size(KERNEL_BYTES)?;
    socket.set_recv_buffer_size(KERNEL_BYTES)?;
    Ok(socket)
}
