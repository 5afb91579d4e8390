//! One call of the Partner API: its attempts, what is repeated after which failure, and the waits between them.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reqwest::{Method, Response, StatusCode, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;
use tracing::Instrument;

use super::access::Replacement;
use super::answer::{self, Answer, Failure};
use super::rate_limit::SHORTEST_WINDOW;
use super::{PartnerClient, PartnerError};
use crate::http::{self, Retries};
use crate::token::{AccessToken, TokenError};

/// How often a call is tried after passing faults, the first time included.
const MAX_ATTEMPTS: usize = 4;

/// How long one attempt may take.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(15);

/// How long a call may take if the caller sets no deadline.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a download may take if the caller sets no deadline.
const DOWNLOAD_TIMEOUT: Duration = Duration::from_secs(5 * 60);

/// How often one call is sent again after status 429, each time after the wait that WHOOP asked for. Many calls at once need
/// several windows; beyond that, WHOOP's headers are of no use, such as a reset of 0 s after each call.
const MAX_RATE_LIMITED: u32 = 10;

/// The shortest wait after the first failed attempt.
const FIRST_BACKOFF: Duration = Duration::from_millis(100);

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

/// What the attempts of one call have met so far.
struct History {
    /// The token to use, and whether WHOOP has given it during this call.
    token: Mutex<Replacement>,
    /// How often WHOOP has answered with status 429.
    rate_limited: AtomicU32,
}

impl History {
    fn new(token: Arc<AccessToken>) -> Self {
        let is_new = false;
        Self {
            token: Mutex::new(Replacement { token, is_new }),
            rate_limited: AtomicU32::new(0),
        }
    }

    fn token(&self) -> MutexGuard<'_, Replacement> {
        // nothing panics while it is held
        self.token.lock().unwrap_or_else(PoisonError::into_inner)
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
        let retries = Retries {
            deadline,
            max_attempts: Some(MAX_ATTEMPTS),
            first_backoff: FIRST_BACKOFF,
        };
        let answer = async {
            let history = History::new(self.inner.tokens.get(deadline).await?);
            http::retry(
                retries,
                || self.attempt(call, deadline, attempt_timeout, &history, &read),
                |failure| {
                    let may_repeat =
                        call.is_idempotent() && matches!(failure, Failure::Passing { .. });
                    may_repeat.then_some(Duration::ZERO)
                },
                |reason, attempt, wait| {
                    let wait_ms = wait.as_millis();
                    tracing::warn!(call = call.operation, attempt, wait_ms, %reason, "call failed");
                },
            )
            .await
        };
        // no URL and no identifier; our functions' logs leave this target out
        let span = tracing::debug_span!(
            target: "whoop_partner::calls",
            "call",
            operation = call.operation,
            method = call.method.as_str(),
        );
        let answer = answer.instrument(span);
        answer.await.map_err(|failure| match failure {
            Failure::Passing { reason, sent: true } if !call.is_idempotent() => {
                PartnerError::OutcomeUnknown(reason)
            }
            failure => failure.into(),
        })
    }

    /// Sends the request until WHOOP neither limits the rate nor refuses the token, and reads the answer. `history` tells what
    /// earlier attempts of the same call met.
    async fn attempt<T>(
        &self,
        call: &Call,
        deadline: Instant,
        timeout: Duration,
        history: &History,
        read: &impl AsyncFn(Response) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let tokens = &self.inner.tokens;
        let mut held = history.token().clone();
        loop {
            self.inner.gate.pass(deadline).await?;
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(PartnerError::Temporary("no time left for a call".into()).into());
            }
            let timeout = left.min(timeout);
            match self.send(call, held.token.expose_secret(), timeout).await? {
                Answer::Accepted(response) => return read(response).await,
                Answer::RateLimited => {
                    if history.rate_limited.fetch_add(1, Ordering::Relaxed) >= MAX_RATE_LIMITED {
                        let retry_after = self.rate_limited_for().unwrap_or(SHORTEST_WINDOW);
                        return Err(PartnerError::RateLimited { retry_after }.into());
                    }
                    // the gate is closed now and knows for how long
                }
                Answer::TokenRefused if held.is_new => {
                    tokens.new_token_refused(deadline).await;
                    return Err(PartnerError::from(TokenError::NewTokenRefused).into());
                }
                Answer::TokenRefused => {
                    tracing::warn!(call = call.operation, "the access token is refused");
                    held = tokens.replace(&held.token, deadline).await?;
                    *history.token() = held.clone();
                }
            }
        }
    }

    async fn send(
        &self,
        call: &Call,
        access_token: &str,
        timeout: Duration,
    ) -> Result<Answer, Failure> {
        let request = http::request(
            call.method.clone(),
            call.url.clone(),
            call.body.clone(),
            timeout,
        );
        let request = http::with_bearer(request, access_token);
        let response = self.inner.http.send(request).await?;
        let refused = response.status() == StatusCode::TOO_MANY_REQUESTS;
        self.inner.gate.observe(response.headers(), refused);
        answer::classify(response).await
    }
}

