//! How a command says what it has found out.

use std::fmt::Display;
use std::io::{self, Write};

use comfy_table::presets::NOTHING;
use comfy_table::{Row, Table};
use serde::Serialize;
use serde_json::json;

use crate::error::ToolError;

/// What a command has found out: `Display` is for people, `Serialize` for programs.
pub(crate) trait Report: Display + Serialize {}

impl<T: Display + Serialize> Report for T {}

/// Prints reports to standard output, and errors to standard error.
pub(crate) struct Output {
    json: bool,
}

impl Output {
    pub fn new(json: bool) -> Self {
        Self { json }
    }

    /// Prints a report.
    ///
    /// # Errors
    ///
    /// If standard output takes nothing.
    pub fn report(&self, report: &impl Report) -> Result<(), ToolError> {
        let text = if self.json {
            serde_json::to_string_pretty(report).expect("a report is JSON")
        } else {
            report.to_string()
        };
        print(text.trim_end())
    }

    /// Prints one of several reports that belong together: with `--json`, each on a line of its own.
    ///
    /// # Errors
    ///
    /// If standard output takes nothing.
    pub fn line(&self, report: &impl Report) -> Result<(), ToolError> {
        if self.json {
            print(&serde_json::to_string(report).expect("a report is JSON"))
        } else {
            print(&report.to_string())
        }
    }

    /// Whether reports are for programs. Questions and progress are then left out.
    pub fn is_json(&self) -> bool {
        self.json
    }

    pub fn error(&self, error: &ToolError) {
        let text = match (self.json, error.remedy()) {
            (true, remedy) => json!({"error": error.to_string(), "remedy": remedy}).to_string(),
            (false, Some(remedy)) => format!("error: {error}\n  do: {remedy}"),
            (false, None) => format!("error: {error}"),
        };
        // there is nobody else to tell; the exit status says it too
        let _ = writeln!(io::stderr(), "{text}");
    }
}

/// Prints a text to standard output, where a reader that has gone away is no reason to panic.
fn print(text: &str) -> Result<(), ToolError> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")
        .and_then(|()| out.flush())
        .map_err(|error| ToolError::Failed(format!("standard output: {error}")))
}

/// A table without lines. The rows follow its header.
pub(crate) fn table<T: Into<Row>>(header: T) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(header);
    table
}
