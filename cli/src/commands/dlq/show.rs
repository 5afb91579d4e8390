//! `dlq show`: everything about one message.

use std::fmt;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;
use serde::Serialize;
use whoop_partner::queue_message::{
    BODY_ENCODING, EVENT_TYPE, FAILURE_REASON, RECEIVED_AT, REQUEST_ID, attribute_size,
};

use super::Source;
use super::letter::Letter;
use super::list::listing::BodyFields;
use super::queue::Depth;
use super::walk::{Ended, Walk, hide_for};
use crate::error::ToolError;
use crate::interrupt::Interrupt;
use crate::moment::{after, rough, second, since};
use crate::printable::printable;
use crate::progress::progress;
use crate::report::{Output, table};
use crate::session::Session;

/// For how long a message is hidden if the program is killed.
const HIDE: Duration = Duration::from_secs(60);

/// The attributes whose values hold no patient's data.
const OURS: [&str; 5] = [
    EVENT_TYPE,
    RECEIVED_AT,
    REQUEST_ID,
    BODY_ENCODING,
    FAILURE_REASON,
];

/// Show everything about one message
///
/// SQS can't look a message up, so this goes through the queue until it finds the message.
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// The message's id, as `dlq list` shows it
    message_id: String,
    /// Show the body too; it points at a patient's order
    #[arg(long)]
    show_phi: bool,
    #[command(flatten)]
    source: Source,
}

#[derive(Serialize)]
struct Shown {
    message_id: String,
    queue_url: String,
    reason: String,
    event_type: Option<String>,
    request_id: Option<String>,
    received_at: Option<String>,
    sent_at: Option<Timestamp>,
    deleted_at: Option<Timestamp>,
    first_received_at: Option<Timestamp>,
    receives: u32,
    moved_from: Option<String>,
    trace_header: Option<String>,
    body_encoding: Option<String>,
    body_bytes: usize,
    /// Body and attributes, as SQS counts them.
    message_bytes: usize,
    /// The names of attributes that are not ours. Their values are shown with the body.
    other_attributes: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phi: Option<Phi>,
}

#[derive(Serialize)]
struct Phi {
    #[serde(flatten)]
    fields: BodyFields,
    /// The body as WHOOP sent it. If it is no text, the body of the message.
    body: String,
    other_attributes: Vec<(String, String)>,
}

impl Show {
    pub async fn run(self, session: &Session, output: &Output) -> Result<ExitCode, ToolError> {
        let queue = self.source.queue(session).await?;
        let at_start = queue.depth().await?;
        let hide = hide_for(at_start.total(), HIDE);
        let bar = progress(output, "Searching:", Some(at_start.total() as u64));
        let mut walk = Walk::begin(&queue, at_start, hide, Interrupt::listen()?, bar);
        let found = loop {
            let letters = match walk.next().await {
                Ok(Some(letters)) => letters,
                Ok(None) => break Ok(None),
                Err(error) => break Err(error),
            };
            let mut letters = letters.into_iter();
            if let Some(found) = letters.find(|letter| letter.id == self.message_id) {
                break Ok(Some(found));
            }
        };
        let ended = walk.end().await;
        let Some(letter) = found? else {
            return Err(not_found(&self.message_id, &ended));
        };
        output.report(&Shown::new(&letter, queue.url, at_start, self.show_phi))?;
        Ok(ExitCode::SUCCESS)
    }
}

fn not_found(id: &str, ended: &Ended) -> ToolError {
    let in_flight = ended.depth.map_or(0, |depth| depth.in_flight);
    let remedy = match ended.stopped {
        Some(stopped) => stopped.to_string(),
        None if in_flight > 0 => format!(
            "try again in some minutes: another reader has about {in_flight} messages in its hands"
        ),
        None => "list the messages with: whoop-partner dlq list".into(),
    };
    ToolError::Remediable {
        message: format!(
            "the message {} is not among the {} that the queue shows",
            printable(id),
            ended.seen
        ),
        remedy,
    }
}

