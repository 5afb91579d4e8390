//! The HTTP side: connections, the record of calls, and faults.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::USER_AGENT;
use hyper::http::request::Parts;
use hyper::service::service_fn;
use hyper::{Response, StatusCode};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::answer::{Answer, AnswerBody, Broken, Refusal};
use super::calls::{Call, recorded};
use super::faults::Fault;
use super::partner_api::{self, Request};
use super::whoop::Whoop;
use super::{BASE_PATH, admin};

/// Accepts connections until the task is aborted. The connections end with it.
pub(super) async fn serve(listener: TcpListener, whoop: Arc<Whoop>) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        let whoop = whoop.clone();
        connections.spawn(async move {
            let service = service_fn(|request| handle(&whoop, request));
            // it does not matter if a client disconnects
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn handle(
    whoop: &Whoop,
    request: hyper::Request<Incoming>,
) -> Result<Response<AnswerBody>, Broken> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| Broken)?.to_bytes();
    let path = head.uri.path();
    if let Some(path) = path.strip_prefix("/_simulator/") {
        return Ok(admin::answer(whoop, &head, path, body).await.whole());
    }
    match path.strip_prefix(BASE_PATH) {
        Some(path) if path.starts_with('/') => call(whoop, &head, path, &body).await,
        _ => Ok(Answer::from(Refusal::no_such_call()).whole()),
    }
}

/// Records a call of the Partner API, then answers it normally or as a fault says.
async fn call(
    whoop: &Whoop,
    head: &Parts,
    path: &str,
    body: &Bytes,
) -> Result<Response<AnswerBody>, Broken> {
    let request = Request { head, path, body };
    let (number, fault) = {
        let mut state = whoop.state();
        let call = Call {
            time: Timestamp::now(),
            method: head.method.to_string(),
            path: path.into(),
            query: head.uri.query().map(Into::into),
            status: None,
            remaining: None,
            reset: None,
            authorized: request.authorized(&state),
            user_agent: request.header(USER_AGENT).map(Into::into),
            body: recorded(body),
        };
        (
            state.calls.arrived(call),
            state.faults.take(head.method.as_str(), path),
        )
    };
    let answered = match fault {
        None => Ok(partner_api::answer(whoop, &request).whole()),
        Some(fault) => misbehave(whoop, &request, &fault).await,
    };
    let route = format!("{} {}", head.method, without_ids(path));
    match &answered {
        Ok(response) => {
            let status = response.status().as_u16();
            let calls = &mut whoop.state().calls;
            calls.answered(number, status, response.headers());
            tracing::info!("{route}: {status}");
        }
        Err(Broken) => tracing::info!("{route}: connection broken"),
    }
    answered
}

async fn misbehave(
    whoop: &Whoop,
    request: &Request<'_>,
    fault: &Fault,
) -> Result<Response<AnswerBody>, Broken> {
    tokio::time::sleep(Duration::from_millis(fault.delay_ms)).await;
    if fault.disconnect {
        return Err(Broken);
    }
    let mut answer = match fault.status_code() {
        Some(status) => ordered(status, fault),
        None => partner_api::answer(whoop, request),
    };
    let headers = fault.header_map();
    answer.headers.extend(headers.expect("they were checked"));
    if fault.disconnect_after_effect {
        Err(Broken)
    } else if fault.disconnect_midway {
        Ok(answer.broken_midway())
    } else {
        Ok(answer.whole())
    }
}

/// The answer that a fault orders.
fn ordered(status: StatusCode, fault: &Fault) -> Answer {
    match &fault.body {
        None => Answer::empty(status),
        Some(Value::String(text)) => Answer::text(status, text.clone()),
        Some(json) => Answer::json(status, json),
    }
}

/// A path for the log. Segments that are no part of a published path are hidden, because they may be ids.
fn without_ids(path: &str) -> String {
    let published = |segment: &str| {
        segment == "v2"
            || segment
                .bytes()
                .all(|byte| byte == b'-' || byte.is_ascii_lowercase())
    };
    let segments = path
        .split('/')
        .map(|segment| if published(segment) { segment } else { "{id}" });
    segments.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_shows_no_ids() {
        assert_eq!(
            without_ids("/v2/partner/requisition/e72719d6-0dbb-4eb3-9ccc-781b563fc3d3/status"),
            "/v2/partner/requisition/{id}/status"
        );
        assert_eq!(without_ids("/v2/partner/token"), "/v2/partner/token");
    }
}
