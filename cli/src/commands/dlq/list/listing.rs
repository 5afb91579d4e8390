//! The list of messages.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use whoop_partner::event::WebhookEvent;

use super::super::letter::Letter;
use super::super::queue::Depth;
use super::super::walk::{Ended, Stopped};
use crate::moment::{rough, since};
use crate::printable::printable;
use crate::report::table;

#[derive(Serialize)]
pub struct Listing {
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
pub struct Row {
    message_id: String,
    reason: String,
    event_type: Option<String>,
    received_at: Option<String>,
    pub age_s: Option<u64>,
    /// When SQS deletes the message.
    seconds_left: Option<u64>,
    receives: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<BodyFields>,
}

/// What the body says.
#[derive(Serialize)]
pub struct BodyFields {
    pub event_type: Option<String>,
    pub resource_id: Option<String>,
}

impl Listing {
    pub fn new(
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
    pub fn new(letter: &Letter, depth: Depth, now: Timestamp, show_phi: bool) -> Self {
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
pub fn write_still_hidden(f: &mut fmt::Formatter<'_>, still_hidden: usize) -> fmt::Result {
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
