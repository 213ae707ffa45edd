//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use lexopt::prelude::*;

use crate::Failure;
use crate::cells::{self, Cell, Flavour, Kind, Protocol, Service};
use crate::machine;
use crate::stats::BAR;
use crate::variant::Variant;

pub(crate) const HELP: &str = "\
Measures tokio-uring-net against tokio::net.

Usage:
  benches compare [options]    CPU per request, requests per second and latency of every cell
  benches idle [options]       memory of idle connections

Options of compare:
  --cell NAME ...              only these cells; the first word of a name stands for all of its kind
  --pairs N                    samples of each variant per cell (default 9)
  --seconds S                  measured time of a sample, after a warm-up of 0.2 s (default 1)
  --bar RATIO                  a median below it, less the noise floor, loses (default 0.95)
  --runtime FLAVOUR            current-thread or multi-thread (default: both)
  --variant NAME ...           also measure tokio-uring-net in this variant: epoll, uring, completion,
                               completion-epoll, busy or per-core
  --only-variants              leave out `auto`, which is measured otherwise, and save its time
  --server-cpus LIST           CPUs of the server (default: the first this process may use)
  --load-cpu N                 CPU of the load generator (default: the second)
  --json FILE                  write every sample
  --markdown FILE              write the table: between the markers of FILE, or to a new file
  --list                       print the names of the cells

Options of idle:
  --connections N              (default 10000)
  --buffer-bytes N             buffer of each connection in the server; 0 for none (default 4096)
  --rounds N                   (default 3)
  --runtime FLAVOUR            (default current-thread)
  --server-cpus LIST, --load-cpu N   as above

A ratio above 1 means that tokio-uring-net does better. See benches/README.md for the method.
";

#[derive(Debug)]
pub(crate) enum Command {
    Help,
    List,
    Compare(CompareOptions),
    Idle(IdleOptions),
    Serve(ServeOptions),
}

/// Where the two sides run.
#[derive(Clone, Debug)]
pub(crate) struct Placement {
    pub(crate) server_cpus: Vec<usize>,
    pub(crate) load_cpu: usize,
}

impl Placement {
    /// The CPUs of either side, each once.
    pub(crate) fn all_cpus(&self) -> Vec<usize> {
        let mut cpus = self.server_cpus.clone();
        cpus.push(self.load_cpu);
        cpus.sort_unstable();
        cpus.dedup();
        cpus
    }
}

#[derive(Debug)]
pub(crate) struct CompareOptions {
    pub(crate) cells: Vec<Cell>,
    pub(crate) flavours: Vec<Flavour>,
    /// What is held against tokio::net: one at least.
    pub(crate) compared: Vec<Variant>,
    pub(crate) pairs: usize,
    pub(crate) measured: Duration,
    /// Ratios below it, less the noise floor, are losses.
    pub(crate) bar: f64,
    pub(crate) placement: Placement,
    pub(crate) json: Option<PathBuf>,
    pub(crate) markdown: Option<PathBuf>,
}

#[derive(Debug)]
pub(crate) struct IdleOptions {
    pub(crate) connections: usize,
    pub(crate) buffer_bytes: usize,
    pub(crate) rounds: usize,
    pub(crate) flavour: Flavour,
    pub(crate) placement: Placement,
}

/// Which TCP types a server uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StackName {
    Tokio,
    Ours,
    /// Ours, which hyper is given as they are.
    Integrated,
}

/// Options of the hidden command that the harness starts its servers with.
#[derive(Debug)]
pub(crate) struct ServeOptions {
    pub(crate) stack: StackName,
    pub(crate) service: Service,
    pub(crate) flavour: Flavour,
    pub(crate) cpus: Vec<usize>,
}

pub(crate) fn parse(mut arguments: lexopt::Parser) -> Result<Command, Failure> {
    let Some(command) = arguments.next()? else {
        return Err("expected a command: compare or idle (--help explains)".into());
    };
    match command {
        Long("help") | Short('h') => Ok(Command::Help),
        Long("list") => Ok(Command::List),
        Value(name) if name == "compare" => parse_compare(arguments),
        Value(name) if name == "idle" => parse_idle(arguments),
        Value(name) if name == "serve" => parse_serve(arguments),
        other => Err(other.unexpected().into()),
    }
}

