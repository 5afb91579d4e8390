//! API Gateway's event: any JSON, up to the message for the queue.
//!
//! In an input, `{signature}` stands for the right signature of the body that the event carries.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use futures_util::FutureExt;
use webhook::{Accepted, Refusal, WebhookRequest, accept};
use whoop_partner::queue_message::{BODY_ENCODING, EVENT_TYPE, MAX_SIZE, QueueMessage, REQUEST_ID};
use whoop_partner::signature::{Keys, MatchedKey, Signature};

use crate::json::{Json, webhook_fields};
use crate::{expected_mac, now};

const KEY: &[u8] = b"whsec_fuzz";

/// The name of the right signature in an input.
const PLACEHOLDER: &str = "{signature}";

/// The fields of the event that the function reads. If one is repeated, the event is refused as a whole.
const FIELDS: [&str; 4] = ["headers", "requestContext", "body", "isBase64Encoded"];

/// What the function should make of an event.
struct Expected {
    /// The body, unless it is base64 that does not decode.
    body: Option<Vec<u8>>,
    /// The header, if there is exactly one.
    signature: Option<String>,
    request_id: Option<String>,
}

/// Fails unless the function does with the event what the model says.
pub fn check(input: &[u8]) {
    let event = filled_in(input);
    let decoded = decode(&event);
    let Some(json) = Json::read(&event).filter(is_unambiguous) else {
        assert_refused_without_a_quotation(decoded);
        return;
    };
    let request = decoded.expect("any JSON makes a request");
    let expected = Expected::of(&json);
    let shown = format!("{request:?}");
    assert_eq!(
        shown,
        format!(
            "WebhookRequest {{ request_id: {:?}, .. }}",
            expected.request_id
        )
    );

    let verify = async |signature: Signature, body: &[u8]| {
        let key = signature.verify(body, Keys::current(KEY));
        key.map_err(|_| Refusal::SignatureWrong)
    };
    let accepted = accept(request, verify, now)
        .now_or_never()
        .expect("nothing waits");
    match (accepted, expected.refusal()) {
        (Ok(accepted), None) => assert_carries(&accepted, &expected),
        (Ok(accepted), Some(Refusal::BodyTooLarge)) => {
            panic!("too large: {} bytes", accepted.message.body().len())
        }
        (Ok(_), Some(refusal)) => panic!("accepted, although {refusal:?}"),
        (Err(Refusal::BodyTooLarge), None) => {
            let body = expected.body.unwrap_or_default();
            assert!(
                body.len() * 4 / 3 + 600 > MAX_SIZE,
                "too large: {}",
                body.len()
            );
        }
        (Err(refusal), expected) => {
            assert_eq!(Some(refusal), expected);
            assert!((400..600).contains(&refusal.status().as_u16()));
        }
    }
}

/// Reads an event as `lambda_runtime` does.
fn decode(event: &[u8]) -> Result<WebhookRequest, serde_json::Error> {
    let mut json = serde_json::Deserializer::from_slice(event);
    serde_path_to_error::deserialize(&mut json)
        .map_err(serde_path_to_error::Error::into_inner)
        .and_then(|request| json.end().map(|()| request))
}

/// What is no JSON is refused, and so is an event with a repeated field. Neither error says more.
fn assert_refused_without_a_quotation(decoded: Result<WebhookRequest, serde_json::Error>) {
    let Err(error) = decoded else { return };
    if error.is_data() {
        let text = error.to_string();
        let of = |field: &&str| text.starts_with(&format!("duplicate field `{field}` at line "));
        assert!(FIELDS.iter().chain(&["requestId"]).any(of), "{text}");
    }
}

fn is_unambiguous(event: &Json) -> bool {
    let context = event.one("requestContext");
    !event.repeats(&FIELDS) && !context.is_some_and(|context| context.repeats(&["requestId"]))
}

