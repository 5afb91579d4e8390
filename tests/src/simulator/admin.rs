//! The calls below `/_simulator`, by which tests in other processes give orders.

use hyper::StatusCode;
use serde_json::{Value, json};

use super::Whoop;
use super::partner_api::Answer;

/// Every call below `/_simulator`, its path without that.
pub(super) async fn answer(
    whoop: &Whoop,
    method: &str,
    path: &str,
    query: Option<&str>,
    body: &[u8],
) -> Answer {
    let json: Result<Value, _> = serde_json::from_slice(body);
    match (method, path) {
        ("GET", "calls") => {
            let calls = whoop.state().calls.clone();
            let deliveries = whoop.webhooks.deliveries();
            Answer::json(
                StatusCode::OK,
                json!({"calls": calls, "webhook_deliveries": deliveries}),
            )
        }
        ("POST", "faults") => match serde_json::from_slice(body) {
            Ok(fault) => {
                whoop.state().faults.add(fault);
                Answer::empty(StatusCode::NO_CONTENT)
            }
            Err(error) => Answer::error(StatusCode::BAD_REQUEST, error.to_string()),
        },
        ("POST", "expire-tokens") => {
            whoop.state().tokens.expire();
            Answer::empty(StatusCode::NO_CONTENT)
        }
        ("POST", "reset") => {
            whoop.reset();
            Answer::empty(StatusCode::NO_CONTENT)
        }
        ("POST", "events") if query == Some("wait=true") => match json {
            Ok(body) => Answer::json(
                StatusCode::OK,
                json!(whoop.webhooks.deliver(body.to_string()).await),
            ),
            Err(error) => Answer::error(StatusCode::BAD_REQUEST, error.to_string()),
        },
        ("POST", "events") => match json {
            Ok(body) => {
                whoop.webhooks.deliver_in_background(body.to_string());
                Answer::empty(StatusCode::ACCEPTED)
            }
            Err(error) => Answer::error(StatusCode::BAD_REQUEST, error.to_string()),
        },
        ("POST", "requisitions" | "service-requests" | "documents") => match json {
            Ok(resource) if resource["id"].is_string() => {
                let resources = &mut whoop.state().resources;
                match path {
                    "requisitions" => resources.put_requisition(resource),
                    "service-requests" => resources.put_service_request(resource),
                    _ => resources.put_document(resource, None),
                }
                Answer::empty(StatusCode::NO_CONTENT)
            }
            _ => Answer::error(StatusCode::BAD_REQUEST, "no JSON object with an id"),
        },
        _ => Answer::error(StatusCode::NOT_FOUND, "no such call"),
    }
}
