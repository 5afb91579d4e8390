//! The queue. The processor gives each message that stays in it a visibility timeout of its own.

use std::time::Duration;

use aws_sdk_sqs::Client;
use futures_util::future::join_all;
use tokio::time::{Instant, timeout_at};
use whoop_partner::call_failure::CallFailure;

/// A message that stays in the queue.
pub(crate) struct Returned {
    pub(crate) message_id: String,
    pub(crate) receipt_handle: Option<String>,
    /// How long it stays invisible.
    pub(crate) wait: Duration,
}

/// The queue.
pub(crate) struct Queue {
    client: Client,
    url: String,
}

impl Queue {
    pub(crate) fn new(client: Client, url: String) -> Self {
        Self { client, url }
    }

    /// Keeps each message invisible for its own time. If that fails for a message, the queue's own timeout applies.
    ///
    /// It sends one request for each message, all at the same time. SQS has a batch request, but the local AWS demands a
    /// permission for it that does not exist in AWS.
    pub(crate) async fn keep_out(&self, returned: &[Returned], deadline: Instant) {
        join_all(returned.iter().map(|message| async move {
            let message_id = &message.message_id;
            match timeout_at(deadline, self.set_visibility_timeout(message)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    tracing::warn!(message_id, %error, "the visibility timeout is not set");
                }
                Err(_) => {
                    tracing::warn!(
                        message_id,
                        "the visibility timeout is not set: no time left"
                    );
                }
            }
        }))
        .await;
    }

    async fn set_visibility_timeout(&self, message: &Returned) -> Result<(), CallFailure> {
        let Some(receipt_handle) = &message.receipt_handle else {
            return Ok(());
        };
        let call = self
            .client
            .change_message_visibility()
            .queue_url(&self.url)
            .receipt_handle(receipt_handle)
            .visibility_timeout(seconds(message.wait));
        match call.send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(CallFailure::from(&error)),
        }
    }
}

/// Converts a wait to whole seconds, as SQS requires. It is rounded up.
fn seconds(wait: Duration) -> i32 {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    i32::try_from(seconds).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_rounded_up_to_whole_seconds() {
        assert_eq!(seconds(Duration::ZERO), 0);
        assert_eq!(seconds(Duration::from_millis(1)), 1);
        assert_eq!(seconds(Duration::from_secs(3)), 3);
        assert_eq!(seconds(Duration::from_millis(3_001)), 4);
        assert_eq!(seconds(Duration::from_secs(41_400)), 41_400);
    }
}
