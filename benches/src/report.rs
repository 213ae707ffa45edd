//! The results in Markdown and in JSON.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::Failure;
use crate::cli::CompareOptions;
use crate::compare::{CellResult, Outcome, Series};
use crate::json::Json;
use crate::load::Sample;
use crate::machine::Machine;
use crate::server;
use crate::stats::{Comparison, Figure, Spread};
use crate::variant::Variant;

/// The table of `benches/README.md` stands between these two lines.
const TABLE_BEGIN: &str = "<!-- table: begin -->\n";
const TABLE_END: &str = "<!-- table: end -->\n";

/// Where others took more of the CPUs in use, a figure proves nothing.
const DISTURBANCE_PERCENT_MAX: f64 = 5.0;

const RATIOS_HEADER: &str = "\
| runtime | cell | driver | CPU per request | A/A | requests per second | A/A | verdict |
|---|---|---|---|---|---|---|---|
";
const DETAILS_HEADER: &str = "
| runtime | cell | driver | CPU/request, us | requests/s | p50, us | p99, us | p99.9, us | \
server busy, % | found per enter | others, % |
|---|---|---|---|---|---|---|---|---|---|---|
";

/// A few words for the line of a cell that has just been measured, and for each variant.
pub(crate) fn progress(outcome: &Outcome, bar: f64) -> String {
    let result = match outcome {
        Ok(result) => result,
        Err(failure) => return format!("FAILED: {}", failure.message),
    };
    let lines = result.series.iter().filter_map(|series| {
        let found = result.comparison(series.variant)?;
        Some(format!(
            "\n  {}: CPU {} (A/A {}), requests/s {} (A/A {}), others {:.0} %: {}",
            series.variant,
            spread(&found.cpu.ratio),
            spread(&found.cpu.noise),
            spread(&found.rate.ratio),
            spread(&found.rate.noise),
            disturbance_percent(result, series.variant),
            found.verdict(bar)
        ))
    });
    lines.collect()
}

/// The whole report: where it was measured, how, and one row per cell and variant.
pub(crate) fn markdown(
    options: &CompareOptions,
    machine: &Machine,
    outcomes: &[Outcome],
) -> String {
    let mut text = preamble(options, machine);
    text.push_str(&disturbance(outcomes));
    text.push_str(RATIOS_HEADER);
    for outcome in outcomes {
        match outcome {
            Ok(result) => text.extend(rows(result, |variant, comparison| {
                ratios(result, variant, comparison, options.bar)
            })),
            Err(failure) => text.push_str(&format!(
                "| {} | {} | | | | | | **FAILED**: {} |\n",
                failure.flavour.name(),
                failure.cell.name(),
                failure.message.replace(['|', '\n'], " ")
            )),
        }
    }
    text.push_str(DETAILS_HEADER);
    for result in outcomes.iter().flatten() {
        text.extend(rows(result, |variant, _| details(result, variant)));
    }
    text.push_str(&resent(outcomes));
    text.push_str(&drivers(outcomes));
    text
}

/// Puts `table` between the markers of the file, or writes a new file; leaves a file that has no
/// markers alone.
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
                        .map(|series| series_json(result, series, options.bar))
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
        ("bar", options.bar.into()),
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
        "{model}, {count} CPUs, {kernel}; a bare system call costs {syscall:.0} ns. \
         Measured on {date} at commit {commit}: {pairs} pairs of {seconds} s per cell, \
         server on CPU {cpus}, load on CPU {load}, {workers} workers on multi-thread; \
         a cell below {bar} loses.\n\n",
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
        workers = server::workers(options.placement.server_cpus.len()),
        bar = options.bar,
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
        "Everything else on the machine took {median:.0} % of these CPUs \
         (median of the samples; at most {most:.0} %).{judgement}\n\n"
    )
}

