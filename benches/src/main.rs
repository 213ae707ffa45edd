//! Measures tokio-uring-net against tokio::net, side by side in one run.
//!
//! `compare` drives servers that differ in their socket types only and prints ratios next to the
//! noise floor of the same run; `idle` compares the memory of idle connections.
//! `benches/README.md` describes the method.
//!
//! Code map, from the top down:
//! - `cli` reads the command line; `cells` and `variant` list what can be measured: rows, columns;
//! - `compare` and `idle` are the two measurements;
//! - `report`, `json` and `stats` turn samples into tables, `machine` says where they were taken;
//! - `load` is the load generator, with its `histogram`; `child` is its view of a server process;
//! - `server` is what runs in that process, generic over the socket types of `stack`;
//! - `protocol` is what `load` and `server` say to each other;
//! - `raw` holds the calls that need `unsafe`.

mod cells;
mod child;
mod cli;
mod compare;
mod histogram;
mod idle;
mod json;
mod load;
mod machine;
mod protocol;
mod raw;
mod report;
mod server;
mod stack;
mod stats;
mod variant;

use std::process::ExitCode;

/// What went wrong, in words for the person who typed the command.
type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("benches: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<ExitCode, Failure> {
    match cli::parse(lexopt::Parser::from_env())? {
        cli::Command::Help => print!("{}", cli::HELP),
        cli::Command::List => {
            for cell in cells::all() {
                println!("{}", cell.name());
            }
        }
        cli::Command::Compare(options) => return compare::run(&options),
        cli::Command::Idle(options) => idle::run(&options)?,
        cli::Command::Serve(options) => server::run(&options)?,
    }
    Ok(ExitCode::SUCCESS)
}
