//! Sends requests to the webhook's URL, through the API.

use std::time::{Duration, Instant};

use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use whoop_simulator::{SIGNATURE_HEADER, sign};

use super::{Stack, StackError};

/// The event type of a heartbeat, which the stack sends to itself.
const HEARTBEAT: &str = "whoop_partner.heartbeat";

/// What the webhook's URL answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// HTTP status code.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    /// Body, as text.
    pub body: String,
    /// From before connecting until after the last byte; it includes the local AWS's own time.
    pub elapsed: Duration,
}

/// The headers with which WHOOP would deliver `body`.
///
/// # Panics
///
/// Never: a signature is a valid header value.
#[must_use]
pub fn signed(body: &[u8], signing_secret: &str) -> HeaderMap {
    let signature = sign(body, signing_secret.as_bytes());
    let signature = HeaderValue::try_from(signature).expect("hexadecimal digits fit into a header");
    HeaderMap::from_iter([
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (SIGNATURE_HEADER.parse().expect("a header name"), signature),
    ])
}

impl Stack {
    /// Posts a body to `WebhookUrl` with exactly these headers.
    ///
    /// The search for leaks looks for its body, resource id and signature in every log afterwards.
    ///
    /// # Errors
    ///
    /// If no answer comes.
    pub async fn post_webhook(
        &self,
        body: impl Into<Bytes>,
        headers: HeaderMap,
    ) -> Result<Answer, StackError> {
        let body = body.into();
        self.forbid_delivery(&body, &headers);
        let url = self.output("WebhookUrl");
        let no_answer = |source: reqwest::Error| StackError::NoAnswer {
            url: url.into(),
            source: source.without_url(),
        };
        let started = Instant::now();
        let request = self.http.post(url).headers(headers).body(body);
        let response = request.send().await.map_err(no_answer)?;
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let body = response.text().await.map_err(no_answer)?;
        let elapsed = started.elapsed();
        self.recorder
            .record("webhook", format!("{status} {headers:?} {body}"));
        Ok(Answer {
            status,
            headers,
            body,
            elapsed,
        })
    }

    /// Delivers a body as WHOOP would: JSON, signed with `signing_secret`.
    ///
    /// # Errors
    ///
    /// If no answer comes.
    pub async fn deliver(
        &self,
        body: impl Into<Bytes>,
        signing_secret: &str,
    ) -> Result<Answer, StackError> {
        let body = body.into();
        let headers = signed(&body, signing_secret);
        self.post_webhook(body, headers).await
    }

    /// Registers the values of a delivery that must not appear in a log or an answer.
    fn forbid_delivery(&self, body: &[u8], headers: &HeaderMap) {
        self.recorder.forbid("webhook body", body);
        for signature in headers.get_all(SIGNATURE_HEADER) {
            self.recorder.forbid("signature", signature);
        }
        if let Ok(event) = serde_json::from_slice::<serde_json::Value>(body)
            // a heartbeat is about no resource; its id is a word that logs contain
            && event["event_type"] != HEARTBEAT
            && let Some(resource_id) = event["resource_id"].as_str()
        {
            self.recorder.forbid("resource id", resource_id);
        }
    }
}
