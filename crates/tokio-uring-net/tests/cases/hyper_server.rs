//! A server in a task of the runtime under test, and what its clients do.

use crate::stack::net::TcpListener;
use crate::stack::net::hyper::{Serve, Stopped, serve_with};
use crate::support::setup::Setup;
use crate::support::tcp::any_port;
use http_body_util::{BodyExt, Either, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::{Service, service_fn};
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioExecutor;
use hyper_util::server::conn::auto;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

/// A text, or the request's own body on its way back.
pub(crate) type Body = Either<Full<Bytes>, Incoming>;

/// A server that runs.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) task: JoinHandle<io::Result<Stopped>>,
    stop: oneshot::Sender<()>,
    /// Gets the peer of each connection that was accepted.
    accepted: mpsc::UnboundedReceiver<SocketAddr>,
    /// Gets how many connections are open when the server stops.
    draining: oneshot::Receiver<usize>,
}

/// Answers as every test expects it.
pub(crate) async fn answer(request: Request<Incoming>) -> Result<Response<Body>, hyper::Error> {
    let path = request.uri().path();
    let body = match (request.method(), path) {
        (&Method::GET, path) => Either::Left(Full::from(format!("hello {path}"))),
        (_, "/echo") => Either::Right(request.into_body()),
        _ => {
            let whole = request.into_body().collect().await?.to_bytes();
            Either::Left(Full::from(whole))
        }
    };
    Ok(Response::new(body))
}

/// What `answer` answers to a GET of `path`, byte for byte.
pub(crate) fn hello(path: &str) -> Vec<u8> {
    let text = format!("hello {path}");
    format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{text}",
        text.len()
    )
    .into_bytes()
}

/// A request that `hello` answers.
pub(crate) fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: example\r\n\r\n").into_bytes()
}

/// hyper's settings, so that a response is the same at any time.
fn dateless() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().auto_date_header(false);
    builder
}

/// Starts a server of `answer`.
pub(crate) async fn start(setup: Setup) -> io::Result<Server> {
    start_with(setup, service_fn(answer), |serve| serve).await
}

/// Starts a server of `service`, set up by `configure`.
pub(crate) async fn start_with<S, B>(
    setup: Setup,
    service: S,
    configure: impl FnOnce(Boxed<S>) -> Boxed<S>,
) -> io::Result<Server>
where
    S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    S::Future: Send + 'static,
    B: hyper::body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let listener = TcpListener::bind(any_port()).await?;
    let address = listener.local_addr()?;
    let (peers, accepted) = mpsc::unbounded_channel();
    let make_service: MakeService<S> = Box::new(move |stream, peer| {
        assert_eq!(stream.mode(), setup.stack.mode());
        assert!(stream.nodelay().expect("the option can be read"));
        peers.send(peer).ok();
        service.clone()
    });
    let (open, draining) = oneshot::channel();
    let serve = serve_with(listener, make_service)
        .builder(dateless())
        .mode(setup.stack.mode())
        .on_drain(|count| open.send(count).unwrap_or(()));
    let (stop, stopping) = oneshot::channel();
    let serve = configure(serve).with_graceful_shutdown(async {
        // Whoever drops the sender does not want the server to stop.
        if stopping.await.is_err() {
            std::future::pending().await
        }
    });
    Ok(Server {
        address,
        task: tokio::spawn(serve.into_future()),
        stop,
        accepted,
        draining,
    })
}

pub(crate) type Boxed<S> = Serve<MakeService<S>>;
type MakeService<S> = Box<dyn FnMut(&crate::stack::net::TcpStream, SocketAddr) -> S + Send>;

impl Server {
    /// A client whose connection the server has accepted.
    pub(crate) async fn connect(&mut self) -> io::Result<TcpStream> {
        let client = TcpStream::connect(self.address).await?;
        client.set_nodelay(true)?;
        let peer = self.accepted.recv().await.expect("the server accepts");
        assert_eq!(peer, client.local_addr()?);
        Ok(client)
    }

    /// Tells the server to stop; answers how many connections are open, once nobody can connect.
    pub(crate) async fn stop(self) -> io::Result<(usize, JoinHandle<io::Result<Stopped>>)> {
        self.stop.send(()).expect("the server runs");
        let open = self.draining.await.expect("the server drains");
        refuses(self.address).await?;
        Ok((open, self.task))
    }

    /// Stops the server, whose connections have to end by themselves.
    pub(crate) async fn end(self) -> io::Result<()> {
        let (_, task) = self.stop().await?;
        assert_eq!(task.await??.connections_cut, 0);
        Ok(())
    }
}

/// Checks that nobody listens on `address`.
pub(crate) async fn refuses(address: SocketAddr) -> io::Result<()> {
    match TcpStream::connect(address).await {
        Ok(_) => panic!("the listener is still there"),
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => Ok(()),
        Err(error) => Err(error),
    }
}

/// Sends `request` and checks that `response` comes, and nothing else so far.
pub(crate) async fn exchange(
    client: &mut TcpStream,
    request: &[u8],
    response: &[u8],
) -> io::Result<()> {
    client.write_all(request).await?;
    expect(client, response).await
}

/// Checks that `response` comes next.
pub(crate) async fn expect(client: &mut TcpStream, response: &[u8]) -> io::Result<()> {
    let mut received = vec![0; response.len()];
    client.read_exact(&mut received).await?;
    assert_eq!(
        String::from_utf8_lossy(&received),
        String::from_utf8_lossy(response)
    );
    Ok(())
}

/// Checks that the connection ends without another byte, by a FIN or by a reset.
pub(crate) async fn expect_end(client: &mut TcpStream) {
    match client.read(&mut [0; 64]).await {
        Ok(count) => assert_eq!(count, 0, "bytes came where the end was expected"),
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
    }
}

/// Posts half of a body of eight bytes, and returns when it has come back: the request is in flight.
pub(crate) async fn start_echo(client: &mut TcpStream) -> io::Result<()> {
    let head = "POST /echo HTTP/1.1\r\nhost: example\r\ncontent-length: 8\r\n\r\n";
    client.write_all(head.as_bytes()).await?;
    client.write_all(b"half").await?;
    expect(client, b"HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\nhalf").await
}
