//! The program, run as a user runs it, on loads so small that only its plumbing is tested.

use std::process::{Command, Output};

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_benches"))
        .args(arguments)
        .output()
        .expect("the program was built for this test")
}

/// The output of a run that has to succeed; `None`, with a word why, where io_uring is forbidden.
fn successful(arguments: &[&str]) -> Option<String> {
    let output = run(arguments);
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    let err = String::from_utf8_lossy(&output.stderr);
    let required = std::env::var_os("REQUIRE_URING").is_some_and(|value| value == "1");
    if err.contains("the load generator needs io_uring") && !required {
        println!("SKIP: {err}");
        return None;
    }
    assert!(output.status.success(), "{arguments:?}\n{out}\n{err}");
    Some(out)
}

#[test]
fn every_kind_of_cell_is_measured_on_both_flavours() {
    let cells = [
        "echo-10x128",
        "echo-10x64k",
        "hyper-10",
        "writes-8x10",
        "framed-16x10",
        "stream-out-10",
        "short-10",
        "udp-10x1200",
        "udp-many-10x64",
        "unix-10x128",
    ];
    let mut arguments = vec!["compare", "--pairs", "1", "--seconds", "0.02", "--cell"];
    arguments.extend(cells);
    arguments.extend(["--variant", "epoll", "completion"]);
    let Some(table) = successful(&arguments) else {
        return;
    };
    assert!(!table.contains("FAILED"), "{table}");
    for flavour in ["current-thread", "multi-thread"] {
        for cell in cells {
            for driver in ["auto", "epoll", "completion"] {
                let row = format!("| {flavour} | {cell} | {driver} |");
                assert_eq!(table.matches(&row).count(), 2, "{row}\n{table}");
            }
        }
        let served = format!("- {flavour}, epoll: epoll");
        assert!(table.contains(&served), "{served}\n{table}");
    }
}

#[test]
fn one_runtime_per_core_is_measured_on_one_cpu_and_on_two() {
    for cpus in ["0", "0,1"] {
        let mut arguments = vec!["compare", "--pairs", "1", "--seconds", "0.02"];
        arguments.extend(["--cell", "echo-10x128", "--server-cpus", cpus]);
        arguments.extend(["--only-variants", "--variant", "per-core"]);
        let Some(table) = successful(&arguments) else {
            return;
        };
        assert!(!table.contains("FAILED"), "{table}");
        let row = "| multi-thread | echo-10x128 | per-core |";
        assert_eq!(table.matches(row).count(), 2, "{table}");
        assert!(!table.contains("| current-thread |"), "{table}");
    }
}

#[test]
fn a_cell_that_cannot_be_measured_is_in_the_report_and_fails_the_run() {
    let output = run(&[
        "compare",
        "--cell",
        "hyper-10",
        "--pairs",
        "1",
        "--runtime",
        "current-thread",
        "--server-cpus",
        "1023",
    ]);
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(!output.status.success());
    assert!(table.contains("| hyper-10 |"), "{table}");
    assert!(table.contains("**FAILED**"), "{table}");
}

#[test]
fn idle_connections_are_weighed() {
    let out = successful(&["idle", "--connections", "50", "--rounds", "1"]).unwrap();
    assert!(out.contains("ours minus tokio: median"), "{out}");
}

#[test]
fn the_hidden_command_is_not_in_the_help() {
    let help = successful(&["--help"]).unwrap();
    assert!(
        help.contains("--pairs") && !help.contains("serve "),
        "{help}"
    );
}
