//! TLS by tokio-rustls, as server and as client, over `TcpStream`.
#![cfg(target_os = "linux")]

use std::io::ErrorKind;
use std::sync::Arc;

use compat::{Outcome, both_ways, on_every_runtime, random_bytes};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split};
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::{PrivatePkcs8KeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};
use tokio_uring_net::{TcpListener, TcpStream};

const MIB: usize = 1 << 20;

#[test]
fn a_hundred_mib_go_each_way_at_the_same_time() {
    on_every_runtime(|| async {
        let (client, server) = tcp_pair().await?;
        let (client, server) = handshake(client, server).await?;
        both_ways(split(client), split(server), 100 * MIB).await
    });
}

#[test]
fn tls_runs_on_the_halves_of_streams() {
    on_every_runtime(|| async {
        let (client, server) = tcp_pair().await?;
        let (read, write) = client.into_split();
        let client = tokio::io::join(read, write);
        let (read, write) = split(server);
        let server = tokio::io::join(read, write);
        let (client, server) = handshake(client, server).await?;
        both_ways(split(client), split(server), 8 * MIB).await
    });
}

#[test]
fn small_messages_are_answered_one_by_one() {
    on_every_runtime(|| async {
        let (client, server) = tcp_pair().await?;
        let (mut client, mut server) = handshake(client, server).await?;
        let echo = tokio::spawn(async move {
            let mut message = [0; 100];
            for _ in 0..1000 {
                server.read_exact(&mut message).await?;
                server.write_all(&message).await?;
                server.flush().await?;
            }
            server.shutdown().await
        });
        for round in 0..1000 {
            let message = random_bytes(round, 100);
            client.write_all(&message).await?;
            client.flush().await?;
            let mut answer = [0; 100];
            client.read_exact(&mut answer).await?;
            assert_eq!(answer[..], message);
        }
        assert_eq!(client.read(&mut [0]).await?, 0, "the end of the stream");
        Ok(echo.await??)
    });
}

#[test]
fn an_end_without_close_notify_is_an_error() {
    on_every_runtime(|| async {
        let (client, server) = tcp_pair().await?;
        let (mut client, mut server) = handshake(client, server).await?;
        server.write_all(b"and then").await?;
        server.flush().await?;
        let (tcp, _) = server.get_mut();
        tcp.shutdown().await?;
        let mut received = Vec::new();
        let cut = client.read_to_end(&mut received).await;
        assert_eq!(
            cut.map_err(|error| error.kind()),
            Err(ErrorKind::UnexpectedEof)
        );
        assert_eq!(received, b"and then");
        Ok(())
    });
}

/// A certificate that the client does not know.
#[test]
fn a_stranger_is_refused_on_both_sides() {
    on_every_runtime(|| async {
        let (client, server) = tcp_pair().await?;
        let (_, acceptor) = configure()?;
        let (connector, _) = configure()?;
        let (client, server) = tokio::join!(
            connector.connect(localhost()?, client),
            acceptor.accept(server)
        );
        let errors = [client.err(), server.err()];
        let kinds = errors.map(|error| error.map(|error| error.kind()));
        assert_eq!(kinds, [Some(ErrorKind::InvalidData); 2]);
        Ok(())
    });
}

async fn tcp_pair() -> Outcome<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let connect = TcpStream::connect(listener.local_addr()?);
    let (accepted, connected) = tokio::join!(listener.accept(), connect);
    Ok((connected?, accepted?.0))
}

/// Two ends with a certificate of their own.
fn configure() -> Outcome<(TlsConnector, TlsAcceptor)> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    let certificate = made.cert.der().clone();
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone())?;
    let provider = Arc::new(default_provider());
    let client = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let server = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key.into())?;
    Ok((Arc::new(client).into(), Arc::new(server).into()))
}

fn localhost() -> Outcome<ServerName<'static>> {
    Ok(ServerName::try_from("localhost")?)
}

async fn handshake<C, S>(
    client: C,
    server: S,
) -> Outcome<(client::TlsStream<C>, server::TlsStream<S>)>
where
    C: AsyncRead + AsyncWrite + Unpin,
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (connector, acceptor) = configure()?;
    let connect = connector.connect(localhost()?, client);
    let (client, server) = tokio::join!(connect, acceptor.accept(server));
    Ok((client?, server?))
}
