//! The statistics of a dashboard: those of alarms, and percentiles.

/// How the values of a period become one point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Statistic {
    /// One that alarms have too.
    Simple(alarms::Statistic),
    /// The value that so many percent of the values do not exceed.
    Percentile(f64),
}

impl Statistic {
    /// The statistic that CloudWatch calls `name`, such as `Sum` or `p50`.
    pub(super) fn named(name: &str) -> Option<Self> {
        if let Some(statistic) = alarms::Statistic::named(name) {
            return Some(Self::Simple(statistic));
        }
        let percent: f64 = name.strip_prefix('p')?.parse().ok()?;
        let known = (0.0..=100.0).contains(&percent);
        known.then_some(Self::Percentile(percent))
    }

    /// The point for `values`. A period without values has none.
    pub(super) fn of(self, values: &[f64]) -> Option<f64> {
        match self {
            Self::Simple(statistic) => statistic.of(values),
            Self::Percentile(percent) => percentile(percent, values),
        }
    }
}

/// By the nearest rank: always one of the values.
fn percentile(percent: f64, values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (percent / 100.0 * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, expected: f64) {
        let statistic = Statistic::named(name).unwrap();
        assert_eq!(
            statistic.of(&[40.0, 10.0, 30.0, 20.0]),
            Some(expected),
            "{name}"
        );
        assert_eq!(statistic.of(&[]), None, "{name}");
    }

    #[test]
    fn each_statistic_makes_one_point_of_the_values() {
        check("Sum", 100.0);
        check("Minimum", 10.0);
        check("Maximum", 40.0);
        check("Average", 25.0);
        check("SampleCount", 4.0);
        check("p0", 10.0);
        check("p50", 20.0);
        check("p51", 30.0);
        check("p99.9", 40.0);
        check("p100", 40.0);
    }

    #[test]
    fn other_names_are_not_known() {
        for name in ["p", "p101", "p-1", "pNaN", "sum", "TM(10%:90%)"] {
            assert_eq!(Statistic::named(name), None, "{name}");
        }
    }
}
