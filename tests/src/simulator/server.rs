//! The HTTP side: connections, faults, rate limits and authorisation.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use serde_json::Value;
use tokio::net::TcpListener;

use super::calls::{Call, recorded};
use super::faults::Fault;
use super::partner_api::{self, Answer, Body};
use super::{BASE_PATH, Whoop, admin};

/// What a service returns to have its connection broken.
#[derive(Debug, thiserror::Error)]
#[error("the connection is broken as told")]
struct Broken;

type AnswerBody = UnsyncBoxBody<Bytes, Broken>;

/// Accepts connections until the task is aborted; those accepted end with their task's runtime.
pub(super) async fn serve(listener: TcpListener, whoop: Arc<Whoop>) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        let whoop = whoop.clone();
        connections.spawn(async move {
            let service = service_fn(|request| handle(whoop.clone(), request));
            // a client that goes away is its own business
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn handle(
    whoop: Arc<Whoop>,
    request: Request<Incoming>,
) -> Result<Response<AnswerBody>, Broken> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| Broken)?.to_bytes();
    let path = head.uri.path();
    let query = head.uri.query();
    if let Some(path) = path.strip_prefix("/_simulator/") {
        return Ok(response(
            admin::answer(&whoop, head.method.as_str(), path, query, &body).await,
        ));
    }
    let Some(path) = path
        .strip_prefix(BASE_PATH)
        .filter(|path| path.starts_with('/'))
    else {
        return Ok(response(Answer::error(
            StatusCode::NOT_FOUND,
            "no such call",
        )));
    };
    let arrived = Arrived {
        time: Timestamp::now(),
        method: head.method.as_str(),
        path,
        query,
        headers: &head.headers,
        body: &body,
    };
    arrived.answer(&whoop).await
}

/// A call of the Partner API.
struct Arrived<'r> {
    time: Timestamp,
    method: &'r str,
    path: &'r str,
    query: Option<&'r str>,
    headers: &'r HeaderMap,
    body: &'r [u8],
}

impl Arrived<'_> {
    async fn answer(&self, whoop: &Whoop) -> Result<Response<AnswerBody>, Broken> {
        let (authorized, fault) = {
            let mut state = whoop.state();
            let authorized = state.tokens.authorizes(self.header(AUTHORIZATION));
            (authorized, state.faults.take(self.path))
        };
        if let Some(fault) = &fault {
            tokio::time::sleep(fault.delay()).await;
        }
        let answered = match &fault {
            Some(fault) if fault.disconnect => Err(Broken),
            Some(fault) if fault.status.is_some() => Ok(ordered(fault)),
            _ => Ok(self.regular(whoop, authorized)),
        };
        let answered = answered.map(|mut response| {
            if let Some(fault) = &fault {
                add_headers(response.headers_mut(), fault);
                if fault.disconnect_midway {
                    return cut(response);
                }
            }
            response
        });
        let told = |name| {
            let value = answered.as_ref().ok()?.headers().get(name)?;
            value.to_str().ok()?.parse().ok()
        };
        whoop.state().calls.push(Call {
            time: self.time,
            method: self.method.into(),
            path: self.path.into(),
            query: self.query.map(Into::into),
            status: answered
                .as_ref()
                .ok()
                .map(|response| response.status().as_u16()),
            remaining: told("x-ratelimit-remaining"),
            reset: told("x-ratelimit-reset"),
            authorized,
            user_agent: self.header(USER_AGENT).map(Into::into),
            body: recorded(self.body),
        });
        answered
    }

    /// The answer on a good day.
    fn regular(&self, whoop: &Whoop, authorized: bool) -> Response<AnswerBody> {
        let segments: Vec<&str> = self.path.split('/').skip(1).collect();
        let ["v2", "partner", path @ ..] = &segments[..] else {
            return response(Answer::error(StatusCode::NOT_FOUND, "no such call"));
        };
        if let ("POST", ["token"]) = (self.method, path) {
            return response(partner_api::token(&mut whoop.state(), self.body));
        }
        if !authorized {
            return response(Answer::error(StatusCode::UNAUTHORIZED, "no good token"));
        }
        let standing = whoop.state().limiter.count(Instant::now());
        let mut response = if standing.as_ref().is_some_and(|standing| standing.exceeded) {
            response(Answer::error(
                StatusCode::TOO_MANY_REQUESTS,
                "rate limit exceeded",
            ))
        } else {
            let request = partner_api::Request {
                method: self.method,
                path,
                query: self.query,
                body: self.body,
            };
            response(partner_api::answer(whoop, &request))
        };
        for (name, value) in standing.into_iter().flat_map(|standing| standing.headers) {
            let value = HeaderValue::try_from(value).expect("numbers fit into a header");
            response.headers_mut().insert(name, value);
        }
        response
    }

    fn header(&self, name: HeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

fn response(answer: Answer) -> Response<AnswerBody> {
    let (content_type, bytes) = match answer.body {
        Body::Empty => (None, Bytes::new()),
        Body::Json(value) => (Some("application/json"), value.to_string().into()),
        Body::Bytes(bytes) => (Some("application/octet-stream"), bytes.into()),
    };
    let mut response = Response::new(whole(bytes));
    *response.status_mut() = answer.status;
    if let Some(content_type) = content_type {
        let content_type = HeaderValue::from_static(content_type);
        response.headers_mut().insert(CONTENT_TYPE, content_type);
    }
    response
}

fn whole(bytes: Bytes) -> AnswerBody {
    Full::new(bytes)
        .map_err(|never: Infallible| match never {})
        .boxed_unsync()
}

/// The answer that a fault orders.
fn ordered(fault: &Fault) -> Response<AnswerBody> {
    let status = fault
        .status
        .and_then(|status| StatusCode::from_u16(status).ok());
    let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    match &fault.body {
        None => response(Answer::empty(status)),
        Some(Value::String(text)) => {
            let mut response = Response::new(whole(text.clone().into()));
            *response.status_mut() = status;
            response
        }
        Some(json) => response(Answer::json(status, json.clone())),
    }
}

fn add_headers(headers: &mut HeaderMap, fault: &Fault) {
    for (name, value) in &fault.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            headers.insert(name, value);
        }
    }
}

/// The same answer, whose connection breaks after the first bytes.
fn cut(answer: Response<AnswerBody>) -> Response<AnswerBody> {
    let frames = cut_body();
    answer.map(|_| BodyExt::boxed_unsync(StreamBody::new(frames)))
}

fn cut_body() -> impl futures_util::Stream<Item = Result<Frame<Bytes>, Broken>> {
    use futures_util::{StreamExt, stream};

    stream::iter([Some(()), None]).then(|part| async move {
        match part {
            Some(()) => Ok(Frame::data(Bytes::from_static(b"{\"cut\":"))),
            None => {
                // or head, bytes and end would leave in one packet
                tokio::time::sleep(Duration::from_millis(20)).await;
                Err(Broken)
            }
        }
    })
}
