//! What tokio's own tests leave out, run on `tokio::net` and on this crate: both must pass the same
//! test.

use std::io::{self, ErrorKind, IoSlice, IoSliceMut, Read};
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Polls a future once, with nobody to wake.
macro_rules! poll_once {
    ($future:expr) => {
        $future.poll(&mut Context::from_waker(Waker::noop()))
    };
}

/// Runs every test on both stacks; in the tests, `net` is the one under test.
macro_rules! on_both_stacks {
    ($($(#[$attribute:meta])* async fn $name:ident() $(-> $answer:ty)? $body:block)*) => {
        mod on_tokio_net {
            on_both_stacks!(stack tokio::net;
                $($(#[$attribute])* async fn $name() $(-> $answer)? $body)*);
        }
        mod on_tokio_uring_net {
            on_both_stacks!(stack tokio_uring_net;
                $($(#[$attribute])* async fn $name() $(-> $answer)? $body)*);
        }
    };
    (stack $net:path;
        $($(#[$attribute:meta])* async fn $name:ident() $(-> $answer:ty)? $body:block)*) => {
        use super::*;
        use $net as net;

        async fn pair() -> io::Result<(net::TcpStream, net::TcpStream)> {
            let listener = net::TcpListener::bind("127.0.0.1:0").await?;
            let client = net::TcpStream::connect(listener.local_addr()?).await?;
            let (server, _) = listener.accept().await?;
            Ok((client, server))
        }

        $($(#[$attribute])* #[tokio::test] async fn $name() $(-> $answer)? $body)*
    };
}

on_both_stacks! {
    async fn connect_sends_the_first_packet_in_its_first_poll() -> io::Result<()> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        let mut connect = pin!(net::TcpStream::connect(listener.local_addr()?));
        let polled = poll_once!(connect.as_mut());
        // Blocks for ever if no packet was sent.
        let (_stream, peer) = listener.accept()?;
        let stream = match polled {
            Poll::Ready(result) => result?,
            Poll::Pending => connect.await?,
        };
        assert_eq!(stream.local_addr()?, peer);
        Ok(())
    }

    async fn connect_tries_the_addresses_in_turn() -> io::Result<()> {
        // Bound and never listening: nobody else gets the port, and connecting to it is refused.
        let silent = net::TcpSocket::new_v4()?;
        silent.bind("127.0.0.1:0".parse().unwrap())?;
        let refused = silent.local_addr()?;
        let listener = net::TcpListener::bind("127.0.0.1:0").await?;
        let stream = net::TcpStream::connect(&[refused, listener.local_addr()?][..]).await?;
        assert_eq!(stream.peer_addr()?, listener.local_addr()?);

        let error = net::TcpStream::connect(refused).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        Ok(())
    }

    async fn no_address_is_invalid_input() -> io::Result<()> {
        let none: &[SocketAddr] = &[];
        for error in [
            net::TcpStream::connect(none).await.unwrap_err(),
            net::TcpListener::bind(none).await.unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert_eq!(error.to_string(), "could not resolve to any address");
        }
        Ok(())
    }

    async fn bytes_that_arrive_before_a_read_is_dropped_are_kept() -> io::Result<()> {
        let (mut client, mut server) = pair().await?;
        let mut buf = [0; 8];
        {
            let mut read = pin!(server.read(&mut buf));
            assert!(poll_once!(read.as_mut()).is_pending());
            client.write_all(b"12345").await?;
            client.shutdown().await?;
        }
        let mut received = Vec::new();
        server.read_to_end(&mut received).await?;
        assert_eq!(received, b"12345");
        Ok(())
    }

    async fn a_connection_that_arrives_before_an_accept_is_dropped_is_kept() -> io::Result<()> {
        let listener = net::TcpListener::bind("127.0.0.1:0").await?;
        let client;
        {
            let mut accept = pin!(listener.accept());
            assert!(poll_once!(accept.as_mut()).is_pending());
            client = net::TcpStream::connect(listener.local_addr()?).await?;
        }
        let (_server, peer) = listener.accept().await?;
        assert_eq!(peer, client.local_addr()?);
        Ok(())
    }

    async fn a_read_into_no_room_waits_for_bytes_and_takes_none() -> io::Result<()> {
        let (mut client, mut server) = pair().await?;
        {
            let mut read = pin!(server.read(&mut []));
            assert!(poll_once!(read.as_mut()).is_pending());
            client.write_all(b"x").await?;
            assert_eq!(read.await?, 0);
        }
        assert_eq!(server.read_u8().await?, b'x');
        Ok(())
    }

    async fn after_shutdown_an_empty_write_fails_but_a_vectored_one_does_not() -> io::Result<()> {
        let (mut client, _server) = pair().await?;
        client.shutdown().await?;
        let error = client.write(&[]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
        assert_eq!(client.write_vectored(&[]).await?, 0);
        assert_eq!(client.write_vectored(&[IoSlice::new(&[])]).await?, 0);
        let error = client.write_vectored(&[IoSlice::new(b"x")]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
        Ok(())
    }

    async fn a_vectored_read_into_no_room_is_zero() -> io::Result<()> {
        let (mut client, server) = pair().await?;
        client.write_all(b"x").await?;
        server.readable().await?;
        assert_eq!(server.try_read_vectored(&mut [])?, 0);
        assert_eq!(server.try_read_vectored(&mut [IoSliceMut::new(&mut [])])?, 0);
        assert_eq!(server.peek(&mut [0; 8]).await?, 1);
        Ok(())
    }

    async fn slices_of_any_size_arrive_whole_and_in_order() -> io::Result<()> {
        let (mut client, mut server) = pair().await?;
        for sizes in [&[100, 13][..], &[0, 1, 0], &[1000, 24], &[1000, 25], &[9000; 4]] {
            let all: Vec<u8> = (0..251).cycle().take(sizes.iter().sum()).collect();
            let mut rest = &all[..];
            let slices = sizes.iter().map(|&bytes| {
                let (slice, behind) = rest.split_at(bytes);
                rest = behind;
                IoSlice::new(slice)
            });
            let slices: Vec<_> = slices.collect();
            assert_eq!(client.write_vectored(&slices).await?, all.len());
            let mut received = vec![0; all.len()];
            server.read_exact(&mut received).await?;
            assert_eq!(received, all);
        }
        Ok(())
    }

    async fn more_slices_than_one_system_call_takes_arrive_in_order() -> io::Result<()> {
        let (mut client, mut server) = pair().await?;
        let bytes: Vec<u8> = (0..3000u16).map(|n| n.to_le_bytes()[0]).collect();
        let mut sent = 0;
        while sent < bytes.len() {
            let slices: Vec<_> = bytes[sent..].chunks(1).map(IoSlice::new).collect();
            let count = client.write_vectored(&slices).await?;
            assert_eq!(count, slices.len().min(1024), "IOV_MAX slices of one byte");
            sent += count;
        }
        let mut received = vec![0; bytes.len()];
        server.read_exact(&mut received).await?;
        assert_eq!(received, bytes);
        Ok(())
    }

    async fn into_std_keeps_unread_bytes_and_the_flags_of_the_descriptor() -> io::Result<()> {
        let (mut client, server) = pair().await?;
        client.write_all(b"unread").await?;
        server.readable().await?;
        let mut server = server.into_std()?;
        assert!(SockRef::from(&server).nonblocking()?);
        assert!(rustix::io::fcntl_getfd(&server)?.contains(rustix::io::FdFlags::CLOEXEC));
        server.set_nonblocking(false)?;
        let mut received = [0; 6];
        server.read_exact(&mut received)?;
        assert_eq!(&received, b"unread");
        Ok(())
    }

    async fn a_forgotten_write_half_leaves_the_stream_open() -> io::Result<()> {
        let (client, mut server) = pair().await?;
        let (mut read, write) = client.into_split();
        write.forget();
        server.write_all(b"x").await?;
        assert_eq!(read.read_u8().await?, b'x');
        // Past the readiness that the driver knows: has the end of the stream arrived?
        let error = SockRef::from(&server).peek(&mut [MaybeUninit::uninit()]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);

        drop(read);
        assert_eq!(server.read(&mut [0; 1]).await?, 0);
        Ok(())
    }

    async fn halves_reunite_with_their_own_and_come_back_from_a_stranger() -> io::Result<()> {
        let (one, _one_peer) = pair().await?;
        let (two, mut two_peer) = pair().await?;
        let addrs = (one.local_addr()?, two.local_addr()?);
        let (read_one, write_one) = one.into_split();
        let (read_two, write_two) = two.into_split();

        let error = read_one.reunite(write_two).unwrap_err();
        assert_eq!(error.to_string(), "tried to reunite halves that are not from the same socket");
        let net::tcp::ReuniteError(read_one, write_two) = error;

        assert_eq!(read_one.reunite(write_one).unwrap().local_addr()?, addrs.0);
        let mut two = write_two.reunite(read_two).unwrap();
        assert_eq!(two.local_addr()?, addrs.1);
        two.write_all(b"still open").await?;
        two_peer.read_exact(&mut [0; 10]).await?;
        Ok(())
    }

    async fn debug_output_is_that_of_the_standard_library() -> io::Result<()> {
        let listener = net::TcpListener::bind("127.0.0.1:0").await?;
        let mut client = net::TcpStream::connect(listener.local_addr()?).await?;
        let halves = format!("{:?}", client.split());
        let (stream, listening) = (format!("{client:?}"), format!("{listener:?}"));
        assert_eq!(halves, format!("(ReadHalf({stream}), WriteHalf({stream}))"));
        let (read, write) = client.into_split();
        assert_eq!(format!("{read:?}"), format!("OwnedReadHalf {{ inner: {stream} }}"));
        assert_eq!(
            format!("{write:?}"),
            format!("OwnedWriteHalf {{ inner: {stream}, shutdown_on_drop: true }}")
        );
        let client = read.reunite(write).unwrap();
        assert_eq!(stream, format!("{:?}", client.into_std()?));
        assert_eq!(listening, format!("{:?}", listener.into_std()?));
        Ok(())
    }

    #[cfg(debug_assertions)]
    #[should_panic(expected = "Registering a blocking socket with the tokio runtime")]
    async fn a_blocking_stream_panics() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let _ = net::TcpStream::from_std(stream);
    }

    #[cfg(debug_assertions)]
    #[should_panic(expected = "Registering a blocking socket with the tokio runtime")]
    async fn a_blocking_listener_panics() {
        let _ = net::TcpListener::from_std(std::net::TcpListener::bind("127.0.0.1:0").unwrap());
    }
}

#[tokio::test]
async fn a_stream_goes_to_tokio_and_back_with_its_unread_bytes() -> io::Result<()> {
    let listener = tokio_uring_net::TcpListener::bind("127.0.0.1:0").await?;
    let mut client = tokio_uring_net::TcpStream::connect(listener.local_addr()?).await?;
    let (mut server, _) = listener.accept().await?;
    client.write_all(b"abc").await?;

    assert_eq!(server.read_u8().await?, b'a');
    let mut server = tokio::net::TcpStream::try_from(server)?;
    assert_eq!(server.read_u8().await?, b'b');
    let mut server = tokio_uring_net::TcpStream::try_from(server)?;
    assert_eq!(server.read_u8().await?, b'c');

    server.write_all(b"d").await?;
    assert_eq!(client.read_u8().await?, b'd');
    Ok(())
}

#[tokio::test]
async fn a_listener_goes_to_tokio_and_back_with_its_waiting_connections() -> io::Result<()> {
    let listener = tokio_uring_net::TcpListener::bind("127.0.0.1:0").await?;
    let addr = listener.local_addr()?;
    let first = tokio_uring_net::TcpStream::connect(addr).await?;
    let second = tokio_uring_net::TcpStream::connect(addr).await?;

    let listener = tokio::net::TcpListener::try_from(listener)?;
    assert_eq!(listener.accept().await?.1, first.local_addr()?);
    let listener = tokio_uring_net::TcpListener::try_from(listener)?;
    assert_eq!(listener.accept().await?.1, second.local_addr()?);
    Ok(())
}
