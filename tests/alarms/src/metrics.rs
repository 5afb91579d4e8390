//! The data points of all metrics.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

/// What identifies a metric. Two sets of dimensions make two metrics.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct MetricId {
    /// Such as `AWS/SQS`.
    pub namespace: String,
    /// Its name within the namespace.
    pub name: String,
    /// The value of each dimension.
    pub dimensions: BTreeMap<String, String>,
}

impl MetricId {
    /// The metric with this namespace, name and dimensions.
    #[must_use]
    pub fn new(namespace: &str, name: &str, dimensions: &[(&str, &str)]) -> Self {
        let dimensions = dimensions.iter();
        Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            dimensions: dimensions
                .map(|&(dimension, value)| (dimension.to_owned(), value.to_owned()))
                .collect(),
        }
    }
}

impl fmt::Display for MetricId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.namespace, self.name)?;
        for (dimension, value) in &self.dimensions {
            write!(f, " {dimension}={value}")?;
        }
        Ok(())
    }
}

/// How the values of a period become one data point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Statistic {
    /// The sum of the values.
    Sum,
    /// Their mean.
    Average,
    /// The smallest.
    Minimum,
    /// The largest.
    Maximum,
    /// How many there are.
    SampleCount,
}

impl Statistic {
    /// The statistic that CloudWatch calls `name`. Percentiles and other extended statistics are not known.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "Sum" => Some(Self::Sum),
            "Average" => Some(Self::Average),
            "Minimum" => Some(Self::Minimum),
            "Maximum" => Some(Self::Maximum),
            "SampleCount" => Some(Self::SampleCount),
            _ => None,
        }
    }

    /// The data point for `values`. A period without values has none.
    #[must_use]
    pub fn of(self, values: &[f64]) -> Option<f64> {
        let count = values.len() as f64;
        let sum = values.iter().sum::<f64>();
        let data_point = match self {
            Self::Sum => sum,
            Self::Average => sum / count,
            Self::Minimum => values.iter().copied().fold(f64::INFINITY, f64::min),
            Self::Maximum => values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            Self::SampleCount => count,
        };
        (!values.is_empty()).then_some(data_point)
    }
}

/// The data points of all metrics. Times are Unix seconds.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    series: BTreeMap<MetricId, Series>,
}

#[derive(Debug, Clone, Default)]
struct Series {
    values: BTreeMap<u64, Vec<f64>>,
    /// The default of a metric filter, by the minute's start. It counts if the minute has no value.
    defaults: BTreeMap<u64, f64>,
}

impl Metrics {
    /// A store without data points.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one value.
    ///
    /// # Panics
    ///
    /// If the value is infinite or not a number. CloudWatch rejects such values.
    pub fn put(
        &mut self,
        namespace: &str,
        name: &str,
        dimensions: &[(&str, &str)],
        time: u64,
        value: f64,
    ) {
        self.add(MetricId::new(namespace, name, dimensions), time, value);
    }

    /// Adds one value of `metric`.
    ///
    /// # Panics
    ///
    /// As for [`put`](Self::put).
    pub fn add(&mut self, metric: MetricId, time: u64, value: f64) {
        assert!(value.is_finite(), "{metric} has the value {value}");
        let series = self.series.entry(metric).or_default();
        series.values.entry(time).or_default().push(value);
    }

    /// Adds a value that counts if the metric has no other value in that minute.
    pub(crate) fn add_default(&mut self, metric: MetricId, time: u64, value: f64) {
        let series = self.series.entry(metric).or_default();
        series.defaults.insert(time - time % 60, value);
    }

    /// The metrics that have a data point.
    pub fn ids(&self) -> impl Iterator<Item = &MetricId> {
        self.series.keys()
    }

    /// The statistic over the values at `times`; none if there are no values.
    #[must_use]
    pub fn statistic(
        &self,
        metric: &MetricId,
        statistic: Statistic,
        times: Range<u64>,
    ) -> Option<f64> {
        statistic.of(&self.values(metric, times))
    }

