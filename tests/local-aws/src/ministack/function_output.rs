//! The lines that the functions print, as `local_aws.py` writes them down.

use std::io::{self, BufRead, BufReader};
use std::path::Path;

use serde::Deserialize;

/// One line that a function printed.
#[derive(Debug, Clone, Deserialize)]
pub struct FunctionLine {
    /// When it was printed, in Unix seconds.
    pub at: f64,
    /// Physical name of the function.
    pub function: String,
    /// The line without its end.
    pub line: String,
}

/// Reads those lines. A line that is only half written is left for the next reading.
pub(crate) fn function_output(path: &Path) -> io::Result<Vec<FunctionLine>> {
    let file = BufReader::new(std::fs::File::open(path)?);
    let lines = file.lines().collect::<io::Result<Vec<_>>>()?;
    Ok(lines
        .iter()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect())
}
