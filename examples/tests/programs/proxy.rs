//! `proxy`, in front of `echo`.

use std::io::Read as _;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream};

use rustix::net::{AddressFamily, SocketType};

use crate::pattern::{LARGE_BYTES, through};
use crate::server::{DRIVERS, Server};

fn start(driver: &str, to: SocketAddr) -> Server {
    Server::start(
        "proxy",
        driver,
        &["--listen", "127.0.0.1:0", "--to", &to.to_string()],
    )
}

#[test]
fn a_large_stream_passes_both_ways_byte_for_byte_and_ends() {
    for driver in DRIVERS {
        let upstream = Server::start("echo", driver, &["--listen", "127.0.0.1:0"]);
        let proxy = start(driver, upstream.address());
        through(TcpStream::connect(proxy.address()).unwrap(), LARGE_BYTES);
    }
}

#[test]
fn an_upstream_that_refuses_ends_the_connection_and_not_the_proxy() {
    // Bound but not listening: the port is nobody else's, and connecting to it is refused.
    let taken = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    rustix::net::bind(&taken, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0)).unwrap();
    let refusing = SocketAddr::try_from(rustix::net::getsockname(&taken).unwrap()).unwrap();
    for driver in DRIVERS {
        let proxy = start(driver, refusing);
        for _ in 0..2 {
            let mut client = TcpStream::connect(proxy.address()).unwrap();
            assert_eq!(client.read(&mut [0; 8]).unwrap(), 0);
            let line = proxy.wait_for_stderr("cannot reach");
            assert!(
                line.contains(&refusing.to_string()) && line.contains("--to"),
                "{line}"
            );
        }
    }
}
