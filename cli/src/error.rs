//! Why a command failed.

use std::process::ExitCode;

use aws_sdk_sqs::config::http::HttpResponse;
use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};
use whoop_partner::call_failure::CallFailure;

/// Why a command failed, in words that hold no secret and no patient's data.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ToolError {
    /// The command line asks for something that makes no sense.
    #[error("{0}")]
    WrongUse(String),
    /// A call of an AWS service failed.
    #[error("{operation} failed: {failure}")]
    Aws {
        operation: &'static str,
        failure: CallFailure,
    },
    /// Something is not as the command needs it.
    #[error("{0}")]
    Failed(String),
    /// The same, and the user can do something about it.
    #[error("{message}")]
    Remediable { message: String, remedy: String },
}

impl ToolError {
    /// Wraps an error of the AWS SDK; for `map_err`. `operation` is the name of the API's operation.
    pub fn aws<E>(operation: &'static str) -> impl FnOnce(SdkError<E, HttpResponse>) -> Self
    where
        E: std::error::Error + ProvideErrorMetadata + 'static,
    {
        move |error| Self::Aws {
            operation,
            failure: CallFailure::from(&error),
        }
    }

    /// What the user can do about it.
    pub fn remedy(&self) -> Option<&str> {
        match self {
            Self::Remediable { remedy, .. } => Some(remedy),
            _ => None,
        }
    }

    /// The exit status of the program: 2 for wrong use, as clap has it, else 1.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::WrongUse(_) => ExitCode::from(2),
            _ => ExitCode::FAILURE,
        }
    }
}
