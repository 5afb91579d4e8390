//! `dlq redrive`: sends messages back to the webhook's queue.
//!
//! SQS can move messages by itself, but not only those with a certain reason. So each batch is received, copied and deleted. A
//! message is deleted only after its copy is in the webhook's queue. If the program is killed, none is lost, and at most the last
//! batch is repeated by the next run.

mod copy;
mod report;
mod run;
mod webhook_queue;

use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;

use super::Source;
use super::letter::reason_parser;
use super::queue::Depth;
use super::walk::{Walk, hide_for};
use crate::error::ToolError;
use crate::interrupt::Interrupt;
use crate::moment;
use crate::progress::progress;
use crate::question::is_confirmed;
use crate::report::Output;
use crate::session::Session;
use run::{Run, Selection};
use webhook_queue::WebhookQueue;

/// Send messages back to the webhook's queue, where they are processed again
///
/// The messages keep their bodies, their attributes and the time at which the webhook arrived. Remove the cause of the failures
/// first: see docs/messages.md. Ctrl-C ends the command after the batch in work.
#[derive(Debug, Args)]
pub(crate) struct Redrive {
    /// Only messages that were set aside for this reason; may be given several times
    #[arg(long, value_name = "REASON", value_parser = reason_parser())]
    reason: Vec<String>,
    /// Only the message with this id, as `dlq list` shows it; may be given several times
    #[arg(long, value_name = "ID")]
    message_id: Vec<String>,
    /// Redrive so many messages at most
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// Say what would be redriven, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Do not ask before redriving
    #[arg(long)]
    yes: bool,
    /// For how long a batch is hidden from other readers, and so when it comes back if the command is killed; if only some messages
    /// are selected, those that stay are hidden for longer, by 100 ms for each message in the queue
    #[arg(long, value_name = "SPAN", default_value = "2m", value_parser = moment::span)]
    hide: Duration,
    #[command(flatten)]
    source: Source,
}

impl Redrive {
    pub async fn run(self, session: &Session, output: &Output) -> Result<ExitCode, ToolError> {
        let to = session.stack().await?.output("WebhookQueueUrl")?;
        let to = WebhookQueue::new(session.config(), to.to_owned());
        let from = self.source.queue(session).await?;
        if from.url == to.url {
            let message =
                "the messages are in the webhook's queue already: --from names this queue";
            return Err(ToolError::WrongUse(message.into()));
        }
        let at_start = from.depth().await?;
        let asks = !self.yes && !self.dry_run && !output.is_json() && io::stdin().is_terminal();
        let selects = !self.reason.is_empty() || !self.message_id.is_empty();
        if asks
            && !is_confirmed(&format!(
                "{}\nGo on?",
                announcement(at_start, selects, &from.url, &to.url).trim_end()
            ))?
        {
            return Err(ToolError::Failed("nothing was redriven".into()));
        }
        let keeps = self.dry_run || selects;
        let hide = hide_for(if keeps { at_start.total() } else { 0 }, self.hide);
        let doing = if self.dry_run {
            "Looking:"
        } else {
            "Redriving:"
        };
        let length = match self.limit {
            Some(limit) if !selects => at_start.total().min(limit as usize),
            _ => at_start.total(),
        };
        let bar = progress(output, doing, Some(length as u64));
        let mut walk = Walk::begin(&from, at_start, hide, Interrupt::listen()?, bar);
        if !self.dry_run {
            // long enough for what another run has hidden in the same way
            walk = walk.patient(self.hide + Duration::from_secs(5));
        }
        let ids = (!self.message_id.is_empty()).then(|| self.message_id.into_iter().collect());
        let selection = Selection {
            reasons: self.reason,
            ids,
            limit: self.limit.map_or(usize::MAX, |limit| limit as usize),
            started: Timestamp::now(),
        };
        let mut run = Run::new(&from, &to, walk, selection, self.dry_run);
        let worked = run.work().await;
        let report = run.end().await;
        output.report(&report)?;
        worked?;
        Ok(if report.is_complete() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }
}

/// What a run will do, for the question before it.
fn announcement(depth: Depth, selects: bool, from: &str, to: &str) -> String {
    let which = if selects {
        "The selected ones of about"
    } else {
        "About"
    };
    let messages = depth.total();
    format!(
        "{which} {messages} messages go back\n  from {from}\n  to {to}\nand are processed again."
    )
}
