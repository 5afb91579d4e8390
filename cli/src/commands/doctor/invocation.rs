//! Invokes a function of the stack.

use aws_sdk_lambda::Client;
use aws_sdk_lambda::error::ProvideErrorMetadata;
use aws_sdk_lambda::primitives::Blob;
use serde_json::Value;

use crate::error::ToolError;
use crate::finding::Finding;
use crate::printable::printable;
use crate::session::Session;

/// Messages are cut to so many characters.
const LONGEST_MESSAGE: usize = 400;

/// What became of an invocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Invocation {
    /// The function's result.
    Done(Value),
    /// The function failed.
    Failed {
        /// The type of the error, such as `StoreUnavailable`, or `Runtime.ExitError` if there is no answer of the function.
        error_type: String,
        message: String,
    },
    /// Lambda did not start it, because too many functions run or its reserved concurrency is 0.
    Throttled,
    /// There is no such function.
    Missing,
}

impl Invocation {
    /// Returns the result of a function that ran, or the type and the message of its error.
    ///
    /// # Errors
    ///
    /// If it did not run; the finding says why.
    pub fn ran(&self) -> Result<Result<&Value, (&str, &str)>, Finding> {
        match self {
            Self::Done(result) => Ok(Ok(result)),
            Self::Failed {
                error_type,
                message,
            } => Ok(Err((error_type, message))),
            Self::Throttled => Err(Finding::bad(
                "Lambda does not start it",
                "docs/runbook.md#throttle",
            )),
            Self::Missing => Err(Finding::bad("there is no such function", "make deploy")),
        }
    }
}

/// Invokes a function with an empty object, and waits for its result.
///
/// # Errors
///
/// If Lambda does not answer, or refuses the call.
pub(super) async fn invoke(session: &Session, function: &str) -> Result<Invocation, ToolError> {
    let answer = Client::new(session.config())
        .invoke()
        .function_name(function)
        .payload(Blob::new("{}"))
        .send()
        .await;
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => {
            return match error.code() {
                Some("TooManyRequestsException") => Ok(Invocation::Throttled),
                Some("ResourceNotFoundException") => Ok(Invocation::Missing),
                _ => Err(ToolError::aws("Invoke")(error)),
            };
        }
    };
    let payload = answer.payload().map(Blob::as_ref).unwrap_or_default();
    let payload: Value = serde_json::from_slice(payload).unwrap_or_default();
    Ok(match answer.function_error() {
        None => Invocation::Done(payload),
        Some(_) => failed(&payload),
    })
}

fn failed(payload: &Value) -> Invocation {
    let text = |name| printable(payload[name].as_str().unwrap_or_default());
    Invocation::Failed {
        error_type: text("errorType"),
        message: text("errorMessage").chars().take(LONGEST_MESSAGE).collect(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_error_without_a_type_is_an_error_too() {
        let expected = Invocation::Failed {
            error_type: String::new(),
            message: String::new(),
        };
        assert_eq!(failed(&Value::Null), expected);
        assert_eq!(failed(&json!({"errorType": 7})), expected);
    }
}
