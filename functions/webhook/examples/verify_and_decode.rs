//! The hot path without its AWS calls, as often as the argument says: from the event's bytes to the message for the queue, read
//! as `lambda_runtime` reads them.
//!
//! `make bench` and `make guard` count its instructions. Nothing in it is random, so that the count is always the same.

use std::hint::black_box;
use std::time::{Duration, SystemTime};

use webhook::{Delivery, WebhookRequest};
use whoop_partner::signature::Signature;

/// WHOOP's example, as API Gateway hands it on.
const EVENT: &[u8] = include_bytes!("../../../tests/bench/delivery.json");

const KEY: &[u8] = b"whsec_test";

fn main() {
    let times = std::env::args().nth(1).and_then(|times| times.parse().ok());
    for _ in 0..times.expect("usage: verify_and_decode TIMES") {
        let delivery = verify_and_decode(black_box(EVENT));
        assert_eq!(
            delivery.attribute("event_type"),
            Some("lab_requisition.created")
        );
    }
}

/// The steps of the handler.
fn verify_and_decode(event: &[u8]) -> Delivery {
    let mut json = serde_json::Deserializer::from_slice(event);
    let mut request: WebhookRequest =
        serde_path_to_error::deserialize(&mut json).expect("it is JSON");
    let header = request.signature.take().expect("it is signed");
    let signature = Signature::from_header(header.as_bytes()).expect("the signature is hex");
    let body = request.take_body().expect("it is text");
    assert!(signature.verify(&body, [KEY]), "the signature is right");
    let received_at = SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_000_000_123);
    Delivery::new(body, received_at, request.request_id).expect("it is small")
}
