//! WHOOP's token endpoint: the OAuth 2.0 client credentials grant (RFC 6749 section 4.4), sent as JSON.
//!
//! There are no refresh tokens with this grant: each renewal asks for a token anew.

use std::time::Duration;

use aws_smithy_async::time::{SharedTimeSource, SystemTimeSource};
use backon::{ExponentialBuilder, Retryable};
use reqwest::header::HeaderMap;
use reqwest::{Client, Response, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, Serializer};
use tokio::time::Instant;

use super::{AccessToken, InvalidToken, MAX_LIFETIME, since_epoch};
use crate::base_url::PartnerApiBaseUrl;
use crate::call_failure::with_causes;
use crate::secrets::PartnerCredentials;

/// How long one attempt may take.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);

/// An attempt with less time than this is not worth a wait.
const SHORTEST_ATTEMPT: Duration = Duration::from_millis(500);

/// The wait after the first failed attempt; it doubles each time, and up to as much again is added at random.
const FIRST_BACKOFF: Duration = Duration::from_millis(250);

/// How much of an answer is read; a token has about 1 KiB.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// The longest of WHOOP's rate limit windows, a day.
const LONGEST_RATE_LIMIT: Duration = Duration::from_secs(86_400);

/// Why there is no new access token. Quotes neither credentials nor answers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// WHOOP refuses the client credentials; asking again with the same ones does not help.
    #[error("client credentials refused with status {status}")]
    InvalidCredentials {
        /// 400 or 401.
        status: u16,
    },
    /// WHOOP has just given a new access token, and refuses it.
    #[error("a new access token is refused, too")]
    NewTokenRefused,
    /// Too many requests; the wait does not fit the time that is left.
    #[error("rate limited{}", .retry_after.map(|wait| format!(" for {} s", wait.as_secs())).unwrap_or_default())]
    RateLimited {
        /// How long WHOOP says to wait.
        retry_after: Option<Duration>,
    },
    /// No answer, or one that tells of a passing fault.
    #[error("token endpoint unavailable: {0}")]
    Unavailable(String),
    /// An answer that is no access token.
    #[error("invalid answer of the token endpoint: {0}")]
    InvalidResponse(String),
}

impl TokenError {
    /// Says whether the same request may succeed later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::RateLimited { .. } | Self::Unavailable(_))
    }
}

impl From<InvalidToken> for TokenError {
    fn from(error: InvalidToken) -> Self {
        Self::InvalidResponse(error.to_string())
    }
}

/// The JSON of the request.
#[derive(Serialize)]
struct TokenRequest<'a> {
    grant_type: &'static str,
    client_id: &'a str,
    #[serde(serialize_with = "exposed")]
    client_secret: &'a SecretString,
    scope: &'static str,
}

fn exposed<S: Serializer>(secret: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose_secret())
}

/// The JSON of the answer; WHOOP's OpenAPI document promises none of the fields.
#[derive(Deserialize)]
struct TokenResponse {
    access_token: Option<SecretString>,
    token_type: Option<String>,
    expires_in: Option<u64>,
}

/// Asks WHOOP for access tokens.
pub struct TokenEndpoint {
    http: Client,
    url: Url,
    clock: SharedTimeSource,
}

impl TokenEndpoint {
    /// The token endpoint of the API at `base_url`, to be reached by `http`, which must follow no redirect: see
    /// [`crate::tls::client_builder`].
    #[must_use]
    pub fn new(http: Client, base_url: &PartnerApiBaseUrl) -> Self {
        Self {
            http,
            url: base_url.join(&["v2", "partner", "token"]),
            clock: SharedTimeSource::new(SystemTimeSource::new()),
        }
    }

    /// Takes the time from another clock.
    #[must_use]
    pub fn with_clock(mut self, clock: SharedTimeSource) -> Self {
        self.clock = clock;
        self
    }

    /// Asks for a new access token, again and again after a passing fault, until `deadline`.
    ///
    /// After a 429 it waits as long as WHOOP says. No wait is begun that leaves no time for another attempt.
    ///
    /// # Errors
    ///
    /// At once when WHOOP refuses the credentials or its answer holds no token that can be used; when it limits the rate
    /// for longer than until `deadline`; and when all attempts until then met a passing fault.
    pub async fn request(
        &self,
        credentials: &PartnerCredentials,
        deadline: Instant,
    ) -> Result<AccessToken, TokenError> {
        retry_until(deadline, |timeout| self.attempt(credentials, timeout)).await
    }

