//! Carries out the behaviour that is planned for a call.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{
    CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue, TRANSFER_ENCODING,
};
use hyper::http::request;
use hyper::{Request, Response, StatusCode};
use serde_json::{Value, json};

use super::behaviour::{Behaviour, Behaviours};
use crate::ministack::loopback_client;

/// Where calls go, and what happens to them.
pub(super) struct Plan {
    upstream: String,
    client: reqwest::Client,
    behaviours: Mutex<Behaviours>,
    /// How often the connections were silenced. A connection of an earlier generation is silent.
    generation: AtomicUsize,
}

/// Why a connection is closed without an answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoAnswer {
    #[error("the connection is closed as told")]
    AsTold,
    #[error("the call could not be read")]
    Unreadable(#[from] hyper::Error),
    #[error("no answer from behind the proxy")]
    Upstream(#[from] reqwest::Error),
}

impl Plan {
    pub(super) fn new(upstream: &str) -> Self {
        Self {
            upstream: upstream.trim_end_matches('/').into(),
            client: loopback_client(),
            behaviours: Mutex::default(),
            generation: AtomicUsize::default(),
        }
    }

    /// The generation of a connection that is opened now.
    pub(super) fn generation(&self) -> usize {
        self.generation.load(Ordering::SeqCst)
    }

    /// Silences every connection that exists.
    pub(super) fn silence(&self) {
        self.generation.fetch_add(1, Ordering::SeqCst);
    }

    pub(super) fn behaviours(&self) -> MutexGuard<'_, Behaviours> {
        self.behaviours
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) async fn serve(
        &self,
        call: Request<Incoming>,
        generation: usize,
    ) -> Result<Response<Full<Bytes>>, NoAnswer> {
        if generation < self.generation() {
            std::future::pending::<()>().await;
        }
        let mut behaviour = self.behaviours().for_call(&operation(call.headers()));
        // reads the request to its end: if bytes are left, closing resets the connection before the client reads the
        // answer
        let (head, body) = call.into_parts();
        let body = body.collect().await?.to_bytes();
        let json = || serde_json::from_slice(&body).unwrap_or_default();
        while let Behaviour::Depending(choose) = behaviour {
            behaviour = choose(&json());
        }
        match behaviour {
            Behaviour::Pass | Behaviour::Depending(_) => self.pass_on(head, body).await,
            Behaviour::Hang => std::future::pending().await,
            Behaviour::CloseConnection => Err(NoAnswer::AsTold),
            Behaviour::LoseAnswer => {
                self.pass_on(head, body).await?;
                Err(NoAnswer::AsTold)
            }
            Behaviour::Fail { status, code } => Ok(failure(status, code)),
            Behaviour::Answer(json) => Ok(answer(StatusCode::OK, &json)),
            Behaviour::Delay(time) => {
                let answer = self.pass_on(head, body).await?;
                tokio::time::sleep(time).await;
                Ok(answer)
            }
            Behaviour::Late(time) => {
                tokio::time::sleep(time).await;
                self.pass_on(head, body).await
            }
            Behaviour::Watch(watcher) => {
                let answer = self.pass_on(head, body.clone()).await?;
                watcher(json());
                Ok(answer)
            }
            Behaviour::Rewrite(change) => {
                let (mut head, body) = self.pass_on(head, body).await?.into_parts();
                let body = body.collect().await.unwrap_or_else(|never| match never {});
                let body = body.to_bytes();
                let Ok(mut json) = serde_json::from_slice::<Value>(&body) else {
                    return Ok(Response::from_parts(head, Full::new(body)));
                };
                change(&mut json);
                // DynamoDB's checksum of the unchanged body
                head.headers.remove("x-amz-crc32");
                Ok(Response::from_parts(
                    head,
                    Full::new(json.to_string().into()),
                ))
            }
        }
    }

    async fn pass_on(
        &self,
        mut head: request::Parts,
        body: Bytes,
    ) -> Result<Response<Full<Bytes>>, NoAnswer> {
        remove_connection_headers(&mut head.headers);
        let answer = self
            .client
            .request(head.method, format!("{}{}", self.upstream, head.uri))
            .headers(head.headers)
            .body(body)
            .send()
            .await?;
        let status = answer.status();
        let mut headers = answer.headers().clone();
        remove_connection_headers(&mut headers);
        let mut response = Response::new(Full::new(answer.bytes().await?));
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        Ok(response)
    }
}

/// The operation's name: what follows the dot in `AmazonSQS.SendMessage`.
fn operation(headers: &HeaderMap) -> String {
    let target = headers
        .get("x-amz-target")
        .and_then(|target| target.to_str().ok());
    let operation = target.and_then(|target| target.rsplit('.').next());
    operation.unwrap_or_default().to_owned()
}

/// Removes the headers that concern one connection only. `Host` stays, because the signature covers it.
fn remove_connection_headers(headers: &mut HeaderMap) {
    for name in [CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING] {
        headers.remove(name);
    }
}

/// An error in the words of AWS's JSON protocols, with the header from which SQS clients read its code.
fn failure(status: u16, code: &str) -> Response<Full<Bytes>> {
    let fault = if status < 500 { "Sender" } else { "Receiver" };
    let body = json!({ "__type": code, "message": "the proxy was told to answer this" });
    let status = StatusCode::from_u16(status).expect("a test asks for a valid status code");
    let mut failure = answer(status, &body);
    let code = HeaderValue::try_from(format!("{code};{fault}")).expect("codes fit into a header");
    failure.headers_mut().insert("x-amzn-query-error", code);
    failure
}

fn answer(status: StatusCode, body: &Value) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::new(body.to_string().into()));
    *answer.status_mut() = status;
    let json = HeaderValue::from_static("application/x-amz-json-1.0");
    answer.headers_mut().insert(CONTENT_TYPE, json);
    answer
}
