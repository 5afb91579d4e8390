//! Reads lines of the functions' logs from CloudWatch Logs.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_sdk_cloudwatchlogs::Client;

use crate::error::ToolError;
use crate::session::Session;

/// So many pages of an answer are read. Many may be empty, because each stands for a part of the log.
const MOST_PAGES: usize = 1000;

/// The local AWS gives up to so many lines, and no token for the rest.
const LONGEST_PAGE: usize = 10_000;

/// A line of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    pub at: SystemTime,
    pub text: String,
}

/// Reads all lines of a log group since a time that a filter pattern matches, oldest first. `log_group` is the group's name in the
/// template.
///
/// The local AWS takes no notice of a pattern over JSON fields, so the caller looks at the lines too.
///
/// # Errors
///
/// If CloudWatch Logs does not answer or refuses, or if there is more than can be read.
pub(crate) async fn since(
    session: &Session,
    log_group: &str,
    pattern: &str,
    since: SystemTime,
) -> Result<Vec<Line>, ToolError> {
    let group = session.stack().await?.resource(log_group).await?;
    let client = Client::new(session.config());
    let mut lines = Vec::new();
    let mut next = None;
    for _ in 0..MOST_PAGES {
        let page = client
            .filter_log_events()
            .log_group_name(group)
            .filter_pattern(pattern)
            .start_time(unix_millis(since))
            .set_next_token(next.take())
            .send()
            .await
            .map_err(ToolError::aws("FilterLogEvents"))?;
        lines.extend(page.events().iter().filter_map(|event| {
            Some(Line {
                at: time(event.timestamp()?),
                text: event.message()?.to_owned(),
            })
        }));
        match page.next_token {
            Some(token) => next = Some(token),
            None if page.events.unwrap_or_default().len() >= LONGEST_PAGE => break,
            None => return Ok(lines),
        }
    }
    let too_many = format!("{log_group} is too long to be searched");
    Err(ToolError::Failed(too_many))
}

fn unix_millis(time: SystemTime) -> i64 {
    let elapsed = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX)
}

fn time(unix_millis: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(u64::try_from(unix_millis).unwrap_or_default())
}
