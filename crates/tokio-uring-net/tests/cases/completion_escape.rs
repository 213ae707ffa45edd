//! A stream whose descriptor is shown, or used by the program itself, is Exact from then on; one with
//! bytes ahead does not become another type without them.

use crate::flow::{duplicate, on_every_runtime, receive, wait_arrived, write};
use crate::stack::net::{IntoStdError, Mode, TcpStream, metrics};
use crate::support::pattern::Pattern;
use crate::support::poll::poll_once;
use crate::support::tcp::{Origin, pair};
use socket2::SockRef;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd};
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};

/// What shows or uses the descriptor.
#[derive(Clone, Copy, Debug)]
enum Escape {
    AsRawFd,
    /// After the first byte.
    AsFd,
    TryIo,
    AsyncIo,
    Priority,
}

impl Escape {
    const ALL: [Escape; 5] = [
        Escape::AsRawFd,
        Escape::AsFd,
        Escape::TryIo,
        Escape::AsyncIo,
        Escape::Priority,
    ];

    async fn happen(self, stream: &TcpStream) -> io::Result<()> {
        match self {
            Escape::AsRawFd => assert!(stream.as_raw_fd() >= 0),
            Escape::AsFd => assert!(stream.as_fd().as_raw_fd() >= 0),
            Escape::TryIo => stream.try_io(Interest::WRITABLE, || Ok(()))?,
            Escape::AsyncIo => stream.async_io(Interest::WRITABLE, || Ok(())).await?,
            Escape::Priority => {
                let mut ready = Box::pin(stream.ready(Interest::PRIORITY));
                assert!(poll_once(&mut ready).await.is_pending());
            }
        }
        Ok(())
    }
}

#[test]
fn a_stream_whose_descriptor_escapes_is_exact_from_then_on() {
    on_every_runtime(|_| async {
        for escape in Escape::ALL {
            for origin in Origin::ALL {
                let (mut stream, mut peer) = pair(origin).await?;
                let mut sent = Pattern::new(1);
                for _ in 0..3 {
                    write(&mut stream, &mut sent, 100).await?;
                }
                let before = metrics();
                escape.happen(&stream).await?;
                assert_eq!(stream.mode(), Mode::Exact, "{escape:?}");
                escape.happen(&stream).await?;
                assert_eq!(metrics().escapes, before.escapes + 1, "{escape:?}");
                // Writes of the stream and of the program itself, in their order.
                let queued = metrics().queued_writes;
                for _ in 0..3 {
                    write(&mut stream, &mut sent, 100).await?;
                    (&*SockRef::from(&stream)).write_all(&sent.bytes(50))?;
                    sent.skip(50);
                }
                assert_eq!(metrics().queued_writes, queued);
                receive(&peer, &mut Pattern::new(1), 300 + 3 * 150)?;
                // Reads too.
                peer.write_all(&Pattern::new(2).bytes(300))?;
                let mut received = Pattern::new(2);
                let mut buf = [0; 50];
                for _ in 0..3 {
                    stream.read_exact(&mut buf).await?;
                    received.take(&buf);
                    assert_eq!(stream.bytes_ahead(), 0);
                    (&*SockRef::from(&stream)).read_exact(&mut buf)?;
                    received.take(&buf);
                }
                assert_eq!(metrics().receives_ahead, before.receives_ahead);
            }
        }
        Ok(())
    });
}

/// Socket options are set that way, before the first byte.
#[test]
fn a_descriptor_lent_before_the_first_byte_does_not_count() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            for reads in [false, true] {
                let (mut stream, mut peer) = pair(origin).await?;
                let before = metrics();
                SockRef::from(&stream).set_keepalive(true)?;
                assert_eq!(stream.mode(), Mode::Completion);
                assert_eq!(metrics().escapes, before.escapes);
                // The first byte in either direction, by either kind of call.
                if reads {
                    peer.write_all(b"!")?;
                    stream.read_exact(&mut [0; 1]).await?;
                } else {
                    stream.writable().await?;
                    stream.try_write(b"!")?;
                }
                assert_eq!(stream.mode(), Mode::Completion);
                SockRef::from(&stream).set_keepalive(false)?;
                assert_eq!(stream.mode(), Mode::Exact);
                assert_eq!(metrics().escapes, before.escapes + 1);
            }
        }
        Ok(())
    });
}

/// A stream, its peer, and `len` bytes that were received ahead of which one was read.
async fn stream_with_bytes_ahead(
    origin: Origin,
    len: usize,
) -> io::Result<(TcpStream, std::net::TcpStream, Pattern)> {
    let (mut stream, mut peer) = pair(origin).await?;
    let mut received = Pattern::new(1);
    peer.write_all(&received.bytes(len))?;
    let seen = duplicate(&stream)?;
    wait_arrived(seen, len);
    let mut byte = [0];
    stream.read_exact(&mut byte).await?;
    received.take(&byte);
    assert_eq!(stream.bytes_ahead(), len - 1);
    Ok((stream, peer, received))
}