    /// The values at `times`, for a statistic that is not known here.
    #[must_use]
    pub fn values(&self, metric: &MetricId, times: Range<u64>) -> Vec<f64> {
        let series = self.series.get(metric);
        series.map_or_else(Vec::new, |series| series.values_at(times))
    }
}

impl Series {
    fn values_at(&self, times: Range<u64>) -> Vec<f64> {
        let minute_is_empty = |minute: u64| {
            let mut values = self.values.range(minute..minute + 60);
            values.next().is_none()
        };
        let values = self.values.range(times.clone());
        let values = values.flat_map(|(_, values)| values);
        let defaults = self.defaults.range(times);
        let defaults = defaults.filter(|(minute, _)| minute_is_empty(**minute));
        values
            .chain(defaults.map(|(_, value)| value))
            .copied()
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(statistic: Statistic, expected: f64) {
        let mut metrics = Metrics::new();
        for (time, value) in [(59, 100.0), (60, 4.0), (60, 1.0), (119, 7.0), (120, 200.0)] {
            metrics.put("Shop", "Orders", &[("Store", "1")], time, value);
        }
        let metric = MetricId::new("Shop", "Orders", &[("Store", "1")]);
        let data_point = metrics.statistic(&metric, statistic, 60..120);
        assert_eq!(data_point, Some(expected));
    }

    #[test]
    fn each_statistic_covers_the_values_of_the_period() {
        check(Statistic::Sum, 12.0);
        check(Statistic::Average, 4.0);
        check(Statistic::Minimum, 1.0);
        check(Statistic::Maximum, 7.0);
        check(Statistic::SampleCount, 3.0);
    }

    #[test]
    fn a_period_without_values_has_no_data_point() {
        let mut metrics = Metrics::new();
        metrics.put("Shop", "Orders", &[], 60, 1.0);
        let metric = MetricId::new("Shop", "Orders", &[]);
        for name in ["Sum", "Average", "Minimum", "Maximum", "SampleCount"] {
            let statistic = Statistic::named(name).unwrap();
            assert_eq!(metrics.statistic(&metric, statistic, 0..60), None);
        }
        assert_eq!(Statistic::named("p99"), None);
    }

    #[test]
    fn other_dimensions_make_another_metric() {
        let mut metrics = Metrics::new();
        metrics.put(
            "Shop",
            "Orders",
            &[("Store", "1"), ("City", "Bonn")],
            0,
            1.0,
        );
        let sum = |dimensions: &[(&str, &str)]| {
            let metric = MetricId::new("Shop", "Orders", dimensions);
            metrics.statistic(&metric, Statistic::Sum, 0..60)
        };
        assert_eq!(sum(&[("City", "Bonn"), ("Store", "1")]), Some(1.0));
        assert_eq!(sum(&[("Store", "1")]), None);
        assert_eq!(sum(&[]), None);
        let ids: Vec<_> = metrics.ids().map(ToString::to_string).collect();
        assert_eq!(ids, ["Shop Orders City=Bonn Store=1"]);
    }

    #[test]
    fn a_default_counts_only_in_a_minute_without_values() {
        let mut metrics = Metrics::new();
        let metric = MetricId::new("Shop", "Errors", &[]);
        for time in [5, 65, 66] {
            metrics.add_default(metric.clone(), time, 0.0);
        }
        metrics.put("Shop", "Errors", &[], 30, 1.0);
        let count = metrics.statistic(&metric, Statistic::SampleCount, 0..120);
        assert_eq!(count, Some(2.0));
        let minimum = metrics.statistic(&metric, Statistic::Minimum, 0..60);
        assert_eq!(minimum, Some(1.0));
    }

    #[test]
    #[should_panic(expected = "Shop Orders has the value NaN")]
    fn rejects_a_value_that_is_no_number() {
        Metrics::new().put("Shop", "Orders", &[], 0, f64::NAN);
    }
}
