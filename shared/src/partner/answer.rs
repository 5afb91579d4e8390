//! What an answer of the Partner API means.

use std::fmt;

use reqwest::{Response, StatusCode};

use super::PartnerError;
use super::error::ErrorBody;
use crate::http::{self, Unanswered, Unread};

/// The longest answer that is read, in bytes: several times the largest order that a queue or a bus accepts. It does not limit
/// documents, which arrive piece by piece.
const MAX_BODY_BYTES: usize = 4 * 1024 * 1024;

/// How much is read of an answer that refuses a request, in bytes.
const MAX_ERROR_BODY_BYTES: usize = 4 * 1024;

/// WHOOP's answer.
pub(super) enum Answer {
    /// A status from 200 to 299.
    Accepted(Response),
    /// Status 401.
    TokenRefused,
    /// Status 429.
    RateLimited,
}

/// Why an attempt has failed.
pub(super) enum Failure {
    /// A fault that may pass: the next attempt may succeed.
    Passing {
        /// What happened, in words that are safe to log.
        reason: String,
        /// Whether the request may have had its effect.
        sent: bool,
    },
    /// Another attempt would fail in the same way.
    Final(PartnerError),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passing { reason, .. } => f.write_str(reason),
            Self::Final(error) => error.fmt(f),
        }
    }
}

impl From<Failure> for PartnerError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Passing { reason, .. } => Self::Temporary(reason),
            Failure::Final(error) => error,
        }
    }
}

impl From<PartnerError> for Failure {
    fn from(error: PartnerError) -> Self {
        Self::Final(error)
    }
}

impl From<Unanswered> for Failure {
    fn from(error: Unanswered) -> Self {
        Self::Passing {
            reason: error.reason,
            sent: error.sent,
        }
    }
}

/// Decides by the status alone what an answer means.
pub(super) async fn classify(response: Response) -> Result<Answer, Failure> {
    let status = response.status();
    let code = status.as_u16();
    Err(match status {
        status if status.is_success() => return Ok(Answer::Accepted(response)),
        StatusCode::UNAUTHORIZED => return Ok(Answer::TokenRefused),
        StatusCode::TOO_MANY_REQUESTS => return Ok(Answer::RateLimited),
        StatusCode::FORBIDDEN => {
            Failure::Final(PartnerError::Unauthorised(format!("status {code}")))
        }
        StatusCode::NOT_FOUND => Failure::Final(PartnerError::NotFound),
        // means that the request did not arrive completely (RFC 9110, section 15.5.9)
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
            body: error_body(response).await,
        }),
        _ => Failure::Final(PartnerError::Protocol(format!("status {code}"))),
    })
}

/// Reads an answer to its end, and stops if it is too long.
pub(super) async fn body(response: Response) -> Result<Vec<u8>, Failure> {
    http::body(response, MAX_BODY_BYTES)
        .await
        .map_err(|error| match error {
            Unread::TooLong => Failure::Final(PartnerError::TooLarge {
                limit: MAX_BODY_BYTES as u64,
            }),
            Unread::Broken(reason) => Failure::Passing { reason, sent: true },
        })
}

/// Reads the beginning of an answer that refuses a request. If the connection breaks meanwhile, the refusal still counts.
async fn error_body(mut response: Response) -> ErrorBody {
    let mut body = Vec::new();
    while body.len() < MAX_ERROR_BODY_BYTES
        && let Ok(Some(chunk)) = response.chunk().await
    {
        body.extend_from_slice(&chunk);
    }
    body.truncate(MAX_ERROR_BODY_BYTES);
    ErrorBody(String::from_utf8_lossy(&body).into_owned())
}
