//! Datagrams of no byte, of too many, and the addresses that come with them.

use crate::stack::net::UnixDatagram;
use crate::support::files::TempPath;
use crate::support::poll::turns;
use crate::support::ready::{WOULD_BLOCK, kind};
use crate::support::setup::on_every_runtime;
use std::io::{self, ErrorKind};
use std::net::Shutdown;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net;
use std::path::Path;

#[test]
fn a_datagram_of_no_byte_is_received_as_one() {
    on_every_runtime(|_| async {
        let (one, other) = UnixDatagram::pair()?;
        assert_eq!(one.send(b"").await?, 0);
        assert_eq!(one.try_send(b"next")?, 4);
        let mut buf = [0; 16];
        assert_eq!(other.recv(&mut buf).await?, 0);
        assert_eq!(other.recv(&mut buf).await?, 4);
        one.send(b"").await?;
        let (received, from) = other.recv_from(&mut buf).await?;
        assert_eq!(received, 0);
        assert!(from.is_unnamed());
        one.send(b"").await?;
        let mut bytes = Vec::with_capacity(16);
        assert_eq!(other.recv_buf(&mut bytes).await?, 0);
        Ok(())
    });
}

#[test]
fn a_receive_into_no_room_takes_the_datagram() {
    on_every_runtime(|_| async {
        let (one, other) = UnixDatagram::pair()?;
        one.send(b"first").await?;
        one.send(b"second").await?;
        assert_eq!(other.recv(&mut []).await?, 0);
        let mut buf = [0; 16];
        assert_eq!(other.recv(&mut buf).await?, 6);
        one.send(b"third").await?;
        assert_eq!(other.recv_from(&mut []).await?.0, 0);
        turns(3).await;
        assert_eq!(kind(other.try_recv(&mut [])), WOULD_BLOCK);
        Ok(())
    });
}

#[test]
fn what_has_no_room_is_lost_and_the_next_datagram_is_whole() {
    on_every_runtime(|_| async {
        let (one, other) = UnixDatagram::pair()?;
        for _ in 0..4 {
            one.send(b"0123456789").await?;
            one.send(b"abc").await?;
        }
        let mut buf = [0; 4];
        let mut bytes = Vec::with_capacity(16);
        assert_eq!(other.recv(&mut buf).await?, 4);
        assert_eq!(&buf, b"0123");
        assert_eq!(other.recv(&mut buf).await?, 3);
        assert_eq!(other.recv_from(&mut buf).await?.0, 4);
        assert_eq!(other.recv_from(&mut buf).await?.0, 3);
        assert_eq!(other.recv_buf(&mut &mut buf[..]).await?, 4);
        assert_eq!(other.recv_buf(&mut bytes).await?, 3);
        assert_eq!(other.recv_buf_from(&mut &mut buf[..]).await?.0, 4);
        assert_eq!(other.recv_buf_from(&mut bytes).await?.0, 3);
        assert_eq!(bytes, b"abcabc");
        Ok(())
    });
}

#[test]
fn too_much_for_one_datagram_is_an_error_that_sends_nothing() {
    on_every_runtime(|_| async {
        let (one, other) = UnixDatagram::pair()?;
        let error = one.send(&vec![0; 16 << 20]).await.unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EMSGSIZE));
        one.send(b"next").await?;
        assert_eq!(other.recv(&mut [0; 16]).await?, 4);
        Ok(())
    });
}

#[test]
fn the_address_of_a_sender_comes_with_its_datagram() {
    on_every_runtime(|_| async {
        let (here, there) = (TempPath::new(), TempPath::new());
        let receiver = UnixDatagram::bind(&here)?;
        let named = UnixDatagram::bind(&there)?;
        let name =
            net::SocketAddr::from_abstract_name(here.as_ref().as_os_str().as_encoded_bytes());
        let hidden = net::UnixDatagram::bind_addr(&name?)?;
        let mut buf = [0; 16];

        named.send_to(b"named", &here).await?;
        let (_, from) = receiver.recv_from(&mut buf).await?;
        assert_eq!(from.as_pathname(), Some(there.as_ref()));
        UnixDatagram::unbound()?.send_to(b"unnamed", &here).await?;
        assert!(receiver.recv_from(&mut buf).await?.1.is_unnamed());
        hidden.send_to(b"hidden", &here)?;
        let (_, from) = receiver.recv_from(&mut buf).await?;
        let expected = here.as_ref().as_os_str().as_encoded_bytes();
        assert_eq!(from.as_abstract_name(), Some(expected));

        hidden.set_nonblocking(true)?;
        let hidden = UnixDatagram::from_std(hidden)?;
        assert_eq!(hidden.local_addr()?.as_abstract_name(), Some(expected));
        hidden.connect(&here)?;
        assert_eq!(hidden.peer_addr()?.as_pathname(), Some(here.as_ref()));
        assert_eq!(kind(named.peer_addr()), Some(ErrorKind::NotConnected));
        Ok(())
    });
}

/// What an error says, which must be what the standard library says.
fn told<T>(result: io::Result<T>) -> (ErrorKind, String) {
    let error = result.map(drop).expect_err("it is refused");
    (error.kind(), error.to_string())
}

#[test]
fn a_path_that_is_no_address_is_the_standard_librarys_error() {
    on_every_runtime(|_| async {
        let nowhere = TempPath::new();
        let file = TempPath::file(b"")?;
        let long = "x".repeat(108);
        let paths = ["a\0b", "\0hidden", &long].map(Path::new);
        let std = net::UnixDatagram::unbound()?;
        let ours = UnixDatagram::unbound()?;
        for path in paths {
            assert_eq!(
                told(UnixDatagram::bind(path)),
                told(net::UnixDatagram::bind(path))
            );
        }
        for path in [nowhere.as_ref(), file.as_ref(), Path::new("")]
            .iter()
            .chain(&paths)
        {
            assert_eq!(told(ours.connect(path)), told(std.connect(path)));
            assert_eq!(
                told(ours.send_to(b"x", path).await),
                told(std.send_to(b"x", path))
            );
            assert_eq!(
                told(ours.try_send_to(b"x", path)),
                told(std.send_to(b"x", path))
            );
        }
        assert_eq!(kind(UnixDatagram::bind(&file)), Some(ErrorKind::AddrInUse));
        // No name at all lets the kernel choose one.
        assert!(
            UnixDatagram::bind("")?
                .local_addr()?
                .as_abstract_name()
                .is_some()
        );
        Ok(())
    });
}

#[test]
fn a_peer_that_has_gone_is_an_error_and_no_signal() {
    on_every_runtime(|_| async {
        let (one, other) = UnixDatagram::pair()?;
        drop(other);
        turns(3).await;
        assert_eq!(
            kind(one.send(b"x").await),
            Some(ErrorKind::ConnectionRefused)
        );

        let (one, other) = UnixDatagram::pair()?;
        other.shutdown(Shutdown::Read)?;
        assert_eq!(kind(one.send(b"x").await), Some(ErrorKind::BrokenPipe));
        other.shutdown(Shutdown::Write)?;
        assert_eq!(kind(other.try_send(b"x")), Some(ErrorKind::BrokenPipe));

        let alone = UnixDatagram::unbound()?;
        assert_eq!(kind(alone.send(b"x").await), Some(ErrorKind::NotConnected));
        assert!(alone.take_error()?.is_none());
        Ok(())
    });
}