    async fn attempt(
        &self,
        credentials: &PartnerCredentials,
        timeout: Duration,
    ) -> Result<AccessToken, TokenError> {
        let obtained_at = since_epoch(self.clock.now()).as_secs();
        let request = TokenRequest {
            grant_type: "client_credentials",
            client_id: &credentials.client_id,
            client_secret: &credentials.client_secret,
            scope: "whoop-partner/token",
        };
        let response = self
            .http
            .post(self.url.clone())
            .timeout(timeout)
            .json(&request)
            .send()
            .await
            .map_err(unavailable)?;
        check_status(&response)?;
        access_token(&body(response).await?, obtained_at)
    }
}

/// Repeats `attempt`, which is given the time it may take, after passing faults until `deadline`.
async fn retry_until<T, F>(
    deadline: Instant,
    attempt: impl Fn(Duration) -> F,
) -> Result<T, TokenError>
where
    F: Future<Output = Result<T, TokenError>>,
{
    let mut repeated = 0;
    let result = (|| {
        attempt(
            deadline
                .saturating_duration_since(Instant::now())
                .min(ATTEMPT_TIMEOUT),
        )
    })
    .retry(
        ExponentialBuilder::new()
            .with_min_delay(FIRST_BACKOFF)
            .with_jitter()
            .without_max_times(),
    )
    .sleep(tokio::time::sleep)
    .when(TokenError::is_transient)
    .adjust(|error, backoff| {
        let wait = match error {
            TokenError::RateLimited { retry_after } => backoff.max(*retry_after),
            _ => backoff,
        }?;
        let fits = Instant::now() + wait + SHORTEST_ATTEMPT <= deadline;
        fits.then_some(wait)
    })
    .notify(|error, wait| {
        repeated += 1;
        let wait_ms = wait.as_millis();
        tracing::warn!(attempt = repeated, wait_ms, %error, "no access token yet");
    })
    .await;
    tracing::info!(
        attempts = repeated + 1,
        obtained = result.is_ok(),
        "asked for an access token"
    );
    result
}

/// Decides by the status alone what an answer is.
fn check_status(response: &Response) -> Result<(), TokenError> {
    match response.status() {
        StatusCode::OK => Ok(()),
        status @ (StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED) => {
            Err(TokenError::InvalidCredentials {
                status: status.as_u16(),
            })
        }
        StatusCode::TOO_MANY_REQUESTS => Err(TokenError::RateLimited {
            retry_after: rate_limit_reset(response.headers()),
        }),
        status if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT => Err(
            TokenError::Unavailable(format!("status {}", status.as_u16())),
        ),
        status => Err(invalid(format!("status {}", status.as_u16()))),
    }
}

/// The seconds until the rate limit's nearest window ends.
fn rate_limit_reset(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get("X-RateLimit-Reset")?.to_str().ok()?;
    let wait = Duration::from_secs(seconds.trim().parse().ok()?);
    Some(wait.min(LONGEST_RATE_LIMIT))
}

/// Reads an answer to its end, or until it is clear that it is too long.
async fn body(mut response: Response) -> Result<Vec<u8>, TokenError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unavailable)? {
        if body.len() + chunk.len() > MAX_BODY_BYTES {
            return Err(invalid(format!("longer than {MAX_BODY_BYTES} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Makes a token of an answer's body.
fn access_token(body: &[u8], obtained_at: u64) -> Result<AccessToken, TokenError> {
    let response: TokenResponse = serde_json::from_slice(body).map_err(|error| {
        // serde's own message quotes what it met
        let (kind, line, column) = (error.classify(), error.line(), error.column());
        invalid(format!("{kind:?} error in line {line}, column {column}"))
    })?;
    let missing = |field| invalid(format!("{field} is missing"));
    let expires_in = response.expires_in.ok_or_else(|| missing("expires_in"))?;
    if expires_in == 0 {
        return Err(invalid("expires_in is zero".into()));
    }
    Ok(AccessToken::new(
        response
            .access_token
            .ok_or_else(|| missing("access_token"))?,
        response.token_type.ok_or_else(|| missing("token_type"))?,
        obtained_at,
        obtained_at + expires_in.min(MAX_LIFETIME.as_secs()),
    )?)
}

fn invalid(reason: String) -> TokenError {
    TokenError::InvalidResponse(reason)
}

fn unavailable(error: reqwest::Error) -> TokenError {
    TokenError::Unavailable(if error.is_timeout() {
        "no answer in time".into()
    } else {
        with_causes(&error.without_url())
    })
}

#[cfg(test)]
mod tests;
