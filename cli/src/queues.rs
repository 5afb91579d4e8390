//! How many messages a queue holds.

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::QueueAttributeName;

use crate::error::ToolError;
use crate::session::Session;

/// The messages of a queue, as SQS counts them: approximately.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Depth {
    /// They can be received now.
    pub visible: u64,
    /// Somebody has received them, or they wait for another try.
    pub in_flight: u64,
    /// They were sent with a delay that has not passed.
    pub delayed: u64,
}

impl Depth {
    /// All messages together.
    pub fn total(self) -> u64 {
        self.visible + self.in_flight + self.delayed
    }

    /// Asks SQS about a queue.
    ///
    /// # Errors
    ///
    /// If SQS does not answer, refuses, or leaves out a count.
    pub async fn of(session: &Session, queue_url: &str) -> Result<Self, ToolError> {
        let names = [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
            QueueAttributeName::ApproximateNumberOfMessagesDelayed,
        ];
        let answer = Client::new(session.config())
            .get_queue_attributes()
            .queue_url(queue_url)
            .set_attribute_names(Some(names.to_vec()))
            .send()
            .await
            .map_err(ToolError::aws("GetQueueAttributes"))?;
        let [visible, in_flight, delayed] = names.map(|name| {
            let count = answer.attributes()?.get(&name)?;
            count.parse().ok()
        });
        match (visible, in_flight, delayed) {
            (Some(visible), Some(in_flight), Some(delayed)) => Ok(Self {
                visible,
                in_flight,
                delayed,
            }),
            _ => Err(ToolError::Failed(
                "GetQueueAttributes left out a count".into(),
            )),
        }
    }
}

/// The name of a queue, which is the end of its URL.
pub(crate) fn queue_name(queue_url: &str) -> &str {
    queue_url.rsplit('/').next().unwrap_or_default()
}
