//! A queue whose messages are looked at, and given back or deleted.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::Builder;
use aws_sdk_sqs::config::retry::RetryConfig;
use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry,
    MessageSystemAttributeName, QueueAttributeName,
};
use aws_types::SdkConfig;
use futures_util::{StreamExt, stream};
use jiff::Timestamp;

use super::letter::Letter;
use crate::error::ToolError;

/// How many messages one call of SQS takes or gives.
pub const BATCH: usize = 10;

/// How long a receive waits for a message. Such a receive asks all servers of SQS, so that an empty answer means something.
const WAIT: Duration = Duration::from_secs(2);

/// How often a call is tried if SQS is busy.
const MAX_ATTEMPTS: u32 = 8;

/// How many batches are given back at the same time.
const RELEASES_AT_ONCE: usize = 8;

/// SQS's longest retention. It counts if a queue does not say how long it keeps messages.
const LONGEST_RETENTION: Duration = Duration::from_secs(14 * 24 * 60 * 60);

/// A queue.
pub struct Queue {
    client: Client,
    pub url: String,
}

/// How many messages a queue holds, as far as SQS knows at this moment, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct Depth {
    /// They can be received.
    pub visible: usize,
    /// Somebody has received them and has not deleted them.
    pub in_flight: usize,
    /// SQS holds them back, because their sender wants it so.
    pub delayed: usize,
    /// After this time, SQS deletes a message.
    pub retention: Duration,
}

/// What a receive gave.
pub enum Received {
    Letters(Vec<Letter>),
    /// SQS gives no more messages before some of those in flight are deleted or given back.
    TooManyInFlight,
}

impl Depth {
    /// All messages.
    pub fn total(self) -> usize {
        self.visible + self.in_flight + self.delayed
    }
}

impl Queue {
    pub fn new(config: &SdkConfig, url: String) -> Self {
        let retries = RetryConfig::standard().with_max_attempts(MAX_ATTEMPTS);
        let config = Builder::from(config).retry_config(retries).build();
        Self {
            client: Client::from_conf(config),
            url,
        }
    }

    /// How many messages the queue holds.
    ///
    /// # Errors
    ///
    /// If there is no such queue, or SQS refuses to say.
    pub async fn depth(&self) -> Result<Depth, ToolError> {
        let answer = self
            .client
            .get_queue_attributes()
            .queue_url(&self.url)
            .attribute_names(QueueAttributeName::All)
            .send()
            .await;
        let answer = answer.map_err(|error| match error.as_service_error() {
            Some(error) if error.is_queue_does_not_exist() => ToolError::Remediable {
                message: format!("there is no queue {} in this account and region", self.url),
                remedy:
                    "give --from, --region or --profile; list the queues with: aws sqs list-queues"
                        .into(),
            },
            _ => ToolError::aws("GetQueueAttributes")(error),
        })?;
        let number = |name| {
            let attributes = answer.attributes()?;
            attributes.get(&name)?.parse::<usize>().ok()
        };
        let count = |name| {
            let left_out = || ToolError::Failed("GetQueueAttributes left out a count".into());
            number(name).ok_or_else(left_out)
        };
        let retention = number(QueueAttributeName::MessageRetentionPeriod);
        Ok(Depth {
            visible: count(QueueAttributeName::ApproximateNumberOfMessages)?,
            in_flight: count(QueueAttributeName::ApproximateNumberOfMessagesNotVisible)?,
            delayed: count(QueueAttributeName::ApproximateNumberOfMessagesDelayed)?,
            retention: retention.map_or(LONGEST_RETENTION, |seconds| {
                Duration::from_secs(seconds as u64)
            }),
        })
    }

    /// Receives up to ten messages and hides them from others for this long.
    ///
    /// # Errors
    ///
    /// If SQS refuses.
    pub async fn receive(&self, hide: Duration) -> Result<Received, ToolError> {
        let answer = self
            .client
            .receive_message()
            .queue_url(&self.url)
            .max_number_of_messages(BATCH as i32)
            .wait_time_seconds(WAIT.as_secs() as i32)
            .visibility_timeout(i32::try_from(hide.as_secs()).unwrap_or(i32::MAX))
            .message_attribute_names("All")
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .send()
            .await;
        match answer {
            Ok(answer) => {
                let messages = answer.messages.unwrap_or_default().into_iter();
                Ok(Received::Letters(
                    messages.filter_map(Letter::read).collect(),
                ))
            }
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(|error| error.is_over_limit()) =>
            {
                Ok(Received::TooManyInFlight)
            }
            Err(error) => Err(ToolError::aws("ReceiveMessage")(error)),
        }
    }

    /// Makes messages visible again, given their receipt handles. Returns how many stay hidden until their time is over.
    pub async fn release(&self, receipt_handles: &[String]) -> usize {
        let batches = stream::iter(receipt_handles.chunks(BATCH))
            .map(|batch| self.release_batch(batch))
            .buffer_unordered(RELEASES_AT_ONCE);
        batches
            .fold(0, |failed, more| async move { failed + more })
            .await
    }

    async fn release_batch(&self, receipt_handles: &[String]) -> usize {
        let entries = receipt_handles.iter().enumerate().map(|(index, handle)| {
            ChangeMessageVisibilityBatchRequestEntry::builder()
                .id(index.to_string())
                .receipt_handle(handle)
                .visibility_timeout(0)
                .build()
                .expect("id and receipt handle are set")
        });
        let answer = self
            .client
            .change_message_visibility_batch()
            .queue_url(&self.url)
            .set_entries(Some(entries.collect()))
            .send()
            .await;
        answer.map_or(receipt_handles.len(), |answer| answer.failed().len())
    }

    /// Deletes messages, given their ids and receipt handles, at most ten. Returns the ids of those that are not deleted, with
    /// SQS's code of the failure.
    ///
    /// # Errors
    ///
    /// If the call fails as a whole. Some messages may be deleted nevertheless.
    pub async fn delete(
        &self,
        messages: &[(&str, &str)],
    ) -> Result<HashMap<String, String>, ToolError> {
        let entries = messages
            .iter()
            .enumerate()
            .map(|(index, (_, receipt_handle))| {
                DeleteMessageBatchRequestEntry::builder()
                    .id(index.to_string())
                    .receipt_handle(*receipt_handle)
                    .build()
                    .expect("id and receipt handle are set")
            });
        let answer = self
            .client
            .delete_message_batch()
            .queue_url(&self.url)
            .set_entries(Some(entries.collect()))
            .send()
            .await
            .map_err(ToolError::aws("DeleteMessageBatch"))?;
        let failed = answer.failed().iter().filter_map(|failed| {
            let (id, _) = messages.get(failed.id().parse::<usize>().ok()?)?;
            Some(((*id).to_owned(), failed.code().to_owned()))
        });
        Ok(failed.collect())
    }
}

/// Reads a time as SQS writes it: milliseconds since 1970.
pub fn time(millis: &str) -> Option<Timestamp> {
    Timestamp::from_millisecond(millis.parse().ok()?).ok()
}
