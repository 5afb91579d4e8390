//! Metrics in log lines, in CloudWatch's embedded metric format.
//!
//! Follows AWS's page "Specification: Embedded metric format". CloudWatch Logs drops the metrics of a line that breaks the
//! specification, and keeps the line. Here such a line is an error.

use serde_json::{Map, Value};
use thiserror::Error;

use crate::metrics::{MetricId, Metrics};

/// How many metrics a directive may define, and how many values a metric may have in one line.
const MAX_METRICS: usize = 100;
const MAX_VALUES: usize = 100;

/// How many dimensions a metric may have.
const MAX_DIMENSIONS: usize = 30;

/// The longest namespace, name of a metric, and name of a dimension.
const MAX_NAME_LENGTH: usize = 255;

/// The longest value of a dimension.
const MAX_DIMENSION_VALUE_LENGTH: usize = 1024;

/// The units in the specification's schema.
const UNITS: &[&str] = &[
    "Seconds",
    "Microseconds",
    "Milliseconds",
    "Bytes",
    "Kilobytes",
    "Megabytes",
    "Gigabytes",
    "Terabytes",
    "Bits",
    "Kilobits",
    "Megabits",
    "Gigabits",
    "Terabits",
    "Percent",
    "Count",
    "Bytes/Second",
    "Kilobytes/Second",
    "Megabytes/Second",
    "Gigabytes/Second",
    "Terabytes/Second",
    "Bits/Second",
    "Kilobits/Second",
    "Megabits/Second",
    "Gigabits/Second",
    "Terabits/Second",
    "Count/Second",
    "None",
];

/// Why CloudWatch would not take the metrics of a line.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EmfError {
    /// A member is absent, of the wrong type, or empty.
    #[error("{0} is missing or not valid")]
    Member(String),
    /// The root has no text for a dimension.
    #[error("dimension {0} has no text, or one of the wrong length, in the root")]
    Dimension(String),
    /// The root has no number for a metric.
    #[error("metric {0} has neither a number nor 1 to {MAX_VALUES} numbers in the root")]
    Metric(String),
    /// There is more than the format allows.
    #[error("{count} {what} are more than {allowed}")]
    TooMany {
        /// Of what there are too many.
        what: &'static str,
        /// How many there are.
        count: usize,
        /// How many the format allows.
        allowed: usize,
    },
}

/// What one line says.
struct Document {
    time: u64,
    values: Vec<(MetricId, f64)>,
}

impl Metrics {
    /// Adds the metrics of a log line at the line's own time, and returns how many values it added. A line that is not in
    /// the embedded metric format has none.
    ///
    /// # Errors
    ///
    /// If the line has the member `_aws` and breaks the specification. Nothing is added then.
    pub fn ingest_emf(&mut self, line: &str) -> Result<usize, EmfError> {
        self.ingest(line, None)
    }

    /// Like [`ingest_emf`](Self::ingest_emf), but at `time` instead of the line's own time, which must be valid anyway.
    ///
    /// # Errors
    ///
    /// As for [`ingest_emf`](Self::ingest_emf).
    pub fn ingest_emf_at(&mut self, line: &str, time: u64) -> Result<usize, EmfError> {
        self.ingest(line, Some(time))
    }

    fn ingest(&mut self, line: &str, time: Option<u64>) -> Result<usize, EmfError> {
        let Some(document) = Document::parse(line)? else {
            return Ok(0);
        };
        let count = document.values.len();
        for (metric, value) in document.values {
            self.add(metric, time.unwrap_or(document.time), value);
        }
        Ok(count)
    }
}

impl Document {
    fn parse(line: &str) -> Result<Option<Self>, EmfError> {
        let Ok(Value::Object(root)) = serde_json::from_str(line) else {
            return Ok(None);
        };
        let Some(metadata) = root.get("_aws") else {
            return Ok(None);
        };
        let milliseconds = metadata["Timestamp"].as_u64();
        let milliseconds = milliseconds.ok_or_else(|| member("_aws.Timestamp"))?;
        let mut values = Vec::new();
        for directive in list(metadata, "CloudWatchMetrics")? {
            let namespace = name(directive, "Namespace")?;
            let dimensions = dimension_sets(directive, &root)?;
            for (name, metric_values) in metrics(directive, &root)? {
                for dimensions in &dimensions {
                    let metric = MetricId::new(namespace, name, dimensions);
                    values.extend(metric_values.iter().map(|value| (metric.clone(), *value)));
                }
            }
        }
        let time = milliseconds / 1000;
        Ok(Some(Self { time, values }))
    }
}

