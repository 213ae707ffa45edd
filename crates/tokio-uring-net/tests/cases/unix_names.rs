//! Addresses of Unix sockets, and the errors of what cannot be bound or reached.

use crate::stack::net::{UnixListener, UnixSocket, UnixStream};
use crate::support::setup::on_every_runtime;
use crate::support::unix::{SocketFile, listener, path_of};
use std::io::{self, ErrorKind};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net as std_unix;
use std::path::Path;

/// The kind and the text of the error.
#[track_caller]
fn refused<T>(result: io::Result<T>) -> (ErrorKind, String) {
    match result {
        Ok(_) => panic!("it was not refused"),
        Err(error) => (error.kind(), error.to_string()),
    }
}

/// Checks that `path` names the listener at either end of a connection, whose other end has no name.
async fn check_named(listener: &UnixListener, path: &Path) -> io::Result<()> {
    let client = UnixStream::connect(path).await?;
    let (server, peer) = listener.accept().await?;
    let name = format!("{:?}", listener.local_addr()?);
    assert_eq!(format!("{:?}", client.peer_addr()?), name);
    assert_eq!(format!("{:?}", server.local_addr()?), name);
    for unnamed in [peer, server.peer_addr()?, client.local_addr()?] {
        assert!(unnamed.is_unnamed(), "{unnamed:?}");
    }
    let client = UnixStream::connect_addr(&listener.local_addr()?).await?;
    assert_eq!(format!("{:?}", client.peer_addr()?), name);
    Ok(())
}

#[test]
fn a_path_names_the_listener_at_either_end() {
    on_every_runtime(|_| async {
        for file in [SocketFile::new(), SocketFile::with_len(107)] {
            let listener = UnixListener::bind(file.path())?;
            assert_eq!(listener.local_addr()?.as_pathname(), Some(file.path()));
            check_named(&listener, file.path()).await?;
        }
        let file = SocketFile::new();
        let socket = UnixSocket::new_stream()?;
        socket.bind(file.path())?;
        check_named(&socket.listen(8)?, file.path()).await
    });
}

#[test]
fn a_name_without_a_file_begins_with_nul() {
    on_every_runtime(|_| async {
        let (listener, address) = listener()?;
        check_named(&listener, &path_of(&address)).await?;
        drop(listener);
        let listener = UnixListener::bind(path_of(&address))?;
        assert_eq!(
            listener.local_addr()?.as_abstract_name(),
            address.as_abstract_name()
        );
        check_named(&listener, &path_of(&address)).await?;
        drop(listener);
        let socket = UnixSocket::new_stream()?;
        socket.bind(path_of(&address))?;
        check_named(&socket.listen(8)?, &path_of(&address)).await
    });
}

#[test]
fn a_client_that_is_bound_to_a_path_has_that_name() {
    on_every_runtime(|_| async {
        let (listener, address) = listener()?;
        let file = SocketFile::with_len(107);
        let socket = UnixSocket::new_stream()?;
        socket.bind(file.path())?;
        let _client = socket.connect(path_of(&address)).await?;
        let (server, peer) = listener.accept().await?;
        assert_eq!(peer.as_pathname(), Some(file.path()));
        assert_eq!(server.peer_addr()?.as_pathname(), Some(file.path()));
        Ok(())
    });
}

#[test]
fn who_is_gone_or_never_came_is_not_reached() {
    on_every_runtime(|_| async {
        let file = SocketFile::new();
        let connect = || UnixStream::connect(file.path());
        assert_eq!(refused(connect().await).0, ErrorKind::NotFound);
        let listener = UnixListener::bind(file.path())?;
        assert_eq!(
            refused(UnixListener::bind(file.path())).0,
            ErrorKind::AddrInUse
        );
        drop(connect().await?);
        drop(listener);
        assert_eq!(refused(connect().await).0, ErrorKind::ConnectionRefused);
        let socket = UnixSocket::new_stream()?;
        assert_eq!(
            refused(socket.connect(file.path()).await).0,
            ErrorKind::ConnectionRefused
        );
        Ok(())
    });
}

