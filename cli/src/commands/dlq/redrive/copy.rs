//! The copy of a dead letter that goes back to the webhook's queue.

use std::collections::HashMap;

use aws_sdk_sqs::types::{
    MessageAttributeValue, MessageSystemAttributeNameForSends, MessageSystemAttributeValue,
    SendMessageBatchRequestEntry,
};
use whoop_partner::queue_message::{
    ATTRIBUTE_TYPE, FAILURE_REASON, MAX_ATTRIBUTES, MAX_SIZE, RECEIVED_AT, attribute_size,
};

use super::super::letter::Letter;

/// What is sent: the same body and attributes, without the reason. If the dead letter does not say when its webhook arrived, the
/// copy says it, because SQS's own time of the message changes.
pub struct Copy {
    body: String,
    attributes: HashMap<String, MessageAttributeValue>,
    trace_header: Option<String>,
    /// What SQS counts, in bytes.
    pub size: usize,
}

/// The copy would be larger than SQS accepts, or have too many attributes.
#[derive(Debug, PartialEq, Eq)]
pub struct TooLarge;

impl Copy {
    /// # Errors
    ///
    /// [`TooLarge`] if SQS would not accept the copy.
    pub fn of(letter: &Letter) -> Result<Self, TooLarge> {
        let mut attributes = letter.attributes.clone();
        attributes.remove(FAILURE_REASON);
        if let Some(received_at) = letter.received_at() {
            attributes.insert(RECEIVED_AT.into(), string(&received_at));
        }
        let sizes = attributes.iter().map(|(name, value)| size(name, value));
        let size = letter.body.len() + sizes.sum::<usize>();
        if size > MAX_SIZE || attributes.len() > MAX_ATTRIBUTES {
            return Err(TooLarge);
        }
        Ok(Self {
            body: letter.body.clone(),
            attributes,
            trace_header: letter.trace_header.clone(),
            size,
        })
    }

    /// The copy as an entry of a batch.
    pub fn entry(&self, id: usize) -> SendMessageBatchRequestEntry {
        let attributes = (!self.attributes.is_empty()).then(|| self.attributes.clone());
        let mut entry = SendMessageBatchRequestEntry::builder()
            .id(id.to_string())
            .message_body(&self.body)
            .set_message_attributes(attributes);
        if let Some(trace_header) = &self.trace_header {
            let value = MessageSystemAttributeValue::builder()
                .data_type(ATTRIBUTE_TYPE)
                .string_value(trace_header)
                .build()
                .expect("the data type is set");
            let name = MessageSystemAttributeNameForSends::AwsTraceHeader;
            entry = entry.message_system_attributes(name, value);
        }
        entry.build().expect("id and body are set")
    }
}

/// Splits copies so that each part is small enough for one call.
pub fn parts<T>(copies: Vec<(T, Copy)>) -> Vec<Vec<(T, Copy)>> {
    let mut parts: Vec<Vec<(T, Copy)>> = Vec::new();
    let mut room = 0;
    for (of, copy) in copies {
        match parts.last_mut() {
            Some(part) if copy.size <= room => {
                room -= copy.size;
                part.push((of, copy));
            }
            _ => {
                room = MAX_SIZE - copy.size;
                parts.push(vec![(of, copy)]);
            }
        }
    }
    parts
}

fn string(text: &str) -> MessageAttributeValue {
    MessageAttributeValue::builder()
        .data_type(ATTRIBUTE_TYPE)
        .string_value(text)
        .build()
        .expect("the data type is set")
}

fn size(name: &str, value: &MessageAttributeValue) -> usize {
    let text = value.string_value().map_or(0, str::len);
    let bytes = value.binary_value().map_or(0, |bytes| bytes.as_ref().len());
    attribute_size(name, value.data_type(), text + bytes)
}

#[cfg(test)]
mod tests {
    use super::super::super::letter::tests::letter;
    use super::*;

    const ARRIVED: (&str, &str) = (RECEIVED_AT, "2026-11-18T11:06:39.5Z");

    #[test]
    fn a_copy_is_the_message_without_the_reason() {
        let letter = letter(
            "the body",
            &[
                ARRIVED,
                ("event_type", "lab_requisition.created"),
                ("body_encoding", "base64"),
                ("of_its_own", "x"),
                (FAILURE_REASON, "expired"),
            ],
        );
        let entry = Copy::of(&letter).unwrap().entry(7);
        assert_eq!((entry.id(), entry.message_body()), ("7", "the body"));
        let mut expected = letter.attributes;
        expected.remove(FAILURE_REASON);
        assert_eq!(expected.len(), 4);
        assert_eq!(entry.message_attributes(), Some(&expected));
        assert_eq!(entry.message_system_attributes(), None);
    }

    #[test]
    fn a_copy_says_when_the_webhook_arrived_and_continues_its_trace() {
        let mut letter = letter("{}", &[]);
        letter.trace_header = Some("Root=1-5759e988-bd862e3fe1be46a994272793".into());
        let entry = Copy::of(&letter).unwrap().entry(0);
        let attributes = entry.message_attributes().unwrap();
        assert_eq!(attributes.len(), 1);
        assert_eq!(attributes[RECEIVED_AT], string("2026-11-18T11:06:40.123Z"));
        let system = entry.message_system_attributes().unwrap();
        let trace = &system[&MessageSystemAttributeNameForSends::AwsTraceHeader];
        assert_eq!(trace.string_value(), letter.trace_header.as_deref());
    }

    #[test]
    fn a_copy_is_as_large_as_sqs_allows_at_most() {
        let attribute = "received_atString2026-11-18T11:06:39.5Z".len();
        let fits = "x".repeat(MAX_SIZE - attribute);
        let copy = Copy::of(&letter(&fits, &[ARRIVED, (FAILURE_REASON, "expired")]));
        assert_eq!(copy.map(|copy| copy.size), Ok(MAX_SIZE));
        let copy = Copy::of(&letter(&format!("{fits}x"), &[ARRIVED]));
        assert_eq!(copy.err(), Some(TooLarge));
        // without its time of arrival
        assert_eq!(Copy::of(&letter(&fits, &[])).err(), Some(TooLarge));
    }

    #[test]
    fn a_copy_has_ten_attributes_at_most() {
        let names: Vec<String> = (0..10).map(|n| n.to_string()).collect();
        let attributes: Vec<_> = names.iter().map(|name| (name.as_str(), "x")).collect();
        assert!(Copy::of(&letter("{}", &attributes[..9])).is_ok());
        assert_eq!(Copy::of(&letter("{}", &attributes)).err(), Some(TooLarge));
    }

    #[test]
    fn a_part_is_small_enough_for_one_call() {
        let sizes = |bodies: &[usize]| -> Vec<usize> {
            let copies = bodies.iter().map(|size| Copy {
                body: String::new(),
                attributes: HashMap::new(),
                trace_header: None,
                size: *size,
            });
            let copies = copies.map(|copy| ((), copy)).collect();
            parts(copies).iter().map(Vec::len).collect()
        };
        assert_eq!(sizes(&[]), [0; 0]);
        assert_eq!(sizes(&[1; 10]), [10]);
        assert_eq!(sizes(&[MAX_SIZE; 3]), [1, 1, 1]);
        assert_eq!(sizes(&[MAX_SIZE / 2; 5]), [2, 2, 1]);
        assert_eq!(sizes(&[MAX_SIZE - 1, 1, 1]), [2, 1]);
    }
}
