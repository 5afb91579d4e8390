//! Moments and spans of time, for people and for programs.

use std::time::{Duration, SystemTime};

use jiff::Timestamp;

/// A time in whole seconds, which reads like `2026-11-18T12:00:00Z`. `None` if no calendar has it.
pub(crate) fn timestamp(time: SystemTime) -> Option<Timestamp> {
    let seconds = Timestamp::try_from(time).ok()?.as_second();
    Timestamp::from_second(seconds).ok()
}

/// A span of time in its two greatest units, such as `2 h 5 min`.
pub(crate) fn span(span: Duration) -> String {
    let seconds = span.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min {} s", seconds % 60),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_has_its_two_greatest_units() {
        for (seconds, text) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min 0 s"),
            (3599, "59 min 59 s"),
            (3600, "1 h 0 min"),
            (86_399, "23 h 59 min"),
            (90_000, "1 d 1 h"),
        ] {
            assert_eq!(span(Duration::from_secs(seconds)), text);
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
