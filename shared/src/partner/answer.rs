//! What an answer of the Partner API comes to.

use reqwest::{Response, StatusCode};

use super::PartnerError;
use super::error::Words;
use crate::call_failure::with_causes;

/// How much of an answer is read: several times the largest order that a queue or a bus would take. Documents are streamed.
const MAX_BODY_BYTES: usize = 4 * 1024 * 1024;

/// How much is read of WHOOP's words on a refused request.
const MAX_WORDS_BYTES: usize = 4 * 1024;

/// What kept an attempt from success.
pub(super) enum Failure {
    /// Status 401.
    TokenRefused,
    /// Status 429.
    RateLimited,
    /// It may succeed next time.
    Passing {
        /// What happened, in words that are safe to log.
        reason: String,
        /// Whether the request may have had its effect.
        sent: bool,
    },
    /// Another attempt would fail alike.
    Final(PartnerError),
}

impl Failure {
    /// No answer.
    pub(super) fn unanswered(error: reqwest::Error) -> Self {
        if error.is_builder() {
            return Self::Final(PartnerError::Protocol("the request can't be built".into()));
        }
        Self::Passing {
            sent: !error.is_connect(),
            reason: broken(error),
        }
    }
}

/// What broke a connection, without the URL, which holds an identifier.
pub(super) fn broken(error: reqwest::Error) -> String {
    if error.is_timeout() {
        "no answer in time".into()
    } else {
        with_causes(&error.without_url())
    }
}

/// Decides by the status what an answer is, and gives it back if the call succeeded.
pub(super) async fn checked(response: Response) -> Result<Response, Failure> {
    let status = response.status();
    let code = status.as_u16();
    Err(match status {
        status if status.is_success() => return Ok(response),
        StatusCode::UNAUTHORIZED => Failure::TokenRefused,
        StatusCode::TOO_MANY_REQUESTS => Failure::RateLimited,
        StatusCode::FORBIDDEN => {
            Failure::Final(PartnerError::Unauthorised(format!("status {code}")))
        }
        StatusCode::NOT_FOUND => Failure::Final(PartnerError::NotFound),
        // says that the request did not arrive whole (RFC 9110, section 15.5.9)
        StatusCode::REQUEST_TIMEOUT => Failure::Passing {
            reason: format!("status {code}"),
            sent: false,
        },
        status if status.is_server_error() => Failure::Passing {
            reason: format!("status {code}"),
            sent: true,
        },
        status if status.is_client_error() => Failure::Final(PartnerError::InvalidRequest {
            status: code,
            words: words(response).await,
        }),
        _ => Failure::Final(PartnerError::Protocol(format!("status {code}"))),
    })
}

/// Reads an answer to its end, or until it is clear that it is too long.
pub(super) async fn body(mut response: Response) -> Result<Vec<u8>, Failure> {
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(None) => return Ok(body),
            Ok(Some(chunk)) if body.len() + chunk.len() <= MAX_BODY_BYTES => {
                body.extend_from_slice(&chunk);
            }
            Ok(Some(_)) => {
                let limit = MAX_BODY_BYTES as u64;
                return Err(Failure::Final(PartnerError::TooLarge { limit }));
            }
            Err(error) => {
                return Err(Failure::Passing {
                    reason: broken(error),
                    sent: true,
                });
            }
        }
    }
}

/// Reads the beginning of what WHOOP says; a connection that breaks meanwhile changes nothing about the refusal.
async fn words(mut response: Response) -> Words {
    let mut words = Vec::new();
    while words.len() < MAX_WORDS_BYTES
        && let Ok(Some(chunk)) = response.chunk().await
    {
        words.extend_from_slice(&chunk);
    }
    words.truncate(MAX_WORDS_BYTES);
    Words(String::from_utf8_lossy(&words).into_owned())
}
