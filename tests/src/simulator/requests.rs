//! The bodies and parameters that the OpenAPI document allows, and no others.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

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
    #[expect(dead_code, reason = "only its type is checked")]
    pub(super) reason: Option<String>,
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
    value_numeric: Option<f64>,
    value_text: Option<String>,
    unit: Option<String>,
    status: Option<String>,
    bundle_id: Option<Uuid>,
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
    /// Reads `appointmentType` from a query.
    pub(super) fn from_query(query: Option<&str>) -> Result<Self, String> {
        let given = query
            .into_iter()
            .flat_map(|query| query.split('&'))
            .find_map(|pair| pair.strip_prefix("appointmentType="));
        match given {
            None => Ok(Self::default()),
            Some(given) => serde_json::from_value(Value::from(given))
                .map_err(|_| "appointmentType is not IN_PERSON, MOBILE or VIRTUAL".into()),
        }
    }
}