impl Shown {
    fn new(letter: &Letter, queue_url: String, depth: Depth, show_phi: bool) -> Self {
        let attributes: usize = letter
            .attributes
            .iter()
            .map(|(name, value)| {
                let text = value.string_value().map_or(0, str::len);
                let bytes = value.binary_value().map_or(0, |bytes| bytes.as_ref().len());
                attribute_size(name, value.data_type(), text + bytes)
            })
            .sum();
        let mut others: Vec<(String, String)> = letter
            .attributes
            .iter()
            .filter(|(name, _)| !OURS.contains(&name.as_str()))
            .map(|(name, value)| {
                let value = value.string_value().unwrap_or("(bytes)");
                (printable(name), printable(value))
            })
            .collect();
        others.sort();
        Self {
            message_id: letter.id.clone(),
            queue_url,
            reason: letter.reason(),
            event_type: letter.event_type(),
            request_id: letter.request_id(),
            received_at: letter.received_at(),
            sent_at: letter.sent_at,
            deleted_at: letter
                .sent_at
                .map(|sent_at| after(sent_at, depth.retention)),
            first_received_at: letter.first_received_at,
            receives: letter.receives,
            moved_from: letter.moved_from.clone(),
            trace_header: letter.trace_header.as_deref().map(printable),
            body_encoding: letter.body_encoding(),
            body_bytes: letter.body.len(),
            message_bytes: letter.body.len() + attributes,
            other_attributes: others.iter().map(|(name, _)| name.clone()).collect(),
            phi: show_phi.then(|| Phi {
                fields: BodyFields::of(letter),
                body: body(letter),
                other_attributes: others,
            }),
        }
    }
}

fn body(letter: &Letter) -> String {
    let decoded = letter.decoded_body();
    let text = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
    text.unwrap_or_else(|| letter.body.clone())
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = table(["field", "value"]);
        let now = Timestamp::now();
        let time = |time: Timestamp| format!("{} ({} ago)", second(time), rough(since(time, now)));
        let text = |text: &Option<String>| text.clone();
        let deleted_at =
            |time: Timestamp| format!("{} (in {})", second(time), rough(since(now, time)));
        let rows = [
            ("message id", Some(self.message_id.clone())),
            ("reason", Some(self.reason.clone())),
            ("event type", text(&self.event_type)),
            ("request id", text(&self.request_id)),
            ("received at", text(&self.received_at)),
            ("in the queue since", self.sent_at.map(time)),
            ("deleted by SQS at", self.deleted_at.map(deleted_at)),
            ("first receive", self.first_received_at.map(time)),
            ("receives", Some(self.receives.to_string())),
            ("moved by SQS from", text(&self.moved_from)),
            ("trace", text(&self.trace_header)),
            ("body encoding", text(&self.body_encoding)),
            ("bytes of the body", Some(self.body_bytes.to_string())),
            ("bytes of the message", Some(self.message_bytes.to_string())),
        ];
        for (name, value) in rows {
            table.add_row([name.to_owned(), value.unwrap_or_else(|| "-".into())]);
        }
        if !self.other_attributes.is_empty() {
            table.add_row([
                "other attributes".to_owned(),
                self.other_attributes.join(", "),
            ]);
        }
        if let Some(phi) = &self.phi {
            let fields = [
                ("event type of the body", &phi.fields.event_type),
                ("resource id", &phi.fields.resource_id),
            ];
            for (name, value) in fields {
                let value = value.clone().unwrap_or_else(|| "-".into());
                table.add_row([name.to_owned(), value]);
            }
            for (name, value) in &phi.other_attributes {
                table.add_row([name, value]);
            }
        }
        write!(f, "{table}")?;
        if let Some(phi) = &self.phi {
            let lines = phi.body.lines().map(printable).collect::<Vec<_>>();
            write!(f, "\n\n{}", lines.join("\n"))?;
        }
        Ok(())
    }
}
