//! A single result of a test.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::open_enum::open_enum;
use super::{BundleId, OtherFields};

open_enum! {
    /// How far an observation has come (FHIR R4, ObservationStatus).
    ObservationStatus {
        /// Expected, without a value yet.
        Registered = "registered",
        /// Preliminary: it may still change.
        Preliminary = "preliminary",
        /// Complete and verified.
        Final = "final",
        /// Changed after it was final.
        Amended = "amended",
        /// Changed after it was final, because it was wrong.
        Corrected = "corrected",
        /// Called off.
        Cancelled = "cancelled",
        /// Should never have been made.
        EnteredInError = "entered-in-error",
        /// The status is unknown.
        Unknown = "unknown",
    }
}

/// Why a value is not the value of an observation. The error does not quote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidObservation {
    /// There is neither a number nor a text.
    #[error("an observation needs a value")]
    NoValue,
    /// The number is infinite or NaN, which JSON can't carry.
    #[error("the number is not finite")]
    NotFinite,
    /// The text is empty or blank.
    #[error("the text is blank")]
    Blank,
}

/// What was observed: a number, a text, or both. It always has one of them, because WHOOP requires it.
///
/// `Debug` does not show it, because it is a person's result.
///
/// ```
/// use whoop_partner::partner::ObservationValue;
///
/// let below_detection = ObservationValue::numeric(0.01)?.with_text("<0.01")?;
/// assert_eq!(below_detection.as_numeric(), Some(0.01));
/// assert_eq!(below_detection.as_text(), Some("<0.01"));
/// assert!(ObservationValue::text("").is_err());
/// # Ok::<_, whoop_partner::partner::InvalidObservation>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct ObservationValue {
    numeric: Option<f64>,
    text: Option<String>,
}

impl ObservationValue {
    /// Makes a value of a number, in the observation's unit.
    ///
    /// # Errors
    ///
    /// [`InvalidObservation::NotFinite`] if it is infinite or NaN.
    pub fn numeric(value: f64) -> Result<Self, InvalidObservation> {
        Self::new(Some(value), None)
    }

    /// Makes a value of a text, such as `negative`.
    ///
    /// # Errors
    ///
    /// [`InvalidObservation::Blank`] if it is blank.
    pub fn text(value: impl Into<String>) -> Result<Self, InvalidObservation> {
        Self::new(None, Some(value.into()))
    }

    /// Adds a text to the number.
    ///
    /// # Errors
    ///
    /// [`InvalidObservation::Blank`] if it is blank.
    pub fn with_text(self, text: impl Into<String>) -> Result<Self, InvalidObservation> {
        Self::new(self.numeric, Some(text.into()))
    }

    /// Returns the number, if there is one.
    #[must_use]
    pub fn as_numeric(&self) -> Option<f64> {
        self.numeric
    }

    /// Returns the text, if there is one.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        self.text.as_deref()
    }

    fn new(numeric: Option<f64>, text: Option<String>) -> Result<Self, InvalidObservation> {
        match (&numeric, &text) {
            (None, None) => Err(InvalidObservation::NoValue),
            (Some(number), _) if !number.is_finite() => Err(InvalidObservation::NotFinite),
            (_, Some(text)) if text.trim().is_empty() => Err(InvalidObservation::Blank),
            _ => Ok(Self { numeric, text }),
        }
    }
}

impl fmt::Debug for ObservationValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ObservationValue(REDACTED)")
    }
}

/// One measured or observed value of a [`DiagnosticReport`](super::DiagnosticReport). `Debug` shows its status only.
///
/// Follows WHOOP's OpenAPI document, schema `CreateObservationRequest`. The document requires no status, and WHOOP's tutorial
/// sends none. Set one if you know it.
///
/// ```
/// use whoop_partner::partner::{Observation, ObservationStatus, ObservationValue};
///
/// let ferritin = Observation::new("ferritin", ObservationValue::numeric(87.5)?)
///     .with_unit("ng/mL")
///     .with_status(ObservationStatus::Final);
/// assert_eq!(
///     serde_json::to_value(&ferritin)?,
///     serde_json::json!({"code": "ferritin", "value_numeric": 87.5, "unit": "ng/mL", "status": "final"})
/// );
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "ObservationFields", into = "ObservationFields")]
#[non_exhaustive]
pub struct Observation {
    /// What was observed, by the code agreed with WHOOP.
    pub code: String,
    /// Its value.
    pub value: ObservationValue,
    /// The unit of the number.
    pub unit: Option<String>,
    /// How far it has come, if known.
    pub status: Option<ObservationStatus>,
    /// The group that it belongs to.
    pub bundle_id: Option<BundleId>,
    /// Fields other than the published ones.
    pub other: OtherFields,
}

