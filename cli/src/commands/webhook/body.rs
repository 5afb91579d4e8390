//! The body of a webhook: read byte for byte, or made.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use serde::Serialize;

use crate::error::ToolError;

/// The longest body that API Gateway passes on, in bytes.
const MAX_BYTES: u64 = 10 * 1024 * 1024;

/// Whether a path stands for standard input.
pub(super) fn is_stdin(path: &Path) -> bool {
    path == "-"
}

/// Reads a body from a file, or from standard input if the path is `-`. It may hold a patient's data: it is never shown.
///
/// # Errors
///
/// If it can't be read, or is longer than any webhook can be.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, ToolError> {
    let read = |input: &mut dyn Read| {
        let mut body = Vec::new();
        input.take(MAX_BYTES + 1).read_to_end(&mut body)?;
        io::Result::Ok(body)
    };
    let body = if is_stdin(path) {
        read(&mut io::stdin().lock())
    } else {
        File::open(path).and_then(|mut file| read(&mut file))
    };
    let body =
        body.map_err(|error| ToolError::Failed(format!("the body {}: {error}", path.display())))?;
    if body.len() as u64 > MAX_BYTES {
        return Err(ToolError::Failed(
            "the body is longer than 10 MB, the most that API Gateway takes".into(),
        ));
    }
    Ok(body)
}

/// Makes the body with which WHOOP announces an event. It has no spaces, and no line feed at its end.
pub(super) fn event(event_type: &str, resource_id: &str) -> Vec<u8> {
    #[derive(Serialize)]
    struct Event<'a> {
        event_type: &'a str,
        resource_id: &'a str,
    }
    let event = Event {
        event_type,
        resource_id,
    };
    serde_json::to_vec(&event).expect("two texts are JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_looks_like_whoops_example() {
        let body = event(
            "lab_requisition.created",
            "e72719d6-0dbb-4eb3-9ccc-781b563fc3d3",
        );
        assert_eq!(
            body,
            br#"{"event_type":"lab_requisition.created","resource_id":"e72719d6-0dbb-4eb3-9ccc-781b563fc3d3"}"#
        );
    }
}