/// The names and values of the dimensions, set by set. The set may be empty, the list of sets may not.
fn dimension_sets<'a>(
    directive: &'a Value,
    root: &'a Map<String, Value>,
) -> Result<Vec<Vec<(&'a str, &'a str)>>, EmfError> {
    let sets = list(directive, "Dimensions")?;
    if sets.is_empty() {
        return Err(member("Dimensions"));
    }
    let set = |set: &'a Value| {
        let names = set.as_array().ok_or_else(|| member("Dimensions"))?;
        at_most(MAX_DIMENSIONS, "dimensions", names)?;
        let names = names.iter();
        names
            .map(|name| {
                let name = valid_name(name).ok_or_else(|| member("Dimensions"))?;
                let value = root.get(name).and_then(Value::as_str);
                let value = value.filter(|value| has_length(value, MAX_DIMENSION_VALUE_LENGTH));
                let value = value.ok_or_else(|| EmfError::Dimension(name.to_owned()))?;
                Ok((name, value))
            })
            .collect()
    };
    sets.iter().map(set).collect()
}

/// The names and values of the metrics.
fn metrics<'a>(
    directive: &'a Value,
    root: &Map<String, Value>,
) -> Result<Vec<(&'a str, Vec<f64>)>, EmfError> {
    let definitions = list(directive, "Metrics")?;
    at_most(MAX_METRICS, "metrics", definitions)?;
    let metric = |definition: &'a Value| {
        let name = name(definition, "Name")?;
        let unit = &definition["Unit"];
        if !unit.is_null() && !unit.as_str().is_some_and(|unit| UNITS.contains(&unit)) {
            return Err(member("Unit"));
        }
        let resolution = &definition["StorageResolution"];
        if !resolution.is_null() && !matches!(resolution.as_u64(), Some(1 | 60)) {
            return Err(member("StorageResolution"));
        }
        let values: Option<Vec<f64>> = match root.get(name) {
            Some(Value::Array(values)) => values.iter().map(Value::as_f64).collect(),
            Some(value) => value.as_f64().map(|value| vec![value]),
            None => None,
        };
        let values = values.filter(|values| (1..=MAX_VALUES).contains(&values.len()));
        let values = values.ok_or_else(|| EmfError::Metric(name.to_owned()))?;
        Ok((name, values))
    };
    definitions.iter().map(metric).collect()
}

fn list<'a>(value: &'a Value, name: &str) -> Result<&'a [Value], EmfError> {
    let list = value[name].as_array();
    list.map(Vec::as_slice).ok_or_else(|| member(name))
}

fn name<'a>(value: &'a Value, member_name: &str) -> Result<&'a str, EmfError> {
    valid_name(&value[member_name]).ok_or_else(|| member(member_name))
}

fn valid_name(value: &Value) -> Option<&str> {
    value
        .as_str()
        .filter(|text| has_length(text, MAX_NAME_LENGTH))
}

fn has_length(text: &str, longest: usize) -> bool {
    (1..=longest).contains(&text.chars().count())
}

fn at_most(allowed: usize, what: &'static str, list: &[Value]) -> Result<(), EmfError> {
    let count = list.len();
    if count > allowed {
        return Err(EmfError::TooMany {
            what,
            count,
            allowed,
        });
    }
    Ok(())
}

