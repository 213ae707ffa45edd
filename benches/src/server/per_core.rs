//! One current_thread runtime per CPU, all on one port: the kernel spreads the connections.

use std::io;
use std::net::SocketAddr;
use std::sync::mpsc::{self, Sender};
use std::thread;

use crate::Failure;
use crate::cells::{Flavour, Service};
use crate::machine;
use crate::stack::{Port, Stack};

/// What a thread has to say: where it listens and what serves it, or why it has ended.
type Report = io::Result<(SocketAddr, String)>;

/// Serves until one of the threads fails.
pub(super) fn serve<S: Stack>(service: Service, cpus: &[usize]) -> Result<(), Failure> {
    let (sender, reports) = mpsc::channel();
    let (mut address, mut driver) = (super::ANY_PORT, String::new());
    for &cpu in cpus {
        let sender = sender.clone();
        thread::Builder::new()
            .name(format!("cpu-{cpu}"))
            .spawn(move || {
                if let Err(error) = serve_on::<S>(cpu, address, service, &sender) {
                    // Without a receiver the process is ending anyway.
                    let _nobody_listens = sender.send(Err(error));
                }
            })?;
        // The first one finds the port that the others share.
        (address, driver) = reports.recv()??;
    }
    super::announce(address, &driver)?;
    Err(match reports.recv()? {
        Ok((address, _)) => format!("one more runtime listens on {address}").into(),
        Err(error) => error.into(),
    })
}

/// Ends with an error only.
fn serve_on<S: Stack>(
    cpu: usize,
    address: SocketAddr,
    service: Service,
    reports: &Sender<Report>,
) -> io::Result<()> {
    machine::pin(&[cpu])?;
    let runtime = super::runtime(Flavour::CurrentThread, 1)?;
    let reports = reports.clone();
    let served = runtime.block_on(runtime.spawn(async move {
        let listener = S::listen(address, Port::Shared)?;
        let listening = (S::local_addr(&listener)?, S::driver());
        reports.send(Ok(listening)).map_err(io::Error::other)?;
        super::accept_all::<S>(listener, service).await
    }));
    served?
}