/// Says where requests were sent more than once; nothing if there were none.
fn resent(outcomes: &[Outcome]) -> String {
    let lines: String = all_series(outcomes)
        .filter_map(|(result, series)| {
            let total = |count: fn(&Sample) -> u64| series.samples.iter().map(count).sum::<u64>();
            let resent = total(|sample| sample.resent);
            (resent > 0).then(|| {
                format!(
                    "- {}, {}, {}: {resent} of {}\n",
                    result.flavour.name(),
                    result.cell.name(),
                    series.variant,
                    total(|sample| sample.requests)
                )
            })
        })
        .collect();
    if lines.is_empty() {
        return lines;
    }
    format!("\nSent once more, the response overdue:\n{lines}")
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

/// One row for every variant that is compared with tokio::net.
fn rows(
    result: &CellResult,
    cells: impl Fn(Variant, &Comparison) -> String,
) -> impl Iterator<Item = String> {
    result.series.iter().filter_map(move |series| {
        let comparison = result.comparison(series.variant)?;
        Some(format!(
            "| {} | {} | {} | {} |\n",
            result.flavour.name(),
            result.cell.name(),
            series.variant,
            cells(series.variant, &comparison)
        ))
    })
}

fn ratios(result: &CellResult, variant: Variant, comparison: &Comparison, bar: f64) -> String {
    let others = disturbance_percent(result, variant);
    let disturbed = if others > DISTURBANCE_PERCENT_MAX {
        ", disturbed"
    } else {
        ""
    };
    format!(
        "{} | {} | {} | {} | {}{disturbed}",
        spread(&comparison.cpu.ratio),
        noise(&comparison.cpu),
        spread(&comparison.rate.ratio),
        noise(&comparison.rate),
        comparison.verdict(bar),
    )
}

fn details(result: &CellResult, variant: Variant) -> String {
    let (theirs, ours) = (result.latency(Variant::Tokio), result.latency(variant));
    format!(
        "{:.2} -> {:.2} | {:.0} -> {:.0} | {} | {} | {} | {:.0} | {:.0} of {} | {:.0}",
        result.median(Variant::Tokio, Sample::cpu_us_per_request),
        result.median(variant, Sample::cpu_us_per_request),
        result.median(Variant::Tokio, Sample::requests_per_second),
        result.median(variant, Sample::requests_per_second),
        micros(theirs.quantile(500), ours.quantile(500)),
        micros(theirs.quantile(990), ours.quantile(990)),
        micros(theirs.quantile(999), ours.quantile(999)),
        result.median(variant, Sample::server_busy_percent),
        result.median(variant, Sample::responses_per_enter),
        result.cell.connections,
        disturbance_percent(result, variant),
    )
}

/// How much of the CPUs others took, in any of the series that a row is made of.
fn disturbance_percent(result: &CellResult, variant: Variant) -> f64 {
    [Variant::Tokio, Variant::TokioAgain, variant]
        .into_iter()
        .map(|variant| result.median(variant, Sample::disturbance_percent))
        .fold(0.0, f64::max)
}

/// The noise floor: the distance of the A/A median from 1, and the spread of the A/A ratios.
fn noise(figure: &Figure) -> String {
    let Spread { least, most, .. } = figure.noise;
    format!("{:.2} ({least:.2}..{most:.2})", figure.noise_floor())
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

fn series_json(result: &CellResult, series: &Series, bar: f64) -> Json {
    let nanos = |duration: Duration| Json::from(duration.as_secs_f64() * 1e9);
    let samples = series.samples.iter().map(|sample| {
        Json::Object(vec![
            ("requests", sample.requests.into()),
            ("elapsed_ns", nanos(sample.elapsed)),
            ("server_cpu_ns", nanos(sample.server_cpu)),
            ("load_cpu_ns", nanos(sample.generator_cpu)),
            ("others_cpu_ns", nanos(sample.others_cpu)),
            ("load_enters", sample.enters.into()),
            ("resent", sample.resent.into()),
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
        fields.push(("cpu", figure_json(&comparison.cpu, bar)));
        fields.push(("requests_per_second", figure_json(&comparison.rate, bar)));
    }
    Json::Object(fields)
}

fn figure_json(figure: &Figure, bar: f64) -> Json {
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
        ("loses", u64::from(figure.loses(bar)).into()),
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

    #[test]
    fn noise_shows_the_distance_from_one_whichever_way_it_lies() {
        let ratio = Spread {
            least: 0.9,
            median: 0.97,
            most: 1.01,
        };
        let figure = Figure {
            ratio,
            noise: ratio,
        };
        assert_eq!(noise(&figure), "0.03 (0.90..1.01)");
    }
}