fn parse_compare(mut arguments: lexopt::Parser) -> Result<Command, Failure> {
    let mut cells: Vec<Cell> = Vec::new();
    let mut flavours = Flavour::ALL.to_vec();
    let (mut variants, mut only_variants) = (Vec::new(), false);
    let (mut pairs, mut measured) = (9, Duration::from_secs(1));
    let mut bar = BAR;
    let (mut json, mut markdown) = (None, None);
    let mut cpus = CpuOptions::default();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("help") | Short('h') => return Ok(Command::Help),
            Long("list") => return Ok(Command::List),
            Long("cell") => {
                for name in arguments.values()? {
                    cells.extend(cells_named(name)?);
                }
            }
            Long("pairs") => pairs = at_least_one(arguments.value()?.parse()?, "--pairs")?,
            Long("seconds") => measured = seconds(arguments.value()?.parse()?)?,
            Long("bar") => bar = ratio(arguments.value()?.parse()?)?,
            Long("runtime") => flavours = vec![flavour(arguments.value()?)?],
            Long("variant") => {
                for name in arguments.values()? {
                    variants.push(variant(name)?);
                }
            }
            Long("only-variants") => only_variants = true,
            Long("server-cpus") => cpus.server = Some(cpu_list(&arguments.value()?.string()?)?),
            Long("load-cpu") => cpus.load = Some(arguments.value()?.parse()?),
            Long("json") => json = Some(PathBuf::from(arguments.value()?)),
            Long("markdown") => markdown = Some(PathBuf::from(arguments.value()?)),
            other => return Err(other.unexpected().into()),
        }
    }
    if cells.is_empty() {
        cells = cells::all();
    }
    let compared = compared(variants, only_variants, &cells, &flavours)?;
    let placement = cpus.placement()?;
    Ok(Command::Compare(CompareOptions {
        cells,
        flavours,
        compared,
        pairs,
        measured,
        bar,
        placement,
        json,
        markdown,
    }))
}

fn parse_idle(mut arguments: lexopt::Parser) -> Result<Command, Failure> {
    let (mut connections, mut buffer_bytes, mut rounds) = (10_000, 4096, 3);
    let mut runtime = Flavour::CurrentThread;
    let mut cpus = CpuOptions::default();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("help") | Short('h') => return Ok(Command::Help),
            Long("connections") => {
                connections = at_least_one(arguments.value()?.parse()?, "--connections")?;
            }
            Long("buffer-bytes") => buffer_bytes = arguments.value()?.parse()?,
            Long("rounds") => rounds = at_least_one(arguments.value()?.parse()?, "--rounds")?,
            Long("runtime") => runtime = flavour(arguments.value()?)?,
            Long("server-cpus") => cpus.server = Some(cpu_list(&arguments.value()?.string()?)?),
            Long("load-cpu") => cpus.load = Some(arguments.value()?.parse()?),
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(Command::Idle(IdleOptions {
        connections,
        buffer_bytes,
        rounds,
        flavour: runtime,
        placement: cpus.placement()?,
    }))
}

fn parse_serve(mut arguments: lexopt::Parser) -> Result<Command, Failure> {
    let mut stack = StackName::Tokio;
    let mut service = Service {
        kind: Kind::Tcp(Protocol::Echo),
        parts: 1,
        buffer_bytes: 4096,
    };
    let mut runtime = Flavour::CurrentThread;
    let mut cpus = machine::allowed_cpus()?;
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("stack") => {
                stack = match arguments.value()?.string()?.as_str() {
                    "tokio" => StackName::Tokio,
                    "ours" => StackName::Ours,
                    "integrated" => StackName::Integrated,
                    other => return Err(format!("unknown stack {other:?}").into()),
                }
            }
            Long("kind") => {
                let name = arguments.value()?.string()?;
                service.kind =
                    Kind::from_name(&name).ok_or_else(|| format!("unknown kind {name:?}"))?;
            }
            Long("parts") => service.parts = arguments.value()?.parse()?,
            Long("buffer-bytes") => service.buffer_bytes = arguments.value()?.parse()?,
            Long("runtime") => {
                let name = arguments.value()?.string()?;
                runtime =
                    Flavour::from_name(&name).ok_or_else(|| format!("unknown runtime {name:?}"))?;
            }
            Long("cpus") => cpus = cpu_list(&arguments.value()?.string()?)?,
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(Command::Serve(ServeOptions {
        stack,
        service,
        flavour: runtime,
        cpus,
    }))
}

/// What the command line says about CPUs, before the defaults.
#[derive(Default)]
struct CpuOptions {
    server: Option<Vec<usize>>,
    load: Option<usize>,
}

impl CpuOptions {
    fn placement(self) -> Result<Placement, Failure> {
        let allowed = machine::allowed_cpus()?;
        let server_cpus = self
            .server
            .or_else(|| allowed.first().map(|cpu| vec![*cpu]))
            .ok_or("no CPU for the server")?;
        let load_cpu = self.load.or_else(|| allowed.get(1).copied()).ok_or(
            "only one CPU may be used here: server and load generator would disturb each other; \
             --load-cpu and --server-cpus override this",
        )?;
        Ok(Placement {
            server_cpus,
            load_cpu,
        })
    }
}

fn cells_named(name: OsString) -> Result<Vec<Cell>, Failure> {
    let name = name.string()?;
    let found = cells::named(&name);
    if found.is_empty() {
        return Err(format!("no cell is called {name:?}; --list prints all names").into());
    }
    Ok(found)
}

fn flavour(name: OsString) -> Result<Flavour, Failure> {
    let name = name.string()?;
    Flavour::from_name(&name)
        .filter(|flavour| Flavour::ALL.contains(flavour))
        .ok_or_else(|| format!("--runtime is current-thread or multi-thread, not {name:?}").into())
}

