//! Asks before something is done that can't be undone.

use std::io::{self, Write};

use crate::error::ToolError;

/// Says what will happen, and returns whether the user wants it.
///
/// # Errors
///
/// If standard input can't be read.
pub(crate) fn is_confirmed(what_happens: &str) -> Result<bool, ToolError> {
    eprint!("{}\nGo on? [y/N] ", what_happens.trim_end());
    let mut answer = String::new();
    io::stderr()
        .flush()
        .and_then(|()| io::stdin().read_line(&mut answer))
        .map_err(|error| ToolError::Failed(format!("standard input: {error}")))?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}
