//! `quic`: the client receives what it asked for, on either driver.

use std::process::Command;

use crate::server::{DRIVERS, executable};

#[test]
fn every_byte_arrives_and_the_program_ends() {
    for driver in DRIVERS {
        let output = Command::new(executable("quic"))
            .args(["--mib", "2"])
            .env("TOKIO_URING_NET", driver)
            .output()
            .unwrap();
        let stdout = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{driver}: {stdout}");
        assert!(stdout.contains("received 2097152 bytes"), "{stdout}");
        assert!(
            driver == "auto" || stdout.contains("driver: epoll"),
            "{stdout}"
        );
    }
}
