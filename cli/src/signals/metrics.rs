//! Reads the metrics of the stack from CloudWatch, all in one call.

use std::collections::HashMap;
use std::time::SystemTime;

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{Dimension, Metric, MetricDataQuery, MetricStat, ScanBy};

use super::{Point, Signals, WINDOW};
use crate::error::ToolError;
use crate::queues::queue_name;
use crate::session::Session;

/// The namespace of our own metrics.
const OURS: &str = "WhoopPartner";

/// The namespace of the queues' metrics.
const SQS: &str = "AWS/SQS";

/// In seconds. CloudWatch keeps such periods for 63 days.
const PERIOD: i32 = 300;

/// The values of each query, by its id.
type Values = HashMap<String, Vec<Point>>;

/// Reads the metrics of the window.
///
/// # Errors
///
/// If CloudWatch does not answer, or refuses.
pub(super) async fn read(session: &Session, now: SystemTime) -> Result<Signals, ToolError> {
    let stack = session.stack().await?;
    let ours = |id, name, statistic| query(id, OURS, name, ("Stack", &stack.name), statistic);
    let queue = queue_name(stack.output("WebhookQueueUrl")?);
    let age = "ApproximateAgeOfOldestMessage";
    let queries = [
        ours("accepted", "Accepted", "Sum"),
        ours("refused", "RefusedSignature", "Sum"),
        ours("heartbeats", "HeartbeatSeconds", "SampleCount"),
        ours("rate", "RateLimitRemaining", "Minimum"),
        query("oldest", SQS, age, ("QueueName", queue), "Maximum"),
    ];
    let mut values = values(&Client::new(session.config()), &queries, now).await?;
    let mut take = |id| {
        let mut points = values.remove(id).unwrap_or_default();
        points.sort_by_key(|point| point.at);
        Ok(points)
    };
    Ok(Signals {
        accepted: take("accepted"),
        refused_signatures: take("refused"),
        heartbeats: take("heartbeats"),
        rate_limit_remaining: take("rate"),
        oldest_message_seconds: take("oldest"),
    })
}

async fn values(
    client: &Client,
    queries: &[MetricDataQuery],
    now: SystemTime,
) -> Result<Values, ToolError> {
    let mut pages = client
        .get_metric_data()
        .set_metric_data_queries(Some(queries.to_vec()))
        .start_time(DateTime::from(now - WINDOW))
        .end_time(DateTime::from(now))
        .scan_by(ScanBy::TimestampAscending)
        .into_paginator()
        .send();
    let mut values = Values::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(ToolError::aws("GetMetricData"))?;
        for result in page.metric_data_results() {
            let points = result.timestamps().iter().zip(result.values());
            let points = points.filter_map(|(at, value)| {
                let at = SystemTime::try_from(*at).ok()?;
                Some(Point { at, value: *value })
            });
            let id = result.id().unwrap_or_default().to_owned();
            values.entry(id).or_default().extend(points);
        }
    }
    Ok(values)
}

fn query(
    id: &str,
    namespace: &str,
    name: &str,
    (dimension, value): (&str, &str),
    statistic: &str,
) -> MetricDataQuery {
    let dimension = Dimension::builder().name(dimension).value(value).build();
    let metric = Metric::builder()
        .namespace(namespace)
        .metric_name(name)
        .dimensions(dimension)
        .build();
    let statistic = MetricStat::builder()
        .metric(metric)
        .period(PERIOD)
        .stat(statistic)
        .build();
    MetricDataQuery::builder()
        .id(id)
        .metric_stat(statistic)
        .build()
}
