//! `client`, with `http` at the other end.

use std::process::{Command, Output};

use crate::server::{DRIVERS, Server, Setup, executable};

/// Runs the client to its end: exit code, stdout, stderr.
fn run(driver: &str, args: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(executable("client"));
    let Output {
        status,
        stdout,
        stderr,
    } = command
        .env("TOKIO_URING_NET", driver)
        .args(args)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

#[test]
fn it_gets_and_posts_over_one_connection() {
    for driver in DRIVERS {
        let runtime = "current-thread";
        let server = Server::start_http(Setup { driver, runtime });
        let root = format!("http://{}/", server.address());
        let echo = format!("{root}echo");
        for version in [&["--http2"][..], &[]] {
            let (code, stdout, stderr) = run(driver, &[&[&*root, &root], version].concat());
            assert_eq!(code, Some(0), "{stderr}");
            assert_eq!(stdout, "hello from tokio-uring-net\n".repeat(2));
            let told: Vec<_> = stderr
                .lines()
                .filter(|line| line.contains("HTTP/"))
                .collect();
            let [first, second] = told[..] else {
                panic!("{stderr}");
            };
            assert_eq!(first, second, "{stderr}");

            let text = "0123456789".repeat(10_000);
            let args = [&["--post", &*text, &echo], version].concat();
            let (code, stdout, stderr) = run(driver, &args);
            assert_eq!(code, Some(0), "{stderr}");
            assert_eq!(stdout, text);
        }
    }
}

#[test]
fn it_says_why_there_is_no_answer() {
    // Its address is nobody's when it is dropped.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    for driver in DRIVERS {
        for (uri, reason) in [
            (format!("http://{address}/"), "refused"),
            (format!("https://{address}/"), "its scheme is not http"),
        ] {
            let (code, stdout, stderr) = run(driver, &[&uri]);
            assert_eq!((code, stdout.as_str()), (Some(1), ""), "{stderr}");
            let is_told = stderr.contains(reason) && stderr.contains(&address);
            assert!(is_told, "{stderr}");
        }
    }
}
