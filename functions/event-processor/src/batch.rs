//! The batch that SQS hands over, and the response to it (AWS Lambda, "Using Lambda with Amazon SQS", "Partial batch responses").
//!
//! The typed event of `aws_lambda_events` would fail the whole batch if one record is malformed. Here each record is read by
//! itself. If something is missing, only the processing of that record fails.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, SystemTime};

use lambda_runtime::Diagnostic;
use serde::{Deserialize, Deserializer, Serialize};
use whoop_partner::lenient;

/// A batch of messages.
#[derive(Debug, Deserialize)]
pub struct SqsBatch {
    #[serde(rename = "Records")]
    pub(crate) records: Vec<AnyRecord>,
}

/// A record. Any JSON that is no record is read as an empty one.
#[derive(Debug, Deserialize)]
pub(crate) struct AnyRecord(#[serde(deserialize_with = "lenient::object")] pub(crate) Record);

/// One message. `Debug` shows no body.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Record {
    /// Never empty: an empty id in the response would mean that the whole batch failed.
    #[serde(deserialize_with = "identifier")]
    pub(crate) message_id: Option<String>,
    #[serde(deserialize_with = "lenient::string")]
    pub(crate) receipt_handle: Option<String>,
    #[serde(deserialize_with = "lenient::string")]
    pub(crate) body: Option<String>,
    #[serde(deserialize_with = "lenient::object")]
    attributes: SystemAttributes,
    #[serde(deserialize_with = "lenient::object")]
    message_attributes: BTreeMap<String, AnyAttribute>,
}

/// What SQS itself says about a message. Its numbers are text.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct SystemAttributes {
    #[serde(deserialize_with = "lenient::string")]
    approximate_receive_count: Option<String>,
    #[serde(deserialize_with = "lenient::string")]
    approximate_first_receive_timestamp: Option<String>,
    #[serde(deserialize_with = "lenient::string")]
    sent_timestamp: Option<String>,
}

#[derive(Deserialize)]
struct AnyAttribute(#[serde(deserialize_with = "lenient::object")] MessageAttribute);

/// A message attribute: text, or bytes in base64.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct MessageAttribute {
    #[serde(deserialize_with = "lenient::string")]
    pub(crate) data_type: Option<String>,
    #[serde(deserialize_with = "lenient::string")]
    pub(crate) string_value: Option<String>,
    #[serde(deserialize_with = "lenient::string")]
    pub(crate) binary_value: Option<String>,
}

impl Record {
    /// Returns how often the message has been received, including this time.
    pub(crate) fn receive_count(&self) -> u32 {
        let count = self.attributes.approximate_receive_count.as_deref();
        count.and_then(|count| count.parse().ok()).unwrap_or(1)
    }

    /// Returns when it was received for the first time. If SQS does not say, this is when it was sent.
    pub(crate) fn first_received_at(&self) -> Option<SystemTime> {
        time(&self.attributes.approximate_first_receive_timestamp).or_else(|| self.sent_at())
    }

    /// Returns when it was sent to the queue.
    pub(crate) fn sent_at(&self) -> Option<SystemTime> {
        time(&self.attributes.sent_timestamp)
    }

    /// Returns the message attributes with their names.
    pub(crate) fn message_attributes(&self) -> impl Iterator<Item = (&str, &MessageAttribute)> {
        let attributes = self.message_attributes.iter();
        attributes.map(|(name, AnyAttribute(attribute))| (name.as_str(), attribute))
    }

    /// Returns the text of a message attribute.
    pub(crate) fn text_attribute(&self, name: &str) -> Option<&str> {
        self.message_attributes.get(name)?.0.string_value.as_deref()
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("message_id", &self.message_id)
            .finish_non_exhaustive()
    }
}

fn identifier<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(lenient::string(deserializer)?.filter(|id| !id.is_empty()))
}

/// Reads a time as SQS writes it: milliseconds since 1970.
fn time(millis: &Option<String>) -> Option<SystemTime> {
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(millis.as_deref()?.parse().ok()?))
}

/// The messages of a batch that stay in the queue. SQS deletes all others.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchResponse {
    /// The messages that stay.
    pub batch_item_failures: Vec<BatchItemFailure>,
}

/// A message that stays in the queue.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchItemFailure {
    /// Its message id.
    pub item_identifier: String,
}

/// A message without an id can't be named in the response. The whole batch has to fail instead.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a record of the batch has no message id")]
pub struct UnidentifiedMessage;