fn variant(name: OsString) -> Result<Variant, Failure> {
    let name = name.string()?;
    Variant::from_name(&name)
        .ok_or_else(|| format!("--variant is one of {}, not {name:?}", Variant::names()).into())
}

/// `named`, each once, after `auto`, unless that is to be left out.
fn compared(
    named: Vec<Variant>,
    only_named: bool,
    cells: &[Cell],
    rows: &[Flavour],
) -> Result<Vec<Variant>, Failure> {
    let mut compared = Vec::new();
    if !only_named {
        compared.push(Variant::Ours);
    }
    for variant in named {
        if !compared.contains(&variant) {
            compared.push(variant);
        }
    }
    for variant in &compared {
        let is_measured = |cell: &Cell| {
            rows.iter()
                .any(|row| variant.flavour(cell.kind, *row).is_some())
        };
        if !cells.iter().any(is_measured) {
            let message = "is measured on the other --runtime or in another --cell only";
            return Err(format!("{variant} {message}").into());
        }
    }
    if compared.is_empty() {
        return Err("--only-variants leaves nothing to measure without a --variant".into());
    }
    Ok(compared)
}

fn cpu_list(list: &str) -> Result<Vec<usize>, Failure> {
    list.split(',')
        .map(|cpu| {
            cpu.parse()
                .map_err(|_| format!("{list:?} is not a list of CPUs such as 0,1").into())
        })
        .collect()
}

fn seconds(value: f64) -> Result<Duration, Failure> {
    match Duration::try_from_secs_f64(value) {
        Ok(duration) if duration >= Duration::from_millis(10) => Ok(duration),
        Ok(_) | Err(_) => Err(format!("--seconds must be at least 0.01, not {value}").into()),
    }
}

fn ratio(value: f64) -> Result<f64, Failure> {
    if value.is_finite() && value > 0.0 {
        Ok(value)
    } else {
        Err(format!("--bar must be a ratio above 0, not {value}").into())
    }
}

fn at_least_one(value: usize, option: &str) -> Result<usize, Failure> {
    if value == 0 {
        return Err(format!("{option} must be at least 1").into());
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str]) -> Result<Command, Failure> {
        parse(lexopt::Parser::from_args(arguments))
    }

    fn compare(arguments: &[&str]) -> CompareOptions {
        match parsed(
            &[
                &["compare", "--server-cpus", "0", "--load-cpu", "1"],
                arguments,
            ]
            .concat(),
        )
        .unwrap()
        {
            Command::Compare(options) => options,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_defaults_are_every_cell_on_both_flavours() {
        let options = compare(&[]);
        assert_eq!(options.cells, cells::all());
        assert_eq!(options.flavours, Flavour::ALL);
        assert_eq!(
            (options.pairs, options.measured),
            (9, Duration::from_secs(1))
        );
    }

    #[test]
    fn one_cell_option_takes_several_names() {
        let options = compare(&[
            "--cell",
            "echo-1x128",
            "hyper-10",
            "--pairs",
            "3",
            "--seconds",
            "0.5",
        ]);
        let names: Vec<String> = options.cells.iter().map(Cell::name).collect();
        assert_eq!(names, ["echo-1x128", "hyper-10"]);
        assert_eq!(
            (options.pairs, options.measured),
            (3, Duration::from_millis(500))
        );
    }

    #[test]
    fn auto_is_measured_unless_it_is_left_out() {
        let options = |arguments: &[&str]| compare(arguments).compared;
        assert_eq!(options(&[]), [Variant::Ours]);
        assert_eq!(
            options(&["--variant", "busy", "epoll", "--variant", "busy"]),
            [Variant::Ours, Variant::Busy, Variant::OursEpoll]
        );
        assert_eq!(
            options(&["--only-variants", "--variant", "completion"]),
            [Variant::Completion]
        );
    }

    #[test]
    fn mistakes_are_named() {
        for (arguments, word) in [
            (&["compare", "--cell", "echo-2"][..], "--list"),
            (&["compare", "--pairs", "0"], "--pairs"),
            (&["compare", "--seconds", "-1"], "--seconds"),
            (&["compare", "--bar", "0"], "--bar"),
            (&["compare", "--bar", "NaN"], "--bar"),
            (&["compare", "--variant", "kqueue"], "kqueue"),
            (&["compare", "--variant", "auto"], "completion"),
            (&["compare", "--only-variants"], "--variant"),
            (&["compare", "--runtime", "per-core"], "current-thread"),
            (
                &[
                    "compare",
                    "--runtime",
                    "current-thread",
                    "--variant",
                    "per-core",
                ],
                "per-core",
            ),
            (
                &["compare", "--cell", "unix", "--variant", "per-core"],
                "--cell",
            ),
            (&["compare", "--runtime", "async-std"], "current-thread"),
            (&["compare", "--server-cpus", "0;1"], "list of CPUs"),
            (&["race"], "race"),
            (&[], "--help"),
        ] {
            let message = parsed(arguments).unwrap_err().to_string();
            assert!(message.contains(word), "{arguments:?}: {message}");
        }
    }
}
