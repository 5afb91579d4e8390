//! `status`: how the stack is doing, on one screen.

mod dead_letters;
mod report;
mod rows;

use std::fmt;
use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use clap::Args;
use clap::builder::RangedU64ValueParser;
use serde::Serialize;

use self::dead_letters::DeadLetters;
use self::report::Status;
use super::doctor::{Stored, bounded};
use crate::alarms::Alarms;
use crate::error::ToolError;
use crate::queues::Depth;
use crate::report::Output;
use crate::session::Session;
use crate::signals::Signals;

/// Show how the stack is doing: deliveries, queues, dead letters, token, alarms, rate limit, heartbeat
///
/// What can't be found out is unknown, never good. For the reasons of dead letters it receives up to 1000 of them, and lets them go
/// at once. This does not change them, but SQS leaves messages that were received three times or more out of the age of the oldest one.
#[derive(Debug, Args)]
#[command(after_help = "Exit status: 0 if nothing is bad, 1 if something is. \
    What is unknown alone does not make it 1.")]
pub(crate) struct StatusCommand {
    /// Show it again every so many seconds, until Ctrl-C
    #[arg(long, value_name = "SECONDS", value_parser = RangedU64ValueParser::<u64>::new().range(5..=86_400))]
    watch: Option<u64>,
}

impl StatusCommand {
    pub async fn run(
        self,
        output: &Output,
        begin: impl AsyncFn() -> Result<Session, ToolError>,
    ) -> Result<ExitCode, ToolError> {
        let Some(seconds) = self.watch else {
            return show(&begin().await?, |status| output.report(status)).await;
        };
        let mut interrupted = std::pin::pin!(tokio::signal::ctrl_c());
        loop {
            // a new session, because the stack may have changed
            let shown =
                async { show(&begin().await?, |status| output.line(&Screen(status))).await };
            let shown = tokio::select! {
                shown = shown => shown?,
                _ = &mut interrupted => return Ok(ExitCode::SUCCESS),
            };
            tokio::select! {
                () = tokio::time::sleep(Duration::from_secs(seconds)) => {}
                _ = &mut interrupted => return Ok(shown),
            }
        }
    }
}

/// A status that takes the place of the one before it, if a person looks on.
#[derive(Serialize)]
#[serde(transparent)]
struct Screen<'s>(&'s Status);

/// Clears a terminal and goes to its upper left corner.
const CLEAR: &str = "\x1b[2J\x1b[H";

impl fmt::Display for Screen<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if std::io::stdout().is_terminal() {
            f.write_str(CLEAR)?;
        }
        writeln!(f, "{}", self.0)
    }
}

async fn show(
    session: &Session,
    print: impl FnOnce(&Status) -> Result<(), ToolError>,
) -> Result<ExitCode, ToolError> {
    let status = match session.stack().await {
        Ok(_) => collect(session).await,
        // nobody knows what to look at
        Err(error @ ToolError::Aws { .. }) => Status::unknown(session.stack_name(), &error),
        Err(error) => return Err(error),
    };
    print(&status)?;
    Ok(if status.bad_count > 0 {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// Asks for everything at once.
async fn collect(session: &Session) -> Status {
    let now = SystemTime::now();
    let depth = async |queue: &str| Depth::of(session, session.stack().await?.output(queue)?).await;
    let bus_dead_letters = async {
        if session.stack().await?.has_event_processor() {
            return Ok(Some(depth("EventBusDeadLetterQueueUrl").await?));
        }
        Ok(None)
    };
    let (signals, queue, dead_letters, bus_dead_letters, token, alarms) = tokio::join!(
        Signals::read(session, now),
        bounded(depth("WebhookQueueUrl")),
        bounded(DeadLetters::read(session)),
        bounded(bus_dead_letters),
        bounded(Stored::read(session)),
        bounded(Alarms::of(session)),
    );
    let known = rows::Known {
        now,
        signals,
        queue,
        dead_letters,
        bus_dead_letters,
        token,
        alarms,
    };
    match session.stack().await {
        Ok(stack) => Status::of(stack, &known),
        Err(error) => Status::unknown(session.stack_name(), &error),
    }
}
