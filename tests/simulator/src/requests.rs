//! The bodies and parameters that the OpenAPI document allows. Anything else is refused.
//!
//! The document requires hardly any field. The simulator also requires the fields without which a request says nothing:
//! a new status, the status of a report, the code and a value of an observation. WHOOP's tutorial sends observations
//! without a status, so that field is optional. Any text is accepted as a status.

use reqwest::Url;
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer, Serialize};
use uuid::Uuid;
use uuid::fmt::Hyphenated;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TokenRequest {
    pub(super) client_id: String,
    pub(super) client_secret: String,
    pub(super) scope: String,
    pub(super) grant_type: String,
}

impl TokenRequest {
    pub(super) fn check(&self) -> Result<(), String> {
        if self.grant_type != "client_credentials" {
            return Err("grant_type is not client_credentials".into());
        }
        if self.scope != "whoop-partner/token" {
            return Err("scope is not whoop-partner/token".into());
        }
        Ok(())
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StatusRequest {
    pub(super) task_business_status: String,
    #[serde(default, deserialize_with = "not_null")]
    #[expect(dead_code, reason = "only its type is checked")]
    reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReportRequest {
    #[expect(dead_code, reason = "only its type is checked")]
    status: String,
    #[serde(default)]
    observations: Vec<ObservationRequest>,
}

impl ReportRequest {
    pub(super) fn check(&self) -> Result<(), String> {
        let without = self
            .observations
            .iter()
            .position(|one| one.value_numeric.is_none() && one.value_text.is_none());
        match without {
            Some(index) => Err(format!("observation {index} has no value")),
            None => Ok(()),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only their types are checked")]
struct ObservationRequest {
    code: String,
    #[serde(default, deserialize_with = "not_null")]
    status: Option<String>,
    #[serde(default, deserialize_with = "not_null")]
    value_numeric: Option<f64>,
    #[serde(default, deserialize_with = "not_null")]
    value_text: Option<String>,
    #[serde(default, deserialize_with = "not_null")]
    unit: Option<String>,
    #[serde(default, deserialize_with = "not_null")]
    bundle_id: Option<BundleId>,
}

#[derive(Deserialize)]
#[serde(try_from = "String")]
struct BundleId;

impl TryFrom<String> for BundleId {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        // only the form of RFC 9562; the crate reads other forms too
        let is_uuid = text.len() == Hyphenated::LENGTH && Uuid::try_parse(&text).is_ok();
        is_uuid.then_some(Self).ok_or("not a UUID")
    }
}

/// A field that is optional in the document may be absent, but not null.
fn not_null<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    let value = Option::deserialize(deserializer)?;
    value
        .map(Some)
        .ok_or_else(|| D::Error::custom("null is not allowed"))
}

/// The kinds of appointment that test data can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AppointmentType {
    /// At the lab.
    #[default]
    InPerson,
    /// At home.
    Mobile,
    /// By video.
    Virtual,
}

impl AppointmentType {
    /// Reads `appointmentType` from the query, which may hold nothing else.
    pub(super) fn from_query(query: Option<&str>) -> Result<Self, String> {
        let mut url = Url::parse("http://whoop.example").expect("the constant is a URL");
        url.set_query(query);
        let mut appointment = None;
        for (name, value) in url.query_pairs() {
            if name != "appointmentType" || appointment.is_some() {
                return Err("the query holds more than one appointmentType".into());
            }
            let value = serde_json::Value::from(&*value);
            let read = serde_json::from_value(value);
            appointment =
                Some(read.map_err(|_| "appointmentType is not IN_PERSON, MOBILE or VIRTUAL")?);
        }
        Ok(appointment.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const ID: &str = "e72719d6-0dbb-4eb3-9ccc-781b563fc3d3";

    #[track_caller]
    fn assert_observation(change: Value, allowed: bool) {
        let mut observation = json!({"code": "2093-3", "status": "final", "value_numeric": 4.9});
        for (field, value) in change.as_object().expect("changes are fields") {
            observation[field] = value.clone();
        }
        assert_report(observation, allowed);
    }

    #[track_caller]
    fn assert_report(observation: Value, allowed: bool) {
        let report = json!({"status": "final", "observations": [observation]});
        let read = serde_json::from_value::<ReportRequest>(report.clone());
        let read = read.map_err(|error| error.to_string());
        let checked = read.and_then(|report| report.check());
        assert_eq!(checked.is_ok(), allowed, "{report}: {checked:?}");
    }

    #[test]
    fn observations_hold_what_the_document_says_and_nothing_else() {
        assert_observation(json!({}), true);
        assert_observation(
            json!({"value_text": "high", "unit": "mmol/L", "bundle_id": ID}),
            true,
        );
        assert_observation(json!({"status": "a status of tomorrow"}), true);
        assert_observation(json!({"value_numeric": 5}), true);
        assert_observation(json!({"value_numeric": "4.9"}), false);
        assert_observation(json!({"value_text": 4.9}), false);
        assert_observation(json!({"bundle_id": "7"}), false);
        assert_observation(json!({"bundle_id": ID.replace('-', "")}), false);
        assert_observation(json!({"code": null}), false);
        assert_observation(json!({"status": null}), false);
        assert_observation(json!({"unknown": 1}), false);
        for optional in ["value_numeric", "value_text", "unit", "bundle_id"] {
            assert_observation(json!({ optional: null }), false);
        }
    }

    #[test]
    fn an_observation_needs_a_code_and_a_value_and_nothing_more() {
        assert_report(
            json!({"code": "TOTAL_CHOLESTEROL", "value_numeric": 4.9}),
            true,
        );
        assert_report(json!({"code": "CULTURE", "value_text": "no growth"}), true);
        assert_report(json!({"value_numeric": 4.9, "status": "final"}), false);
        assert_report(
            json!({"code": "TOTAL_CHOLESTEROL", "unit": "mmol/L"}),
            false,
        );
    }

    #[test]
    fn an_appointment_type_is_one_of_the_three_in_the_document() {
        let read = |query: &str| AppointmentType::from_query(Some(query)).ok();
        assert_eq!(
            AppointmentType::from_query(None),
            Ok(AppointmentType::InPerson)
        );
        assert_eq!(
            read("appointmentType=MOBILE"),
            Some(AppointmentType::Mobile)
        );
        assert_eq!(
            read("appointmentType=VIRTUAL"),
            Some(AppointmentType::Virtual)
        );
        for query in [
            "appointmentType=",
            "appointmentType=mobile",
            "appointmentType=MOON",
            "appointment_type=MOBILE",
            "appointmentType=MOBILE&more=1",
            "appointmentType=MOBILE&appointmentType=MOBILE",
        ] {
            assert_eq!(read(query), None, "{query}");
        }
    }
}
