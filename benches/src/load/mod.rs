//! The load generator: one thread, one ring, a closed loop with one request in flight per
//! connection.
//!
//! It must be cheaper than the servers it drives, or it is what gets measured. A request costs it
//! one SEND that posts no CQE and one RECV that completes when the whole response is there; all
//! that is due goes to the kernel in one enter.

mod closed_loop;
mod exchange;
mod http;
mod sample;

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::Failure;
use crate::cells::Cell;
use crate::load::closed_loop::STALL;
use crate::load::exchange::Exchange;
pub(crate) use crate::load::sample::{Counters, Sample};
use crate::protocol;

/// Connections that have each had their first answer.
#[derive(Debug)]
pub(crate) struct Load {
    connections: Vec<TcpStream>,
    exchange: Exchange,
}

impl Load {
    /// Connects, and does one request on each connection, so that the server has accepted them all.
    pub(crate) fn connect(cell: &Cell, server: SocketAddr) -> Result<Load, Failure> {
        let request = protocol::request(cell)?;
        let expected = protocol::response(cell)?;
        let mut connections = Vec::with_capacity(cell.connections);
        let mut response = Vec::new();
        for index in 0..cell.connections {
            let mut connection = connect(server)?;
            let answer = first_answer(&mut connection, request, expected.as_deref())?;
            if index == 0 {
                response = answer;
            } else if answer.len() != response.len() {
                return Err("the server's responses differ in length".into());
            }
            connections.push(connection);
        }
        Ok(Load {
            connections,
            exchange: Exchange::new(request, &response)?,
        })
    }

    /// Runs the closed loop; `counters` are read at the first and at the last moment of the
    /// measured time.
    pub(crate) fn run(
        &self,
        measured: Duration,
        counters: impl Fn() -> io::Result<Counters>,
    ) -> Result<Sample, Failure> {
        closed_loop::run(&self.connections, self.exchange, measured, counters)
    }
}

fn connect(server: SocketAddr) -> io::Result<TcpStream> {
    let connection = TcpStream::connect(server)?;
    connection.set_nodelay(true)?;
    connection.set_read_timeout(Some(STALL))?;
    // A reset at the end leaves no TIME_WAIT behind for the samples to come.
    rustix::net::sockopt::set_socket_linger(&connection, Some(Duration::ZERO))?;
    Ok(connection)
}

/// Does one request and answers its response, which has to be `expected`, if that is known.
fn first_answer(
    connection: &mut TcpStream,
    request: &[u8],
    expected: Option<&[u8]>,
) -> Result<Vec<u8>, Failure> {
    connection.write_all(request)?;
    let Some(expected) = expected else {
        return http::read_response(connection);
    };
    let mut answer = vec![0; expected.len()];
    connection.read_exact(&mut answer)?;
    if answer != expected {
        return Err("the server answered something else than it should".into());
    }
    Ok(answer)
}
