//! A report about the progress of service requests.

use std::fmt;

use serde::Serialize;

use super::TaskBusinessStatus;

/// A new task business status, and optionally a reason. `Debug` does not show the reason.
///
/// Follows WHOOP's OpenAPI document, schema `ServiceRequestStatusRequest`.
///
/// ```
/// use whoop_partner::partner::{StatusUpdate, TaskBusinessStatus};
///
/// let update = StatusUpdate::new(TaskBusinessStatus::OrderIssue).with_reason("test not offered");
/// assert_eq!(
///     serde_json::to_value(&update)?,
///     serde_json::json!({"task_business_status": "ORDER_ISSUE", "reason": "test not offered"})
/// );
/// # Ok::<_, serde_json::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct StatusUpdate {
    task_business_status: TaskBusinessStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl StatusUpdate {
    /// Makes an update without a reason.
    #[must_use]
    pub fn new(task_business_status: TaskBusinessStatus) -> Self {
        Self {
            task_business_status,
            reason: None,
        }
    }

    /// Adds a reason, in free text.
    #[must_use]
    pub fn with_reason(self, reason: impl Into<String>) -> Self {
        Self {
            reason: Some(reason.into()),
            ..self
        }
    }
}

impl From<TaskBusinessStatus> for StatusUpdate {
    fn from(status: TaskBusinessStatus) -> Self {
        Self::new(status)
    }
}

impl fmt::Debug for StatusUpdate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StatusUpdate")
            .field("task_business_status", &self.task_business_status)
            .finish_non_exhaustive()
    }
}
