//! A field that WHOOP may leave out or set to null.

use std::fmt;
use std::ops::{Deref, DerefMut};

use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};

/// An optional field. It dereferences to an `Option`: use it as one.
///
/// WHOOP's two published schemas disagree on whether a field without a value is null or absent. Both mean the same here and
/// compare equal. The field remembers which it was, so that it is written as it was read.
///
/// ```
/// use whoop_partner::partner::Optional;
///
/// let landmark: Optional<String> = serde_json::from_str("null")?;
/// assert!(landmark.is_none());
/// assert_eq!(landmark, Optional::default());
/// # Ok::<_, serde_json::Error>(())
/// ```
#[derive(Clone)]
pub struct Optional<T> {
    value: Option<T>,
    /// Whether the field was there and held null.
    null: bool,
}

impl<T> Optional<T> {
    /// Returns the value as an owned `Option`.
    #[must_use]
    pub fn into_option(self) -> Option<T> {
        self.value
    }

    /// Returns whether the field is not written at all.
    pub(super) fn is_absent(&self) -> bool {
        self.value.is_none() && !self.null
    }
}

impl<T> Default for Optional<T> {
    fn default() -> Self {
        Self::from(None)
    }
}

impl<T> From<Option<T>> for Optional<T> {
    fn from(value: Option<T>) -> Self {
        Self { value, null: false }
    }
}

impl<T> Deref for Optional<T> {
    type Target = Option<T>;

    fn deref(&self) -> &Option<T> {
        &self.value
    }
}

impl<T> DerefMut for Optional<T> {
    fn deref_mut(&mut self) -> &mut Option<T> {
        &mut self.value
    }
}

impl<T: PartialEq> PartialEq for Optional<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T: fmt::Debug> fmt::Debug for Optional<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

impl<T: Serialize> Serialize for Optional<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Optional<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Option::deserialize(deserializer)?;
        let null = value.is_none();
        Ok(Self { value, null })
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::Optional;

    #[derive(Serialize, Deserialize)]
    struct Address {
        #[serde(default, skip_serializing_if = "Optional::is_absent")]
        landmark: Optional<String>,
    }

    fn read(json: &str) -> Address {
        serde_json::from_str(json).expect(json)
    }

    #[test]
    fn null_absent_and_a_value_are_given_back_as_they_came() {
        for json in ["{}", r#"{"landmark":null}"#, r#"{"landmark":"tower"}"#] {
            assert_eq!(serde_json::to_string(&read(json)).unwrap(), json);
        }
    }

    #[test]
    fn null_and_absent_mean_the_same() {
        let (absent, null) = (read("{}"), read(r#"{"landmark":null}"#));
        assert!(absent.landmark.is_none() && null.landmark.is_none());
        assert_eq!(absent.landmark, null.landmark);
    }

    #[test]
    fn a_value_set_later_takes_the_place_of_null() {
        let mut address = read(r#"{"landmark":null}"#);
        *address.landmark = Some("tower".into());
        let json = serde_json::to_string(&address).unwrap();
        assert_eq!(json, r#"{"landmark":"tower"}"#);
    }
}
