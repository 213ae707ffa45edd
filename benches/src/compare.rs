//! The comparison: for every cell, samples of every variant in turn, each from a server process of
//! its own.

use std::fs;
use std::process::ExitCode;

use crate::Failure;
use crate::cells::{Cell, Flavour, Kind, Service};
use crate::child::{Server, ServerSpec};
use crate::cli::CompareOptions;
use crate::histogram::Histogram;
use crate::load::{Counters, Load, Sample};
use crate::machine::{self, Machine};
use crate::report;
use crate::stats::{Comparison, Figure, Spread, paired_ratios};
use crate::variant::Variant;

/// Buffer of a connection in the server, unless its messages are longer: one holds a message whole.
const BUFFER_BYTES: usize = 16 * 1024;
/// Buffer of one datagram: what an Ethernet frame carries.
const DATAGRAM_BYTES: usize = 1500;

/// All samples of one cell on one runtime flavour.
#[derive(Debug)]
pub(crate) struct CellResult {
    pub(crate) cell: Cell,
    pub(crate) flavour: Flavour,
    /// One entry per variant, in the order of the columns.
    pub(crate) series: Vec<Series>,
}

/// The samples of one variant, one per pair.
#[derive(Debug)]
pub(crate) struct Series {
    pub(crate) variant: Variant,
    /// What served the sockets, in the server's own words.
    pub(crate) driver: String,
    pub(crate) samples: Vec<Sample>,
}

/// A cell that could not be measured: reported, not skipped.
#[derive(Debug)]
pub(crate) struct CellFailure {
    pub(crate) cell: Cell,
    pub(crate) flavour: Flavour,
    pub(crate) message: String,
}

pub(crate) type Outcome = Result<CellResult, CellFailure>;

