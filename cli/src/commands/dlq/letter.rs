//! A message of the dead-letter queue.

use std::collections::HashMap;
use std::str::FromStr;
use std::time::SystemTime;

use aws_sdk_sqs::types::{Message, MessageAttributeValue, MessageSystemAttributeName};
use clap::builder::PossibleValuesParser;
use jiff::Timestamp;
use whoop_partner::queue_message::{
    BODY_ENCODING, EVENT_TYPE, FAILURE_REASON, FailureReason, RECEIVED_AT, REQUEST_ID, decode_body,
    received_at,
};

use super::queue::time;
use crate::printable::printable;

/// The reason of a message without one: SQS itself moved it, because it was received too often.
pub const MOVED_BY_SQS: &str = "moved_by_sqs";

/// Every reason that a message can have.
fn reasons() -> [&'static str; 7] {
    [
        FailureReason::Undecodable.as_str(),
        FailureReason::NotFound.as_str(),
        FailureReason::InvalidRequest.as_str(),
        FailureReason::Refused.as_str(),
        FailureReason::Expired.as_str(),
        FailureReason::AttemptsExhausted.as_str(),
        MOVED_BY_SQS,
    ]
}

/// Takes the name of a reason from the command line.
pub fn reason_parser() -> PossibleValuesParser {
    PossibleValuesParser::new(reasons())
}

/// Whether a text looks like a reason, known or not: a newer event processor may have more of them.
fn is_word(reason: &str) -> bool {
    let letters = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
    (1..=30).contains(&reason.len()) && reason.bytes().all(letters)
}

/// A message. It has no `Debug`, because its body points at a patient's order.
pub struct Letter {
    pub id: String,
    pub receipt_handle: String,
    pub body: String,
    pub attributes: HashMap<String, MessageAttributeValue>,
    /// When it came into this queue; or, if SQS moved it, into its first one.
    pub sent_at: Option<Timestamp>,
    pub first_received_at: Option<Timestamp>,
    /// How often it has been received, including this time.
    pub receives: u32,
    pub trace_header: Option<String>,
    /// The ARN of the queue from which SQS itself moved it.
    pub moved_from: Option<String>,
}

impl Letter {
    /// Reads what SQS gives. Returns `None` if the message has no id or no receipt handle, which nobody can work with.
    pub fn read(message: Message) -> Option<Self> {
        use MessageSystemAttributeName as Name;
        let system = message.attributes.unwrap_or_default();
        let text = |name| system.get(&name).cloned();
        let at = |name| time(system.get(&name)?).filter(|time| *time > Timestamp::UNIX_EPOCH);
        let receives = text(Name::ApproximateReceiveCount);
        Some(Self {
            id: message.message_id?,
            receipt_handle: message.receipt_handle?,
            body: message.body.unwrap_or_default(),
            attributes: message.message_attributes.unwrap_or_default(),
            sent_at: at(Name::SentTimestamp),
            first_received_at: at(Name::ApproximateFirstReceiveTimestamp),
            receives: receives.and_then(|count| count.parse().ok()).unwrap_or(1),
            trace_header: text(Name::AwsTraceHeader),
            moved_from: text(Name::DeadLetterQueueSourceArn),
        })
    }

    /// The text of an attribute.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.get(name)?.string_value()
    }

    /// Why the message was set aside. What does not look like a reason is `other`, because it may be anything.
    pub fn reason(&self) -> String {
        match self.attribute(FAILURE_REASON) {
            None => MOVED_BY_SQS.into(),
            Some(reason) if is_word(reason) => reason.into(),
            Some(_) => "other".into(),
        }
    }

    pub fn event_type(&self) -> Option<String> {
        self.attribute(EVENT_TYPE).map(printable)
    }

    pub fn request_id(&self) -> Option<String> {
        self.attribute(REQUEST_ID).map(printable)
    }

    pub fn body_encoding(&self) -> Option<String> {
        self.attribute(BODY_ENCODING).map(printable)
    }

    /// When the webhook arrived, in RFC 3339, as the event processor would say it.
    pub fn received_at(&self) -> Option<String> {
        let sent_at = self
            .sent_at
            .and_then(|time| SystemTime::try_from(time).ok());
        let attribute = self.attribute(RECEIVED_AT);
        let attribute = attribute.filter(|text| Timestamp::from_str(text).is_ok());
        match sent_at {
            Some(sent_at) => Some(received_at(attribute, sent_at)),
            None => attribute.map(str::to_owned),
        }
    }

    /// The body as WHOOP sent it, if it decodes.
    pub fn decoded_body(&self) -> Option<Vec<u8>> {
        let body = decode_body(&self.body, self.attribute(BODY_ENCODING));
        body.ok().map(std::borrow::Cow::into_owned)
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A message as SQS gives it.
    pub fn letter(body: &str, attributes: &[(&str, &str)]) -> Letter {
        let mut message = Message::builder()
            .message_id("m-1")
            .receipt_handle("handle")
            .body(body)
            .attributes(MessageSystemAttributeName::SentTimestamp, "1795000000123")
            .attributes(MessageSystemAttributeName::ApproximateReceiveCount, "3");
        for (name, value) in attributes {
            let value = MessageAttributeValue::builder()
                .data_type("String")
                .string_value(*value);
            message = message.message_attributes(*name, value.build().unwrap());
        }
        Letter::read(message.build()).unwrap()
    }

    #[test]
    fn a_message_without_a_reason_was_moved_by_sqs() {
        assert_eq!(letter("{}", &[]).reason(), MOVED_BY_SQS);
        let refused = letter("{}", &[(FAILURE_REASON, "refused")]);
        assert_eq!(refused.reason(), "refused");
        for odd in [
            "Jane Doe",
            "",
            "e72719d6-0dbb",
            "a_word_that_is_far_too_long_for_a_reason",
        ] {
            let letter = letter("{}", &[("failure_reason", odd)]);
            assert_eq!(letter.reason(), "other", "{odd}");
        }
    }

    #[test]
    fn a_message_without_a_time_of_arrival_arrived_when_it_was_sent() {
        let at = |attributes: &[_]| letter("{}", attributes).received_at();
        let sent = Some("2026-11-18T11:06:40.123Z".into());
        assert_eq!(at(&[]), sent);
        assert_eq!(at(&[(RECEIVED_AT, "yesterday")]), sent);
        let attribute = at(&[(RECEIVED_AT, "2026-11-18T11:06:39Z")]);
        assert_eq!(attribute.as_deref(), Some("2026-11-18T11:06:39Z"));
    }

    #[test]
    fn a_message_that_nobody_can_give_back_is_passed_over() {
        assert!(Letter::read(Message::builder().message_id("m").build()).is_none());
        assert!(Letter::read(Message::builder().receipt_handle("r").build()).is_none());
    }

    #[test]
    fn a_text_from_outside_does_not_disturb_the_terminal() {
        let letter = letter("{}", &[(EVENT_TYPE, "a\u{1b}[2Jb\nc")]);
        assert_eq!(letter.event_type().as_deref(), Some(r"a\u{1b}[2Jb\nc"));
    }
}
