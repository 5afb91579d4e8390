//! From a request to the message for the queue: what makes a webhook acceptable, without the calls that this takes.

use std::time::SystemTime;

use lambda_http::http::StatusCode;
use serde::Serialize;
use whoop_partner::queue_message::QueueMessage;
use whoop_partner::signature::{MatchedKey, Signature};

use crate::request::WebhookRequest;

/// Why a webhook is not accepted. The log names the variant; the sender learns the status alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Refusal {
    /// There is no signature, or more than one.
    SignatureMissing,
    /// The signature is not 64 lower-case hexadecimal digits.
    SignatureMalformed,
    /// No key made this signature of this body.
    SignatureWrong,
    /// The gateway says that the body is base64, and it does not decode.
    Base64Malformed,
    /// The body is empty.
    BodyEmpty,
    /// The message would be larger than SQS takes.
    BodyTooLarge,
    /// The signing keys could not be read in time.
    KeysUnavailable,
    /// The queue did not take the message in time.
    QueueUnavailable,
}

impl Refusal {
    /// The status of the answer.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::SignatureMissing | Self::SignatureMalformed | Self::SignatureWrong => {
                StatusCode::UNAUTHORIZED
            }
            Self::Base64Malformed | Self::BodyEmpty => StatusCode::BAD_REQUEST,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::KeysUnavailable | Self::QueueUnavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// A webhook that is acceptable.
#[derive(Debug)]
pub struct Accepted {
    /// The message for the queue.
    pub message: QueueMessage,
    /// The key that signed it.
    pub key: MatchedKey,
}

/// Makes a message of a request whose signature `verify` accepts. `now` is when the webhook arrived.
///
/// # Errors
///
/// When the request is not acceptable, or `verify` refuses it.
pub async fn accept(
    mut request: WebhookRequest,
    verify: impl AsyncFnOnce(Signature, &[u8]) -> Result<MatchedKey, Refusal>,
    now: impl FnOnce() -> SystemTime,
) -> Result<Accepted, Refusal> {
    let header = request.signature.take().ok_or(Refusal::SignatureMissing)?;
    let signature =
        Signature::from_header(header.as_bytes()).map_err(|_| Refusal::SignatureMalformed)?;
    let body = request.take_body().map_err(|_| Refusal::Base64Malformed)?;
    let key = verify(signature, &body).await?;
    if body.is_empty() {
        return Err(Refusal::BodyEmpty);
    }
    let message = QueueMessage::new(body, now(), request.request_id);
    let message = message.map_err(|_| Refusal::BodyTooLarge)?;
    Ok(Accepted { message, key })
}
