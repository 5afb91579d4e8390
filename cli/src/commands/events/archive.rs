//! The archive that keeps the events of the stack's bus.

use std::time::Duration;

use aws_sdk_eventbridge::primitives::DateTime;
use jiff::Timestamp;

use super::bus::Bus;
use crate::error::ToolError;
use crate::moment::{rough, second, since};
use crate::session::Session;

/// The archive in the template.
const LOGICAL_ID: &str = "EventArchive";

/// An archive.
pub struct Archive {
    pub name: String,
    pub arn: String,
    /// For how long it keeps an event. `None` means for ever.
    retention: Option<Duration>,
    created_at: Option<Timestamp>,
}

impl Archive {
    /// Finds the stack's archive. If the template's archive is missing, as on the local AWS, it is any other one of the bus.
    ///
    /// # Errors
    ///
    /// If the bus has no archive, or EventBridge refuses.
    pub async fn of(bus: &Bus, session: &Session) -> Result<Self, ToolError> {
        let name = match session.stack().await?.resource(LOGICAL_ID).await {
            Ok(name) => name.to_owned(),
            Err(_) => any_archive(bus).await?,
        };
        let answer = bus.client.describe_archive().archive_name(&name);
        let answer = answer
            .send()
            .await
            .map_err(ToolError::aws("DescribeArchive"))?;
        let days = answer
            .retention_days()
            .and_then(|days| u64::try_from(days).ok());
        let days = days.filter(|days| *days > 0);
        Ok(Self {
            arn: answer.archive_arn().unwrap_or_default().into(),
            retention: days.map(|days| Duration::from_secs(days * 24 * 60 * 60)),
            created_at: answer.creation_time().and_then(timestamp),
            name,
        })
    }

    /// Checks that the archive has the events of this time.
    ///
    /// # Errors
    ///
    /// If it does not keep them for so long, or did not exist then.
    pub fn check_range(
        &self,
        from: Timestamp,
        to: Timestamp,
        now: Timestamp,
    ) -> Result<(), ToolError> {
        let wrong = |message: String| Err(ToolError::WrongUse(message));
        if let Some(retention) = self.retention
            && since(from, now) > retention
        {
            return wrong(format!(
                "--from lies {} back, but the archive {} keeps events for {} only",
                rough(since(from, now)),
                self.name,
                rough(retention)
            ));
        }
        match self.created_at {
            Some(created_at) if to <= created_at => wrong(format!(
                "--to lies before {}, when the archive {} was made",
                second(created_at),
                self.name
            )),
            _ => Ok(()),
        }
    }
}

/// The name of the first archive of a bus.
async fn any_archive(bus: &Bus) -> Result<String, ToolError> {
    let mut next_token = None;
    loop {
        let answer = bus
            .client
            .list_archives()
            .event_source_arn(&bus.arn)
            .set_next_token(next_token)
            .send()
            .await
            .map_err(ToolError::aws("ListArchives"))?;
        let first = answer
            .archives()
            .iter()
            .find_map(|archive| archive.archive_name());
        if let Some(name) = first {
            return Ok(name.into());
        }
        next_token = answer.next_token;
        if next_token.is_none() {
            return Err(ToolError::Remediable {
                message: format!("the bus {} has no archive, so no old events", bus.name),
                remedy: "deploy the stack with the template of this version: make deploy".into(),
            });
        }
    }
}

/// Converts a time of the SDK.
pub fn timestamp(time: &DateTime) -> Option<Timestamp> {
    Timestamp::from_millisecond(time.to_millis().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(from: &str, to: &str, refused: Option<&str>) {
        let time = |text: &str| text.parse::<Timestamp>().unwrap();
        let archive = Archive {
            name: "a".into(),
            arn: "arn".into(),
            retention: Some(Duration::from_secs(14 * 24 * 60 * 60)),
            created_at: Some(time("2026-11-10T00:00:00Z")),
        };
        let now = time("2026-11-18T00:00:00Z");
        match (archive.check_range(time(from), time(to), now), refused) {
            (Ok(()), None) => {}
            (Err(error @ ToolError::WrongUse(_)), Some(why)) => {
                assert!(error.to_string().contains(why), "{error}");
            }
            (outcome, _) => panic!("{outcome:?}"),
        }
    }

    #[test]
    fn an_archive_has_what_it_keeps_and_nothing_from_before_its_time() {
        check("2026-11-12T00:00:00Z", "2026-11-13T00:00:00Z", None);
        check("2026-11-04T00:00:00Z", "2026-11-13T00:00:00Z", None);
        check(
            "2026-11-03T23:59:59Z",
            "2026-11-13T00:00:00Z",
            Some("keeps events for 14 d only"),
        );
        check(
            "2026-11-05T00:00:00Z",
            "2026-11-10T00:00:00Z",
            Some("when the archive a was made"),
        );
    }
}
