//! The results in Markdown and in JSON.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::Failure;
use crate::cells::Variant;
use crate::cli::CompareOptions;
use crate::compare::{CellResult, Outcome, Series};
use crate::json::Json;
use crate::load::Sample;
use crate::machine::Machine;
use crate::server::WORKERS;
use crate::stats::{Comparison, Figure, Spread};

/// The table of `benches/README.md` stands between these two lines.
const TABLE_BEGIN: &str = "<!-- table: begin -->\n";
const TABLE_END: &str = "<!-- table: end -->\n";

/// With more of the CPUs in use gone to others, a run is no measurement.
const DISTURBANCE_PERCENT_MAX: f64 = 5.0;

const HEADER: &str = "\
| runtime | cell | driver | CPU/request us, tokio -> ours | ratio (min..max) | A/A | requests/s, tokio -> ours | ratio (min..max) | A/A | p50 us | p99 us | busy %: server, load, others | verdict |
|---|---|---|---|---|---|---|---|---|---|---|---|---|
";

/// A few words for the line of a cell that has just been measured.
pub(crate) fn progress(outcome: &Outcome) -> String {
    match outcome {
        Ok(result) => result
            .comparison(Variant::Ours)
            .map_or_else(String::new, |found| {
                format!(
                    "CPU {} (A/A {}), requests/s {} (A/A {}), others {:.0} %: {}",
                    spread(&found.cpu.ratio),
                    spread(&found.cpu.noise),
                    spread(&found.rate.ratio),
                    spread(&found.rate.noise),
                    median(result, Variant::Ours, Sample::disturbance_percent),
                    found.verdict()
                )
            }),
        Err(failure) => format!("FAILED: {}", failure.message),
    }
}

/// The whole report: where it was measured, how, and one row per cell and variant.
pub(crate) fn markdown(
    options: &CompareOptions,
    machine: &Machine,
    outcomes: &[Outcome],
) -> String {
    let mut text = preamble(options, machine);
    text.push_str(&disturbance(outcomes));
    text.push_str(HEADER);
    for outcome in outcomes {
        match outcome {
            Ok(result) => {
                for Series { variant, .. } in &result.series {
                    if let Some(comparison) = result.comparison(*variant) {
                        text.push_str(&row(result, *variant, &comparison));
                    }
                }
            }
            Err(failure) => {
                let (runtime, cell) = (failure.flavour.name(), failure.cell.name());
                let message = failure.message.replace(['|', '\n'], " ");
                // Writing to a String cannot fail.
                let _ = writeln!(text, "| {runtime} | {cell} | **FAILED**: {message} |");
            }
        }
    }
    text.push_str(&drivers(outcomes));
    text
}

/// Puts `table` between the markers of the file, or writes a new file; never overwrites a file without markers.
pub(crate) fn write_markdown(path: &Path, table: &str) -> Result<(), Failure> {
    let text = if path.exists() {
        let old = fs::read_to_string(path)?;
        splice(&old, table).ok_or_else(|| {
            format!(
                "{} has no table markers, so it was left alone",
                path.display()
            )
        })?
    } else {
        format!("{TABLE_BEGIN}{table}{TABLE_END}")
    };
    Ok(fs::write(path, text)?)
}

