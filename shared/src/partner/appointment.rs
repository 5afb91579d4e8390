//! When and where a patient's samples are taken.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::open_enum::open_enum;
use super::{DateTime, Optional, OtherFields, ServiceRequestId};

open_enum! {
    /// How the patient meets a nurse or a doctor.
    AppointmentType {
        /// At the lab or the clinic.
        InPerson = "IN_PERSON",
        /// A nurse comes to the patient.
        Mobile = "MOBILE",
        /// By telephone or video.
        Virtual = "VIRTUAL",
    }
}

/// A booked appointment. `Debug` shows its type only.
///
/// Follows WHOOP's OpenAPI document, schemas `BasicAppointment` and `UnilabsAppointment`.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Appointment {
    /// The kind of appointment.
    #[serde(rename = "type")]
    pub appointment_type: AppointmentType,
    /// The tests that it serves.
    pub service_request_ids: Vec<ServiceRequestId>,
    /// When it begins.
    pub start_time: DateTime,
    /// The partner's own identifier of the slot.
    #[serde(default, skip_serializing_if = "Optional::is_absent")]
    pub slot_id: Optional<String>,
    /// Where the samples are collected.
    #[serde(default, skip_serializing_if = "Optional::is_absent")]
    pub collection_address: Optional<CollectionAddress>,
    /// Fields other than the published ones.
    #[serde(flatten)]
    pub other: OtherFields,
}

impl fmt::Debug for Appointment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Appointment")
            .field("appointment_type", &self.appointment_type)
            .finish_non_exhaustive()
    }
}

/// The address at which samples are collected, in the United Arab Emirates. `Debug` shows none of it.
///
/// Follows WHOOP's OpenAPI document, schema `UnilabsCollectionAddress`.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CollectionAddress {
    /// Name or number of the building.
    pub building: String,
    /// Area or district.
    pub area: String,
    /// Emirate.
    pub emirate: String,
    /// A landmark nearby.
    #[serde(default, skip_serializing_if = "Optional::is_absent")]
    pub landmark: Optional<String>,
    /// Number of the flat or apartment.
    #[serde(default, skip_serializing_if = "Optional::is_absent")]
    pub flat_no: Optional<String>,
    /// Fields other than the published ones.
    #[serde(flatten)]
    pub other: OtherFields,
}

impl fmt::Debug for CollectionAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CollectionAddress(REDACTED)")
    }
}
