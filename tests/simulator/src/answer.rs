//! The simulator's answers, and broken connections in place of them.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::{Response, StatusCode};
use serde::Serialize;
use serde_json::json;

/// Time for the beginning of an answer to be sent before its connection breaks.
const FLUSH: Duration = Duration::from_millis(20);

/// An error that makes the server break the connection.
#[derive(Debug, thiserror::Error)]
#[error("the connection is broken as told")]
pub(super) struct Broken;

/// A body that may break off.
pub(super) type AnswerBody = UnsyncBoxBody<Bytes, Broken>;

/// A complete answer.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    pub(super) fn empty(status: StatusCode) -> Self {
        Self {
            status,
            headers: HeaderMap::new(),
            body: Bytes::new(),
        }
    }

    pub(super) fn text(status: StatusCode, text: impl Into<Bytes>) -> Self {
        Self {
            body: text.into(),
            ..Self::empty(status)
        }
    }

    fn typed(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        let mut answer = Self::text(status, body);
        let content_type = HeaderValue::from_static(content_type);
        answer.headers.insert(CONTENT_TYPE, content_type);
        answer
    }

    pub(super) fn json(status: StatusCode, value: &impl Serialize) -> Self {
        let text = serde_json::to_vec(value).expect("keys are texts");
        Self::typed(status, "application/json", text)
    }

    /// A resource, if there is one.
    pub(super) fn found(resource: Option<impl Into<String>>) -> Result<Self, Refusal> {
        let text: String = resource.ok_or_else(Refusal::not_found)?.into();
        Ok(Self::typed(StatusCode::OK, "application/json", text))
    }

    /// The content of a document, if there is one.
    pub(super) fn content(content: Option<Bytes>) -> Result<Self, Refusal> {
        let content = content.ok_or_else(Refusal::not_found)?;
        Ok(Self::typed(
            StatusCode::OK,
            "application/octet-stream",
            content,
        ))
    }

    /// The answer, to be sent whole.
    pub(super) fn whole(self) -> Response<AnswerBody> {
        let body = Full::new(self.body).map_err(|never| match never {});
        response(self.status, self.headers, body.boxed_unsync())
    }

    /// Sends the status and the headers, then breaks the connection after the first bytes of a body of unannounced
    /// length.
    pub(super) fn broken_midway(self) -> Response<AnswerBody> {
        let begun = Bytes::from_static(br#"{"cut":"#);
        let frames = stream::iter([Ok(Frame::data(begun)), Err(Broken)]).then(|frame| async {
            if frame.is_err() {
                tokio::time::sleep(FLUSH).await;
            }
            frame
        });
        let body = BodyExt::boxed_unsync(StreamBody::new(frames));
        response(self.status, self.headers, body)
    }
}

/// Why a call is refused.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    message: String,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, message: impl ToString) -> Self {
        Self {
            status,
            message: message.to_string(),
        }
    }

    pub(super) fn bad_request(message: impl ToString) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    pub(super) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not found, or not yours")
    }

    pub(super) fn no_such_call() -> Self {
        Self::new(StatusCode::NOT_FOUND, "no such call")
    }
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        Self::json(refusal.status, &json!({ "error": refusal.message }))
    }
}

fn response(status: StatusCode, headers: HeaderMap, body: AnswerBody) -> Response<AnswerBody> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}
