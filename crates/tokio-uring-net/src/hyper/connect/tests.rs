//! Hosts of several addresses, which no name has on every machine.

use super::*;
use crate::tcp::listener::TcpListener;
use socket2::{Domain, Socket, Type};
use std::io::ErrorKind;

const ANY_PORT: ([u8; 4], u16) = ([127, 0, 0, 1], 0);

/// An address at which nobody listens while the socket is there.
fn unused() -> io::Result<(Socket, SocketAddr)> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddr::from(ANY_PORT).into())?;
    let address = sys::internet_addr(socket.local_addr()?)?;
    Ok((socket, address))
}

#[tokio::test]
async fn the_addresses_are_tried_in_turn() -> io::Result<()> {
    let (_unused, refused) = unused()?;
    let listener = TcpListener::bind(SocketAddr::from(ANY_PORT)).await?;
    let addresses = [refused, listener.local_addr()?, refused];
    let connected = HttpConnector::new().connect_any(&addresses).await;
    let stream = connected.expect("there are addresses");
    let stream = stream.map_err(io::Error::other)?;
    assert_eq!(stream.peer_addr()?, addresses[1]);
    Ok(())
}

#[tokio::test]
async fn an_address_that_does_not_answer_has_its_share_of_the_time_only() -> io::Result<()> {
    let (full, silent) = unused()?;
    full.listen(0)?;
    let _first = std::net::TcpStream::connect(silent)?;
    let listener = TcpListener::bind(SocketAddr::from(ANY_PORT)).await?;
    let addresses = [silent, listener.local_addr()?];
    let mut connector = HttpConnector::new();
    connector.set_connect_timeout(Some(Duration::from_secs(1)));
    tokio::time::pause();
    let start = tokio::time::Instant::now();
    let connected = connector.connect_any(&addresses).await;
    let stream = connected.expect("there are addresses");
    let stream = stream.map_err(io::Error::other)?;
    assert_eq!(stream.peer_addr()?, addresses[1]);
    assert_eq!(start.elapsed().as_millis() / 10, 50);
    Ok(())
}

#[tokio::test]
async fn the_error_is_that_of_the_first_address() -> io::Result<()> {
    let (_one, first) = unused()?;
    let (_two, second) = unused()?;
    let connector = HttpConnector::new();
    match connector.connect_any(&[first, second]).await {
        Some(Err(ConnectError::Connect { address, error })) => {
            let found = (address, error.kind());
            assert_eq!(found, (first, ErrorKind::ConnectionRefused));
        }
        other => panic!("{other:?}"),
    }
    assert!(connector.connect_any(&[]).await.is_none());
    Ok(())
}
