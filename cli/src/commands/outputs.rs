//! `outputs`: the stack's outputs.

use std::collections::BTreeMap;
use std::fmt;

use clap::Args;
use serde::Serialize;

use crate::error::ToolError;
use crate::report::{Output, table};
use crate::session::Session;

/// Print the stack's outputs, such as the URL of the webhook
#[derive(Debug, Args)]
pub(crate) struct Outputs {
    /// Print shell commands that export each output as a variable, for `eval "$(whoop-partner outputs --export)"`
    #[arg(long, conflicts_with = "json")]
    export: bool,
}

#[derive(Serialize)]
#[serde(transparent)]
struct Table<'s>(&'s BTreeMap<String, String>);

#[derive(Serialize)]
struct Exports<'s>(&'s BTreeMap<String, String>);

impl Outputs {
    pub async fn run(self, session: &Session, output: &Output) -> Result<(), ToolError> {
        let outputs = &session.stack().await?.outputs;
        if self.export {
            output.report(&Exports(outputs))
        } else {
            output.report(&Table(outputs))
        }
    }
}

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = table(["output", "value"]);
        for (name, value) in self.0 {
            table.add_row([name, value]);
        }
        write!(f, "{table}")
    }
}

impl fmt::Display for Exports<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(name, value)| {
            writeln!(f, "export {name}='{}'", value.replace('\'', r"'\''"))
        })
    }
}
