//! The message in the queue: what goes in comes out, and nothing that comes out of a queue does harm.
//!
//! An input has three parts: an encoding, a request id, a body. The encoding and the body are also read as a message that
//! somebody else has put into the queue. An empty encoding means that there is none.

use std::borrow::Cow;

use whoop_partner::queue_message::{
    self, BODY_ENCODING, MAX_SIZE, QueueMessage, TooLarge, Undecodable, Webhook,
};

use crate::gateway_event::{assert_sqs_takes, carried};
use crate::json::webhook_fields;
use crate::{now, parts};

/// Fails if a message loses a byte of the body, or if reading one goes wrong.
pub fn check(input: &[u8]) {
    let [encoding, request_id, body] = parts(input);
    let encoding = String::from_utf8_lossy(encoding);
    let request_id = String::from_utf8_lossy(request_id);
    comes_out_as_it_went_in(body, &request_id);
    foreign_message_does_no_harm(body, Some(&*encoding).filter(|text| !text.is_empty()));

    let received_at = queue_message::received_at(Some(&request_id), now());
    if received_at != request_id {
        assert_eq!(received_at, "2026-11-18T11:06:40.000Z");
    }
}

fn comes_out_as_it_went_in(body: &[u8], request_id: &str) {
    let message = match QueueMessage::new(body.to_vec(), now(), Some(request_id.to_owned())) {
        Ok(message) => message,
        Err(TooLarge) => {
            assert!(body.len() * 4 / 3 + 600 > MAX_SIZE, "{}", body.len());
            return;
        }
    };
    assert_eq!(carried(&message), body);
    let encoding = message.attribute(BODY_ENCODING);
    let decoded = queue_message::decode_body(message.body(), encoding);
    assert_eq!(decoded.as_deref(), Ok(body));
    if !body.is_empty() {
        assert_sqs_takes(&message);
    }
    assert_eq!(format!("{message:?}"), "QueueMessage { .. }");
    let webhook = Webhook::decode(message.body(), |name| message.attribute(name));
    assert_says(webhook, body);
}

fn foreign_message_does_no_harm(body: &[u8], encoding: Option<&str>) {
    let body = String::from_utf8_lossy(body);
    let webhook = Webhook::decode(&body, |name| encoding.filter(|_| name == BODY_ENCODING));
    match (queue_message::decode_body(&body, encoding), encoding) {
        (Ok(decoded), None) => {
            assert_eq!(decoded, Cow::Borrowed(body.as_bytes()));
            assert_says(webhook, &decoded);
        }
        (Ok(decoded), Some("base64")) => assert_says(webhook, &decoded),
        (Ok(_), Some(other)) => panic!("decoded, although the encoding is {other:?}"),
        (Err(Undecodable), encoding) => {
            assert!(encoding.is_some(), "a text decodes as it is");
            assert!(webhook.is_err());
        }
    }
}

/// A message is a webhook exactly if its body says what happened and to which resource.
fn assert_says(webhook: Result<Webhook, Undecodable>, body: &[u8]) {
    let Some(fields) = webhook_fields(body) else {
        return;
    };
    let expected = match fields {
        (Some(event_type), Some(resource_id)) => Some((event_type, resource_id)),
        _ => None,
    };
    let expected = expected.filter(|(event_type, id)| !event_type.is_empty() && !id.is_empty());
    let said = webhook.map(|webhook| (webhook.event_type, webhook.resource_id));
    assert_eq!(said.ok(), expected);
}