/// Everything that was measured, sample by sample.
pub(crate) fn json(options: &CompareOptions, machine: &Machine, outcomes: &[Outcome]) -> String {
    let cells = outcomes.iter().map(|outcome| match outcome {
        Ok(result) => Json::Object(vec![
            ("runtime", result.flavour.name().into()),
            ("cell", result.cell.name().as_str().into()),
            (
                "variants",
                Json::List(
                    result
                        .series
                        .iter()
                        .map(|series| series_json(result, series))
                        .collect(),
                ),
            ),
        ]),
        Err(failure) => Json::Object(vec![
            ("runtime", failure.flavour.name().into()),
            ("cell", failure.cell.name().as_str().into()),
            ("failure", failure.message.as_str().into()),
        ]),
    });
    let cpus = options
        .placement
        .server_cpus
        .iter()
        .copied()
        .map(Json::from);
    let report = Json::Object(vec![
        ("cpu_model", machine.cpu_model.as_str().into()),
        ("cpu_count", machine.cpu_count.into()),
        ("kernel", machine.kernel.as_str().into()),
        ("date", machine.date.as_str().into()),
        ("commit", machine.commit.as_str().into()),
        ("syscall_ns", machine.syscall_ns.into()),
        ("pairs", options.pairs.into()),
        ("seconds", options.measured.as_secs_f64().into()),
        ("server_cpus", Json::List(cpus.collect())),
        ("load_cpu", options.placement.load_cpu.into()),
        ("cells", Json::List(cells.collect())),
    ]);
    format!("{report}\n")
}

fn preamble(options: &CompareOptions, machine: &Machine) -> String {
    let cpus: Vec<String> = options
        .placement
        .server_cpus
        .iter()
        .map(usize::to_string)
        .collect();
    format!(
        "{model}, {count} CPUs, {kernel}; a bare system call costs {syscall:.0} ns. Measured on {date} at commit {commit}, \
         {pairs} pairs of {seconds} s per cell; server on CPU {cpus}, load on CPU {load}, {WORKERS} workers on multi-thread.\n\n",
        model = machine.cpu_model,
        count = machine.cpu_count,
        kernel = machine.kernel,
        syscall = machine.syscall_ns,
        date = machine.date,
        commit = machine.commit,
        pairs = options.pairs,
        seconds = options.measured.as_secs_f64(),
        cpus = cpus.join(","),
        load = options.placement.load_cpu,
    )
}

/// Says how much of the CPUs in use others took, and what that means.
fn disturbance(outcomes: &[Outcome]) -> String {
    let percents: Vec<f64> = all_series(outcomes)
        .flat_map(|(_, series)| &series.samples)
        .map(Sample::disturbance_percent)
        .collect();
    let Some(Spread { median, most, .. }) = Spread::of(&percents) else {
        return String::new();
    };
    let judgement = if median > DISTURBANCE_PERCENT_MAX {
        " **The machine was not idle: these figures prove nothing.**"
    } else {
        ""
    };
    format!(
        "Everything else on the machine took {median:.0} % of these CPUs (median of the samples; at most {most:.0} %).{judgement}\n\n"
    )
}

/// Says which driver served, for every variant and flavour.
fn drivers(outcomes: &[Outcome]) -> String {
    let mut lines: Vec<String> = all_series(outcomes)
        .filter(|(_, series)| series.variant != Variant::TokioAgain)
        .map(|(result, series)| {
            format!(
                "- {}, {}: {}\n",
                result.flavour.name(),
                series.variant,
                series.driver
            )
        })
        .collect();
    lines.sort();
    lines.dedup();
    format!("\nWhat served:\n{}", lines.concat())
}

fn all_series(outcomes: &[Outcome]) -> impl Iterator<Item = (&CellResult, &Series)> {
    outcomes
        .iter()
        .flatten()
        .flat_map(|result| result.series.iter().map(move |series| (result, series)))
}

fn row(result: &CellResult, variant: Variant, comparison: &Comparison) -> String {
    let median = |variant, value| median(result, variant, value);
    let (theirs, ours) = (result.latency(Variant::Tokio), result.latency(variant));
    format!(
        "| {} | {} | {variant} | {:.2} -> {:.2} | {} | {:.0} -> {:.0} | {} | {} | {} | {:.0}, {:.0}, {:.0} | {} |\n",
        result.flavour.name(),
        result.cell.name(),
        median(Variant::Tokio, Sample::cpu_us_per_request),
        median(variant, Sample::cpu_us_per_request),
        figure(&comparison.cpu),
        median(Variant::Tokio, Sample::requests_per_second),
        median(variant, Sample::requests_per_second),
        figure(&comparison.rate),
        micros(theirs.quantile(500), ours.quantile(500)),
        micros(theirs.quantile(990), ours.quantile(990)),
        median(variant, Sample::server_busy_percent),
        median(variant, Sample::generator_busy_percent),
        median(variant, Sample::disturbance_percent),
        comparison.verdict(),
    )
}

