//! The commands, one module each.

pub(crate) mod completions;
pub(crate) mod document;
pub(crate) mod man;
pub(crate) mod outputs;
pub(crate) mod requisition;
pub(crate) mod results;
pub(crate) mod service_request;
pub(crate) mod test_data;

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
        Command::Requisition(command) => return command.run(&begin().await?, output).await,
        Command::ServiceRequest(command) => command.run(&begin().await?, output).await?,
        Command::Results(command) => return command.run(&arguments.global, output).await,
        Command::Document(command) => command.run(&begin().await?, output).await?,
        Command::TestData(command) => command.run(&begin().await?, output).await?,
        Command::Completions(completions) => completions.run(),
        Command::Man(man) => man.run()?,
    }
    Ok(ExitCode::SUCCESS)
}
