//! The commands, one module each.

pub(crate) mod completions;
pub(crate) mod dlq;
pub(crate) mod doctor;
pub(crate) mod document;
pub(crate) mod events;
pub(crate) mod logs;
pub(crate) mod man;
pub(crate) mod outputs;
pub(crate) mod requisition;
pub(crate) mod results;
pub(crate) mod secret;
pub(crate) mod service_request;
pub(crate) mod status;
pub(crate) mod test_data;
pub(crate) mod token;
pub(crate) mod webhook;

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
        Command::Webhook(webhook) => return webhook.run(begin, output).await,
        Command::Secret(secret) => return secret.run(&begin().await?, output).await,
        Command::Token(token) => return token.run(&begin().await?, output).await,
        Command::Completions(completions) => completions.run()?,
        Command::Doctor(doctor) => return doctor.run(&begin().await?, output).await,
        Command::Status(status) => return status.run(output, begin).await,
        Command::Dlq(dlq) => return dlq.run(&begin().await?, output).await,
        Command::Events(events) => return events.run(&begin().await?, output).await,
        Command::Logs(logs) => return logs.run(&begin().await?, output).await,
        Command::Requisition(command) => return command.run(&begin().await?, output).await,
        Command::ServiceRequest(command) => command.run(&begin().await?, output).await?,
        Command::Results(command) => return command.run(&arguments.global, output).await,
        Command::Document(command) => command.run(&begin().await?, output).await?,
        Command::TestData(command) => command.run(&begin().await?, output).await?,
        Command::Man(man) => man.run()?,
    }
    Ok(ExitCode::SUCCESS)
}
