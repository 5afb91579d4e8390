//! Why a call of an AWS service failed.
//!
//! The SDK's own texts are not safe to log: the `Debug` of its errors, which `DisplayErrorContext` prints too, holds the whole
//! answer, and an answer of DynamoDB or Secrets Manager may hold the token or the secret.

use std::error::Error;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::call_failure::{CallFailure, with_causes};

/// Error codes by which the services ask for fewer calls, in addition to those that contain `Throttl`.
const THROTTLED: [&str; 4] = [
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "TooManyRequestsException",
];

impl<E> From<&SdkError<E, HttpResponse>> for CallFailure
where
    E: Error + ProvideErrorMetadata + 'static,
{
    fn from(error: &SdkError<E, HttpResponse>) -> Self {
        match error {
            // the source of such an error may quote the answer
            SdkError::ResponseError(_) => not_understood(),
            SdkError::ServiceError(refusal) if refusal.raw().status().is_success() => {
                not_understood()
            }
            SdkError::ServiceError(refusal) => {
                refused(refusal.err(), refusal.raw().status().as_u16())
            }
            SdkError::ConstructionFailure(_) => Self::lasting(with_causes(error)),
            _ => Self::no_answer(with_causes(error)),
        }
    }
}

fn not_understood() -> CallFailure {
    CallFailure::no_answer("the answer can't be understood")
}

fn refused(error: &impl ProvideErrorMetadata, status: u16) -> CallFailure {
    let code = error.code().unwrap_or("no error code");
    let reason = match error.message() {
        // this message names a permission that is missing; other messages may quote the request
        Some(message) if code == "AccessDeniedException" => {
            format!("status {status}, {code}: {message}")
        }
        _ => format!("status {status}, {code}"),
    };
    CallFailure {
        reason,
        transient: status >= 500 || code.contains("Throttl") || THROTTLED.contains(&code),
    }
}

#[cfg(all(test, feature = "token-store"))]
mod tests {
    use super::*;
    use aws_sdk_dynamodb::operation::get_item::GetItemError;
    use aws_smithy_runtime_api::client::result::ConnectorError;
    use aws_smithy_runtime_api::http::StatusCode;
    use aws_smithy_types::body::SdkBody;
    use aws_smithy_types::error::ErrorMetadata;

    type Failed = SdkError<GetItemError, HttpResponse>;

    fn answer(status: u16) -> HttpResponse {
        HttpResponse::new(
            StatusCode::try_from(status).unwrap(),
            SdkBody::from("the-answer-holds-a-token"),
        )
    }

    fn service_error(status: u16, code: &str) -> Failed {
        let meta = ErrorMetadata::builder()
            .code(code)
            .message("the-message")
            .build();
        SdkError::service_error(GetItemError::generic(meta), answer(status))
    }

    #[track_caller]
    fn assert_failure(error: Failed, reason: &str, transient: bool) {
        let failure = CallFailure::from(&error);
        assert_eq!(failure.to_string(), reason);
        assert_eq!(failure.is_transient(), transient, "{reason}");
        assert!(!format!("{failure:?}").contains("the-answer-holds-a-token"));
    }

    #[test]
    fn a_refusal_tells_its_code_and_whether_to_try_again() {
        assert_failure(
            service_error(400, "ResourceNotFoundException"),
            "status 400, ResourceNotFoundException",
            false,
        );
        assert_failure(
            service_error(400, "AccessDeniedException"),
            "status 400, AccessDeniedException: the-message",
            false,
        );
        assert_failure(
            service_error(400, "ThrottlingException"),
            "status 400, ThrottlingException",
            true,
        );
        assert_failure(
            service_error(400, "ProvisionedThroughputExceededException"),
            "status 400, ProvisionedThroughputExceededException",
            true,
        );
        assert_failure(
            service_error(500, "InternalServerError"),
            "status 500, InternalServerError",
            true,
        );
    }

    #[test]
    fn an_answer_that_can_not_be_read_is_not_quoted() {
        assert_failure(
            SdkError::response_error("the-answer-holds-a-token", answer(200)),
            "the answer can't be understood",
            true,
        );
        let unhandled = GetItemError::unhandled("the-answer-holds-a-token");
        assert_failure(
            SdkError::service_error(unhandled, answer(200)),
            "the answer can't be understood",
            true,
        );
    }

    #[test]
    fn a_call_without_an_answer_tells_its_causes() {
        assert_failure(
            SdkError::timeout_error("after 3 s"),
            "request has timed out: after 3 s",
            true,
        );
        assert_failure(
            SdkError::dispatch_failure(ConnectorError::io("connection refused".into())),
            "dispatch failure: io error: connection refused",
            true,
        );
    }
}
