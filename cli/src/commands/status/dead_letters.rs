//! Why messages were set aside: looks into the dead-letter queue without taking anything out.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{ChangeMessageVisibilityBatchRequestEntry, Message};
use tokio::time::Instant;
use whoop_partner::queue_message::FAILURE_REASON;

use crate::error::ToolError;
use crate::queues::Depth;
use crate::session::Session;

/// So many messages are looked at.
const MOST: usize = 1000;

/// So long messages are received.
const LIMIT: Duration = Duration::from_secs(10);

/// So long a message is hidden from others, unless it is let go before. SQS would otherwise give it again.
const HIDDEN_SECONDS: i32 = 30;

/// The reason of a message that SQS itself moved.
const MOVED_BY_SQS: &str = "moved_by_sqs";

/// What is in the dead-letter queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DeadLetters {
    pub depth: Depth,
    /// How many of those that were looked at have which `failure_reason`.
    pub reasons: BTreeMap<String, u64>,
}

impl DeadLetters {
    /// Counts the messages, and looks at as many as it can.
    ///
    /// # Errors
    ///
    /// If SQS does not answer, or refuses.
    pub async fn read(session: &Session) -> Result<Self, ToolError> {
        let queue = session.stack().await?.output("WebhookDeadLetterQueueUrl")?;
        let depth = Depth::of(session, queue).await?;
        let client = Client::new(session.config());
        let reasons = if depth.visible > 0 {
            reasons(&client, queue, depth.visible).await
        } else {
            BTreeMap::new()
        };
        Ok(Self { depth, reasons })
    }

    /// How many were not looked at: somebody else has received them, or there are too many.
    pub fn not_looked_at(&self) -> u64 {
        let looked_at: u64 = self.reasons.values().sum();
        self.depth.total().saturating_sub(looked_at)
    }
}

/// Receives messages, counts their reasons and lets them go. If a call fails, what was received until then counts.
async fn reasons(client: &Client, queue: &str, visible: u64) -> BTreeMap<String, u64> {
    let deadline = Instant::now() + LIMIT;
    let mut reasons = BTreeMap::new();
    let mut seen = HashSet::new();
    let mut received = Vec::new();
    // SQS asks only some of its servers at a time, so that an answer may be empty
    let mut empty = 0;
    while received.len() < MOST && empty < 2 && (seen.len() as u64) < visible {
        let answer = client
            .receive_message()
            .queue_url(queue)
            .max_number_of_messages(10)
            .visibility_timeout(HIDDEN_SECONDS)
            .message_attribute_names(FAILURE_REASON)
            .send();
        let Ok(Ok(answer)) = tokio::time::timeout_at(deadline, answer).await else {
            break;
        };
        let messages = answer.messages.unwrap_or_default();
        empty = if messages.is_empty() { empty + 1 } else { 0 };
        for message in messages {
            if seen.insert(message.message_id().unwrap_or_default().to_owned()) {
                *reasons.entry(reason(&message)).or_default() += 1;
            }
            received.extend(message.receipt_handle);
        }
    }
    let_go(client, queue, &received).await;
    reasons
}

/// The reason of a message. Only the words that the event processor uses are shown.
fn reason(message: &Message) -> String {
    let attributes = message.message_attributes();
    let reason = attributes.and_then(|attributes| attributes.get(FAILURE_REASON));
    match reason.and_then(|reason| reason.string_value()) {
        None => MOVED_BY_SQS.into(),
        Some(reason) if is_word(reason) => reason.into(),
        Some(_) => "other".into(),
    }
}

fn is_word(reason: &str) -> bool {
    let letters = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
    (1..=30).contains(&reason.len()) && reason.bytes().all(letters)
}

/// Makes messages visible again. If that fails, SQS does so within half a minute.
async fn let_go(client: &Client, queue: &str, handles: &[String]) {
    let deadline = Instant::now() + LIMIT;
    for handles in handles.chunks(10) {
        let entries = handles.iter().enumerate().filter_map(|(index, handle)| {
            ChangeMessageVisibilityBatchRequestEntry::builder()
                .id(index.to_string())
                .receipt_handle(handle)
                .visibility_timeout(0)
                .build()
                .ok()
        });
        let change = client
            .change_message_visibility_batch()
            .queue_url(queue)
            .set_entries(Some(entries.collect()))
            .send();
        if tokio::time::timeout_at(deadline, change).await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_sqs::types::MessageAttributeValue;

    use super::*;

    fn with_reason(reason: &str) -> Message {
        let value = MessageAttributeValue::builder()
            .data_type("String")
            .string_value(reason)
            .build()
            .unwrap();
        Message::builder()
            .message_attributes(FAILURE_REASON, value)
            .build()
    }

    #[test]
    fn only_words_are_shown_as_reasons() {
        assert_eq!(reason(&with_reason("not_found")), "not_found");
        for odd in [
            "Jane Doe",
            "",
            "e72719d6-0dbb",
            "a_word_that_is_far_too_long_for_a_reason",
        ] {
            assert_eq!(reason(&with_reason(odd)), "other", "{odd}");
        }
        assert_eq!(reason(&Message::builder().build()), MOVED_BY_SQS);
    }

    #[test]
    fn what_was_not_looked_at_is_counted() {
        let letters = DeadLetters {
            depth: Depth {
                visible: 5,
                in_flight: 2,
                delayed: 0,
            },
            reasons: BTreeMap::from([("not_found".into(), 3), ("expired".into(), 1)]),
        };
        assert_eq!(letters.not_looked_at(), 3);
    }
}
