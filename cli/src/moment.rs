//! Times and spans of time, as people write and read them.

use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp};

/// Reads a span of time such as `90s`, `24h`, `7d` or `PT2H`; for clap. A day has 24 hours.
///
/// # Errors
///
/// If the text is no span of time, or the span is not positive.
pub(crate) fn span(text: &str) -> Result<Duration, String> {
    let span = text.parse::<Span>().ok().and_then(|span| {
        let span = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
        Duration::try_from(span).ok()
    });
    match span {
        Some(span) if !span.is_zero() => Ok(span),
        _ => Err("write a span of time such as 90s, 24h or 7d".into()),
    }
}

/// Reads a time: RFC 3339, or a span before now, such as `2h`, or `now`; for clap.
///
/// # Errors
///
/// If the text is none of these.
pub(crate) fn moment(text: &str) -> Result<Timestamp, String> {
    // the same for all times of a command line
    static NOW: OnceLock<Timestamp> = OnceLock::new();
    moment_before(text, *NOW.get_or_init(Timestamp::now))
}

fn moment_before(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    if text == "now" {
        return Ok(now);
    }
    let before = || now.checked_sub(span(text).ok()?).ok();
    text.parse().ok().or_else(before).ok_or_else(|| {
        "write a time such as 2026-11-18T11:06:40Z, or a span before now such as 2h".into()
    })
}

/// Returns a time in whole seconds, which reads like `2026-11-18T12:00:00Z`. `None` if no calendar has it.
pub(crate) fn timestamp(time: SystemTime) -> Option<Timestamp> {
    let seconds = Timestamp::try_from(time).ok()?.as_second();
    Timestamp::from_second(seconds).ok()
}

/// Returns the time since then by the system's clock; zero if that is in the future.
pub(crate) fn elapsed(then: SystemTime, now: SystemTime) -> Duration {
    now.duration_since(then).unwrap_or_default()
}

/// Returns how long after `earlier` a time is; zero if it is before.
pub(crate) fn since(earlier: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(earlier)).unwrap_or_default()
}

/// Returns the time this much later.
pub(crate) fn after(time: Timestamp, span: Duration) -> Timestamp {
    let span = SignedDuration::try_from(span).unwrap_or(SignedDuration::MAX);
    time.saturating_add(span).unwrap_or(Timestamp::MAX)
}

/// Writes a time for people: in UTC, to the second.
pub(crate) fn second(time: Timestamp) -> String {
    format!("{time:.0}")
}

/// Writes a span for people, by its two largest units: `3 d 4 h`. Up to two days it is written in hours.
pub(crate) fn rough(span: Duration) -> String {
    let seconds = span.as_secs();
    let (large, small) = match seconds {
        0..60 => ((seconds, "s"), (0, "")),
        60..3600 => ((seconds / 60, "min"), (seconds % 60, "s")),
        3600..172_800 => ((seconds / 3600, "h"), (seconds / 60 % 60, "min")),
        _ => ((seconds / 86_400, "d"), (seconds / 3600 % 24, "h")),
    };
    match small {
        (0, _) => format!("{} {}", large.0, large.1),
        (count, unit) => format!("{} {} {count} {unit}", large.0, large.1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_positive_and_has_units() {
        for (text, seconds) in [
            ("90s", 90),
            ("24h", 86_400),
            ("7d", 604_800),
            ("PT2H", 7200),
        ] {
            assert_eq!(span(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in [
            "",
            "0s",
            "-2h",
            "2h ago",
            "yesterday",
            "12",
            "1y",
            "99999999999d",
        ] {
            assert!(span(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_moment_is_a_time_or_lies_before_now() {
        let now: Timestamp = "2026-11-18T12:00:00Z".parse().unwrap();
        for (text, expected) in [
            ("2026-11-18T11:06:40Z", "2026-11-18T11:06:40Z"),
            ("2026-11-18T11:06:40+01:00", "2026-11-18T10:06:40Z"),
            ("2h", "2026-11-18T10:00:00Z"),
            ("1d", "2026-11-17T12:00:00Z"),
            ("now", "2026-11-18T12:00:00Z"),
        ] {
            let moment = moment_before(text, now).unwrap();
            assert_eq!(moment, expected.parse().unwrap(), "{text}");
        }
        for text in ["", "yesterday", "2026-11-18", "2026-11-18T11:06:40", "-2h"] {
            assert!(moment_before(text, now).is_err(), "{text}");
        }
    }

    #[test]
    fn a_span_is_written_by_its_two_largest_units() {
        for (seconds, text) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (3_661, "1 h 1 min"),
            (86_400, "24 h"),
            (172_799, "47 h 59 min"),
            (86_400 * 3 + 3600 * 4, "3 d 4 h"),
        ] {
            assert_eq!(rough(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn a_time_is_shown_in_whole_seconds() {
        let time = SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_003_200_999);
        let shown = timestamp(time).map(|time| time.to_string());
        assert_eq!(shown.as_deref(), Some("2026-11-18T12:00:00Z"));
        let before = SystemTime::UNIX_EPOCH - Duration::from_secs(1);
        assert_eq!(
            timestamp(before).unwrap().to_string(),
            "1969-12-31T23:59:59Z"
        );
    }
}