/// It would miss them.
#[test]
fn a_receive_of_the_programs_own_is_refused_while_there_are_bytes_ahead() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            let (mut stream, mut peer, mut received) = stream_with_bytes_ahead(origin, 100).await?;
            for interest in [Interest::READABLE, Interest::READABLE | Interest::WRITABLE] {
                let tried: io::Result<()> =
                    stream.try_io(interest, || panic!("the closure is called"));
                let error = tried.expect_err("there are bytes ahead");
                assert!(error.to_string().contains("99 bytes"), "{error}");
                assert!(error.to_string().contains("bytes_ahead"), "{error}");
                let awaited: io::Result<()> = stream
                    .async_io(interest, || panic!("the closure is called"))
                    .await;
                assert!(
                    awaited
                        .expect_err("likewise")
                        .to_string()
                        .contains("99 bytes")
                );
            }
            assert_eq!(stream.mode(), Mode::Exact);
            // Sending is another matter.
            stream
                .async_io(Interest::WRITABLE, || SockRef::from(&stream).send(b"!"))
                .await?;
            peer.read_exact(&mut [0; 1])?;
            // Once they are read, it is allowed.
            let mut rest = [0; 99];
            stream.read_exact(&mut rest).await?;
            received.take(&rest);
            peer.write_all(&received.bytes(10))?;
            let mut bytes = [0; 10];
            let read = || (&*SockRef::from(&stream)).read(&mut bytes);
            assert_eq!(stream.async_io(Interest::READABLE, read).await?, 10);
            received.take(&bytes);
        }
        Ok(())
    });
}

#[test]
fn a_stream_with_bytes_ahead_becomes_std_only_without_them() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            let (stream, mut peer, mut received) = stream_with_bytes_ahead(origin, 100).await?;
            let error = stream.into_std().expect_err("there are bytes ahead");
            assert!(error.to_string().contains("99 bytes"), "{error}");
            let refused = error.downcast::<IntoStdError>().expect("it is ours");
            let (stream, ahead) = refused.into_parts();
            received.take(&ahead);
            assert_eq!((ahead.len(), stream.bytes_ahead()), (99, 0));
            peer.write_all(&received.bytes(10))?;
            let mut std = stream.into_std()?;
            std.set_nonblocking(false)?;
            let mut bytes = [0; 10];
            std.read_exact(&mut bytes)?;
            received.take(&bytes);
            std.write_all(b"!")?;
            peer.read_exact(&mut [0; 1])?;
        }
        Ok(())
    });
}

#[test]
fn a_stream_with_bytes_ahead_becomes_tokios_only_without_them() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            let (stream, mut peer, mut received) = stream_with_bytes_ahead(origin, 100).await?;
            let error = tokio::net::TcpStream::try_from(stream).expect_err("there are bytes ahead");
            let refused = error.downcast::<IntoStdError>().expect("it is ours");
            // A stream that is given back goes on where it was.
            let mut stream = refused.into_stream();
            let mut rest = [0; 99];
            stream.read_exact(&mut rest).await?;
            received.take(&rest);
            peer.write_all(&received.bytes(10))?;
            let mut tokio = tokio::net::TcpStream::try_from(stream)?;
            let mut bytes = [0; 10];
            tokio.read_exact(&mut bytes).await?;
            received.take(&bytes);
            tokio.write_all(b"!").await?;
            peer.read_exact(&mut [0; 1])?;
        }
        Ok(())
    });
}

/// Bytes ahead stay the first that are read, and what is queued leaves before what follows.
#[test]
fn a_change_of_mode_reorders_nothing() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            let (mut stream, mut peer, mut received) = stream_with_bytes_ahead(origin, 100).await?;
            peer.write_all(&{
                let mut next = received;
                next.skip(99);
                next.bytes(50)
            })?;
            let mut sent = Pattern::new(2);
            for mode in [Mode::Completion, Mode::Exact, Mode::Completion, Mode::Exact] {
                for _ in 0..3 {
                    write(&mut stream, &mut sent, 10).await?;
                }
                stream.set_mode(mode)?;
                assert_eq!(stream.mode(), mode);
                let mut bytes = [0; 20];
                stream.read_exact(&mut bytes).await?;
                received.take(&bytes);
                write(&mut stream, &mut sent, 10).await?;
            }
            stream.flush().await?;
            receive(&peer, &mut Pattern::new(2), 4 * 40)?;
        }
        Ok(())
    });
}
