//! The commands, one module each.

pub(crate) mod completions;
pub(crate) mod dlq;
pub(crate) mod events;
pub(crate) mod logs;
pub(crate) mod man;
pub(crate) mod outputs;

use std::process::ExitCode;

use crate::arguments::{Arguments, Command};
use crate::error::ToolError;
use crate::report::Output;
use crate::session::Session;

/// Runs a command.
pub(crate) async fn run(arguments: Arguments, output: &Output) -> Result<ExitCode, ToolError> {
    let begin = || Session::begin(&arguments.global);
    match arguments.command {
        Command::Outputs(outputs) => outputs.run(&begin().await?, output).await?,
        Command::Dlq(dlq) => return dlq.run(&begin().await?, output).await,
        Command::Events(events) => return events.run(&begin().await?, output).await,
        Command::Logs(logs) => return logs.run(&begin().await?, output).await,
        Command::Completions(completions) => completions.run(),
        Command::Man(man) => man.run()?,
    }
    Ok(ExitCode::SUCCESS)
}