#[cfg(test)]
mod tests {
    use reqwest::Request;

    use super::*;
    use crate::credentials::PartnerCredentials;
    use crate::future::BoxFuture;
    use crate::http::{HttpClient, Transport, Unanswered};

    /// A network over which WHOOP gives a token and answers all other calls with these statuses, again and again. It announces
    /// that its rate limit resets at once.
    struct Network {
        statuses: &'static [u16],
        calls: Arc<AtomicU32>,
    }

    impl Transport for Network {
        fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, Unanswered>> {
            let (status, body) = if request.url().path().ends_with("/token") {
                (
                    200,
                    r#"{"access_token": "t", "token_type": "bearer", "expires_in": 3600}"#,
                )
            } else {
                let call = self.calls.fetch_add(1, Ordering::Relaxed) as usize;
                (self.statuses[call % self.statuses.len()], "{}")
            };
            let answer = ::http::Response::builder()
                .status(status)
                .header("X-RateLimit-Reset", 0);
            let answer = answer.body(body).expect("it is well-formed");
            Box::pin(async { Ok(answer.into()) })
        }
    }

    /// What becomes of a call that has ten minutes, and how often it is sent.
    async fn call_over(statuses: &'static [u16]) -> (Result<(), PartnerError>, u32) {
        let calls = Arc::<AtomicU32>::default();
        let network = Network {
            statuses,
            calls: calls.clone(),
        };
        let credentials = PartnerCredentials {
            client_id: "lab".into(),
            client_secret: "secret".into(),
        };
        let client = PartnerClient::builder(Default::default(), credentials)
            .http_client(HttpClient::new(network))
            .build()
            .unwrap();
        let client = client.with_deadline(Instant::now() + Duration::from_secs(600));
        let call = Call::get("getSomething", client.url(&["something"]));
        let result = client.done(call).await;
        (result, calls.load(Ordering::Relaxed))
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_is_sent_again_after_ten_429s_and_not_after_eleven() {
        let ten_then_done = &[429, 429, 429, 429, 429, 429, 429, 429, 429, 429, 200];
        assert_eq!(call_over(ten_then_done).await, (Ok(()), 11));
        let (result, calls) = call_over(&[429]).await;
        assert!(
            matches!(result, Err(PartnerError::RateLimited { .. })),
            "{result:?}"
        );
        assert_eq!(calls, 11);
    }

    #[tokio::test(start_paused = true)]
    async fn the_waits_between_attempts_double_and_up_to_as_much_again_is_added() {
        let mut elapsed = Vec::new();
        for _ in 0..8 {
            let begun = Instant::now();
            let (result, calls) = call_over(&[503]).await;
            assert!(matches!(result, Err(PartnerError::Temporary(_))));
            assert_eq!(calls, 4);
            // 0.1, 0.2 and 0.4 s
            let waited = begun.elapsed();
            let range = Duration::from_millis(700)..Duration::from_millis(1403);
            assert!(range.contains(&waited), "{waited:?}");
            elapsed.push(waited);
        }
        elapsed.dedup();
        assert!(elapsed.len() > 1, "the same waits each time: {elapsed:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn the_429s_of_all_attempts_of_a_call_are_counted_together() {
        let (result, calls) = call_over(&[429, 429, 429, 503]).await;
        assert!(
            matches!(result, Err(PartnerError::RateLimited { .. })),
            "{result:?}"
        );
        assert_eq!(calls, 11 + 3);
    }
}
