//! From samples to ratios, their spread, and the verdict.

/// The usual bar: a median below it, less the noise floor, is a loss.
pub(crate) const BAR: f64 = 0.95;

/// A series of ratios, summed up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    pub(crate) least: f64,
    pub(crate) median: f64,
    pub(crate) most: f64,
}

impl Spread {
    /// `None` for an empty series.
    pub(crate) fn of(values: &[f64]) -> Option<Spread> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (least, most) = (*sorted.first()?, *sorted.last()?);
        let half = sorted.len() / 2;
        let median = if sorted.len().is_multiple_of(2) {
            f64::midpoint(sorted[half - 1], sorted[half])
        } else {
            sorted[half]
        };
        Some(Spread {
            least,
            median,
            most,
        })
    }
}

/// One figure of a cell: what was found, and what tokio::net against itself gave at the same time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Figure {
    pub(crate) ratio: Spread,
    pub(crate) noise: Spread,
}

impl Figure {
    /// How far the median of tokio::net against itself is from 1.
    pub(crate) fn noise_floor(&self) -> f64 {
        (self.noise.median - 1.0).abs()
    }

    pub(crate) fn loses(&self, bar: f64) -> bool {
        // Written so that a NaN, from a sample without requests, is a loss.
        let holds = self.ratio.median >= bar - self.noise_floor();
        !holds
    }
}

/// A cell's two figures; above 1 is better than tokio::net in both.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Comparison {
    /// CPU per request, tokio::net's divided by the variant's.
    pub(crate) cpu: Figure,
    /// Requests per second, the variant's divided by tokio::net's.
    pub(crate) rate: Figure,
}

impl Comparison {
    pub(crate) fn verdict(&self, bar: f64) -> &'static str {
        match (self.cpu.loses(bar), self.rate.loses(bar)) {
            (false, false) => "holds",
            (true, false) => "**LOSES** CPU",
            (false, true) => "**LOSES** requests/s",
            (true, true) => "**LOSES** both",
        }
    }
}

/// The quotients of values that were taken in the same pair; `None` when the series are empty or
/// unequal in length.
pub(crate) fn paired_ratios(numerators: &[f64], denominators: &[f64]) -> Option<Spread> {
    if numerators.len() != denominators.len() {
        return None;
    }
    let ratios: Vec<f64> = numerators
        .iter()
        .zip(denominators)
        .map(|(numerator, denominator)| numerator / denominator)
        .collect();
    Spread::of(&ratios)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(ratio: f64, noise: f64) -> Figure {
        let flat = |median| Spread {
            least: median,
            median,
            most: median,
        };
        Figure {
            ratio: flat(ratio),
            noise: flat(noise),
        }
    }

    #[test]
    fn the_median_of_odd_and_even_series() {
        let odd = Spread::of(&[3.0, 1.0, 2.0]).unwrap();
        assert_eq!((odd.least, odd.median, odd.most), (1.0, 2.0, 3.0));
        assert_eq!(Spread::of(&[4.0, 1.0, 2.0, 3.0]).unwrap().median, 2.5);
        assert_eq!(Spread::of(&[]), None);
    }

    #[test]
    fn ratios_are_taken_pair_by_pair() {
        let drifting = paired_ratios(&[1.0, 2.0, 4.0], &[2.0, 4.0, 8.0]).unwrap();
        assert_eq!(
            (drifting.least, drifting.median, drifting.most),
            (0.5, 0.5, 0.5)
        );
        assert_eq!(paired_ratios(&[1.0], &[1.0, 2.0]), None);
    }

    #[test]
    fn the_noise_floor_lowers_the_bar_whichever_way_it_lies() {
        assert!(figure(0.94, 1.0).loses(BAR));
        assert!(!figure(0.95, 1.0).loses(BAR));
        assert!(!figure(0.94, 1.02).loses(BAR));
        assert!(!figure(0.94, 0.98).loses(BAR));
        assert!(figure(0.92, 1.02).loses(BAR));
        assert!(figure(f64::NAN, 1.0).loses(BAR));
    }

    #[test]
    fn a_higher_bar_is_harder_to_hold() {
        assert!(!figure(1.04, 1.0).loses(1.0));
        assert!(figure(1.04, 1.0).loses(1.05));
        assert!(!figure(1.04, 1.02).loses(1.05));
    }

    #[test]
    fn the_verdict_names_the_figure_that_loses() {
        let (good, bad) = (figure(1.0, 1.0), figure(0.5, 1.0));
        let verdict = |cpu, rate| Comparison { cpu, rate }.verdict(BAR);
        assert_eq!(verdict(good, good), "holds");
        assert_eq!(verdict(bad, good), "**LOSES** CPU");
        assert_eq!(verdict(good, bad), "**LOSES** requests/s");
        assert_eq!(verdict(bad, bad), "**LOSES** both");
    }
}
