//! `logs`: follows one delivery through the logs.

mod line;

use std::fmt;
use std::process::ExitCode;
use std::time::Duration;

use aws_sdk_cloudwatchlogs::Client;
use aws_sdk_cloudwatchlogs::types::FilteredLogEvent;
use clap::Args;
use futures_util::future::join_all;
use indicatif::ProgressBar;
use jiff::Timestamp;
use serde::Serialize;

use crate::error::ToolError;
use crate::moment::{rough, span};
use crate::progress::progress;
use crate::report::{Output, table};
use crate::session::Session;
use crate::stack::Stack;
use line::Line;

/// The logs in which a delivery leaves lines: what they are called here, and their log groups in the template.
const WEBHOOK_LOGS: [(&str, &str); 2] =
    [("access log", "ApiAccessLogs"), ("webhook", "WebhookLogs")];
const EVENT_PROCESSOR_LOG: (&str, &str) = ("event-processor", "EventProcessorLogs");

/// The longest request id that we look for.
const MAX_REQUEST_ID: usize = 128;

/// Follow one delivery through the logs: how it was answered, and what became of it
///
/// This searches the access log and the logs of the webhook and of the event processor.
#[derive(Debug, Args)]
pub(crate) struct Logs {
    /// API Gateway's id of the request, such as JKJaXmPLvHcESHA=
    #[arg(value_name = "REQUEST_ID", value_parser = request_id, allow_hyphen_values = true)]
    request_id: String,
    /// Search the lines since then
    #[arg(long, value_name = "SPAN", default_value = "24h", value_parser = span)]
    since: Duration,
}

/// What one log says.
struct Found {
    log: &'static str,
    lines: Result<Vec<Line>, ToolError>,
}

/// All lines, for people.
#[derive(Serialize)]
#[serde(transparent)]
struct Story<'l>(&'l [Line]);

/// A log that can't be read.
#[derive(Serialize)]
struct Unknown {
    log: &'static str,
    unknown: String,
}

impl Logs {
    pub async fn run(self, session: &Session, output: &Output) -> Result<ExitCode, ToolError> {
        let stack = session.stack().await?;
        self.check_since(stack)?;
        let client = Client::new(session.config());
        let mut logs = WEBHOOK_LOGS.to_vec();
        if stack.has_event_processor() {
            logs.push(EVENT_PROCESSOR_LOG);
        }
        let bar = progress(output, "Searching, lines found:", None);
        let searches = logs
            .into_iter()
            .map(|(log, group)| self.search(&client, stack, log, group, &bar));
        let found = join_all(searches).await;
        bar.finish_and_clear();

        let mut lines = Vec::new();
        let mut unknown = Vec::new();
        for Found { log, lines: result } in found {
            match result {
                Ok(of_log) => lines.extend(of_log),
                Err(error) => unknown.push(Unknown {
                    log,
                    unknown: error.to_string(),
                }),
            }
        }
        // stable: lines of the same millisecond stay in the order of the logs
        lines.sort_by_key(|line| line.time);
        if output.is_json() {
            lines.iter().try_for_each(|line| output.line(line))?;
        } else if !lines.is_empty() {
            output.report(&Story(&lines))?;
        }
        unknown
            .iter()
            .try_for_each(|unknown| output.line(unknown))?;
        if lines.is_empty() {
            return Err(self.nothing_found(unknown.is_empty()));
        }
        Ok(match unknown.as_slice() {
            [] => ExitCode::SUCCESS,
            _ => ExitCode::FAILURE,
        })
    }

    /// Older lines than the log groups keep can't be found.
    fn check_since(&self, stack: &Stack) -> Result<(), ToolError> {
        let days = stack.parameters.get("LogRetentionInDays");
        let days = days.and_then(|days| days.parse::<u64>().ok());
        let retention = days.map(|days| Duration::from_secs(days * 24 * 60 * 60));
        match retention {
            Some(retention) if self.since > retention => Err(ToolError::WrongUse(format!(
                "the log groups keep lines for {} only: --since {0} at most",
                rough(retention)
            ))),
            _ => Ok(()),
        }
    }

    async fn search(
        &self,
        client: &Client,
        stack: &Stack,
        log: &'static str,
        group: &str,
        bar: &ProgressBar,
    ) -> Found {
        let lines = match stack.resource(group).await {
            Ok(group) => self.lines(client, log, group, bar).await,
            Err(error) => Err(error),
        };
        Found { log, lines }
    }

    async fn lines(
        &self,
        client: &Client,
        log: &'static str,
        group: &str,
        bar: &ProgressBar,
    ) -> Result<Vec<Line>, ToolError> {
        let since = Timestamp::now().as_millisecond()
            - i64::try_from(self.since.as_millis()).unwrap_or(i64::MAX);
        // the id holds nothing that has a meaning within the quotes
        let pattern = format!("\"{}\"", self.request_id);
        let mut lines = Vec::new();
        let mut next_token = None;
        loop {
            let answer = client
                .filter_log_events()
                .log_group_name(group)
                .filter_pattern(&pattern)
                .start_time(since.max(0))
                .set_next_token(next_token)
                .send()
                .await
                .map_err(ToolError::aws("FilterLogEvents"))?;
            let events = answer.events.unwrap_or_default();
            let read = |event: FilteredLogEvent| Line::read(log, &event, &self.request_id);
            let found = events.into_iter().filter_map(read);
            let before = lines.len();
            lines.extend(found);
            bar.inc((lines.len() - before) as u64);
            // a page without lines is not the last one
            next_token = answer.next_token;
            if next_token.is_none() {
                return Ok(lines);
            }
        }
    }

    fn nothing_found(&self, all_known: bool) -> ToolError {
        let mut message = format!(
            "no line of the last {} has the request id",
            rough(self.since)
        );
        if !all_known {
            message.push_str(", as far as is known");
        }
        ToolError::Remediable {
            message: format!("{message} {}", self.request_id),
            remedy: "search further back with --since 7d; CloudWatch shows a line some seconds after it was written"
                .into(),
        }
    }
}

/// Takes what can be a request id. It holds neither quotes nor wildcards.
fn request_id(text: &str) -> Result<String, String> {
    let fits = (1..=MAX_REQUEST_ID).contains(&text.len())
        && !text.starts_with("--")
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "+/=_-".contains(c));
    match fits {
        true => Ok(text.into()),
        false => Err("a request id is such as JKJaXmPLvHcESHA=".into()),
    }
}

impl fmt::Display for Story<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = table(["time", "log", "message", "details"]);
        for line in self.0 {
            table.add_row([
                format!("{:.3}", line.time),
                line.log.into(),
                line.message(),
                line.details(),
            ]);
        }
        write!(f, "{table}")
    }
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: unknown: {}", self.log, self.unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_id_has_nothing_that_a_pattern_would_understand() {
        for id in [
            "JKJaXmPLvHcESHA=",
            "-9_a+/==",
            "0a1b2c3d-0000-4000-8000-000000000000",
        ] {
            assert_eq!(request_id(id), Ok(id.into()));
        }
        let long = "x".repeat(129);
        for text in [
            "", "a b", "a\"b", "a*", "{$.a=1}", "é", "a\\", "--since", &long,
        ] {
            assert!(request_id(text).is_err(), "{text}");
        }
    }
}
