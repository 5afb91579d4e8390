//! Why an invocation failed, and its answer.

use lambda_runtime::Diagnostic;
use whoop_partner::http::Unanswered;
use whoop_partner::secrets::SecretError;

/// Why the heartbeat was not accepted. The runtime logs the `Debug` and answers with the `Display`. Neither holds the secret, the
/// signature, the body or the URL.
#[derive(Debug, thiserror::Error)]
pub enum HeartbeatError {
    /// The signing secret could not be read.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// No connection was made, or no answer arrived in time.
    #[error("the webhook gave no answer: {}", .0.reason)]
    NoAnswer(Unanswered),
    /// The webhook, or what stands in front of it, answered with another status than 204.
    #[error("the webhook answered {status}")]
    NotAccepted {
        /// The status.
        status: u16,
    },
    /// The function has a defect. The log has the place of the panic.
    #[error("the function panicked")]
    Panicked,
}

impl HeartbeatError {
    /// Returns the `errorType` that dashboards and runbooks use.
    #[must_use]
    pub fn error_type(&self) -> &'static str {
        match self {
            Self::Secret(_) => "SecretUnavailable",
            Self::NoAnswer(_) => "NoAnswer",
            Self::NotAccepted { .. } => "NotAccepted",
            Self::Panicked => "Panicked",
        }
    }
}

impl From<HeartbeatError> for Diagnostic {
    fn from(error: HeartbeatError) -> Self {
        Self {
            error_type: error.error_type().into(),
            error_message: error.to_string(),
        }
    }
}
