//! The published calls, each a function of what WHOOP knows.

use hyper::StatusCode;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::requests::{AppointmentType, ReportRequest, StatusRequest, TokenRequest};
use super::{State, Whoop, test_data};

/// An answer without the headers that all answers have.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Body,
}

#[derive(Debug)]
pub(super) enum Body {
    Empty,
    Json(Value),
    Bytes(Vec<u8>),
}

impl Answer {
    pub(super) fn empty(status: StatusCode) -> Self {
        Self {
            status,
            body: Body::Empty,
        }
    }

    pub(super) fn json(status: StatusCode, body: Value) -> Self {
        Self {
            status,
            body: Body::Json(body),
        }
    }

    pub(super) fn error(status: StatusCode, message: impl Into<String>) -> Self {
        let message: String = message.into();
        Self::json(status, json!({ "error": message }))
    }

    fn not_found() -> Self {
        Self::error(StatusCode::NOT_FOUND, "not found, or not yours")
    }

    fn found(resource: Option<Value>) -> Self {
        resource.map_or_else(Self::not_found, |value| Self::json(StatusCode::OK, value))
    }
}

/// A call as it arrived, its path below the base path and cut at the slashes.
pub(super) struct Request<'r> {
    pub(super) method: &'r str,
    pub(super) path: &'r [&'r str],
    pub(super) query: Option<&'r str>,
    pub(super) body: &'r [u8],
}

/// `POST /v2/partner/token`: the one call without a token.
pub(super) fn token(state: &mut State, body: &[u8]) -> Answer {
    let request: TokenRequest = match parse(body) {
        Ok(request) => request,
        Err(answer) => return answer,
    };
    if let Err(message) = request.check() {
        return Answer::error(StatusCode::BAD_REQUEST, message);
    }
    match state
        .tokens
        .issue(&request.client_id, &request.client_secret)
    {
        None => Answer::error(StatusCode::UNAUTHORIZED, "invalid client credentials"),
        Some((token, lifetime)) => Answer::json(
            StatusCode::OK,
            json!({"access_token": token, "token_type": "bearer", "expires_in": lifetime}),
        ),
    }
}

/// Every other call; it has been authorised.
pub(super) fn answer(whoop: &Whoop, request: &Request<'_>) -> Answer {
    let state = &mut *whoop.state();
    match (request.method, request.path) {
        ("POST", ["development", "add-test-data"]) => {
            match AppointmentType::from_query(request.query) {
                Err(message) => Answer::error(StatusCode::BAD_REQUEST, message),
                Ok(appointment) => {
                    let requisition = test_data::requisition(appointment);
                    let id = create(whoop, state, requisition);
                    Answer::json(StatusCode::OK, json!({ "requisition_id": id }))
                }
            }
        }
        ("GET", ["requisition", id]) => Answer::found(state.resources.requisition(id)),
        ("GET", ["service-request", id]) => Answer::found(state.resources.service_request(id)),
        ("PATCH", ["requisition", id, "status"]) => with(request.body, |status: StatusRequest| {
            let status = status.task_business_status;
            match state.resources.set_requisition_status(id, &status) {
                Some(()) => Answer::empty(StatusCode::NO_CONTENT),
                None => Answer::not_found(),
            }
        }),
        ("PATCH", ["service-request", id, "status"]) => {
            with(request.body, |status: StatusRequest| {
                let status = status.task_business_status;
                Answer::found(state.resources.set_service_request_status(id, &status))
            })
        }
        ("POST", ["service-request", id, "results"]) => {
            with(request.body, |report: ReportRequest| {
                if let Err(message) = report.check() {
                    return Answer::error(StatusCode::BAD_REQUEST, message);
                }
                let report = serde_json::from_slice(request.body).expect("it was read before");
                match state.resources.add_report(id, report) {
                    Some(()) => Answer::empty(StatusCode::CREATED),
                    None => Answer::not_found(),
                }
            })
        }
        ("GET", ["document", id]) => {
            let document = state.resources.document(id);
            Answer::found(document.map(|(document, _)| document.clone()))
        }
        ("GET", ["document", id, "content"]) => match state.resources.document(id) {
            Some((_, Some(content))) => Answer {
                status: StatusCode::OK,
                body: Body::Bytes(content.clone()),
            },
            _ => Answer::not_found(),
        },
        _ => Answer::error(StatusCode::NOT_FOUND, "no such call"),
    }
}

/// Creates a requisition and delivers its webhook in the background; returns its id.
pub(super) fn add_test_data(whoop: &Whoop, appointment: AppointmentType) -> String {
    let requisition = test_data::requisition(appointment);
    create(whoop, &mut whoop.state(), requisition)
}

fn create(whoop: &Whoop, state: &mut State, requisition: Value) -> String {
    let id = requisition["id"]
        .as_str()
        .expect("test data has an id")
        .to_owned();
    state.resources.put_requisition(requisition);
    let body = json!({"event_type": "lab_requisition.created", "resource_id": id});
    whoop.webhooks.deliver_in_background(body.to_string());
    id
}

fn with<T: DeserializeOwned>(body: &[u8], then: impl FnOnce(T) -> Answer) -> Answer {
    parse(body).map_or_else(|answer| answer, then)
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Answer> {
    serde_json::from_slice(body)
        .map_err(|error| Answer::error(StatusCode::BAD_REQUEST, error.to_string()))
}