/// Puts the right signature in the place of its name.
fn filled_in(input: &[u8]) -> Vec<u8> {
    let Ok(text) = std::str::from_utf8(input) else {
        return input.to_vec();
    };
    let json = Json::read(input);
    let body = json.and_then(|json| Expected::of(&json).body);
    let signature = expected_mac::signature(&body.unwrap_or_default(), KEY);
    text.replace(PLACEHOLDER, &signature).into_bytes()
}

impl Expected {
    fn of(event: &Json) -> Self {
        let text = event.one("body").and_then(Json::text).unwrap_or_default();
        let body = match event.one("isBase64Encoded") {
            Some(Json::Bool(true)) => BASE64.decode(text).ok(),
            _ => Some(text.as_bytes().to_vec()),
        };
        let headers = match event.one("headers") {
            Some(Json::Object(fields)) => &fields[..],
            _ => &[],
        };
        let mut signatures = headers
            .iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case("WHOOP-Signed"))
            .map(|(_, value)| value.text());
        let signature = match (signatures.next(), signatures.next()) {
            (Some(signature), None) => signature.map(str::to_owned),
            _ => None,
        };
        let request_id = event
            .one("requestContext")
            .and_then(|context| context.one("requestId"))
            .and_then(Json::text)
            .map(str::to_owned);
        Self {
            body,
            signature,
            request_id,
        }
    }

    /// Why the function should refuse the event. The size is left out.
    fn refusal(&self) -> Option<Refusal> {
        let Some(signature) = &self.signature else {
            return Some(Refusal::SignatureMissing);
        };
        if !expected_mac::is_well_formed(signature.as_bytes()) {
            return Some(Refusal::SignatureMalformed);
        }
        let Some(body) = &self.body else {
            return Some(Refusal::Base64Malformed);
        };
        if *signature != expected_mac::signature(body, KEY) {
            return Some(Refusal::SignatureWrong);
        }
        body.is_empty().then_some(Refusal::BodyEmpty)
    }
}

/// The message is one that SQS takes, and it carries the body byte for byte.
fn assert_carries(accepted: &Accepted, expected: &Expected) {
    let message = &accepted.message;
    assert_eq!(accepted.key, MatchedKey::Current);
    assert_eq!(Some(carried(message)), expected.body);
    assert_sqs_takes(message);

    let body = expected.body.as_deref().unwrap_or_default();
    if let Some((event_type, _)) = webhook_fields(body) {
        assert_attribute(message, EVENT_TYPE, event_type);
    }
    assert_attribute(message, REQUEST_ID, expected.request_id.clone());
}

/// The bytes that a message carries.
pub(crate) fn carried(message: &QueueMessage) -> Vec<u8> {
    match message.attribute(BODY_ENCODING) {
        None => message.body().as_bytes().to_vec(),
        Some("base64") => BASE64.decode(message.body()).expect("it is base64"),
        Some(other) => panic!("unknown encoding {other:?}"),
    }
}

/// SQS takes a body of at least one character, and no attribute that is empty (SQS, `SendMessage`).
pub(crate) fn assert_sqs_takes(message: &QueueMessage) {
    let is_text = |text: &str| {
        let allowed = |c| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
        !text.is_empty() && text.chars().all(allowed)
    };
    let mut size = message.body().len();
    assert!(is_text(message.body()), "the body is no text for SQS");
    for name in ["event_type", "received_at", "request_id", BODY_ENCODING] {
        if let Some(value) = message.attribute(name) {
            assert!(is_text(value), "{name}: {value:?}");
            size += name.len() + "String".len() + value.len();
        }
    }
    assert!(size <= MAX_SIZE, "{size}");
}

/// An attribute is there exactly if its value fits: at most 256 bytes, and no control character.
fn assert_attribute(message: &QueueMessage, name: &str, value: Option<String>) {
    let fits = |text: &String| {
        let odd = |c: char| c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}');
        (1..=256).contains(&text.len()) && !text.contains(odd)
    };
    assert_eq!(
        message.attribute(name),
        value.filter(fits).as_deref(),
        "{name}"
    );
}
