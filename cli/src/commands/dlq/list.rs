//! `dlq list`: what is in the dead-letter queue.

pub(super) mod listing;

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;

use super::Source;
use super::letter::reason_parser;
use super::walk::{Walk, hide_for};
use crate::error::ToolError;
use crate::interrupt::Interrupt;
use crate::progress::progress;
use crate::report::Output;
use crate::session::Session;
use listing::{Listing, Row};

/// For how long a message is hidden if the program is killed.
const HIDE: Duration = Duration::from_secs(60);

/// List the messages, with the reason for which each was set aside
///
/// While the list is made, the messages are hidden from other readers.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// List so many messages at most
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// Only messages that were set aside for this reason; may be given several times
    #[arg(long, value_name = "REASON", value_parser = reason_parser())]
    reason: Vec<String>,
    /// Show event type and resource id of each body; the resource id points at a patient's order
    #[arg(long)]
    show_phi: bool,
    #[command(flatten)]
    source: Source,
}

impl List {
    pub async fn run(self, session: &Session, output: &Output) -> Result<ExitCode, ToolError> {
        let limit = self.limit as usize;
        let queue = self.source.queue(session).await?;
        let at_start = queue.depth().await?;
        let now = Timestamp::now();
        let walked = if self.reason.is_empty() {
            limit.min(at_start.total())
        } else {
            at_start.total()
        };
        let hide = hide_for(walked, HIDE);
        let bar = progress(output, "Looking:", Some(walked as u64));
        let mut walk = Walk::begin(&queue, at_start, hide, Interrupt::listen()?, bar);
        let mut rows = Vec::new();
        let mut by_reason = BTreeMap::new();
        let failure = loop {
            let letters = match walk.next().await {
                Ok(Some(letters)) => letters,
                Ok(None) => break None,
                Err(error) => break Some(error),
            };
            for letter in letters {
                let reason = letter.reason();
                let wanted = self.reason.is_empty() || self.reason.contains(&reason);
                *by_reason.entry(reason).or_default() += 1;
                if wanted && rows.len() < limit {
                    rows.push(Row::new(&letter, at_start, now, self.show_phi));
                }
            }
            if rows.len() >= limit {
                break None;
            }
        };
        let ended = walk.end().await;
        if let Some(failure) = failure {
            return Err(failure);
        }
        rows.sort_by_key(|row| Reverse(row.age_s));
        output.report(&Listing::new(queue.url, rows, by_reason, at_start, &ended))?;
        Ok(match ended.stopped {
            None => ExitCode::SUCCESS,
            Some(_) => ExitCode::FAILURE,
        })
    }
}