fn member(name: &str) -> EmfError {
    EmfError::Member(name.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::metrics::Statistic;

    fn valid() -> Value {
        json!({
            "_aws": {
                "Timestamp": 1_574_109_732_004_u64,
                "CloudWatchMetrics": [{
                    "Namespace": "Shop",
                    "Dimensions": [["Function", "Version"], ["Function"], []],
                    "Metrics": [{"Name": "Time", "Unit": "Milliseconds"}, {"Name": "Orders"}],
                }],
            },
            "Function": "checkout",
            "Version": "$LATEST",
            "Time": [5, 7.5],
            "Orders": 3,
            "requestId": "989ffbf8",
        })
    }

    fn sum(metrics: &Metrics, name: &str, dimensions: &[(&str, &str)], time: u64) -> Option<f64> {
        let metric = MetricId::new("Shop", name, dimensions);
        metrics.statistic(&metric, Statistic::Sum, time..time + 1)
    }

    #[test]
    fn takes_every_metric_with_every_set_of_dimensions() {
        let mut metrics = Metrics::new();
        assert_eq!(metrics.ingest_emf(&valid().to_string()), Ok(9));
        for set in [
            &[("Function", "checkout"), ("Version", "$LATEST")][..],
            &[("Function", "checkout")],
            &[],
        ] {
            assert_eq!(sum(&metrics, "Time", set, 1_574_109_732), Some(12.5));
            assert_eq!(sum(&metrics, "Orders", set, 1_574_109_732), Some(3.0));
        }
        assert_eq!(metrics.ids().count(), 6);
    }

    #[test]
    fn takes_a_line_at_a_scripted_time() {
        let mut metrics = Metrics::new();
        assert_eq!(metrics.ingest_emf_at(&valid().to_string(), 42), Ok(9));
        assert_eq!(sum(&metrics, "Orders", &[], 42), Some(3.0));
        assert_eq!(sum(&metrics, "Orders", &[], 1_574_109_732), None);
    }

    #[test]
    fn a_line_in_another_format_has_no_metrics() {
        let mut metrics = Metrics::new();
        for line in [
            "",
            "START RequestId: 1",
            "[1]",
            "7",
            r#"{"level":"INFO"}"#,
            r#"{"_aws":"#,
        ] {
            assert_eq!(metrics.ingest_emf(line), Ok(0), "{line}");
        }
    }

    /// Replaces the member at `pointer`, or removes it, and expects this message.
    #[track_caller]
    fn rejected(pointer: &str, member: Option<Value>, message: &str) {
        let mut line = valid();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        let parent = line.pointer_mut(parent).unwrap();
        match member {
            Some(member) => parent[name] = member,
            None => drop(parent.as_object_mut().unwrap().remove(name)),
        }
        let mut metrics = Metrics::new();
        let error = metrics.ingest_emf(&line.to_string()).unwrap_err();
        assert_eq!(error.to_string(), message);
        assert_eq!(metrics.ids().count(), 0, "nothing may be added");
    }

    #[test]
    fn rejects_what_lacks_a_required_member_or_has_another_type() {
        let directive = "/_aws/CloudWatchMetrics/0";
        let in_directive = |name: &str| format!("{directive}/{name}");
        let in_metric = |name: &str| format!("{directive}/Metrics/0/{name}");
        for (pointer, name) in [
            ("/_aws/Timestamp".to_owned(), "_aws.Timestamp"),
            ("/_aws/CloudWatchMetrics".to_owned(), "CloudWatchMetrics"),
            (in_directive("Namespace"), "Namespace"),
            (in_directive("Dimensions"), "Dimensions"),
            (in_directive("Metrics"), "Metrics"),
            (in_metric("Name"), "Name"),
        ] {
            let message = format!("{name} is missing or not valid");
            rejected(&pointer, None, &message);
            rejected(&pointer, Some(Value::Null), &message);
            rejected(&pointer, Some(json!("")), &message);
        }
        let not_valid = |name: &str| format!("{name} is missing or not valid");
        rejected("/_aws", Some(json!(1)), &not_valid("_aws.Timestamp"));
        rejected(
            "/_aws/Timestamp",
            Some(json!(1.5)),
            &not_valid("_aws.Timestamp"),
        );
        rejected(
            "/_aws/Timestamp",
            Some(json!(-1)),
            &not_valid("_aws.Timestamp"),
        );
        rejected(
            &in_directive("Dimensions"),
            Some(json!([])),
            &not_valid("Dimensions"),
        );
        rejected(
            &in_directive("Dimensions"),
            Some(json!(["Function"])),
            &not_valid("Dimensions"),
        );
        rejected(
            &in_directive("Dimensions"),
            Some(json!([[""]])),
            &not_valid("Dimensions"),
        );
        rejected(
            &in_directive("Namespace"),
            Some(json!("x".repeat(256))),
            &not_valid("Namespace"),
        );
        rejected(
            &in_metric("Unit"),
            Some(json!("Minutes")),
            &not_valid("Unit"),
        );
        rejected(
            &in_metric("StorageResolution"),
            Some(json!(30)),
            &not_valid("StorageResolution"),
        );
    }

    #[test]
    fn rejects_a_dimension_without_text() {
        let message = "dimension Function has no text, or one of the wrong length, in the root";
        rejected("/Function", None, message);
        for value in [
            json!(1),
            json!(null),
            json!(""),
            json!({"name": "checkout"}),
        ] {
            rejected("/Function", Some(value), message);
        }
        rejected("/Function", Some(json!("x".repeat(1025))), message);
    }

    #[test]
    fn rejects_a_metric_without_numbers() {
        let message = "metric Orders has neither a number nor 1 to 100 numbers in the root";
        rejected("/Orders", None, message);
        for value in [
            json!("3"),
            json!(null),
            json!(true),
            json!([]),
            json!([1, "2"]),
        ] {
            rejected("/Orders", Some(value), message);
        }
        rejected("/Orders", Some(json!(vec![1; 101])), message);
    }

    #[test]
    fn rejects_too_many_metrics_and_dimensions() {
        let metrics = json!(vec![json!({"Name": "Orders"}); 101]);
        let pointer = "/_aws/CloudWatchMetrics/0/Metrics";
        rejected(pointer, Some(metrics), "101 metrics are more than 100");
        let dimensions = json!([vec!["Function"; 31]]);
        let pointer = "/_aws/CloudWatchMetrics/0/Dimensions";
        rejected(pointer, Some(dimensions), "31 dimensions are more than 30");
    }

    #[test]
    fn takes_as_many_metrics_as_are_allowed() {
        let mut line = valid();
        let metrics = json!(vec![json!({"Name": "Orders"}); 100]);
        line["_aws"]["CloudWatchMetrics"][0]["Metrics"] = metrics;
        assert_eq!(Metrics::new().ingest_emf(&line.to_string()), Ok(300));
    }
}
