//! When something happened, as WHOOP writes it.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A moment as text (RFC 3339, `2026-11-23T09:30:00.000Z`), kept as WHOOP wrote it.
///
/// ```
/// use whoop_partner::partner::DateTime;
///
/// let updated_at: DateTime = serde_json::from_str(r#""2026-11-23T09:30:00.000+04:00""#)?;
/// assert_eq!(updated_at.as_str(), "2026-11-23T09:30:00.000+04:00");
/// assert_eq!(updated_at.timestamp().unwrap().to_string(), "2026-11-23T05:30:00Z");
/// # Ok::<_, serde_json::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DateTime(String);

impl DateTime {
    /// Returns the text as WHOOP wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the moment, for comparisons and calculations; `None` if the text is not a valid time.
    #[must_use]
    pub fn timestamp(&self) -> Option<Timestamp> {
        self.0.parse().ok()
    }
}

impl From<String> for DateTime {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<Timestamp> for DateTime {
    fn from(moment: Timestamp) -> Self {
        Self(moment.to_string())
    }
}

impl fmt::Display for DateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for DateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // a text that is not a time may be anything
        match self.timestamp() {
            Some(moment) => moment.fmt(f),
            None => f.write_str("DateTime(malformed)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::DateTime;

    #[test]
    fn what_names_no_moment_is_kept_and_not_shown() {
        for text in ["", "yesterday", "2026-02-30T00:00:00Z", "2026-11-23"] {
            let date_time = DateTime::from(text.to_owned());
            assert_eq!(date_time.as_str(), text);
            assert!(date_time.timestamp().is_none(), "{text}");
            assert_eq!(format!("{date_time:?}"), "DateTime(malformed)");
        }
    }
}
