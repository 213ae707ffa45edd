//! Unix streams and listeners: what `tokio::net` does, they do; and what this crate has beside it.
#![cfg(target_os = "linux")]

#[path = "cases/unix_accept.rs"]
mod accept;
#[path = "cases/unix_cancel.rs"]
mod cancel;
#[path = "cases/unix_end.rs"]
mod end;
#[path = "cases/unix_names.rs"]
mod names;
#[path = "cases/unix_pass.rs"]
mod pass;
#[path = "stack/ours.rs"]
mod stack;
#[path = "cases/unix_states.rs"]
mod states;
mod support;

use rustix::net::{AddressFamily, SocketAddrUnix, SocketType, bind, connect, socket};
use std::io::Write as _;
use support::setup::on_every_runtime;
use support::unix::{SocketFile, client, listener, path_of, std_listener};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_uring_net::{UnixListener, UnixSocket, UnixStream};

/// Where tokio says that the peer has no name.
#[test]
fn an_accept_tells_the_abstract_name_of_the_peer() {
    on_every_runtime(|_| async {
        let (listener, address) = listener()?;
        let socket = UnixSocket::new_stream()?;
        socket.bind("")?;
        let client = socket.connect(path_of(&address)).await?;
        let (server, peer) = listener.accept().await?;
        let name = client.local_addr()?;
        assert!(name.as_abstract_name().is_some());
        assert_eq!(peer.as_abstract_name(), name.as_abstract_name());
        assert_eq!(
            server.peer_addr()?.as_abstract_name(),
            name.as_abstract_name()
        );
        Ok(())
    });
}

/// Where tokio panics.
#[test]
fn a_peer_whose_path_leaves_no_room_for_a_nul_is_accepted() {
    on_every_runtime(|_| async {
        let (listener, address) = listener()?;
        let file = SocketFile::with_len(108);
        let client = socket(AddressFamily::UNIX, SocketType::STREAM, None)?;
        bind(&client, &SocketAddrUnix::new(file.path())?)?;
        let name = address.as_abstract_name().expect("the kernel chose it");
        connect(&client, &SocketAddrUnix::new_abstract_name(name)?)?;
        let (server, peer) = listener.accept().await?;
        assert_eq!(peer.as_pathname(), Some(file.path()));
        assert_eq!(server.peer_addr()?.as_pathname(), Some(file.path()));
        Ok(())
    });
}

#[test]
fn sockets_turn_into_those_of_tokio_and_back() {
    on_every_runtime(|_| async {
        let (one, two) = UnixStream::pair()?;
        let mut one = tokio::net::UnixStream::try_from(one)?;
        one.write_all(b"bytes").await?;
        let mut two = UnixStream::try_from(tokio::net::UnixStream::try_from(two)?)?;
        two.read_exact(&mut [0; 5]).await?;

        let listener = std_listener()?;
        listener.set_nonblocking(true)?;
        let listener = tokio::net::UnixListener::from_std(listener)?;
        let address = listener.local_addr()?;
        let mut waiting = client(&address)?;
        waiting.write_all(b"bytes")?;
        let listener = tokio::net::UnixListener::try_from(UnixListener::try_from(listener)?)?;
        let listener = UnixListener::try_from(listener)?;
        let (mut stream, _) = listener.accept().await?;
        stream.read_exact(&mut [0; 5]).await?;
        Ok(())
    });
}
