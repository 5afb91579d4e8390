//! The hot path without its AWS calls, as often as the argument says: from the event's bytes, read as `lambda_runtime` reads
//! them, to the message for the queue and the line for log and metrics.
//!
//! `make bench` and `make guard` count its instructions. Nothing in it is random, so that the count is always the same.

use std::hint::black_box;
use std::time::{Duration, SystemTime};

use futures_util::FutureExt;
use webhook::{Accepted, Refusal, RequestLog, WebhookRequest, accept};
use whoop_partner::clock::Clock;
use whoop_partner::lambda::metrics::MetricLog;
use whoop_partner::queue_message::{EVENT_TYPE, REQUEST_ID};
use whoop_partner::signature::{Keys, Signature};

/// WHOOP's example, as API Gateway hands it on.
const EVENT: &[u8] = include_bytes!("../../../tests/bench/delivery.json");

const KEY: &[u8] = b"whsec_test";

fn main() {
    let times = std::env::args().nth(1).and_then(|times| times.parse().ok());
    let log = MetricLog::new("whoop-partner", "webhook", Clock::new(now), |line| {
        black_box(line);
    });
    for _ in 0..times.expect("usage: verify_and_decode TIMES") {
        let Accepted { message, key } = verify_and_decode(black_box(EVENT));
        let event_type = message.attribute(EVENT_TYPE);
        assert_eq!(event_type, Some("lab_requisition.created"));
        let request_id = message.attribute(REQUEST_ID);
        let elapsed = Duration::from_micros(4321);
        RequestLog::new(&log, request_id).queued(elapsed, event_type, key);
    }
}

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_000_000_123)
}

/// What the handler does between its calls.
fn verify_and_decode(event: &[u8]) -> Accepted {
    let mut json = serde_json::Deserializer::from_slice(event);
    let request: WebhookRequest = serde_path_to_error::deserialize(&mut json).expect("it is JSON");
    let verify = async |signature: Signature, body: &[u8]| {
        let key = signature.verify(body, Keys::current(KEY));
        key.map_err(|_| Refusal::SignatureWrong)
    };
    let accepted = accept(request, verify, now).now_or_never();
    accepted.expect("nothing waits").expect("it is acceptable")
}
