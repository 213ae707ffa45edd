//! What a server accepts, and how it ends.

use std::error::Error;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use hyper_util::server::graceful::{GracefulConnection, GracefulShutdown};
use tokio::task::{JoinError, JoinSet};
use tokio::time::timeout;
use tracing::{debug, error};

use crate::accepting::accept_next;
use crate::tcp::listener::TcpListener;
use crate::tcp::stream::TcpStream;

/// What a server does next.
pub(super) enum Event {
    Accepted((TcpStream, SocketAddr)),
    Stop,
    /// Accepting has failed for good.
    Failed(io::Error),
}

/// The open connections of a server. Dropping them cuts them.
#[derive(Debug, Default)]
pub(super) struct Connections {
    graceful: GracefulShutdown,
    tasks: JoinSet<()>,
}

impl Connections {
    /// Waits for the next event, and lets go of the connections that end in the meantime.
    pub(super) async fn event(
        &mut self,
        listener: &TcpListener,
        mut stop: Pin<&mut impl Future<Output = ()>>,
    ) -> Event {
        let mut accepted = pin!(accept_next(|| listener.accept()));
        poll_fn(|cx| {
            while let Poll::Ready(Some(ended)) = self.tasks.poll_join_next(cx) {
                note(ended);
            }
            if stop.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Event::Stop);
            }
            let accepted = accepted.as_mut().poll(cx);
            accepted.map(|accepted| accepted.map_or_else(Event::Failed, Event::Accepted))
        })
        .await
    }

    /// Gives `connection` a task of the current runtime.
    pub(super) fn spawn<C>(&mut self, connection: C, peer: SocketAddr)
    where
        C: GracefulConnection<Error = Box<dyn Error + Send + Sync>> + Send + 'static,
    {
        let connection = self.graceful.watch(connection);
        self.tasks.spawn(async move {
            if let Err(error) = connection.await {
                debug!(%peer, error, "connection ended");
            }
        });
    }

    /// How many are open.
    pub(super) fn count(&mut self) -> usize {
        while let Some(ended) = self.tasks.try_join_next() {
            note(ended);
        }
        self.tasks.len()
    }

    /// Ends the connections, and cuts those that are left after `limit`; answers how many.
    pub(super) async fn drain(mut self, limit: Option<Duration>) -> usize {
        let graceful = std::mem::take(&mut self.graceful);
        let ended = async {
            graceful.shutdown().await;
            while let Some(ended) = self.tasks.join_next().await {
                note(ended);
            }
        };
        match limit {
            // Who is left then is counted.
            Some(limit) => drop(timeout(limit, ended).await),
            None => ended.await,
        }
        let cut = self.count();
        self.tasks.shutdown().await;
        cut
    }
}

/// Tells of a service that has panicked.
fn note(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        error!(%error, "a service has ended its connection");
    }
}
