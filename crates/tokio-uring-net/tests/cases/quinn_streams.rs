//! Streams and datagrams of QUIC between a client and a server in one runtime.

use crate::support::pattern::Pattern;
use crate::support::setup::on_every_runtime;
use quinn::rustls::RootCertStore;
use quinn::rustls::pki_types::PrivatePkcs8KeyDer;
use quinn::{ClientConfig, Connection, Endpoint, EndpointConfig, ServerConfig};
use std::io;
use std::net::{Ipv4Addr, UdpSocket};
use std::sync::Arc;
use tokio_uring_net::quinn::TokioRuntime;

const STREAMS: u64 = 8;
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

/// Sends back what each stream brings, and each datagram, until the client closes.
async fn echo(connection: Connection) {
    let datagrams = async {
        while let Ok(datagram) = connection.read_datagram().await {
            if connection.send_datagram(datagram).is_err() {
                break;
            }
        }
    };
    let streams = async {
        while let Ok((mut send, mut recv)) = connection.accept_bi().await {
            tokio::spawn(async move {
                let all = recv.read_to_end(BYTES).await.expect("the client ends it");
                send.write_all(&all).await.expect("the client reads it");
                send.finish().expect("it is finished once");
            });
        }
    };
    tokio::join!(datagrams, streams);
}

#[test]
fn streams_and_datagrams_come_back_unchanged() {
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

        let mut streams = tokio::task::JoinSet::new();
        for seed in 0..STREAMS {
            let (mut send, mut recv) = connection.open_bi().await?;
            streams.spawn(async move {
                let bytes = Pattern::new(seed).bytes(BYTES);
                let sent = bytes.clone();
                let sender = tokio::spawn(async move {
                    send.write_all(&sent).await.expect("the server reads it");
                    send.finish().expect("it is finished once");
                });
                let received = recv.read_to_end(BYTES).await.expect("the server ends it");
                sender.await.expect("no panic");
                assert!(received == bytes, "stream {seed}");
            });
        }
        while let Some(joined) = streams.join_next().await {
            joined.expect("no stream fails");
        }

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