#[test]
fn a_full_queue_refuses_by_would_block() {
    on_every_runtime(|_| async {
        let (_listener, address) = listener()?;
        let socket = UnixSocket::new_stream()?;
        socket.bind("")?;
        let (listener, full) = (socket.listen(0)?, address);
        let address = listener.local_addr()?;
        let _queued = UnixStream::connect_addr(&address).await?;
        let (kind, text) = refused(UnixStream::connect_addr(&address).await);
        assert_eq!(kind, ErrorKind::WouldBlock, "{text}");
        assert_eq!(
            refused(UnixSocket::new_stream()?.connect(path_of(&address)).await).0,
            ErrorKind::WouldBlock
        );
        // Others are not concerned, and a place that is free again can be had.
        drop(UnixStream::connect_addr(&full).await?);
        drop(listener.accept().await?);
        drop(UnixStream::connect_addr(&address).await?);
        Ok(())
    });
}

/// Where the kernel is not asked, the standard library answers, or socket2.
#[test]
fn what_fits_no_address_is_refused_in_the_same_words() {
    on_every_runtime(|_| async {
        let long = "p".repeat(108);
        let abstract_name = format!("\0{long}");
        for path in [&long, "inner\0NUL", &abstract_name] {
            let expected = match path.strip_prefix('\0') {
                Some(name) => refused(std_unix::SocketAddr::from_abstract_name(name)),
                None => refused(std_unix::SocketAddr::from_pathname(path)),
            };
            assert_eq!(refused(UnixListener::bind(path)), expected);
            assert_eq!(refused(UnixStream::connect(path).await), expected);
        }
        for path in [&long, &abstract_name] {
            let expected = refused(socket2::SockAddr::unix(path));
            let socket = UnixSocket::new_stream()?;
            assert_eq!(refused(socket.bind(path)), expected);
            assert_eq!(refused(socket.connect(path).await), expected);
        }
        Ok(())
    });
}

#[test]
fn a_socket_of_the_wrong_kind_is_refused_in_the_same_words() {
    on_every_runtime(|_| async {
        let other = |text: &str| (ErrorKind::Other, text.to_owned());
        let socket = UnixSocket::new_datagram()?;
        assert_eq!(
            refused(socket.listen(8)),
            other("listen cannot be called on a datagram socket")
        );
        let socket = UnixSocket::new_datagram()?;
        assert_eq!(
            refused(socket.connect("anywhere").await),
            other("connect cannot be called on a datagram socket")
        );
        let socket = UnixSocket::new_stream()?;
        assert_eq!(
            refused(socket.datagram()),
            other("datagram cannot be called on a stream socket")
        );
        Ok(())
    });
}

#[test]
fn credentials_are_those_of_the_process_at_the_other_end() {
    on_every_runtime(|_| async {
        let (listener, address) = listener()?;
        let client = UnixStream::connect_addr(&address).await?;
        let (server, _) = listener.accept().await?;
        let (one, two) = UnixStream::pair()?;
        for stream in [client, server, one, two] {
            let cred = stream.peer_cred()?;
            assert_eq!(
                cred.pid(),
                Some(rustix::process::getpid().as_raw_nonzero().get())
            );
            assert_eq!(cred.uid(), rustix::process::geteuid().as_raw());
            assert_eq!(cred.gid(), rustix::process::getegid().as_raw());
        }
        Ok(())
    });
}

#[test]
fn debug_tells_the_addresses() {
    on_every_runtime(|_| async {
        let (listener, address) = listener()?;
        let client = UnixStream::connect_addr(&address).await?;
        let listener = format!("{listener:?}");
        assert!(listener.starts_with("UnixListener {"), "{listener}");
        assert!(
            listener.ends_with(&format!(", local: {address:?} }}")),
            "{listener}"
        );
        let client = format!("{client:?}");
        assert!(client.starts_with("UnixStream {"), "{client}");
        let ends = format!(", local: (unnamed), peer: {address:?} }}");
        assert!(client.ends_with(&ends), "{client}");
        Ok(())
    });
}
