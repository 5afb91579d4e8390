//! The control calls below `/_simulator`: with them, tests in other processes set things up and see what happened.

use std::time::Instant;

use bytes::Bytes;
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};
use serde_json::{Map, Value, json};

use super::answer::{Answer, Refusal};
use super::resources::Resource;
use super::whoop::Whoop;

/// Answers a call; `path` is what follows `/_simulator/`.
pub(super) async fn answer(whoop: &Whoop, head: &Parts, path: &str, body: Bytes) -> Answer {
    let segments: Vec<&str> = path.split('/').collect();
    let answered = match (&head.method, &segments[..]) {
        (&Method::GET, ["calls"]) => Ok(Answer::json(
            StatusCode::OK,
            &json!({
                "calls": whoop.state().calls.all(),
                "webhook_deliveries": whoop.webhooks.deliveries(),
            }),
        )),
        (&Method::GET, ["resources"]) => {
            let resources = whoop.state().resources.all();
            Ok(Answer::json(StatusCode::OK, &resources))
        }
        (&Method::POST, ["faults"]) => add_fault(whoop, &body),
        (&Method::POST, ["expire-tokens"]) => {
            whoop.state().tokens.expire(Instant::now());
            Ok(done())
        }
        (&Method::POST, ["reset"]) => {
            whoop.reset();
            Ok(done())
        }
        (&Method::POST, ["events"]) => deliver(whoop, head.uri.query(), &body).await,
        (&Method::POST, [kind @ ("requisitions" | "service-requests" | "documents")]) => {
            put_resource(whoop, kind, &body)
        }
        (&Method::PUT, ["documents", id, "content"]) => {
            let put = whoop.state().resources.put_content(id, body);
            put.map(|()| done()).ok_or_else(Refusal::not_found)
        }
        _ => Err(Refusal::no_such_call()),
    };
    answered.unwrap_or_else(Answer::from)
}

fn add_fault(whoop: &Whoop, body: &[u8]) -> Result<Answer, Refusal> {
    let fault = serde_json::from_slice(body).map_err(Refusal::bad_request)?;
    whoop
        .state()
        .faults
        .add(fault)
        .map_err(Refusal::bad_request)?;
    Ok(done())
}

async fn deliver(whoop: &Whoop, query: Option<&str>, body: &[u8]) -> Result<Answer, Refusal> {
    let event: Map<String, Value> = serde_json::from_slice(body).map_err(Refusal::bad_request)?;
    let event = Value::from(event).to_string();
    if query == Some("wait=true") {
        let delivery = whoop.webhooks.deliver(event).await;
        return Ok(Answer::json(StatusCode::OK, &delivery));
    }
    whoop.webhooks.deliver_in_background(event);
    Ok(Answer::empty(StatusCode::ACCEPTED))
}

fn put_resource(whoop: &Whoop, kind: &str, body: &[u8]) -> Result<Answer, Refusal> {
    let text = String::from_utf8(body.to_vec()).map_err(Refusal::bad_request)?;
    let resource = Resource::read(text).map_err(Refusal::bad_request)?;
    let resources = &mut whoop.state().resources;
    match kind {
        "requisitions" => resources.put_requisition(resource),
        "service-requests" => resources.put_service_request(resource),
        _ => resources.put_document(resource, None),
    }
    Ok(done())
}

fn done() -> Answer {
    Answer::empty(StatusCode::NO_CONTENT)
}
