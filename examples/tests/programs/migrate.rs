//! `migrate`: both halves give the same service.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};

use crate::server::{DRIVERS, Server};

#[test]
fn both_listeners_serve_and_say_which_is_which() {
    for driver in DRIVERS {
        let args = ["--listen", "127.0.0.1:0", "--listen-tokio", "127.0.0.1:0"];
        let server = Server::start("migrate", driver, &args);
        let halves = ["tokio_uring_net", "tokio::net"];
        assert_eq!(server.addresses.len(), halves.len());
        for (address, half) in server.addresses.iter().zip(halves) {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(b"from one line\nto another").unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
            let mut stream = BufReader::new(stream);
            let mut greeting = String::new();
            stream.read_line(&mut greeting).unwrap();
            assert_eq!(greeting, format!("accepted by {half}\n"));
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            assert_eq!(answer, "FROM ONE LINE\nTO ANOTHER");
        }
    }
}
