//! A client of the WHOOP Partner API, by which a lab or a clinic fetches orders and reports results (WHOOP's partner
//! documentation and OpenAPI document).
//!
//! A webhook announces a [`LabRequisition`]. It orders [`ServiceRequest`]s for a [`Patient`]: one lab test each. The partner
//! confirms them, reports progress as their [`TaskBusinessStatus`], and submits a [`DiagnosticReport`] of [`Observation`]s
//! for each. [`PartnerClient`] has a method for every published call:
//!
//! ```
//! # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/support/canned_whoop.rs"));
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let whoop = CannedWhoop::start().await;
//! # let base_url = whoop.base_url();
//! # let client_secret = "canned";
//! use whoop_partner::partner::{PartnerClient, TaskBusinessStatus};
//! use whoop_partner::credentials::PartnerCredentials;
//!
//! let credentials = PartnerCredentials {
//!     client_id: "lab".into(),
//!     client_secret: client_secret.into(),
//! };
//! // in production, base_url is PartnerApiBaseUrl::default()
//! let client = PartnerClient::builder(base_url, credentials).build()?;
//! let id = "e72719d6-0dbb-4eb3-9ccc-781b563fc3d3".parse()?;
//! for service_request in client.get_requisition(&id).await?.service_requests {
//!     if service_request.task_business_status.is_none() {
//!         client
//!             .set_service_request_status(&service_request.id, TaskBusinessStatus::OrderConfirmed)
//!             .await?;
//!     }
//! }
//! # assert_eq!(whoop.calls("PATCH").await, 1);
//! # Ok(())
//! # }
//! ```
//!
//! # What the client does by itself
//!
//! - It carries an access token: the one at hand, else the one in the [`TokenStorage`](crate::token::TokenStorage), else a
//!   new one that it stores there. If WHOOP refuses a token, the client gets another and repeats the call. If WHOOP refuses
//!   even a new token, or the client credentials, no token is requested for a minute, unless the secret holds other
//!   credentials by then or the store another token.
//! - After a 429 it makes no call until the limit resets. A call waits for that if its deadline allows, and fails with
//!   [`PartnerError::RateLimited`] if not. All clones know of it, another process does not.
//! - After passing faults it repeats what can be repeated: fetching, and setting a status, four attempts in all. Submitting a
//!   report and adding test data are not repeated: see [`PartnerError::OutcomeUnknown`].
//! - It follows no redirect and reads no endless answer.
//!
//! # What it leaves to you
//!
//! - The deadline: [`PartnerClient::with_deadline`].
//! - The pace: [`PartnerClient::rate_limit`] tells what remains. WHOOP publishes no limit for partners; its member API allows
//!   100 requests a minute and 10,000 a day.
//! - Patients' data. No error and no `Debug` of this module shows any; what you take out of the fields is yours to protect.
//!
//! # What WHOOP may change
//!
//! Enumerations keep values that they do not know, objects keep fields ([`OtherFields`]), and [`Optional`] remembers null
//! and absent: what is read is given back, but for the order of fields and for numbers that an `f64` does not hold. The text
//! that [`PartnerClient::get_requisition_json`] gives is WHOOP's to the byte.
//!
//! WHOOP's OpenAPI document requires fields that its examples leave out, such as `appointments` and `intent`. These are
//! `Optional` too.

mod access;
mod answer;
mod appointment;
mod base_url;
mod client;
mod date_time;
mod diagnostic_report;
mod document;
mod error;
mod exchange;
mod id;
mod observation;
mod open_enum;
mod optional;
mod other_fields;
mod patient;
mod rate_limit;
mod requisition;
mod resource_json;
mod service_request;
mod status_update;
mod test_data;

pub use appointment::{Appointment, AppointmentType, CollectionAddress};
pub use base_url::{BaseUrlError, PartnerApiBaseUrl};
pub use client::{BuildError, PartnerClient, PartnerClientBuilder};
pub use date_time::DateTime;
pub use diagnostic_report::{DiagnosticReport, DiagnosticReportStatus};
pub use document::{DocumentContent, PartnerDocument};
pub use error::{ErrorBody, PartnerError};
pub use id::{
    BundleId, DocumentId, InvalidId, LabRequisitionId, PatientId, ResourceId, ServiceRequestId,
};
pub use observation::{InvalidObservation, Observation, ObservationStatus, ObservationValue};
pub use optional::Optional;
pub use other_fields::OtherFields;
pub use patient::Patient;
pub use rate_limit::RateLimit;
pub use requisition::LabRequisition;
pub use resource_json::ResourceJson;
pub use service_request::{
    ResourceReference, ServiceRequest, ServiceRequestIntent, ServiceRequestStatus,
    TaskBusinessStatus,
};
pub use status_update::StatusUpdate;
