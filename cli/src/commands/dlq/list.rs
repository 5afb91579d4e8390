//! `dlq list`: what is in the dead-letter queue.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;
use serde::Serialize;
use whoop_partner::event::WebhookEvent;

use super::Source;
use super::letter::{Letter, reason_parser};
use super::queue::Depth;
use super::walk::{Ended, Stopped, Walk, hide_for};
use crate::error::ToolError;
use crate::interrupt::Interrupt;
use crate::moment::{rough, since};
use crate::progress::progress;
use crate::report::{Output, printable, table};
use crate::session::Session;

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

#[derive(Serialize)]
struct Listing {
    queue_url: String,
    messages: Vec<Row>,
    /// How many messages of each reason were looked at, listed or not.
    by_reason: BTreeMap<String, usize>,
    looked_at: usize,
    /// How many messages the queue holds beside those that were looked at, as far as SQS knows.
    about_more: usize,
    /// How many messages stay hidden, because they could not be given back.
    still_hidden: usize,
    stopped: Option<Stopped>,
}

#[derive(Serialize)]
struct Row {
    message_id: String,
    reason: String,
    event_type: Option<String>,
    received_at: Option<String>,
    age_s: Option<u64>,
    /// When SQS deletes the message.
    seconds_left: Option<u64>,
    receives: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<BodyFields>,
}

/// What the body says.
#[derive(Serialize)]
pub(super) struct BodyFields {
    pub event_type: Option<String>,
    pub resource_id: Option<String>,
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

impl Listing {
    fn new(
        queue_url: String,
        messages: Vec<Row>,
        by_reason: BTreeMap<String, usize>,
        at_start: Depth,
        ended: &Ended,
    ) -> Self {
        let now = ended.depth.map_or(0, Depth::total);
        Self {
            queue_url,
            messages,
            by_reason,
            looked_at: ended.seen,
            about_more: now.max(at_start.total()).saturating_sub(ended.seen),
            still_hidden: ended.still_hidden,
            stopped: ended.stopped,
        }
    }
}

impl Row {
    fn new(letter: &Letter, depth: Depth, now: Timestamp, show_phi: bool) -> Self {
        let age = letter.sent_at.map(|sent_at| since(sent_at, now));
        let left = age.map(|age| depth.retention.saturating_sub(age));
        Self {
            message_id: letter.id.clone(),
            reason: letter.reason(),
            event_type: letter.event_type(),
            received_at: letter.received_at(),
            age_s: age.map(|age| age.as_secs()),
            seconds_left: left.map(|left| left.as_secs()),
            receives: letter.receives,
            body: show_phi.then(|| BodyFields::of(letter)),
        }
    }
}

impl BodyFields {
    pub fn of(letter: &Letter) -> Self {
        let body = letter.decoded_body().unwrap_or_default();
        let event = WebhookEvent::from_body(&body);
        Self {
            event_type: event.event_type.as_deref().map(printable),
            resource_id: event.resource_id.as_deref().map(printable),
        }
    }
}

impl fmt::Display for Listing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.looked_at == 0 && self.about_more == 0 {
            return writeln!(f, "The queue is empty.");
        }
        if !self.messages.is_empty() {
            self.write_rows(f)?;
            writeln!(f)?;
        }
        let total = format!("{} messages looked at", self.looked_at);
        let reasons = self
            .by_reason
            .iter()
            .map(|(reason, n)| format!("{reason} {n}"));
        let reasons: Vec<String> = reasons.collect();
        match reasons.as_slice() {
            [] => writeln!(f, "{total}.")?,
            _ => writeln!(f, "{total}: {}.", reasons.join(", "))?,
        }
        if self.about_more > 0 {
            writeln!(
                f,
                "About {} more are in the queue. Some may be in the hands of another reader.",
                self.about_more
            )?;
        }
        if let Some(stopped) = self.stopped {
            writeln!(f, "{stopped}")?;
        }
        write_still_hidden(f, self.still_hidden)
    }
}

impl Listing {
    fn write_rows(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let with_body = self.messages.iter().any(|row| row.body.is_some());
        let mut header = vec![
            "message id",
            "reason",
            "event type",
            "received at",
            "in the queue for",
            "deleted in",
            "receives",
        ];
        if with_body {
            header.extend(["event type of the body", "resource id"]);
        }
        let mut table = table(header);
        let dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".into());
        let span = |seconds: Option<u64>| {
            seconds.map_or_else(
                || "unknown".into(),
                |seconds| rough(Duration::from_secs(seconds)),
            )
        };
        for row in &self.messages {
            let mut cells = vec![
                row.message_id.clone(),
                row.reason.clone(),
                dash(&row.event_type),
                dash(&row.received_at),
                span(row.age_s),
                span(row.seconds_left),
                row.receives.to_string(),
            ];
            if let Some(body) = &row.body {
                cells.extend([dash(&body.event_type), dash(&body.resource_id)]);
            }
            table.add_row(cells);
        }
        writeln!(f, "{table}")
    }
}

/// Says that some messages stay hidden.
pub(super) fn write_still_hidden(f: &mut fmt::Formatter<'_>, still_hidden: usize) -> fmt::Result {
    if still_hidden > 0 {
        writeln!(
            f,
            "{still_hidden} messages could not be made visible again. SQS does so when their time is over."
        )?;
    }
    Ok(())
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Interrupted => "Interrupted: not all messages were looked at.",
            Self::TooManyInFlight => {
                "Not all messages were looked at: SQS gives no more while so many are hidden. Run the command again."
            }
            Self::QueueGrows => {
                "Not all messages were looked at: more and more arrive. Run the command again."
            }
        })
    }
}
