//! `whoop-partner`, the tool in the operator's hand: it looks into a deployed stack, and does what has to be done by hand.
//!
//! A command finds something out and returns it as a `report::Report`, which is printed for people or, with `--json`, for
//! programs. Patients' data are shown only with `--show-phi`. A secret or an access token is never shown.

mod arguments;
mod commands;
mod error;
mod partner_failure;
mod patient_data;
mod printable;
mod question;
mod report;
mod session;
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
