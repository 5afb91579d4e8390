//! The queues that a dashboard names, looked at once a second.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use alarms::MetricId;
use aws_sdk_sqs::types::QueueAttributeName;
use tokio::time::sleep_until;

use super::figures::Figure;
use super::{Run, unix_seconds};
use crate::stack::{Stack, StackError};

/// What SQS calls a number of messages, and the metric that CloudWatch makes of it.
const NUMBERS: [(QueueAttributeName, &str); 2] = [
    (
        QueueAttributeName::ApproximateNumberOfMessages,
        "ApproximateNumberOfMessagesVisible",
    ),
    (
        QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
        "ApproximateNumberOfMessagesNotVisible",
    ),
];

/// Looks at the queues among `metrics` until the run ends.
///
/// # Errors
///
/// If a queue does not exist or can't be read.
pub(super) async fn watch(
    stack: &Stack,
    run: Run,
    metrics: &[&MetricId],
) -> Result<Vec<Figure>, StackError> {
    let metrics = metrics.iter();
    let of_sqs = metrics.filter(|metric| metric.namespace == "AWS/SQS");
    let names: BTreeSet<&String> = of_sqs
        .filter_map(|metric| metric.dimensions.get("QueueName"))
        .collect();
    let mut queues = Vec::new();
    for name in names {
        let queue = stack.sqs.get_queue_url().queue_name(name).send().await;
        let queue = queue.map_err(StackError::aws("GetQueueUrl"))?;
        queues.push((name, queue.queue_url.unwrap_or_default()));
    }
    let mut figures = Vec::new();
    for second in 0..run.seconds() {
        sleep_until(run.start + Duration::from_secs(second)).await;
        for (name, url) in &queues {
            figures.extend(look(stack, name, url).await?);
        }
    }
    Ok(figures)
}

async fn look(stack: &Stack, name: &str, url: &str) -> Result<Vec<Figure>, StackError> {
    let at = unix_seconds(SystemTime::now());
    let attributes = NUMBERS.map(|(attribute, _)| attribute);
    let answer = stack
        .sqs
        .get_queue_attributes()
        .queue_url(url)
        .set_attribute_names(Some(attributes.to_vec()))
        .send()
        .await
        .map_err(StackError::aws("GetQueueAttributes"))?;
    let attributes = answer.attributes.unwrap_or_default();
    let figures = NUMBERS.iter().map(|(attribute, metric)| {
        let number = attributes
            .get(attribute)
            .and_then(|number| number.parse().ok());
        let missing = || StackError::Unexpected(format!("a queue without {attribute}"));
        Ok(Figure {
            metric: MetricId::new("AWS/SQS", metric, &[("QueueName", name)]),
            at,
            value: number.ok_or_else(missing)?,
        })
    });
    figures.collect()
}
