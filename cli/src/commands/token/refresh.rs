//! `token refresh`: invokes the function token-refresh.

use std::fmt;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use aws_sdk_lambda::operation::invoke::InvokeOutput;
use aws_sdk_lambda::primitives::Blob;
use clap::Args;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::error::ToolError;
use crate::moment::{rough, timestamp};
use crate::report::Output;
use crate::session::Session;

/// Renew the stored token if it is time, by invoking the function token-refresh
///
/// It takes up to 30 seconds if WHOOP does not answer. Exit status 1 if there is no good token afterwards.
#[derive(Debug, Args)]
pub(super) struct Refresh {
    /// Request a new token even if the stored one is good
    #[arg(long)]
    force: bool,
}

/// What token-refresh returns.
#[derive(Deserialize)]
struct Outcome {
    outcome: String,
    /// Unix seconds.
    expires_at: u64,
}

/// What a function returns that has failed.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FunctionError {
    error_type: String,
    #[serde(default)]
    error_message: String,
}

#[derive(Serialize)]
struct Renewal {
    outcome: String,
    expires_at: Option<Timestamp>,
    #[serde(skip)]
    left: Duration,
}

impl Refresh {
    pub async fn run(self, session: &Session, output: &Output) -> Result<ExitCode, ToolError> {
        let function = session.stack().await?.output("TokenRefreshFunctionName")?;
        let event = match self.force {
            true => json!({"force": true}),
            false => json!({}),
        };
        let answer = aws_sdk_lambda::Client::new(session.config())
            .invoke()
            .function_name(function)
            .payload(Blob::new(event.to_string()))
            .send()
            .await
            .map_err(ToolError::aws("Invoke"))?;
        output.report(&renewal(&answer)?)?;
        Ok(ExitCode::SUCCESS)
    }
}

fn renewal(answer: &InvokeOutput) -> Result<Renewal, ToolError> {
    let payload = answer.payload().map(Blob::as_ref).unwrap_or_default();
    if answer.function_error().is_some() {
        return Err(failed(serde_json::from_slice(payload).ok()));
    }
    let outcome: Outcome = serde_json::from_slice(payload)
        .map_err(|_| ToolError::Failed("token-refresh returned something unknown".into()))?;
    let expires_at = Duration::from_secs(outcome.expires_at);
    let expires_at = SystemTime::UNIX_EPOCH.checked_add(expires_at);
    let left = expires_at.and_then(|time| time.duration_since(SystemTime::now()).ok());
    Ok(Renewal {
        outcome: outcome.outcome,
        expires_at: expires_at.and_then(timestamp),
        left: left.unwrap_or_default(),
    })
}

/// Says what the error's type means. The message of a type of ours is safe to show; others may quote anything.
fn failed(error: Option<FunctionError>) -> ToolError {
    let Some(error) = error else {
        return ToolError::Failed("token-refresh failed, and does not say why".into());
    };
    let remedy = match error.error_type.as_str() {
        "InvalidCredentials" => {
            "store the right credentials: whoop-partner secret rotate credentials"
        }
        "RateLimited" => "wait: WHOOP limits the rate of requests",
        "PartnerUnavailable" => "wait: the next run tries again",
        "InvalidResponse" => "ask WHOOP: its answer holds no usable token",
        "SecretUnavailable" => {
            "check the secret and its key; a new stack needs: whoop-partner secret set credentials"
        }
        "StoreUnavailable" => "check DynamoDB, the table and its key",
        "Panicked" => "find the line with the field place in the function's log",
        other => {
            return ToolError::Remediable {
                message: format!("token-refresh failed with {}", safe(other)),
                remedy: "look into the function's log".into(),
            };
        }
    };
    ToolError::Remediable {
        message: format!(
            "token-refresh failed with {}: {}",
            error.error_type, error.error_message
        ),
        remedy: remedy.into(),
    }
}

/// An error's type as Lambda words it, such as `Sandbox.Timedout`; `an unknown error` if it is anything else.
fn safe(error_type: &str) -> &str {
    let is_name = error_type.len() <= 64
        && error_type
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '.');
    if is_name {
        error_type
    } else {
        "an unknown error"
    }
}

impl fmt::Display for Renewal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.outcome.as_str() {
            "refreshed" => f.write_str("A new token is stored.")?,
            "still_fresh" => f.write_str("The stored token is still good.")?,
            other => write!(f, "token-refresh says {other:?}.")?,
        }
        match self.expires_at {
            Some(time) => write!(f, " It expires at {time}, in {}.", rough(self.left)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(error_type: &str) -> ToolError {
        let payload = json!({"errorType": error_type, "errorMessage": "status 401"});
        let answer = InvokeOutput::builder()
            .function_error("Unhandled")
            .payload(Blob::new(payload.to_string()))
            .build();
        renewal(&answer).map(drop).unwrap_err()
    }

    #[test]
    fn each_type_of_error_has_its_remedy() {
        for error_type in [
            "InvalidCredentials",
            "RateLimited",
            "PartnerUnavailable",
            "InvalidResponse",
            "SecretUnavailable",
            "StoreUnavailable",
            "Panicked",
        ] {
            let error = error(error_type);
            assert!(error.remedy().is_some(), "{error}");
            let message = format!("token-refresh failed with {error_type}: status 401");
            assert_eq!(error.to_string(), message);
        }
    }

    #[test]
    fn an_error_of_lambda_is_named_without_its_message() {
        let message = error("Sandbox.Timedout").to_string();
        assert_eq!(message, "token-refresh failed with Sandbox.Timedout");
        let message = error("a patient's name").to_string();
        assert_eq!(message, "token-refresh failed with an unknown error");
    }

    #[test]
    fn an_answer_that_is_no_outcome_is_an_error() {
        for payload in ["", "null", "{}", r#"{"outcome":"refreshed"}"#, "<html>"] {
            let answer = InvokeOutput::builder().payload(Blob::new(payload));
            let error = renewal(&answer.build()).map(drop).unwrap_err();
            assert!(!error.to_string().contains("html"), "{error}");
        }
        let failed = InvokeOutput::builder().function_error("Unhandled").build();
        assert!(renewal(&failed).is_err());
    }
}
