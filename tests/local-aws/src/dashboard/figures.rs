//! The figures of a run, as a dashboard shows them.

use alarms::{EmfError, MetricId, Metrics};

use super::widget::Line;

/// How many seconds of AWS one second of the run stands for: a period of 300 s is 5 s of the run.
pub(super) const ACCELERATION: u64 = 60;

/// A value of a metric.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Figure {
    pub(super) metric: MetricId,
    /// In Unix seconds.
    pub(super) at: u64,
    pub(super) value: f64,
}

/// All figures of a run.
pub(super) struct Figures {
    metrics: Metrics,
    start: u64,
    seconds: u64,
}

/// What there is to draw of a metric.
#[derive(Debug, PartialEq)]
pub(super) enum Points {
    /// One point for each period, unless the period has no value.
    Some(Vec<Option<f64>>),
    /// The run would have told, but nothing of the kind has happened.
    NoneInThisRun,
    /// The local AWS does not tell.
    NotTold,
}

impl Figures {
    /// No figures yet, of a run that begins at `start`, in Unix seconds.
    pub(super) fn new(start: u64, seconds: u64) -> Self {
        Self {
            metrics: Metrics::new(),
            start,
            seconds,
        }
    }

    pub(super) fn extend(&mut self, figures: impl IntoIterator<Item = Figure>) {
        for figure in figures {
            self.metrics.add(figure.metric, figure.at, figure.value);
        }
    }

    /// Adds the metrics of a line that a function has printed, if there are any.
    pub(super) fn take(&mut self, line: &str) -> Result<(), EmfError> {
        self.metrics.ingest_emf(line).map(drop)
    }

    /// The length of the run.
    pub(super) fn seconds(&self) -> u64 {
        self.seconds
    }

    /// The points of a metric in periods that are `period` seconds long on AWS.
    pub(super) fn points(&self, line: &Line, period: u64) -> Points {
        let period = period_of_run(period);
        let starts = (self.start..self.start + self.seconds).step_by(period as usize);
        let points = starts.map(|start| {
            let values = self.metrics.values(&line.metric, start..start + period);
            line.statistic.of(&values)
        });
        let points: Vec<_> = points.collect();
        match points.iter().any(Option::is_some) {
            true => Points::Some(points),
            false if is_told(&line.metric) => Points::NoneInThisRun,
            false => Points::NotTold,
        }
    }
}

/// How long a period is in the run, in seconds.
pub(super) fn period_of_run(period: u64) -> u64 {
    (period / ACCELERATION).max(1)
}

/// Whether a run tells everything about a metric. What it tells about others may be drawn, but silence means nothing.
fn is_told(metric: &MetricId) -> bool {
    match (metric.namespace.as_str(), metric.name.as_str()) {
        // a metric filter over the access log makes it, and the local AWS writes no access log
        ("WhoopPartner", "ShutOut") => false,
        ("WhoopPartner", _) => true,
        ("AWS/ApiGateway", name) => ["Latency", "5xx"].contains(&name),
        ("AWS/SQS", name) => [
            "ApproximateNumberOfMessagesVisible",
            "ApproximateNumberOfMessagesNotVisible",
        ]
        .contains(&name),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::dashboard::statistic::Statistic;
    use crate::dashboard::widget::Side;

    const START: u64 = 1_800_000_000;

    fn line(namespace: &str, name: &str, statistic: &str) -> Line {
        Line {
            metric: MetricId::new(namespace, name, &[("Stack", "s")]),
            label: name.into(),
            statistic: Statistic::named(statistic).unwrap(),
            side: Side::Left,
        }
    }

    fn figures(line: &Line, values: &[(u64, f64)]) -> Figures {
        let mut figures = Figures::new(START, 20);
        figures.extend(values.iter().map(|(second, value)| Figure {
            metric: line.metric.clone(),
            at: START + second - 1,
            value: *value,
        }));
        figures
    }

    #[test]
    fn five_seconds_of_the_run_are_a_period_of_five_minutes() {
        let accepted = line("WhoopPartner", "Accepted", "Sum");
        let values = [
            (0, 100.0),
            (1, 1.0),
            (5, 2.0),
            (6, 4.0),
            (20, 8.0),
            (21, 100.0),
        ];
        let figures = figures(&accepted, &values);
        let points = [Some(3.0), Some(4.0), None, Some(8.0)].to_vec();
        assert_eq!(figures.points(&accepted, 300), Points::Some(points));
        let points = [Some(15.0)].to_vec();
        assert_eq!(figures.points(&accepted, 1200), Points::Some(points));
    }

    #[test]
    fn takes_what_functions_print() {
        let accepted = line("WhoopPartner", "Accepted", "Maximum");
        let mut figures = figures(&accepted, &[]);
        let printed = json!({
            "_aws": {"Timestamp": START * 1000 + 999, "CloudWatchMetrics": [{
                "Namespace": "WhoopPartner", "Dimensions": [["Stack"]], "Metrics": [{"Name": "Accepted"}],
            }]},
            "Stack": "s", "Accepted": 7,
        });
        figures.take(&printed.to_string()).unwrap();
        figures.take("started").unwrap();
        let Points::Some(points) = figures.points(&accepted, 300) else {
            panic!("there is a point");
        };
        assert_eq!(points, [Some(7.0), None, None, None]);
    }

    #[test]
    fn a_metric_without_values_says_whether_that_means_anything() {
        let points = |namespace, name| {
            let line = line(namespace, name, "Sum");
            figures(&line, &[]).points(&line, 300)
        };
        assert_eq!(
            points("WhoopPartner", "QueueUnavailable"),
            Points::NoneInThisRun
        );
        assert_eq!(points("AWS/ApiGateway", "5xx"), Points::NoneInThisRun);
        assert_eq!(points("WhoopPartner", "ShutOut"), Points::NotTold);
        assert_eq!(points("AWS/Lambda", "Errors"), Points::NotTold);
        assert_eq!(
            points("AWS/SQS", "ApproximateAgeOfOldestMessage"),
            Points::NotTold
        );
    }
}
