//! `whoop-partner`, the tool in the operator's hand: it looks into a deployed stack, and does what has to be done by hand.
//!
//! A command finds something out and returns it as a `report::Report`, which is printed for people or, with `--json`, for
//! programs. Patients' data are shown only with `--show-phi`. A secret or an access token is never shown.

mod alarms;
mod arguments;
mod commands;
mod error;
mod finding;
mod interrupt;
mod log_lines;
mod moment;
mod partner_failure;
mod patient_data;
mod printable;
mod progress;
mod question;
mod queues;
mod report;
mod secret_input;
mod session;
mod signals;
mod stack;

use std::process::ExitCode;

pub use arguments::Arguments;

use crate::report::Output;

/// Runs a command, prints what it found out, and returns the exit status: 0 if all is well, 1 if not, 2 for wrong use.
pub async fn run(arguments: Arguments) -> ExitCode {
    let output = Output::new(arguments.global.json);
    match commands::run(arguments, &output).await {
        Ok(exit_code) => exit_code,
        Err(error) => {
            output.error(&error);
            error.exit_code()
        }
    }
}
