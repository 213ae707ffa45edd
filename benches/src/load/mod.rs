//! The load generator: one thread, one ring, a closed loop with one request in flight per
//! connection.
//!
//! It must be cheaper than the servers it drives, or it is what gets measured. A request costs it
//! one SEND that posts no CQE and one RECV that completes when the whole response is there; all
//! that is due goes to the kernel in one enter. For a short connection, plain system calls do all
//! but the RECV. A datagram that gets no answer is sent once more.

mod closed_loop;
mod connections;
mod exchange;
mod http;
mod sample;

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpStream, UdpSocket};
use std::os::fd::OwnedFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net as unix;
use std::time::Duration;

use rustix::net::sockopt;

use crate::Failure;
use crate::cells::{Cell, Kind, Protocol};
use crate::load::closed_loop::STALL;
use crate::load::connections::Connections;
use crate::load::exchange::{After, Exchange};
pub(crate) use crate::load::sample::{Counters, Sample};
use crate::protocol;

/// Connections that have each had their first answer, or the knowledge of how to make short ones.
#[derive(Debug)]
pub(crate) struct Load {
    connections: Connections,
    exchange: Exchange,
}

impl Load {
    /// Connects, and does one request on each connection, so that the server has accepted them all.
    /// Where connections are short, it does one and closes it.
    pub(crate) fn connect(cell: &Cell, server: &str) -> Result<Load, Failure> {
        let request = protocol::request(cell)?;
        let expected = protocol::response(cell)?;
        if cell.kind == Kind::Tcp(Protocol::Short) {
            let mut connection = connect(cell.kind, server)?;
            let response = first_answer(&mut connection, request, expected.as_deref())?;
            if connection.read(&mut [0])? != 0 {
                return Err("the server sent more than its response".into());
            }
            return Ok(Load {
                connections: Connections::short(server.parse()?, cell.connections),
                exchange: Exchange::new(request, &response, After::Closes)?,
            });
        }
        let mut connections = Vec::with_capacity(cell.connections);
        let mut response = Vec::new();
        for index in 0..cell.connections {
            let mut connection = connect(cell.kind, server)?;
            let answer = first_answer(&mut connection, request, expected.as_deref())?;
            if index == 0 {
                response = answer;
            } else if answer.len() != response.len() {
                return Err("the server's responses differ in length".into());
            }
            connections.push(connection);
        }
        Ok(Load {
            connections: match cell.kind {
                Kind::Tcp(_) | Kind::Unix => Connections::Kept(connections),
                Kind::Udp | Kind::UdpMany => Connections::Ports(connections),
            },
            exchange: Exchange::new(request, &response, After::Waits)?,
        })
    }

    /// Runs the closed loop; `counters` are read at the first and at the last moment of the
    /// measured time.
    pub(crate) fn run(
        &mut self,
        measured: Duration,
        counters: impl Fn() -> io::Result<Counters>,
    ) -> Result<Sample, Failure> {
        closed_loop::run(&mut self.connections, self.exchange, measured, counters)
    }
}

fn connect(kind: Kind, server: &str) -> io::Result<File> {
    let connection: OwnedFd = match kind {
        Kind::Tcp(_) => {
            let connection = TcpStream::connect(server)?;
            connection.set_nodelay(true)?;
            // A reset at the end leaves no TIME_WAIT behind for the samples to come.
            sockopt::set_socket_linger(&connection, Some(Duration::ZERO))?;
            connection.into()
        }
        Kind::Udp | Kind::UdpMany => {
            let port = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
            port.connect(server)?;
            port.into()
        }
        Kind::Unix => {
            let address = unix::SocketAddr::from_abstract_name(server)?;
            unix::UnixStream::connect_addr(&address)?.into()
        }
    };
    sockopt::set_socket_timeout(&connection, sockopt::Timeout::Recv, Some(STALL))?;
    Ok(connection.into())
}

/// Does one request and answers its response, which has to be `expected`, if that is known.
fn first_answer(
    connection: &mut File,
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

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::cells;

    #[test]
    fn a_datagram_that_is_lost_is_sent_again() {
        let server = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = server.local_addr().unwrap();
        let serving = thread::spawn(move || {
            let mut buffer = [0; 64];
            for turn in 1_u64.. {
                match server.recv_from(&mut buffer).unwrap() {
                    (0, _) => return,
                    (_, _) if turn.is_multiple_of(10) => {}
                    (count, peer) => assert_eq!(
                        server.send_to(&buffer[..count], peer).unwrap(),
                        count,
                        "an echo is as long as its request"
                    ),
                }
            }
        });
        let [cell] = cells::named("udp-1x64")[..] else {
            panic!("there is one cell of that name");
        };
        let counters = || {
            Ok(Counters {
                server_cpu: Duration::ZERO,
                idle: Duration::ZERO,
                cpu_count: 1,
            })
        };
        let mut load = Load::connect(&cell, &address.to_string()).unwrap();
        // With one port, a request that is not repeated is the last: the server seems to hang.
        match load.run(Duration::from_millis(10), counters) {
            Ok(_sample) => {}
            Err(failure) => {
                let required = std::env::var_os("REQUIRE_URING").is_some_and(|value| value == "1");
                let forbidden = failure.to_string().contains("needs io_uring");
                assert!(forbidden && !required, "{failure}");
                println!("SKIP: {failure}");
            }
        }
        let last = UdpSocket::bind("127.0.0.1:0").unwrap();
        last.send_to(&[], address).unwrap();
        serving.join().unwrap();
    }
}
