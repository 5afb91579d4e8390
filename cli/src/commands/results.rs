//! `results`: the results of a service request.

mod complaint;
mod example;
mod file;
mod json;
mod submit;

use std::process::ExitCode;

use clap::Subcommand;

use crate::arguments::Global;
use crate::error::ToolError;
use crate::report::Output;

/// The commands about results.
#[derive(Debug, Subcommand)]
pub(crate) enum Results {
    Submit(submit::Submit),
    Example(example::Example),
}

impl Results {
    pub async fn run(self, global: &Global, output: &Output) -> Result<ExitCode, ToolError> {
        match self {
            Self::Submit(submit) => submit.run(global, output).await,
            Self::Example(example) => example.run(output),
        }
    }
}
