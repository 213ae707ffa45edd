//! The addresses on which all cores listen.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsFd;
use std::sync::{Mutex, MutexGuard, PoisonError};

use socket2::{Domain, Socket};

use crate::sys;

/// How many connections each core's queue takes, within `net.core.somaxconn`. More than that of a
/// lone listener: no other core takes from it while its own is busy.
const BACKLOG_COUNT: i32 = 1024;

/// Which address every core gets for the one it asks for.
#[derive(Debug, Default)]
pub(super) struct Listeners(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    /// The sockets that keep the addresses. They are bound and do not listen, so no connection comes
    /// to them, and a port stays taken while no core, or not every core, listens on it yet.
    kept: HashMap<SocketAddr, Socket>,
    /// What the kernel chose for each address with port 0: one for each time that the same core has
    /// asked.
    chosen: HashMap<SocketAddr, Vec<SocketAddr>>,
    /// How often a core has listened on an address with port 0.
    count: HashMap<(usize, SocketAddr), usize>,
}

impl Listeners {
    /// Makes a listener of the core `index` that shares `addr` with those of the other cores.
    pub(super) fn listen(&self, index: usize, addr: SocketAddr) -> io::Result<TcpListener> {
        let table = &mut *self.table();
        if addr.port() != 0 {
            if let Entry::Vacant(vacant) = table.kept.entry(addr) {
                vacant.insert(keep(addr)?);
            }
            return shared(addr);
        }
        let chosen = table.chosen.entry(addr).or_default();
        let count = table.count.entry((index, addr)).or_default();
        if *count == chosen.len() {
            let kept = keep(addr)?;
            let any = sys::local_addr(kept.as_fd())?;
            table.kept.insert(any, kept);
            chosen.push(any);
        }
        let listener = shared(chosen[*count])?;
        // Only now, so that a core that tries again after an error gets the same port.
        *count += 1;
        Ok(listener)
    }

    /// Gives the addresses back.
    pub(super) fn release(&self) {
        *self.table() = Table::default();
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // No method leaves the table half changed when it panics.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Binds `addr` for the cores. Without `SO_REUSEPORT`, so that it fails where a foreign socket
/// listens, whatever that has set. With `SO_REUSEADDR`, sockets that listen later may join one that
/// does not: socket(7).
fn keep(addr: SocketAddr) -> io::Result<Socket> {
    let kept = socket(addr)?;
    kept.bind(&addr.into())?;
    Ok(kept)
}

/// Makes one of the listeners on an address that is kept.
fn shared(addr: SocketAddr) -> io::Result<TcpListener> {
    let listener = socket(addr)?;
    listener.set_reuse_port(true)?;
    listener.bind(&addr.into())?;
    listener.listen(BACKLOG_COUNT)?;
    Ok(listener.into())
}

fn socket(addr: SocketAddr) -> io::Result<Socket> {
    let socket = sys::tcp_socket(Domain::for_address(addr))?;
    socket.set_reuse_address(true)?;
    Ok(socket)
}
