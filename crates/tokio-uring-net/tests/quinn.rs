//! quinn on this crate's UDP sockets, on both drivers and both flavours. The package `compat` has more.
#![cfg(target_os = "linux")]

#[path = "stack/ours.rs"]
mod stack;
mod support;

use crate::support::pattern::Pattern;
use crate::support::setup::on_every_runtime;
use quinn::rustls::RootCertStore;
use quinn::rustls::pki_types::PrivatePkcs8KeyDer;
use quinn::{ClientConfig, Connection, Endpoint, EndpointConfig, ServerConfig};
use std::io;
use std::net::{Ipv4Addr, UdpSocket};
use std::sync::Arc;
use tokio_uring_net::quinn::TokioRuntime;

/// More than the kernel's buffers hold.
const BYTES: usize = 2 << 20;

fn endpoint(server: Option<ServerConfig>) -> io::Result<Endpoint> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    Endpoint::new(
        EndpointConfig::default(),
        server,
        socket,
        Arc::new(TokioRuntime),
    )
}

/// A server and a client that trusts it.
fn endpoints() -> io::Result<(Endpoint, Endpoint)> {
    let identity =
        rcgen::generate_simple_self_signed(["localhost".to_owned()]).map_err(io::Error::other)?;
    let certificate = identity.cert.der().clone();
    let key = PrivatePkcs8KeyDer::from(identity.signing_key.serialize_der());
    let config = ServerConfig::with_single_cert(vec![certificate.clone()], key.into())
        .map_err(io::Error::other)?;
    let mut roots = RootCertStore::empty();
    roots.add(certificate).map_err(io::Error::other)?;
    let mut client = endpoint(None)?;
    let trust = ClientConfig::with_root_certificates(Arc::new(roots)).map_err(io::Error::other)?;
    client.set_default_client_config(trust);
    Ok((endpoint(Some(config))?, client))
}

/// Sends back what the first stream brings, and a datagram, until the client closes.
async fn echo(connection: Connection) {
    let (mut send, mut recv) = connection.accept_bi().await.expect("the client opens it");
    let all = recv.read_to_end(BYTES).await.expect("the client ends it");
    send.write_all(&all).await.expect("the client reads it");
    send.finish().expect("it is finished once");
    let datagram = connection.read_datagram().await.expect("one comes");
    connection
        .send_datagram(datagram)
        .expect("it has come as large");
    connection.closed().await;
}

#[test]
fn a_stream_and_a_datagram_come_back_unchanged() {
    on_every_runtime(|_| async {
        let (server, client) = endpoints()?;
        let addr = server.local_addr()?;
        let serve = tokio::spawn({
            let server = server.clone();
            async move {
                let incoming = server.accept().await.expect("the endpoint is open");
                echo(incoming.await.expect("the client connects")).await;
            }
        });
        let connecting = client
            .connect(addr, "localhost")
            .map_err(io::Error::other)?;
        let connection = connecting.await?;

        let (mut send, mut recv) = connection.open_bi().await?;
        let bytes = Pattern::new(1).bytes(BYTES);
        send.write_all(&bytes).await?;
        send.finish().map_err(io::Error::other)?;
        let received = recv.read_to_end(BYTES).await.map_err(io::Error::other)?;
        assert!(received == bytes);

        connection
            .send_datagram(b"datagram"[..].into())
            .map_err(io::Error::other)?;
        assert_eq!(&connection.read_datagram().await?[..], b"datagram");

        connection.close(0_u32.into(), b"done");
        serve.await.expect("no panic");
        client.wait_idle().await;
        server.wait_idle().await;
        Ok(())
    });
}
