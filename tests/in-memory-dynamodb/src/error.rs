//! Why a request is not carried out, and how DynamoDB says so.

use serde_json::{Value, json};

use crate::attribute_value::{Item, item_to_json};

/// Why a request is not carried out.
#[derive(Debug, PartialEq)]
pub(crate) enum Error {
    /// The JSON has another shape than the API describes.
    Serialization(String),
    /// The request makes no sense; the message is DynamoDB's.
    Validation(String),
    /// The condition does not hold; with the item if the request asks for it.
    ConditionalCheckFailed(Option<Item>),
    /// DynamoDB may be able to carry this out, but this table can't.
    Unsupported(String),
}

impl Error {
    pub(crate) fn validation(message: impl Into<String>) -> Self {
        Self::Validation(message.into())
    }

    pub(crate) fn unsupported(what: impl Into<String>) -> Self {
        Self::Unsupported(what.into())
    }

    /// Status and body of the answer.
    ///
    /// # Panics
    ///
    /// If the request is unsupported: any answer would pretend to be DynamoDB's.
    pub(crate) fn answer(self) -> (u16, Value) {
        let body = match self {
            Self::Serialization(message) => json!({
                "__type": "com.amazon.coral.service#SerializationException",
                "Message": message,
            }),
            Self::Validation(message) => json!({
                "__type": "com.amazon.coral.validate#ValidationException",
                "message": message,
            }),
            Self::ConditionalCheckFailed(item) => {
                let mut body = json!({
                    "__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException",
                    "message": "The conditional request failed",
                });
                if let Some(item) = item {
                    body["Item"] = item_to_json(&item);
                }
                body
            }
            Self::Unsupported(what) => panic!("the in-memory DynamoDB does not support {what}"),
        };
        (400, body)
    }
}
