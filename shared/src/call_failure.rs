//! Why a call of a service failed, in words that are safe to log.

use std::error::Error;
use std::fmt;

/// Why a call failed, and whether the same call may succeed later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallFailure {
    pub(crate) reason: String,
    pub(crate) transient: bool,
}

impl CallFailure {
    /// A failure that may pass: the same call may succeed later.
    #[must_use]
    pub fn no_answer(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            transient: true,
        }
    }

    /// A failure that lasts until somebody changes something.
    #[must_use]
    pub fn lasting(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            transient: false,
        }
    }

    /// Returns whether the same call may succeed later without anybody changing anything.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        self.transient
    }
}

impl fmt::Display for CallFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl Error for CallFailure {}

/// Describes JSON that does not decode by the kind of error and its place. serde's own message would quote the JSON.
#[cfg(any(feature = "client", feature = "secrets"))]
pub(crate) fn json_error(error: &serde_json::Error) -> String {
    let (kind, line, column) = (error.classify(), error.line(), error.column());
    format!("{kind:?} error in line {line}, column {column}")
}

/// Describes an error and its causes, outermost first.
pub(crate) fn with_causes(error: &dyn Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {}", with_causes(cause)),
        None => error.to_string(),
    }
}
