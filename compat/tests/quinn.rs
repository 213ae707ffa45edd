//! QUIC by quinn over `UdpSocket`: between two ends on our sockets, and between one and an end on tokio's.
#![cfg(target_os = "linux")]

use std::net::{Ipv4Addr, UdpSocket};
use std::sync::Arc;

use bytes::Bytes;
use compat::{Outcome, both_ways, on_every_runtime, random_bytes};
use quinn::rustls::RootCertStore;
use quinn::rustls::pki_types::PrivatePkcs8KeyDer;
use quinn::{
    ApplicationClose, ClientConfig, Connection, ConnectionError, Endpoint, EndpointConfig,
    ReadError, Runtime, ServerConfig, VarInt,
};
use tokio::task::JoinSet;
use tokio_uring_net::quinn::TokioRuntime;

const MIB: usize = 1 << 20;

/// As many as a peer of quinn may have open, by default.
const STREAMS: u64 = 100;
const MESSAGES: u64 = 20;
const MESSAGE_BYTES: usize = 100;

const DATAGRAMS: usize = 100;

#[test]
fn twenty_mib_go_each_way_at_the_same_time() {
    on_every_runtime(|| async {
        for sockets in Sockets::ALL {
            let ends = Ends::connect(sockets).await?;
            let (mut send, recv) = ends.client.open_bi().await?;
            // The server hears of a stream by its first bytes.
            send.write_all(b"open").await?;
            let (server_send, mut server_recv) = ends.server.accept_bi().await?;
            server_recv.read_exact(&mut [0; 4]).await?;
            both_ways((recv, send), (server_recv, server_send), 20 * MIB).await?;
            ends.close().await?;
        }
        Ok(())
    });
}

#[test]
fn a_hundred_streams_carry_small_messages_at_the_same_time() {
    on_every_runtime(|| async {
        for sockets in Sockets::ALL {
            let ends = Ends::connect(sockets).await?;
            let echo = tokio::spawn(echo_streams(ends.server.clone()));
            let mut clients = JoinSet::new();
            for stream in 0..STREAMS {
                clients.spawn(exchange(ends.client.clone(), stream));
            }
            while let Some(client) = clients.join_next().await {
                client??;
            }
            echo.await??;
            ends.close().await?;
        }
        Ok(())
    });
}

#[test]
fn datagrams_of_every_size_come_back() {
    on_every_runtime(|| async {
        for sockets in Sockets::ALL {
            let ends = Ends::connect(sockets).await?;
            let server = ends.server.clone();
            let echo = tokio::spawn(async move {
                for _ in 0..DATAGRAMS {
                    server.send_datagram(server.read_datagram().await?)?;
                }
                Outcome::Ok(())
            });
            let largest = ends.client.max_datagram_size().ok_or("none are allowed")?;
            for number in 1..=DATAGRAMS {
                let sent = Bytes::from(random_bytes(1, largest * number / DATAGRAMS));
                ends.client.send_datagram(sent.clone())?;
                assert!(ends.client.read_datagram().await? == sent, "{number}");
            }
            echo.await??;
            ends.close().await?;
        }
        Ok(())
    });
}

#[test]
fn a_close_reaches_whoever_waits_on_the_other_side() {
    on_every_runtime(|| async {
        for sockets in Sockets::ALL {
            let ends = Ends::connect(sockets).await?;
            let (mut send, mut recv) = ends.client.open_bi().await?;
            send.write_all(b"open").await?;
            let streams = ends.server.accept_bi().await?;
            ends.server.close(VarInt::from_u32(7), b"no more");
            let closed = Err(ReadError::ConnectionLost(closed(7, b"no more")));
            assert_eq!(recv.read(&mut [0]).await, closed);
            drop((send, recv, streams));
            ends.idle().await;
        }
        Ok(())
    });
}

/// Whose sockets the two ends have.
#[derive(Clone, Copy, Debug)]
enum Sockets {
    Ours,
    OursAtTheClient,
    OursAtTheServer,
}

impl Sockets {
    const ALL: [Sockets; 3] = [
        Sockets::Ours,
        Sockets::OursAtTheClient,
        Sockets::OursAtTheServer,
    ];