impl Observation {
    /// Makes an observation without a unit, a status or a group.
    #[must_use]
    pub fn new(code: impl Into<String>, value: ObservationValue) -> Self {
        Self {
            code: code.into(),
            value,
            unit: None,
            status: None,
            bundle_id: None,
            other: OtherFields::default(),
        }
    }

    /// Sets the unit of its number, such as `mmol/L` (UCUM).
    #[must_use]
    pub fn with_unit(self, unit: impl Into<String>) -> Self {
        Self {
            unit: Some(unit.into()),
            ..self
        }
    }

    /// Sets how far it has come.
    #[must_use]
    pub fn with_status(self, status: ObservationStatus) -> Self {
        Self {
            status: Some(status),
            ..self
        }
    }

    /// Sets the group that it belongs to.
    #[must_use]
    pub fn with_bundle_id(self, bundle_id: BundleId) -> Self {
        Self {
            bundle_id: Some(bundle_id),
            ..self
        }
    }
}

impl fmt::Debug for Observation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observation")
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

/// An observation as WHOOP writes it.
#[derive(Serialize, Deserialize)]
struct ObservationFields {
    code: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value_numeric: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value_text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unit: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status: Option<ObservationStatus>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bundle_id: Option<BundleId>,
    #[serde(flatten)]
    other: OtherFields,
}

impl TryFrom<ObservationFields> for Observation {
    type Error = InvalidObservation;

    fn try_from(fields: ObservationFields) -> Result<Self, InvalidObservation> {
        Ok(Self {
            code: fields.code,
            value: ObservationValue::new(fields.value_numeric, fields.value_text)?,
            unit: fields.unit,
            status: fields.status,
            bundle_id: fields.bundle_id,
            other: fields.other,
        })
    }
}

impl From<Observation> for ObservationFields {
    fn from(observation: Observation) -> Self {
        Self {
            code: observation.code,
            value_numeric: observation.value.numeric,
            value_text: observation.value.text,
            unit: observation.unit,
            status: observation.status,
            bundle_id: observation.bundle_id,
            other: observation.other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_json_can_not_carry_is_no_value() {
        for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(
                ObservationValue::numeric(number),
                Err(InvalidObservation::NotFinite)
            );
        }
        assert!(ObservationValue::numeric(-0.0).is_ok());
    }

    #[test]
    fn a_blank_text_is_no_value() {
        for text in ["", " ", "\t\n"] {
            assert_eq!(ObservationValue::text(text), Err(InvalidObservation::Blank));
            let number = ObservationValue::numeric(1.0).unwrap();
            assert_eq!(number.with_text(text), Err(InvalidObservation::Blank));
        }
    }

    #[test]
    fn an_observation_without_a_value_is_not_read_either() {
        for json in [
            r#"{"code":"c","status":"final"}"#,
            r#"{"code":"c","status":"final","value_numeric":null,"value_text":null}"#,
            r#"{"code":"c","status":"final","value_text":""}"#,
        ] {
            assert!(serde_json::from_str::<Observation>(json).is_err(), "{json}");
        }
    }

    #[test]
    fn an_observation_is_given_back_as_it_came() {
        for json in [
            r#"{"code":"c","value_numeric":1.5,"value_text":"t","unit":"u","status":"odd","bundle_id":"b","x":{"y":[null]}}"#,
            r#"{"code":"c","value_text":"t"}"#,
        ] {
            let observation: Observation = serde_json::from_str(json).unwrap();
            assert_eq!(serde_json::to_string(&observation).unwrap(), json);
        }
    }

    #[test]
    fn a_status_is_sent_only_when_one_is_given() {
        let without = Observation::new("c", ObservationValue::text("t").unwrap());
        let with = without.clone().with_status(ObservationStatus::Amended);
        let json = |observation| serde_json::to_value::<Observation>(observation).unwrap();
        assert_eq!(json(with)["status"], "amended");
        assert!(json(without).get("status").is_none());
    }

    #[test]
    fn debug_shows_no_result() {
        let value = ObservationValue::text("seeded-result").unwrap();
        let observation = Observation::new("seeded-code", value.clone())
            .with_unit("seeded-unit")
            .with_bundle_id("seeded-bundle".parse().unwrap())
            .with_status(ObservationStatus::Final);
        let text = format!("{value:?} {observation:?}");
        assert!(text.contains("Final"), "{text}");
        assert!(!text.contains("seeded-"), "{text}");
    }
}
