//! One of many tasks that make a storm: a connection of its own, and one operation after the other.

use crate::listeners::{self, Clients, Shared};
use crate::stack::net::{Metrics, TcpListener, metrics};
use crate::streams::Ends;
use crate::support::cancel::Canceller;
use crate::support::rng::Rng;
use std::io;
use std::mem::swap;
use std::net::SocketAddr;
use std::sync::Arc;

#[derive(Debug)]
pub(crate) struct Worker {
    canceller: Canceller,
    shared: Arc<Shared>,
    clients: Clients,
    listener: (TcpListener, SocketAddr),
    ends: Option<Ends>,
}

impl Worker {
    pub(crate) async fn new(mut rng: Rng, shared: Arc<Shared>) -> io::Result<Worker> {
        let listener = Ends::listener()?;
        let ends = Some(Ends::new(&listener, &mut rng).await?);
        Ok(Worker {
            canceller: Canceller::new(rng),
            shared,
            clients: Clients::default(),
            listener,
            ends,
        })
    }

    /// Until so many operations have been dropped in flight.
    pub(crate) async fn run(mut self, drops: usize) -> io::Result<()> {
        while self.canceller.cancelled() < drops {
            self.step().await?;
            if self.canceller.rng.one_in(16) {
                assert_balanced(&metrics());
            }
        }
        Ok(())
    }

    async fn step(&mut self) -> io::Result<()> {
        let canceller = &mut self.canceller;
        let mut ends = match self.ends.take() {
            Some(ends) => ends,
            None => Ends::new(&self.listener, &mut canceller.rng).await?,
        };
        if canceller.rng.one_in(2) {
            swap(&mut ends.here, &mut ends.there);
        }
        match canceller.rng.below(18) {
            0..3 => ends.read(canceller).await?,
            3 => ends.peek(canceller).await?,
            4..6 => ends.small_writes(canceller).await?,
            6 => ends.large_writes(canceller).await?,
            7..9 => ends.ready(canceller).await?,
            9 => ends.borrowed_halves(canceller).await?,
            10 => {
                self.ends = ends.owned_halves(canceller).await?;
                return Ok(());
            }
            11 => ends.flip(&mut canceller.rng)?,
            12 => listeners::accept(&self.shared, &mut self.clients, canceller).await?,
            13 => listeners::next(&self.shared, &mut self.clients, canceller).await?,
            14 => listeners::short_lived(canceller).await?,
            15 => ends.patience().await?,
            16 => listeners::connect(&self.shared, canceller).await?,
            _ if canceller.rng.one_in(4) => {
                self.ends = ends.convert()?;
                return Ok(());
            }
            _ => return ends.end(canceller).await,
        }
        self.ends = Some(ends);
        Ok(())
    }
}

/// Every SQE has ended in one of the ways there are, or is in flight.
#[track_caller]
pub(crate) fn assert_balanced(metrics: &Metrics) {
    let gone = metrics.ended + metrics.strays + metrics.skipped + metrics.abandoned;
    assert_eq!(metrics.sqes, gone + metrics.in_flight, "{metrics:?}");
}
