//! The patient whom an order is for.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Optional, OtherFields, PatientId};

/// The person to be tested. All of this is protected health information; `Debug` shows none of it.
///
/// Every patient has an `id`. The partner's agreement with WHOOP decides which other fields are there.
///
/// Follows WHOOP's OpenAPI document, schemas `Patient` and `UnilabsPatient`.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Patient {
    /// Identifies the patient.
    pub id: PatientId,
    /// First name.
    #[serde(default, skip_serializing_if = "Optional::is_absent")]
    pub first_name: Optional<String>,
    /// Last name.
    #[serde(default, skip_serializing_if = "Optional::is_absent")]
    pub last_name: Optional<String>,
    /// Date of birth, `YYYY-MM-DD` (ISO 8601).
    #[serde(default, skip_serializing_if = "Optional::is_absent")]
    pub birth_date: Optional<String>,
    /// Gender.
    #[serde(default, skip_serializing_if = "Optional::is_absent")]
    pub gender: Optional<String>,
    /// Email address.
    #[serde(default, skip_serializing_if = "Optional::is_absent")]
    pub email: Optional<String>,
    /// Telephone number.
    #[serde(default, skip_serializing_if = "Optional::is_absent")]
    pub phone: Optional<String>,
    /// Nationality.
    #[serde(default, skip_serializing_if = "Optional::is_absent")]
    pub nationality: Optional<String>,
    /// Number of the Emirates ID card.
    #[serde(default, skip_serializing_if = "Optional::is_absent")]
    pub emirates_id: Optional<String>,
    /// Number of the passport.
    #[serde(default, skip_serializing_if = "Optional::is_absent")]
    pub passport_no: Optional<String>,
    /// Fields other than the published ones.
    #[serde(flatten)]
    pub other: OtherFields,
}

impl fmt::Debug for Patient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Patient(REDACTED)")
    }
}
