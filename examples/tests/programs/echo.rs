//! `echo`, over std's sockets.

use std::net::TcpStream;

use crate::pattern::{LARGE_BYTES, through};
use crate::server::{DRIVERS, Server};

fn start(driver: &str) -> Server {
    Server::start("echo", driver, &["--listen", "127.0.0.1:0"])
}

#[test]
fn a_large_stream_comes_back_byte_for_byte_and_ends() {
    for driver in DRIVERS {
        let server = start(driver);
        through(TcpStream::connect(server.address()).unwrap(), LARGE_BYTES);
    }
}

#[test]
fn connections_do_not_disturb_each_other() {
    for driver in DRIVERS {
        let server = start(driver);
        let address = server.address();
        let clients: Vec<_> = (0..50)
            .map(|index| {
                let stream = TcpStream::connect(address).unwrap();
                std::thread::spawn(move || through(stream, index * 1000))
            })
            .collect();
        for client in clients {
            client.join().unwrap();
        }
    }
}

#[test]
fn a_reset_ends_one_connection_only() {
    for driver in DRIVERS {
        let server = start(driver);
        let stays = TcpStream::connect(server.address()).unwrap();
        let resets = TcpStream::connect(server.address()).unwrap();
        let address = resets.local_addr().unwrap();
        // With a linger time of zero, close(2) sends RST instead of FIN.
        rustix::net::sockopt::set_socket_linger(&resets, Some(std::time::Duration::ZERO)).unwrap();
        drop(resets);
        let line = server.wait_for_stderr("reset");
        assert!(line.starts_with(&address.to_string()), "{line}");
        through(stays, 100_000);
    }
}
