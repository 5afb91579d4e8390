//! A client of the WHOOP Partner API (feature `client`): a lab or a clinic fetches orders with it and reports results.
//!
//! It follows WHOOP's partner documentation and OpenAPI document.
//!
//! A webhook announces a [`LabRequisition`]. It holds [`ServiceRequest`]s for a [`Patient`], one for each lab test. The partner
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
//! - It keeps an access token. When the token expires, the client reads the next one from the
//!   [`TokenStorage`](crate::token::TokenStorage), or requests a new one and stores it there.
//! - If WHOOP refuses a token, the client gets another one and repeats the call. If WHOOP refuses even a new token, or the
//!   client credentials, the client requests no token for a minute, unless the credentials or the stored token have changed
//!   by then.
//! - After a 429 it makes no call until the limit resets. A call waits for the reset if its deadline allows it. If not, it
//!   fails with [`PartnerError::RateLimited`]. It fails in the same way after ten more answers with status 429. All clones of the client share the limit; other processes do not know about
//!   it.
//! - After a fault that may pass it repeats a call if a repetition does no harm: when it fetches something or sets a status. It
//!   makes four attempts at most. It never repeats the submission of a report or the creation of test data: see
//!   [`PartnerError::OutcomeUnknown`].
//! - It follows no redirect, and limits the length of answers.
//! - Each call is a `tracing` span at level DEBUG, with WHOOP's name of the operation and the HTTP method. No span and no
//!   log line holds a URL, an identifier or a token.
//!
//! # What it leaves to you
//!
//! - The deadline: set it with [`PartnerClient::with_deadline`].
//! - The pace: [`PartnerClient::rate_limit`] returns what remains. WHOOP publishes no limit for partners; its member API allows
//!   100 requests a minute and 10,000 a day.
//! - Patients' data: no error and no `Debug` of this module shows it, but you must protect what you read from the fields.
//!
//! # What WHOOP may change
//!
//! Enumerations keep values that they do not know, objects keep fields that they do not know ([`OtherFields`]), and
//! [`Optional`] remembers whether a field was null or absent. If you serialize a resource again, only the order of its
//! fields may differ, and numbers that an `f64` does not hold. [`PartnerClient::get_requisition_json`] returns the JSON byte
//! for byte as WHOOP sent it.
//!
//! WHOOP's OpenAPI document requires fields that its examples leave out, such as `appointments` and `intent`. They are
//! `Optional` too.

mod access;
mod answer;
mod appointment;
mod base_url;
mod client;
mod confirmation;
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
pub use confirmation::unconfirmed_service_requests;
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