    fn client(self) -> Arc<dyn Runtime> {
        match self {
            Sockets::Ours | Sockets::OursAtTheClient => Arc::new(TokioRuntime),
            Sockets::OursAtTheServer => Arc::new(quinn::TokioRuntime),
        }
    }

    fn server(self) -> Arc<dyn Runtime> {
        match self {
            Sockets::Ours | Sockets::OursAtTheServer => Arc::new(TokioRuntime),
            Sockets::OursAtTheClient => Arc::new(quinn::TokioRuntime),
        }
    }
}

/// A connection, at both ends.
struct Ends {
    client: Connection,
    server: Connection,
    endpoints: [Endpoint; 2],
}

impl Ends {
    async fn connect(sockets: Sockets) -> Outcome<Ends> {
        println!("with {sockets:?}");
        let (client_config, server_config) = configure()?;
        let server = endpoint(Some(server_config), sockets.server())?;
        let mut client = endpoint(None, sockets.client())?;
        client.set_default_client_config(client_config);
        let connecting = client.connect(server.local_addr()?, "localhost")?;
        let accepting = async {
            let incoming = server.accept().await.ok_or("the endpoint is closed")?;
            Outcome::Ok(incoming.await?)
        };
        let (connected, accepted) = tokio::join!(connecting, accepting);
        Ok(Ends {
            client: connected?,
            server: accepted?,
            endpoints: [client, server],
        })
    }

    /// Ends the connection at the client, of which the server is told.
    async fn close(self) -> Outcome {
        self.client.close(VarInt::from_u32(0), b"done");
        assert_eq!(self.server.closed().await, closed(0, b"done"));
        self.idle().await;
        Ok(())
    }

    /// Waits until no endpoint has a connection any more.
    async fn idle(self) {
        for endpoint in &self.endpoints {
            endpoint.wait_idle().await;
            assert_eq!(endpoint.open_connections(), 0);
        }
    }
}

/// What one end is told when the other has closed the connection.
fn closed(code: u32, reason: &'static [u8]) -> ConnectionError {
    ConnectionError::ApplicationClosed(ApplicationClose {
        error_code: VarInt::from_u32(code),
        reason: Bytes::from_static(reason),
    })
}

fn endpoint(config: Option<ServerConfig>, runtime: Arc<dyn Runtime>) -> Outcome<Endpoint> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    let endpoint = Endpoint::new(EndpointConfig::default(), config, socket, runtime)?;
    Ok(endpoint)
}

/// A client that trusts the server.
fn configure() -> Outcome<(ClientConfig, ServerConfig)> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    let certificate = made.cert.der().clone();
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone())?;
    let client = ClientConfig::with_root_certificates(Arc::new(roots))?;
    let server = ServerConfig::with_single_cert(vec![certificate], key.into())?;
    Ok((client, server))
}

/// Sends messages on a stream of its own, and reads each again.
async fn exchange(connection: Connection, stream: u64) -> Outcome {
    let (mut send, mut recv) = connection.open_bi().await?;
    for number in 0..MESSAGES {
        let message = random_bytes(stream * MESSAGES + number, MESSAGE_BYTES);
        send.write_all(&message).await?;
        let mut answer = [0; MESSAGE_BYTES];
        recv.read_exact(&mut answer).await?;
        assert_eq!(answer[..], message);
    }
    send.finish()?;
    assert_eq!(recv.read(&mut [0]).await?, None, "the end of the stream");
    Ok(())
}

/// Sends every message back, until each stream has ended.
async fn echo_streams(connection: Connection) -> Outcome {
    let mut streams = JoinSet::new();
    for _ in 0..STREAMS {
        let (mut send, mut recv) = connection.accept_bi().await?;
        streams.spawn(async move {
            let mut message = [0; MESSAGE_BYTES];
            for _ in 0..MESSAGES {
                recv.read_exact(&mut message).await?;
                send.write_all(&message).await?;
            }
            assert_eq!(recv.read(&mut [0]).await?, None, "the end of the stream");
            send.finish()?;
            Outcome::Ok(())
        });
    }
    while let Some(stream) = streams.join_next().await {
        stream??;
    }
    Ok(())
}
