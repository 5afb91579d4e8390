//! The record of a webhook's delivery.

use jiff::Timestamp;
use serde::Serialize;

/// One webhook.
#[derive(Debug, Clone, Serialize)]
pub struct Delivery {
    /// The body, as it was signed.
    pub body: String,
    /// The attempts so far.
    pub attempts: Vec<Attempt>,
    /// Whether no attempt will follow.
    pub finished: bool,
}

impl Delivery {
    pub(super) fn new(body: String) -> Self {
        Self {
            body,
            attempts: Vec::new(),
            finished: false,
        }
    }

    /// Whether the last attempt was answered with 204.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        self.attempts
            .last()
            .is_some_and(|last| last.status == Some(204))
    }
}

/// One attempt at a delivery.
#[derive(Debug, Clone, Serialize)]
pub struct Attempt {
    /// When it began.
    pub time: Timestamp,
    /// HTTP status code of the answer.
    pub status: Option<u16>,
    /// What happened instead of an answer.
    pub error: Option<String>,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
}
