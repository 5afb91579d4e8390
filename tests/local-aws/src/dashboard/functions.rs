//! What the local AWS itself tells about the functions that a dashboard names.
//!
//! Each invocation leaves a REPORT line in the function's log group, with its duration. Errors and throttles are counted only
//! for invocations through the Lambda API: not for those by the gateway or by a queue.

use std::collections::BTreeSet;

use alarms::MetricId;
use serde_json::{Value, json};

use super::Run;
use super::figures::Figure;
use crate::stack::{Stack, StackError};

/// What the functions among `metrics` did in the run.
///
/// # Errors
///
/// If a function or its log group can't be read, or CloudWatch refuses a call.
pub(super) async fn look_up(
    stack: &Stack,
    run: Run,
    metrics: &[&MetricId],
) -> Result<Vec<Figure>, StackError> {
    let metrics = metrics.iter();
    let metrics: BTreeSet<&MetricId> = metrics
        .filter(|metric| metric.namespace == "AWS/Lambda")
        .copied()
        .collect();
    let mut figures = Vec::new();
    for metric in metrics {
        figures.extend(match metric.name.as_str() {
            "Duration" => durations(stack, metric).await?,
            _ => counts(stack, run, metric).await?,
        });
    }
    Ok(figures)
}

/// The durations in the REPORT lines, each at the end of its invocation.
async fn durations(stack: &Stack, metric: &MetricId) -> Result<Vec<Figure>, StackError> {
    let function = metric.dimensions.get("FunctionName");
    let function = function.map(String::as_str).unwrap_or_default();
    let configuration = stack.configuration(function).await?;
    let log_group = &configuration["LoggingConfig"]["LogGroup"];
    let pages = stack
        .pages("FilterLogEvents", json!({"logGroupName": log_group}))
        .await?;
    let events = pages.iter().flat_map(|page| page["events"].as_array());
    let figures = events.flatten().filter_map(|event| {
        Some(Figure {
            metric: metric.clone(),
            at: event["timestamp"].as_u64()? / 1000,
            value: duration(event["message"].as_str()?)?,
        })
    });
    Ok(figures.collect())
}

/// The duration in a REPORT line, in milliseconds.
fn duration(line: &str) -> Option<f64> {
    let report = line.strip_prefix("REPORT ")?;
    let (_, duration) = report.split_once("\tDuration: ")?;
    let (milliseconds, _) = duration.split_once(" ms")?;
    milliseconds.parse().ok()
}

/// What the local CloudWatch has counted, second by second.
async fn counts(stack: &Stack, run: Run, metric: &MetricId) -> Result<Vec<Figure>, StackError> {
    let dimensions = metric.dimensions.iter();
    let dimensions: Vec<_> = dimensions
        .map(|(name, value)| json!({"Name": name, "Value": value}))
        .collect();
    let request = json!({
        "Namespace": metric.namespace,
        "MetricName": metric.name,
        "Dimensions": dimensions,
        "StartTime": run.start_unix,
        "EndTime": run.start_unix + run.seconds(),
        "Period": 1,
        "Statistics": ["Sum"],
    });
    let target = "GraniteServiceVersion20100801.GetMetricStatistics";
    let answer = stack.api.json("monitoring", target, request).await;
    let answer = answer.map_err(StackError::aws("GetMetricStatistics"))?;
    let points = answer["Datapoints"].as_array().into_iter().flatten();
    let figure = |point: &Value| {
        Some(Figure {
            metric: metric.clone(),
            at: point["Timestamp"].as_u64()?,
            value: point["Sum"].as_f64()?,
        })
    };
    let malformed = |point| StackError::Unexpected(format!("a data point: {point}"));
    points
        .map(|point| figure(point).ok_or_else(|| malformed(point)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_line_tells_the_duration() {
        let line =
            "REPORT RequestId: 1\tDuration: 12 ms\tBilled Duration: 13 ms\tMemory Size: 256 MB";
        assert_eq!(duration(line), Some(12.0));
        for other in [
            "START RequestId: 1",
            "REPORT RequestId: 1",
            r#"{"elapsed_ms":12}"#,
        ] {
            assert_eq!(duration(other), None, "{other}");
        }
    }
}