impl From<UnidentifiedMessage> for Diagnostic {
    fn from(error: UnidentifiedMessage) -> Self {
        Self {
            error_type: "UnidentifiedMessage".into(),
            error_message: error.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn record(record: serde_json::Value) -> Record {
        let batch = json!({"Records": [record]}).to_string();
        let batch: SqsBatch = serde_json::from_str(&batch).expect("any record is read");
        batch.records.into_iter().next().unwrap().0
    }

    #[test]
    fn reads_what_lambda_documents() {
        let record = record(json!({
            "messageId": "19dd0b57",
            "receiptHandle": "AQEB",
            "body": "{}",
            "attributes": {
                "ApproximateReceiveCount": "3",
                "SentTimestamp": "1523232000000",
                "SenderId": "AIDA",
                "ApproximateFirstReceiveTimestamp": "1523232000001"
            },
            "messageAttributes": {
                "received_at": {"stringValue": "t", "stringListValues": [], "binaryListValues": [], "dataType": "String"},
                "bytes": {"binaryValue": "AP8=", "dataType": "Binary"}
            },
            "md5OfBody": "7b27",
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:us-east-2:123456789012:my-queue",
            "awsRegion": "us-east-2"
        }));
        assert_eq!(record.message_id.as_deref(), Some("19dd0b57"));
        assert_eq!(record.receipt_handle.as_deref(), Some("AQEB"));
        assert_eq!(record.body.as_deref(), Some("{}"));
        assert_eq!(record.receive_count(), 3);
        let sent_at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_523_232_000);
        assert_eq!(record.sent_at(), Some(sent_at));
        let first_received_at = sent_at + Duration::from_millis(1);
        assert_eq!(record.first_received_at(), Some(first_received_at));
        assert_eq!(record.text_attribute("received_at"), Some("t"));
        assert_eq!(record.text_attribute("bytes"), None);
        let names: Vec<_> = record.message_attributes().map(|(name, _)| name).collect();
        assert_eq!(names, ["bytes", "received_at"]);
    }

    #[test]
    fn a_record_out_of_shape_keeps_the_message_id_it_has() {
        for odd in [
            json!({"messageId": "m"}),
            json!({"messageId": "m", "body": null, "receiptHandle": 7, "attributes": "none", "messageAttributes": []}),
            json!({"messageId": "m", "attributes": {"ApproximateReceiveCount": 3, "SentTimestamp": "soon"}}),
            json!({"messageId": "m", "attributes": {"ApproximateReceiveCount": "-1", "SentTimestamp": "18446744073709551616"}}),
            json!({"messageId": "m", "messageAttributes": {"received_at": null, "x": {"stringValue": 1}}}),
        ] {
            let record = record(odd.clone());
            assert_eq!(record.message_id.as_deref(), Some("m"), "{odd}");
            assert_eq!(record.receive_count(), 1, "{odd}");
            assert_eq!(record.first_received_at(), None, "{odd}");
            assert_eq!(record.text_attribute("received_at"), None, "{odd}");
        }
        for odd in [
            json!(null),
            json!("text"),
            json!([1]),
            json!({"messageId": ["m"]}),
            json!({"messageId": ""}),
        ] {
            assert_eq!(record(odd.clone()).message_id, None, "{odd}");
        }
    }

    #[test]
    fn an_event_that_is_no_batch_is_an_error_so_that_nothing_is_deleted() {
        for event in ["{}", r#"{"Records": null}"#, "[]", "null", "1"] {
            assert!(serde_json::from_str::<SqsBatch>(event).is_err(), "{event}");
        }
    }

    #[test]
    fn the_response_has_the_shape_that_lambda_documents() {
        let response = BatchResponse {
            batch_item_failures: vec![BatchItemFailure {
                item_identifier: "19dd0b57".into(),
            }],
        };
        assert_eq!(
            serde_json::to_value(response).unwrap(),
            json!({"batchItemFailures": [{"itemIdentifier": "19dd0b57"}]})
        );
        assert_eq!(
            serde_json::to_value(BatchResponse::default()).unwrap(),
            json!({"batchItemFailures": []})
        );
    }

    #[test]
    fn debug_shows_no_body() {
        let record =
            record(json!({"messageId": "m", "body": "the-order", "receiptHandle": "the-order"}));
        assert_eq!(
            format!("{record:?}"),
            r#"Record { message_id: Some("m"), .. }"#
        );
    }
}
