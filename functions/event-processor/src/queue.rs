//! The queue, as the processor uses it: for messages that go back to it, each with its own visibility timeout.

use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::ChangeMessageVisibilityBatchRequestEntry;
use tokio::time::{Instant, timeout_at};
use whoop_partner::call_failure::CallFailure;

use crate::retry;

/// How many messages a batch request to SQS may be about.
const MAX_BATCH: usize = 10;

/// A message that goes back to the queue.
pub(crate) struct Returned {
    pub(crate) message_id: String,
    pub(crate) receipt_handle: Option<String>,
    /// How long it is to stay out.
    pub(crate) wait: Duration,
}

/// The queue.
#[derive(Debug)]
pub(crate) struct Queue {
    client: Client,
    url: String,
}

impl Queue {
    pub(crate) fn new(client: Client, url: String) -> Self {
        Self { client, url }
    }

    /// Keeps messages invisible for as long as each is to stay out. Where that fails, the queue's own timeout holds.
    pub(crate) async fn keep_out(&self, returned: &[Returned], deadline: Instant) {
        for returned in returned.chunks(MAX_BATCH) {
            let entries = entries(returned);
            if entries.is_empty() {
                continue;
            }
            let call = self
                .client
                .change_message_visibility_batch()
                .queue_url(&self.url)
                .set_entries(Some(entries))
                .send();
            match timeout_at(deadline, call).await {
                Ok(Ok(answer)) if answer.failed().is_empty() => {}
                Ok(Ok(answer)) => {
                    let codes: Vec<_> = answer.failed().iter().map(|entry| entry.code()).collect();
                    tracing::warn!(?codes, "visibility timeouts not set");
                }
                Ok(Err(error)) => {
                    let error = CallFailure::from(&error);
                    tracing::warn!(%error, "visibility timeouts not set");
                }
                Err(_) => tracing::warn!("visibility timeouts not set: no answer in time"),
            }
        }
    }
}

/// Entries of a batch request, each with its place as id; SQS can't change what came without a receipt handle.
fn entries(returned: &[Returned]) -> Vec<ChangeMessageVisibilityBatchRequestEntry> {
    let entries = returned.iter().enumerate().filter_map(|(place, message)| {
        ChangeMessageVisibilityBatchRequestEntry::builder()
            .id(place.to_string())
            .receipt_handle(message.receipt_handle.as_deref()?)
            .visibility_timeout(retry::visibility_timeout(message.wait))
            .build()
            .ok()
    });
    entries.collect()
}
