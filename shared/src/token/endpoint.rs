//! WHOOP's token endpoint: the OAuth 2.0 client credentials grant (RFC 6749 section 4.4), sent as JSON.
//!
//! This grant has no refresh tokens: each renewal is a request for a new token.

use std::time::Duration;

use reqwest::{Method, Response, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, Serializer};
use tokio::time::Instant;

use super::{AccessToken, InvalidToken, MAX_LIFETIME, since_epoch};
use crate::call_failure::json_error;
use crate::clock::Clock;
use crate::credentials::PartnerCredentials;
use crate::http::{self, HttpClient, Retries, Unread};
use crate::partner::PartnerApiBaseUrl;

/// How long one attempt may take.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);

/// The wait after the first failed attempt. It doubles each time. A random time, up to the wait itself, is added.
const FIRST_BACKOFF: Duration = Duration::from_millis(250);

/// The longest answer that is read, in bytes. A token has about 1 KiB.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// Why there is no new access token. It quotes neither credentials nor answers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// WHOOP refuses the client credentials. Another request with the same ones does not help.
    #[error("client credentials refused with status {status}")]
    InvalidCredentials {
        /// 400 or 401.
        status: u16,
    },
    /// WHOOP has just given a new access token, but refuses it.
    #[error("WHOOP refuses even a new access token")]
    NewTokenRefused,
    /// WHOOP limits the rate, and the deadline comes before the end of the wait.
    #[error("rate limited{}", .retry_after.map(|wait| format!(" for {} s", wait.as_secs())).unwrap_or_default())]
    RateLimited {
        /// How long WHOOP says to wait.
        retry_after: Option<Duration>,
    },
    /// There is no answer, or it says that a fault will pass.
    #[error("token endpoint unavailable: {0}")]
    Unavailable(String),
    /// The answer is not a usable access token.
    #[error("invalid answer of the token endpoint: {0}")]
    InvalidResponse(String),
}

impl TokenError {
    /// Returns whether the same request may succeed later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::RateLimited { .. } | Self::Unavailable(_))
    }

    /// Returns the shortest wait before the same request is made again, or `None` if another request does not help.
    fn least_wait(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after } => Some(retry_after.unwrap_or_default()),
            Self::Unavailable(_) => Some(Duration::ZERO),
            _ => None,
        }
    }
}

impl From<Unread> for TokenError {
    fn from(error: Unread) -> Self {
        match error {
            Unread::TooLong => invalid(format!("longer than {MAX_BODY_BYTES} bytes")),
            Unread::Broken(reason) => Self::Unavailable(reason),
        }
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

/// The JSON of the answer. WHOOP's OpenAPI document requires none of the fields.
#[derive(Deserialize)]
struct TokenResponse {
    access_token: Option<SecretString>,
    token_type: Option<String>,
    expires_in: Option<u64>,
}

/// Requests access tokens from WHOOP.
pub struct TokenEndpoint {
    http: HttpClient,
    url: Url,
    clock: Clock,
}

impl TokenEndpoint {
    /// Names the token endpoint of the API at `base_url`. Requests go through `http`.
    #[must_use]
    pub fn new(http: HttpClient, base_url: &PartnerApiBaseUrl) -> Self {
        Self {
            http,
            url: base_url.join(&["v2", "partner", "token"]),
            clock: Clock::system(),
        }
    }

    /// Takes the time from `clock` instead of the system's clock.
    #[must_use]
    pub fn with_clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Requests a new access token. After a fault that may pass, it repeats the request until `deadline`.
    ///
    /// After a 429 it waits as long as WHOOP says. A wait begins only if it leaves time for another attempt.
    ///
    /// # Errors
    ///
    /// - [`TokenError::InvalidCredentials`] and [`TokenError::InvalidResponse`] at once, if WHOOP refuses the credentials or
    ///   answers without a usable token.
    /// - [`TokenError::RateLimited`] if WHOOP limits the rate until after `deadline`.
    /// - [`TokenError::Unavailable`] if every attempt before `deadline` met a fault that may pass.
    pub async fn request(
        &self,
        credentials: &PartnerCredentials,
        deadline: Instant,
    ) -> Result<AccessToken, TokenError> {
        let retries = Retries {
            deadline,
            max_attempts: None,
            first_backoff: FIRST_BACKOFF,
        };
        let mut repeated = 0;
        let result = http::retry(
            retries,
            || {
                let left = deadline.saturating_duration_since(Instant::now());
                self.attempt(credentials, left.min(ATTEMPT_TIMEOUT))
            },
            TokenError::least_wait,
            |error, attempt, wait| {
                repeated = attempt;
                let wait_ms = wait.as_millis();
                tracing::warn!(attempt, wait_ms, %error, "no access token yet");
            },
        )
        .await;
        tracing::info!(
            attempts = repeated + 1,
            obtained = result.is_ok(),
            "asked for an access token"
        );
        result
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
        let body = serde_json::to_vec(&request).expect("the request is JSON");
        let request = http::request(Method::POST, self.url.clone(), Some(body), timeout);
        let answer = self.http.send(request).await;
        let response = answer.map_err(|error| TokenError::Unavailable(error.reason))?;
        check_status(&response)?;
        let body = http::body(response, MAX_BODY_BYTES).await?;
        access_token(&body, obtained_at)
    }
}

/// Decides by the status alone whether an answer may hold a token.
fn check_status(response: &Response) -> Result<(), TokenError> {
    match response.status() {
        StatusCode::OK => Ok(()),
        status @ (StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED) => {
            Err(TokenError::InvalidCredentials {
                status: status.as_u16(),
            })
        }
        StatusCode::TOO_MANY_REQUESTS => Err(TokenError::RateLimited {
            retry_after: http::rate_limit_reset(response.headers()),
        }),
        status if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT => Err(
            TokenError::Unavailable(format!("status {}", status.as_u16())),
        ),
        status => Err(invalid(format!("status {}", status.as_u16()))),
    }
}

/// Reads the token from the body of an answer.
fn access_token(body: &[u8], obtained_at: u64) -> Result<AccessToken, TokenError> {
    let response: TokenResponse =
        serde_json::from_slice(body).map_err(|error| invalid(json_error(&error)))?;
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

#[cfg(test)]
mod tests;
