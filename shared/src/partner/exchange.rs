//! One call of the Partner API: its attempts, what is repeated after which failure, and the waits between them.

use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, Response, StatusCode, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use super::answer::{self, Failure};
use super::{PartnerClient, PartnerError};
use crate::token::{AccessToken, TokenError};

/// How often a call is tried after passing faults, the first time included.
const MAX_ATTEMPTS: u32 = 4;

/// How long one attempt may take.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(15);

/// How long a call may take if the caller sets no deadline.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a download may take if the caller sets no deadline.
const DOWNLOAD_TIMEOUT: Duration = Duration::from_secs(5 * 60);

/// An attempt with less time than this is not worth a wait.
pub(super) const SHORTEST_ATTEMPT: Duration = Duration::from_millis(500);

/// The longest wait after the first failed attempt; it doubles each time, and the real one is random below it.
const FIRST_BACKOFF: Duration = Duration::from_millis(200);

/// A call, ready to be sent more than once.
pub(super) struct Call {
    /// WHOOP's name of the operation, for the log; the URL holds an identifier.
    operation: &'static str,
    method: Method,
    url: Url,
    body: Option<Vec<u8>>,
}

impl Call {
    pub(super) fn get(operation: &'static str, url: Url) -> Self {
        Self {
            operation,
            method: Method::GET,
            url,
            body: None,
        }
    }

    pub(super) fn post(operation: &'static str, url: Url) -> Self {
        Self {
            method: Method::POST,
            ..Self::get(operation, url)
        }
    }

    pub(super) fn patch(operation: &'static str, url: Url, body: &impl Serialize) -> Self {
        Self {
            method: Method::PATCH,
            ..Self::get(operation, url)
        }
        .with_body(body)
    }

    pub(super) fn with_body(self, body: &impl Serialize) -> Self {
        let body = serde_json::to_vec(body).expect("the request types are JSON");
        Self {
            body: Some(body),
            ..self
        }
    }

    /// Says whether a second call has no further effect. What is posted is created anew each time.
    fn is_idempotent(&self) -> bool {
        self.method != Method::POST
    }
}

impl PartnerClient {
    /// Makes a call and decodes its answer.
    pub(super) async fn json<T: DeserializeOwned>(&self, call: Call) -> Result<T, PartnerError> {
        let body = self.exchange(call).await?;
        serde_json::from_slice(&body).map_err(|error| PartnerError::malformed(&error))
    }

    /// Makes a call and reads its answer.
    pub(super) async fn exchange(&self, call: Call) -> Result<Vec<u8>, PartnerError> {
        self.repeat(&call, CALL_TIMEOUT, ATTEMPT_TIMEOUT, answer::body)
            .await
    }

    /// Makes a call of whose answer only the status counts.
    pub(super) async fn done(&self, call: Call) -> Result<(), PartnerError> {
        self.repeat(&call, CALL_TIMEOUT, ATTEMPT_TIMEOUT, async |_| Ok(()))
            .await
    }

    /// Makes a call whose answer the caller reads.
    pub(super) async fn download(&self, call: Call) -> Result<Response, PartnerError> {
        self.repeat(
            &call,
            DOWNLOAD_TIMEOUT,
            DOWNLOAD_TIMEOUT,
            async |response| Ok(response),
        )
        .await
    }

    async fn repeat<T>(
        &self,
        call: &Call,
        call_timeout: Duration,
        attempt_timeout: Duration,
        read: impl AsyncFn(Response) -> Result<T, Failure>,
    ) -> Result<T, PartnerError> {
        let deadline = self.deadline_or(call_timeout);
        let mut token = self.inner.tokens.get(deadline).await?;
        let (mut failed, mut token_is_new) = (0, false);
        loop {
            self.inner.gate.pass(deadline).await?;
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(PartnerError::Temporary("no time left for a call".into()));
            }
            let attempt = async {
                read(
                    self.attempt(call, &token, left.min(attempt_timeout))
                        .await?,
                )
                .await
            };
            let (reason, sent) = match attempt.await {
                Ok(answer) => return Ok(answer),
                Err(Failure::Final(error)) => return Err(error),
                // the gate is closed now and knows for how long
                Err(Failure::RateLimited) => continue,
                Err(Failure::TokenRefused) if token_is_new => {
                    self.inner.tokens.new_token_refused(deadline).await;
                    return Err(TokenError::NewTokenRefused.into());
                }
                Err(Failure::TokenRefused) => {
                    tracing::warn!(call = call.operation, "the access token is refused");
                    let replacement = self.inner.tokens.replace(&token, deadline).await?;
                    (token, token_is_new) = (replacement.token, replacement.is_new);
                    continue;
                }
                Err(Failure::Passing { reason, sent }) => (reason, sent),
            };
            if !call.is_idempotent() {
                return Err(if sent {
                    PartnerError::OutcomeUnknown(reason)
                } else {
                    PartnerError::Temporary(reason)
                });
            }
            failed += 1;
            let wait = backoff(failed);
            if failed == MAX_ATTEMPTS || Instant::now() + wait + SHORTEST_ATTEMPT > deadline {
                return Err(PartnerError::Temporary(reason));
            }
            let wait_ms = wait.as_millis();
            tracing::warn!(
                call = call.operation,
                attempt = failed,
                wait_ms,
                reason,
                "call failed"
            );
            tokio::time::sleep(wait).await;
        }
    }

    async fn attempt(
        &self,
        call: &Call,
        token: &AccessToken,
        timeout: Duration,
    ) -> Result<Response, Failure> {
        let mut request = self
            .inner
            .http
            .request(call.method.clone(), call.url.clone())
            .bearer_auth(token.expose_secret())
            .timeout(timeout);
        if let Some(body) = &call.body {
            request = request
                .header(CONTENT_TYPE, "application/json")
                .body(body.clone());
        }
        let response = request.send().await.map_err(Failure::unanswered)?;
        let refused = response.status() == StatusCode::TOO_MANY_REQUESTS;
        self.inner.gate.observe(response.headers(), refused);
        answer::checked(response).await
    }
}

/// A random wait with full jitter: anything below a limit that doubles with each failure.
fn backoff(failed: u32) -> Duration {
    (FIRST_BACKOFF * 2_u32.pow(failed - 1)).mul_f64(fastrand::f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_backoff_is_anything_below_a_doubling_limit() {
        for (failed, limit_ms) in [(1, 200), (2, 400), (3, 800)] {
            let waits: Vec<_> = (0..1000).map(|_| backoff(failed)).collect();
            let limit = Duration::from_millis(limit_ms);
            assert!(waits.iter().all(|wait| *wait < limit));
            assert!(waits.iter().any(|wait| *wait < limit / 10));
            assert!(waits.iter().any(|wait| *wait > limit / 10 * 9));
        }
    }
}