/// Measures, prints the table, writes the files; fails when a cell could not be measured.
pub(crate) fn run(options: &CompareOptions) -> Result<ExitCode, Failure> {
    let machine = Machine::inspect();
    machine::raise_open_files_limit()?;
    machine::pin(&[options.placement.load_cpu])?;
    let mut outcomes = Vec::new();
    for &flavour in &options.flavours {
        for &cell in &options.cells {
            let variants = measured(&options.compared, cell.kind, flavour);
            if variants.is_empty() {
                continue;
            }
            eprint!("{} {} ", flavour.name(), cell.name());
            let outcome =
                measure_cell(options, cell, flavour, &variants).map_err(|failure| CellFailure {
                    cell,
                    flavour,
                    message: failure.to_string(),
                });
            eprintln!(" {}", report::progress(&outcome, options.bar));
            outcomes.push(outcome);
        }
    }
    let table = report::markdown(options, &machine, &outcomes);
    print!("{table}");
    if let Some(path) = &options.markdown {
        report::write_markdown(path, &table)?;
    }
    if let Some(path) = &options.json {
        fs::write(path, report::json(options, &machine, &outcomes))?;
    }
    Ok(if outcomes.iter().all(Result::is_ok) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn measure_cell(
    options: &CompareOptions,
    cell: Cell,
    flavour: Flavour,
    variants: &[Variant],
) -> Result<CellResult, Failure> {
    let mut series: Vec<Series> = variants
        .iter()
        .map(|&variant| Series {
            variant,
            driver: String::new(),
            samples: Vec::new(),
        })
        .collect();
    for pair in 0..options.pairs {
        for index in order(pair, series.len()) {
            let series = &mut series[index];
            take_sample(options, cell, flavour, series)
                .map_err(|failure| format!("{}, pair {}: {failure}", series.variant, pair + 1))?;
        }
        eprint!(".");
    }
    Ok(CellResult {
        cell,
        flavour,
        series,
    })
}

/// The variants of a row: the first that is compared stands between the two that tell the noise.
/// None where nothing is compared on this flavour.
fn measured(compared: &[Variant], kind: Kind, flavour: Flavour) -> Vec<Variant> {
    let mut variants: Vec<Variant> = compared
        .iter()
        .copied()
        .filter(|variant| variant.flavour(kind, flavour).is_some())
        .collect();
    if !variants.is_empty() {
        variants.insert(0, Variant::Tokio);
        variants.insert(2, Variant::TokioAgain);
    }
    variants
}

/// A new process per sample: where it happens to lie in memory then counts as noise instead of as a
/// difference.
fn take_sample(
    options: &CompareOptions,
    cell: Cell,
    flavour: Flavour,
    series: &mut Series,
) -> Result<(), Failure> {
    let server = Server::start(&ServerSpec {
        service: Service {
            kind: cell.kind,
            parts: cell.parts,
            buffer_bytes: match cell.kind {
                Kind::Tcp(_) | Kind::Unix => BUFFER_BYTES.max(cell.message_bytes),
                Kind::Udp | Kind::UdpMany => DATAGRAM_BYTES.max(cell.message_bytes),
            },
        },
        flavour: series
            .variant
            .flavour(cell.kind, flavour)
            .ok_or("not measured on this runtime")?,
        variant: series.variant,
        cpus: &options.placement.server_cpus,
    })?;
    let mut load = Load::connect(&cell, server.address())?;
    let cpus = options.placement.all_cpus();
    let cpu_count = u32::try_from(cpus.len())?;
    let sample = load.run(options.measured, || {
        Ok(Counters {
            server_cpu: server.cpu_time()?,
            idle: machine::idle_time(&cpus)?,
            cpu_count,
        })
    })?;
    series.driver = server.driver().to_owned();
    series.samples.push(sample);
    Ok(())
}

/// The order of the variants in a pair: every other one is the mirror image of the one before, and
/// the variant that goes first changes, so that a drift of the machine falls on all alike.
fn order(pair: usize, variant_count: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..variant_count).collect();
    order.rotate_left(pair / 2 % variant_count);
    if pair % 2 == 1 {
        order.reverse();
    }
    order
}

impl CellResult {
    /// A variant against tokio::net; `None` for tokio::net itself.
    pub(crate) fn comparison(&self, variant: Variant) -> Option<Comparison> {
        if matches!(variant, Variant::Tokio | Variant::TokioAgain) {
            return None;
        }
        let values = |variant, value: fn(&Sample) -> f64| {
            let samples = self.samples(variant)?;
            Some(samples.iter().map(value).collect::<Vec<f64>>())
        };
        let cpu = |variant| values(variant, Sample::cpu_us_per_request);
        let rate = |variant| values(variant, Sample::requests_per_second);
        let cpu_gain = |other| paired_ratios(&cpu(Variant::Tokio)?, &cpu(other)?);
        let rate_gain = |other| paired_ratios(&rate(other)?, &rate(Variant::Tokio)?);
        Some(Comparison {
            cpu: Figure {
                ratio: cpu_gain(variant)?,
                noise: cpu_gain(Variant::TokioAgain)?,
            },
            rate: Figure {
                ratio: rate_gain(variant)?,
                noise: rate_gain(Variant::TokioAgain)?,
            },
        })
    }

    fn samples(&self, variant: Variant) -> Option<&[Sample]> {
        let series = self
            .series
            .iter()
            .find(|series| series.variant == variant)?;
        Some(&series.samples)
    }

    /// The median of one figure over the samples of a variant.
    pub(crate) fn median(&self, variant: Variant, figure: fn(&Sample) -> f64) -> f64 {
        let samples = self.samples(variant).unwrap_or_default();
        let values: Vec<f64> = samples.iter().map(figure).collect();
        Spread::of(&values).map_or(f64::NAN, |spread| spread.median)
    }

    /// All latencies of a variant.
    pub(crate) fn latency(&self, variant: Variant) -> Histogram {
        let mut all = Histogram::new();
        for sample in self.samples(variant).unwrap_or_default() {
            all.merge(&sample.latency);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::cells::{self, Protocol};

    #[test]
    fn tokio_stands_on_both_sides_of_the_first_that_is_compared() {
        let (first, last) = (Variant::Busy, Variant::OursEpoll);
        let measured = |compared: &[Variant]| {
            let kind = Kind::Tcp(Protocol::Echo);
            measured(compared, kind, Flavour::CurrentThread)
        };
        assert_eq!(
            measured(&[first, last]),
            [Variant::Tokio, first, Variant::TokioAgain, last]
        );
        assert_eq!(measured(&[Variant::PerCore]), []);
    }

    #[test]
    fn two_variants_alternate_abba() {
        assert_eq!(order(0, 2), [0, 1]);
        assert_eq!(order(1, 2), [1, 0]);
    }

    #[test]
    fn six_pairs_of_three_variants_are_all_six_orders() {
        let mut orders: Vec<Vec<usize>> = (0..6).map(|pair| order(pair, 3)).collect();
        orders.sort();
        orders.dedup();
        assert_eq!(orders.len(), 6);
    }

    /// One request per microsecond of server CPU, times `cost`; `rate` requests in one second.
    fn sample(cost: u64, rate: u64) -> Sample {
        Sample {
            requests: rate,
            elapsed: Duration::from_secs(1),
            server_cpu: Duration::from_micros(rate * cost),
            generator_cpu: Duration::from_millis(500),
            others_cpu: Duration::ZERO,
            cpu_count: 2,
            enters: 1,
            resent: 0,
            latency: Histogram::new(),
        }
    }

    #[test]
    fn above_one_is_better_in_both_figures() {
        let series = |variant, sample: Sample| Series {
            variant,
            driver: String::new(),
            samples: vec![sample.clone(), sample],
        };
        let result = CellResult {
            cell: cells::all()[0],
            flavour: Flavour::CurrentThread,
            series: vec![
                series(Variant::Tokio, sample(4, 100)),
                series(Variant::TokioAgain, sample(4, 110)),
                series(Variant::Ours, sample(2, 300)),
            ],
        };
        let comparison = result.comparison(Variant::Ours).unwrap();
        assert_eq!(comparison.cpu.ratio.median, 2.0);
        assert_eq!(comparison.rate.ratio.median, 3.0);
        assert_eq!(comparison.cpu.noise.median, 1.0);
        assert!((comparison.rate.noise_floor() - 0.1).abs() < 1e-9);
        assert_eq!(result.comparison(Variant::TokioAgain), None);
        assert_eq!(result.comparison(Variant::OursEpoll), None);
    }
}
