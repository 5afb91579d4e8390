//! The hot path without its AWS calls, as often as the argument says: from the event's bytes to the message for the queue, read
//! as `lambda_runtime` reads them.
//!
//! `make bench` and `make guard` count its instructions. Nothing in it is random, so that the count is always the same.

use std::hint::black_box;
use std::time::{Duration, SystemTime};

use futures_util::FutureExt;
use webhook::{Refusal, WebhookRequest, accept};
use whoop_partner::queue_message::{EVENT_TYPE, QueueMessage};
use whoop_partner::signature::{Keys, Signature};

/// WHOOP's example, as API Gateway hands it on.
const EVENT: &[u8] = include_bytes!("../../../tests/bench/delivery.json");

const KEY: &[u8] = b"whsec_test";

fn main() {
    let times = std::env::args().nth(1).and_then(|times| times.parse().ok());
    for _ in 0..times.expect("usage: verify_and_decode TIMES") {
        let message = verify_and_decode(black_box(EVENT));
        assert_eq!(
            message.attribute(EVENT_TYPE),
            Some("lab_requisition.created")
        );
    }
}

/// What the handler does between its calls.
fn verify_and_decode(event: &[u8]) -> QueueMessage {
    let mut json = serde_json::Deserializer::from_slice(event);
    let request: WebhookRequest = serde_path_to_error::deserialize(&mut json).expect("it is JSON");
    let verify = async |signature: Signature, body: &[u8]| {
        let key = signature.verify(body, Keys::current(KEY));
        key.map_err(|_| Refusal::SignatureWrong)
    };
    let received_at = || SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_000_000_123);
    let accepted = accept(request, verify, received_at).now_or_never();
    accepted.expect("nothing waits").expect("it is acceptable")
}
