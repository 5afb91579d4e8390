//! The calls that functions make with their roles, as `local_aws.py` writes them down.

use std::io;
use std::path::Path;

use serde::Deserialize;

/// A call of AWS, and how IAM decided.
#[derive(Debug, Clone, Deserialize)]
pub struct RoleCall {
    /// Physical name of the role.
    pub role: String,
    /// The action, such as `sqs:SendMessage`.
    pub action: String,
    /// The ARN of the resource.
    pub resource: String,
    /// Whether it was allowed.
    pub allowed: bool,
}

/// Reads those calls. A line that is only half written is left for the next reading.
pub(crate) fn role_calls(path: &Path) -> io::Result<Vec<RoleCall>> {
    let lines = std::fs::read_to_string(path)?;
    let calls = lines.lines();
    Ok(calls
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect())
}
