use super::*;
use std::time::Duration;

fn received_at() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_000_000_123)
}

fn message(body: impl Into<Vec<u8>>) -> Result<QueueMessage, TooLarge> {
    QueueMessage::new(body.into(), received_at(), Some("JKJaXmPLvHcESHA=".into()))
}

#[test]
fn the_attributes_say_what_arrived_when_and_by_which_request() {
    let message = message(r#"{"event_type":"lab_requisition.created","resource_id":"r"}"#).unwrap();
    let attributes = [
        ("received_at", "2026-11-18T11:06:40.123Z"),
        ("event_type", "lab_requisition.created"),
        ("request_id", "JKJaXmPLvHcESHA="),
    ];
    assert_eq!(
        message.attributes,
        attributes.map(|(name, value)| (name, value.to_owned()))
    );
}

#[test]
fn the_parts_of_a_message_are_its_body_and_its_attributes() {
    let message = message(r#"{"event_type":"t"}"#).unwrap();
    let attributes = message.attributes.clone();
    assert_eq!(attributes.len(), 3);
    let parts = (r#"{"event_type":"t"}"#.to_owned(), attributes);
    assert_eq!(message.into_parts(), parts);
}

#[test]
fn text_travels_byte_for_byte() {
    for body in [
        "{}",
        " \t\r\n{ }\u{e9}\u{1f600}\u{7f}\u{d7ff}\u{e000}\u{fffd}\u{10ffff}",
        "no json",
    ] {
        let message = message(body).unwrap();
        assert_eq!(message.body, body);
        assert_eq!(message.attribute(BODY_ENCODING), None);
    }
}

#[test]
fn what_sqs_takes_for_no_text_travels_in_base64() {
    for body in [
        &b"\xff"[..],
        b"{}\0",
        b"\x1b",
        "\u{fffe}".as_bytes(),
        "a\u{ffff}".as_bytes(),
    ] {
        let message = message(body).unwrap();
        assert_eq!(BASE64.decode(&message.body).unwrap(), body);
        assert_eq!(message.attribute(BODY_ENCODING), Some("base64"));
    }
}

#[test]
fn an_event_type_that_does_not_fit_is_left_out() {
    let long = "x".repeat(MAX_ATTRIBUTE_LENGTH);
    for (event_type, fits) in [
        (long.as_str(), true),
        (&format!("{long}x"), false),
        ("", false),
        ("a\nb", false),
        ("a\u{fffe}", false),
    ] {
        let body = serde_json::json!({"event_type": event_type}).to_string();
        let message = message(body).unwrap();
        assert_eq!(message.attribute("event_type"), fits.then_some(event_type));
    }
}

#[test]
fn the_resource_id_is_not_among_the_attributes() {
    let message = message(r#"{"event_type":"t","resource_id":"the-order"}"#).unwrap();
    assert!(
        message
            .attributes
            .iter()
            .all(|(_, value)| !value.contains("the-order"))
    );
}

#[test]
fn name_type_and_value_of_an_attribute_count_towards_the_size() {
    let received_at = "received_at".len() + "String".len() + "2026-11-18T11:06:40.123Z".len();
    let request_id = "request_id".len() + "String".len() + "JKJaXmPLvHcESHA=".len();
    let message = message("the body").unwrap();
    assert_eq!(message.size(), 8 + received_at + request_id);
}

#[test]
fn a_message_may_weigh_one_mebibyte_with_its_attributes() {
    assert_eq!(MAX_SIZE, 1_048_576);
    let attributes = message("").unwrap().size();
    let largest = MAX_SIZE - attributes;
    assert!(message("x".repeat(largest)).is_ok());
    assert_eq!(message("x".repeat(largest + 1)).err(), Some(TooLarge));
}

#[test]
fn base64_counts_towards_the_size() {
    let body = vec![0xff; MAX_SIZE * 3 / 4];
    assert_eq!(message(body).err(), Some(TooLarge));
}

#[test]
fn every_body_comes_out_of_the_message_as_it_went_in() {
    let every_byte: Vec<u8> = (0..=255).collect();
    let long = "\u{1f600}".repeat(10_000);
    for body in [
        &b""[..],
        b"{}",
        b"no json",
        b"\0",
        b"\xff\xfe",
        b"YWJj",
        b"%%%",
        &every_byte,
        long.as_bytes(),
        "\u{feff}{\"event_type\":\"a\"}".as_bytes(),
        "\u{fffe}".as_bytes(),
        b" \t\r\n",
    ] {
        let message = message(body).unwrap();
        let decoded = decode_body(message.body(), message.attribute(BODY_ENCODING));
        assert_eq!(decoded.unwrap(), body);
    }
}

#[test]
fn a_random_body_comes_out_as_it_went_in() {
    // a fixed sequence (xorshift), so that a failure repeats
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    for length in 0..500 {
        let body: Vec<u8> = (0..length)
            .map(|_| {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                // half of the bodies are ASCII, so that some of them travel as text
                if length % 2 == 0 {
                    random as u8
                } else {
                    (random as u8 & 0x5f) | 0x20
                }
            })
            .collect();
        let message = message(body.clone()).unwrap();
        let decoded = decode_body(message.body(), message.attribute(BODY_ENCODING));
        assert_eq!(decoded.unwrap(), body);
    }
}

fn decode(body: &str, encoding: Option<&str>) -> Result<Webhook, Undecodable> {
    Webhook::decode(body, |name| {
        assert_eq!(name, BODY_ENCODING);
        encoding
    })
}

const BODY: &str = r#"{"event_type":"lab_requisition.created","resource_id":"r"}"#;

#[test]
fn a_webhook_is_decoded_from_text_and_from_base64() {
    for (body, encoding) in [(BODY, None), (&BASE64.encode(BODY), Some("base64"))] {
        let webhook = decode(body, encoding).ok().unwrap();
        assert_eq!(webhook.event_type, "lab_requisition.created");
        assert_eq!(webhook.resource_id, "r");
    }
}

#[test]
fn what_is_no_webhook_is_undecodable() {
    for (body, encoding) in [
        ("", None),
        ("no json", None),
        ("{}", None),
        ("[]", None),
        (r#"{"resource_id":"r"}"#, None),
        (r#"{"event_type":null,"resource_id":"r"}"#, None),
        (r#"{"event_type":"t","resource_id":7}"#, None),
        (r#"{"event_type":"t"}"#, None),
        (r#"{"event_type":"","resource_id":"r"}"#, None),
        (r#"{"event_type":"t","resource_id":""}"#, None),
        (r#"{"event_type":7,"resource_id":"r"}"#, None),
        (BODY, Some("base64")),
        ("%", Some("base64")),
        ("AP/+", Some("base64")),
        (BODY, Some("gzip")),
        (BODY, Some("")),
    ] {
        assert!(decode(body, encoding).is_err(), "{body} {encoding:?}");
    }
}

#[test]
fn a_time_of_arrival_that_is_none_gives_way_to_the_other_one() {
    let other = "2026-11-18T11:06:40.123Z";
    for (attribute, expected) in [
        (
            Some("2026-11-23T09:30:00+04:00"),
            "2026-11-23T09:30:00+04:00",
        ),
        (Some("yesterday"), other),
        (Some(""), other),
        (None, other),
    ] {
        assert_eq!(super::received_at(attribute, received_at()), expected);
    }
}

#[test]
fn the_reasons_for_the_dead_letter_queue_keep_their_names() {
    for (reason, name) in [
        (FailureReason::Undecodable, "undecodable"),
        (FailureReason::NotFound, "not_found"),
        (FailureReason::InvalidRequest, "invalid_request"),
        (FailureReason::Refused, "refused"),
        (FailureReason::Expired, "expired"),
        (FailureReason::AttemptsExhausted, "attempts_exhausted"),
    ] {
        assert_eq!(reason.as_str(), name);
    }
}

#[test]
fn an_error_says_what_is_wrong_and_a_message_shows_nothing() {
    assert_eq!(
        TooLarge.to_string(),
        "the message is larger than 1048576 bytes"
    );
    assert_eq!(Undecodable.to_string(), "the message is not a webhook");
    let message = message(r#"{"event_type":"t","resource_id":"the-order"}"#).unwrap();
    assert_eq!(format!("{message:?}"), "QueueMessage { .. }");
}
