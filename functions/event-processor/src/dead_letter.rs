//! The dead-letter queue. The processor sends messages there that are not tried again, with the reason.

use aws_sdk_sqs::Client;
use aws_sdk_sqs::primitives::Blob;
use aws_sdk_sqs::types::MessageAttributeValue;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use whoop_partner::call_failure::CallFailure;
use whoop_partner::queue_message::{
    ATTRIBUTE_TYPE, FAILURE_REASON, FailureReason, MAX_ATTRIBUTES, MAX_SIZE, attribute_size,
};

use crate::batch::{MessageAttribute, Record};

/// The dead-letter queue.
pub(crate) struct DeadLetterQueue {
    client: Client,
    url: String,
}

impl DeadLetterQueue {
    pub(crate) fn new(client: Client, url: String) -> Self {
        Self { client, url }
    }

    /// Sends a copy of a message with the reason. If SQS has no room for the reason, the message is sent without it, because
    /// otherwise it would be lost.
    pub(crate) async fn send(
        &self,
        record: &Record,
        reason: FailureReason,
    ) -> Result<(), CallFailure> {
        let body = record.body.as_deref();
        let body = body.ok_or_else(|| CallFailure::no_answer("the message has no body"))?;
        let mut attributes: Vec<_> = record
            .message_attributes()
            .filter(|(name, _)| *name != FAILURE_REASON)
            .filter_map(|(name, attribute)| Some((name, value(attribute)?)))
            .collect();
        let reason = string(reason.as_str());
        let size: usize = attributes
            .iter()
            .map(|(name, value)| size(name, value))
            .sum();
        if attributes.len() < MAX_ATTRIBUTES
            && body.len() + size + self::size(FAILURE_REASON, &reason) <= MAX_SIZE
        {
            attributes.push((FAILURE_REASON, reason));
        }
        let mut message = self
            .client
            .send_message()
            .queue_url(&self.url)
            .message_body(body);
        for (name, value) in attributes {
            message = message.message_attributes(name, value);
        }
        match message.send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(CallFailure::from(&error)),
        }
    }
}

/// Converts an attribute for SQS. Returns `None` if SQS would not accept it.
fn value(attribute: &MessageAttribute) -> Option<MessageAttributeValue> {
    let value = MessageAttributeValue::builder().data_type(attribute.data_type.as_deref()?);
    let value = match (&attribute.string_value, &attribute.binary_value) {
        (Some(text), _) => value.string_value(text),
        (None, Some(base64)) => value.binary_value(Blob::new(BASE64.decode(base64).ok()?)),
        (None, None) => return None,
    };
    value.build().ok()
}

fn string(text: &str) -> MessageAttributeValue {
    MessageAttributeValue::builder()
        .data_type(ATTRIBUTE_TYPE)
        .string_value(text)
        .build()
        .expect("the data type is set")
}

/// Returns the size of an attribute as SQS counts it: its name, data type and value.
fn size(name: &str, value: &MessageAttributeValue) -> usize {
    let text = value.string_value().map_or(0, str::len);
    let bytes = value.binary_value().map_or(0, |bytes| bytes.as_ref().len());
    attribute_size(name, value.data_type(), text + bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    use aws_sdk_sqs::operation::send_message::{SendMessageInput, SendMessageOutput};
    use aws_smithy_mocks::{RuleMode, mock, mock_client};
    use serde_json::{Value, json};

    async fn sent(body: &str, attributes: Value) -> SendMessageInput {
        let sent = Arc::new(Mutex::new(None));
        let taken = sent.clone();
        let rule = mock!(aws_sdk_sqs::Client::send_message).then_compute_output(move |message| {
            *taken.lock().unwrap() = Some(message.clone());
            SendMessageOutput::builder().message_id("1").build()
        });
        let queue = mock_client!(aws_sdk_sqs, RuleMode::MatchAny, [&rule]);
        let record = json!({"body": body, "messageAttributes": attributes}).to_string();
        let record: Record = serde_json::from_str(&record).unwrap();
        DeadLetterQueue::new(queue, "https://dead".into())
            .send(&record, FailureReason::NotFound)
            .await
            .unwrap();
        sent.lock().unwrap().take().unwrap()
    }

    fn text(value: &str) -> Value {
        json!({"stringValue": value, "dataType": "String"})
    }

    #[tokio::test]
    async fn a_dead_letter_is_the_message_with_its_attributes_and_the_reason() {
        let message = sent(
            "the body",
            json!({
                "received_at": text("2026-11-18T11:06:40.123Z"),
                "body_encoding": text("base64"),
                "bytes": {"binaryValue": "AP8=", "dataType": "Binary"},
                "failure_reason": text("undecodable"),
                "out_of_shape": 7,
            }),
        )
        .await;
        assert_eq!(message.queue_url(), Some("https://dead"));
        assert_eq!(message.message_body(), Some("the body"));
        let attributes = message.message_attributes().unwrap();
        assert_eq!(attributes.len(), 4);
        assert_eq!(
            attributes["received_at"],
            string("2026-11-18T11:06:40.123Z")
        );
        assert_eq!(attributes["body_encoding"], string("base64"));
        assert_eq!(
            attributes["bytes"].binary_value().unwrap().as_ref(),
            b"\x00\xff"
        );
        assert_eq!(attributes["failure_reason"], string("not_found"));
    }

    fn has_reason(message: &SendMessageInput) -> bool {
        let attributes = message.message_attributes();
        attributes.is_some_and(|all| all.contains_key(FAILURE_REASON))
    }

    #[tokio::test]
    async fn the_reason_stays_away_where_there_is_no_room_for_it() {
        let nine: serde_json::Map<_, _> = (1..=9).map(|n| (n.to_string(), text("x"))).collect();
        assert!(has_reason(&sent("{}", json!(nine)).await));
        let mut ten = nine;
        ten.insert("10".into(), text("x"));
        let message = sent("{}", json!(ten)).await;
        assert_eq!(message.message_attributes().unwrap().len(), 10);
        assert!(!has_reason(&message));
        let room = MAX_SIZE - "failure_reasonStringnot_found".len();
        assert!(has_reason(&sent(&"x".repeat(room), json!({})).await));
        assert!(!has_reason(&sent(&"x".repeat(room + 1), json!({})).await));
    }
}