fn median(result: &CellResult, variant: Variant, value: fn(&Sample) -> f64) -> f64 {
    let samples = result.samples(variant).unwrap_or_default();
    let values: Vec<f64> = samples.iter().map(value).collect();
    Spread::of(&values).map_or(f64::NAN, |spread| spread.median)
}

/// Two cells of the table: the ratio, and the noise next to it.
fn figure(figure: &Figure) -> String {
    format!("{} | {}", spread(&figure.ratio), spread(&figure.noise))
}

fn spread(spread: &Spread) -> String {
    format!(
        "{:.2} ({:.2}..{:.2})",
        spread.median, spread.least, spread.most
    )
}

fn micros(theirs: Duration, ours: Duration) -> String {
    let micros = |duration: Duration| duration.as_secs_f64() * 1e6;
    format!("{:.0} -> {:.0}", micros(theirs), micros(ours))
}

fn series_json(result: &CellResult, series: &Series) -> Json {
    let nanos = |duration: Duration| Json::from(duration.as_secs_f64() * 1e9);
    let samples = series.samples.iter().map(|sample| {
        Json::Object(vec![
            ("requests", sample.requests.into()),
            ("elapsed_ns", nanos(sample.elapsed)),
            ("server_cpu_ns", nanos(sample.server_cpu)),
            ("load_cpu_ns", nanos(sample.generator_cpu)),
            ("others_cpu_ns", nanos(sample.others_cpu)),
        ])
    });
    let latency = result.latency(series.variant);
    let mut fields = vec![
        ("variant", series.variant.to_string().as_str().into()),
        ("driver", series.driver.as_str().into()),
        ("samples", Json::List(samples.collect())),
        ("p50_ns", nanos(latency.quantile(500))),
        ("p99_ns", nanos(latency.quantile(990))),
        ("p999_ns", nanos(latency.quantile(999))),
    ];
    if let Some(comparison) = result.comparison(series.variant) {
        fields.push(("cpu", figure_json(&comparison.cpu)));
        fields.push(("requests_per_second", figure_json(&comparison.rate)));
    }
    Json::Object(fields)
}

fn figure_json(figure: &Figure) -> Json {
    let spread = |spread: &Spread| {
        Json::Object(vec![
            ("min", spread.least.into()),
            ("median", spread.median.into()),
            ("max", spread.most.into()),
        ])
    };
    Json::Object(vec![
        ("ratio", spread(&figure.ratio)),
        ("noise", spread(&figure.noise)),
        ("loses", u64::from(figure.loses()).into()),
    ])
}

fn splice(old: &str, table: &str) -> Option<String> {
    let (before, rest) = old.split_once(TABLE_BEGIN)?;
    let (_old_table, after) = rest.split_once(TABLE_END)?;
    Some(format!("{before}{TABLE_BEGIN}{table}{TABLE_END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_text_between_the_markers_changes() {
        let old = format!("# Title\n{TABLE_BEGIN}old\n{TABLE_END}tail\n");
        let new = splice(&old, "new\n").unwrap();
        assert_eq!(new, format!("# Title\n{TABLE_BEGIN}new\n{TABLE_END}tail\n"));
        assert_eq!(splice("# Title\n", "new\n"), None);
        assert_eq!(splice(TABLE_END, "new\n"), None);
    }

    #[test]
    fn a_spread_shows_its_median_first() {
        let shown = spread(&Spread {
            least: 0.981,
            median: 1.0,
            most: 1.126,
        });
        assert_eq!(shown, "1.00 (0.98..1.13)");
    }
}
