//! The published calls of the Partner API.

use std::time::Instant;

use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName};
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::json;

use super::answer::{Answer, Refusal};
use super::config::SchemaForm;
use super::rate_limit::Exceeded;
use super::requests::{AppointmentType, ReportRequest, StatusRequest, TokenRequest};
use super::resources::Resource;
use super::test_data;
use super::whoop::{State, Whoop};

/// A call as it arrived.
pub(super) struct Request<'r> {
    pub(super) head: &'r Parts,
    /// Below the base path.
    pub(super) path: &'r str,
    pub(super) body: &'r [u8],
}

impl Request<'_> {
    pub(super) fn header(&self, name: HeaderName) -> Option<&str> {
        let value = self.head.headers.get(name)?;
        value.to_str().ok()
    }

    /// Whether it carries a token that is good now.
    pub(super) fn authorized(&self, state: &State) -> bool {
        let authorization = self.header(AUTHORIZATION);
        state.tokens.authorizes(authorization, Instant::now())
    }

    /// Reads the body, which must be JSON with no other fields than those of `T`.
    fn json<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        let content_type = self.header(CONTENT_TYPE).unwrap_or_default();
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        if !essence.eq_ignore_ascii_case("application/json") {
            let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            return Err(Refusal::new(status, "the body is not application/json"));
        }
        serde_json::from_slice(self.body).map_err(Refusal::bad_request)
    }
}

/// Answers a call that meets no fault.
pub(super) fn answer(whoop: &Whoop, request: &Request<'_>) -> Answer {
    let state = &mut *whoop.state();
    let mut answer = admitted(whoop, state, request).unwrap_or_else(Answer::from);
    state.limiter.describe(Instant::now(), &mut answer.headers);
    answer
}

fn admitted(whoop: &Whoop, state: &mut State, request: &Request<'_>) -> Result<Answer, Refusal> {
    let segments: Vec<&str> = request.path.split('/').skip(1).collect();
    let ["v2", "partner", path @ ..] = &segments[..] else {
        return Err(Refusal::no_such_call());
    };
    if path == ["token"] {
        if state.count_token_requests {
            count(state)?;
        }
        return match request.head.method {
            Method::POST => token(state, request),
            _ => Err(no_such_method()),
        };
    }
    if !request.authorized(state) {
        return Err(Refusal::new(StatusCode::UNAUTHORIZED, "no valid token"));
    }
    count(state)?;
    resource(whoop, state, request, path)
}

fn count(state: &mut State) -> Result<(), Refusal> {
    let counted = state.limiter.count(Instant::now());
    counted.map_err(|Exceeded| Refusal::new(StatusCode::TOO_MANY_REQUESTS, "rate limit exceeded"))
}

/// `POST /v2/partner/token`: the one call without a token.
fn token(state: &mut State, request: &Request<'_>) -> Result<Answer, Refusal> {
    let request: TokenRequest = request.json()?;
    request.check().map_err(Refusal::bad_request)?;
    let issued = state
        .tokens
        .issue(&request.client_id, &request.client_secret, Instant::now());
    let Some((token, lifetime)) = issued else {
        let status = StatusCode::UNAUTHORIZED;
        return Err(Refusal::new(status, "invalid client credentials"));
    };
    let answer = json!({"access_token": token, "token_type": "bearer", "expires_in": lifetime});
    Ok(Answer::json(StatusCode::OK, &answer))
}

/// Every other call; `path` is what follows `/v2/partner`.
fn resource(
    whoop: &Whoop,
    state: &mut State,
    request: &Request<'_>,
    path: &[&str],
) -> Result<Answer, Refusal> {
    let resources = &mut state.resources;
    match (request.head.method.as_str(), path) {
        ("POST", ["development", "add-test-data"]) => {
            let appointment = AppointmentType::from_query(request.head.uri.query())
                .map_err(Refusal::bad_request)?;
            let id = add_test_data(whoop, state, appointment);
            Ok(match state.form.schema {
                SchemaForm::OpenApi => {
                    Answer::json(StatusCode::OK, &json!({ "requisition_id": id }))
                }
                SchemaForm::Documentation => Answer::empty(StatusCode::NO_CONTENT),
            })
        }
        ("GET", ["requisition", id]) => Answer::found(resources.requisition(id)),
        ("PATCH", ["requisition", id, "status"]) => {
            let StatusRequest {
                task_business_status,
                ..
            } = request.json()?;
            let done = resources.set_requisition_status(id, &task_business_status);
            done.ok_or_else(Refusal::not_found)?;
            Ok(Answer::empty(StatusCode::NO_CONTENT))
        }
        ("GET", ["service-request", id]) => Answer::found(resources.service_request(id)),
        ("PATCH", ["service-request", id, "status"]) => {
            let StatusRequest {
                task_business_status,
                ..
            } = request.json()?;
            let updated = resources.set_service_request_status(id, &task_business_status);
            Answer::found(updated)
        }
        ("POST", ["service-request", id, "results"]) => {
            let report: ReportRequest = request.json()?;
            report.check().map_err(Refusal::bad_request)?;
            let done = resources.add_report(id, request.json()?);
            done.ok_or_else(Refusal::not_found)?;
            Ok(Answer::empty(StatusCode::CREATED))
        }
        ("GET", ["document", id]) => Answer::found(resources.document(id)),
        ("GET", ["document", id, "content"]) => Answer::content(resources.content(id)),
        (
            _,
            ["development", "add-test-data"]
            | ["requisition" | "service-request" | "document", _]
            | ["requisition" | "service-request", _, "status"]
            | ["service-request", _, "results"]
            | ["document", _, "content"],
        ) => Err(no_such_method()),
        _ => Err(Refusal::no_such_call()),
    }
}

/// Creates a requisition and delivers its webhook in the background; returns its id.
pub(super) fn add_test_data(
    whoop: &Whoop,
    state: &mut State,
    appointment: AppointmentType,
) -> String {
    let requisition = test_data::requisition(appointment, state.form);
    let id = requisition["id"].as_str().expect("test data has an id");
    let event = json!({"event_type": "lab_requisition.created", "resource_id": id});
    let resource = Resource::read(requisition.to_string()).expect("test data is a resource");
    state.resources.put_requisition(resource);
    whoop.webhooks.deliver_in_background(event.to_string());
    id.to_owned()
}

fn no_such_method() -> Refusal {
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "no such method here")
}
