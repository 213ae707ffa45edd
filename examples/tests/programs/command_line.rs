//! What every example says on stdout and stderr, and the exit code it gives.

use std::net::TcpListener;
use std::process::{Command, Output};

use crate::server::{Server, executable, ring_is_available, setups};

/// Every example, with an option of it.
const EXAMPLES: [(&str, &str); 9] = [
    ("axum", "--listen ADDR"),
    ("client", "--post TEXT"),
    ("grpc", "--listen ADDR"),
    ("http", "--listen ADDR"),
    ("echo", "--listen ADDR"),
    ("proxy", "--listen ADDR"),
    ("migrate", "--listen ADDR"),
    ("per_core", "--listen ADDR"),
    ("quic", "--listen ADDR"),
];

fn run(example: &str, args: &[&str]) -> (Option<i32>, String, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = Command::new(executable(example))
        .args(args)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

#[test]
fn help_goes_to_stdout_and_names_every_option() {
    for (example, option) in EXAMPLES {
        for help in ["--help", "-h"] {
            let (code, stdout, stderr) = run(example, &[help]);
            assert_eq!((code, stderr.as_str()), (Some(0), ""));
            assert!(stdout.contains(&format!("Usage: {example} ")), "{stdout}");
            assert!(
                stdout.contains(option) && stdout.contains("--help"),
                "{stdout}"
            );
        }
    }
}

#[test]
fn a_usage_error_says_what_was_expected_and_exits_with_2() {
    let cases: &[(&str, &[&str], &str)] = &[
        ("axum", &["--port", "80"], "--port"),
        ("client", &[], "http://127.0.0.1:8080/"),
        ("client", &["127.0.0.1:8080"], "begins with http://"),
        ("grpc", &["Ada"], "--call ADDR and NAME"),
        ("grpc", &["--call", "somewhere", "Ada"], "--call"),
        ("http", &["--port", "80"], "--port"),
        ("http", &["extra"], "extra"),
        ("http", &["--listen"], "--listen"),
        ("http", &["--listen", "localhost"], "127.0.0.1:8080"),
        (
            "http",
            &["--runtime", "fast"],
            "current-thread, multi-thread or per-core",
        ),
        ("echo", &["--listen", "127.0.0.1:70000"], "--listen"),
        ("proxy", &[], "--to HOST:PORT"),
        ("proxy", &["--to", "somewhere"], "--to"),
        ("migrate", &["--listen-tokio", "7002"], "--listen-tokio"),
        ("quic", &["--mib", "many"], "many"),
        ("per_core", &["--cpus", "first"], "such as 0,2-3"),
        ("per_core", &["--cpus", "0-"], "such as 0,2-3"),
    ];
    for (example, args, expected) in cases {
        let (code, stdout, stderr) = run(example, args);
        assert_eq!(
            (code, stdout.as_str()),
            (Some(2), ""),
            "{example} {args:?}: {stderr}"
        );
        assert!(stderr.contains(expected), "{example} {args:?}: {stderr}");
        assert!(
            stderr.contains("Try --help."),
            "{example} {args:?}: {stderr}"
        );
    }
}

#[test]
fn an_address_in_use_is_named_with_the_option_that_changes_it() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let cases: &[(&str, &[&str], &str)] = &[
        ("http", &["--listen", &address], "--listen"),
        ("echo", &["--listen", &address], "--listen"),
        ("grpc", &["--listen", &address], "--listen"),
        (
            "proxy",
            &["--to", "127.0.0.1:1", "--listen", &address],
            "--listen",
        ),
        ("migrate", &["--listen", &address], "--listen"),
        ("per_core", &["--listen", &address], "--listen"),
        (
            "http",
            &["--runtime", "per-core", "--listen", &address],
            "--listen",
        ),
        (
            "migrate",
            &["--listen", "127.0.0.1:0", "--listen-tokio", &address],
            "--listen-tokio",
        ),
    ];
    for (example, args, option) in cases {
        let (code, stdout, stderr) = run(example, args);
        assert_eq!(
            (code, stdout.as_str()),
            (Some(1), ""),
            "{example}: {stderr}"
        );
        assert!(
            stderr.contains(&format!("cannot listen on {address}")),
            "{example}: {stderr}"
        );
        assert!(
            stderr.contains(&format!("another port with {option} ")),
            "{example}: {stderr}"
        );
    }
}

#[test]
fn the_driver_line_names_the_driver_that_was_chosen() {
    for setup in setups() {
        let server = Server::start_http(setup);
        let ring = match (setup.driver, setup.runtime) {
            ("auto", "current-thread") => ring_is_available(),
            (driver, _) => driver == "uring",
        };
        let expected = if ring { "io_uring" } else { "epoll" };
        assert!(
            server.driver.starts_with(expected),
            "{setup:?}: {}",
            server.driver
        );
    }
}
