//! Verify WHOOP's webhooks and call its Healthcare Partner API.
//!
//! WHOOP orders lab tests. A signed webhook announces an order, the partner (a lab or a clinic) fetches it from the Partner
//! API, reports progress there, and submits the results.
//!
//! # What is where
//!
//! Each module says what it is for. Name the features that you need; nothing is on by default.
//!
//! | you want to | module | feature |
//! |---|---|---|
//! | verify that a webhook comes from WHOOP | [`signature`] | none |
//! | read what a webhook says | `event` | `message` |
//! | read the queue of our webhook function | `queue_message` | `message` |
//! | recognise the webhooks that our heartbeat function sends | `heartbeat` | `message` |
//! | fetch orders, report progress, submit results | `partner` | `client` |
//! | obtain an access token for calls of your own | `token` | `client` |
//! | keep the signing secret and the client credentials in AWS Secrets Manager | `secrets` | `secrets` |
//! | share the access token through Amazon DynamoDB | `token_store` | `token-store` |
//! | set the clock in your tests | `clock` | `client`, `secrets` or `token-store` |
//! | send the requests in your own way, for example in a simulation | `http` | `client` |
//!
//! The feature `lambda` is for this project's own Lambda functions and has no documented items. Features whose names begin
//! with `_` are parts of the others: do not name them.
//!
//! Without features, the library needs only `hmac` and `sha2`. `message` and `client` add no AWS crate.
//!
//! # Verify a webhook
//!
//! ```
//! use whoop_partner::signature::{self, Keys};
//!
//! let body = br#"{"event_type":"lab_requisition.created","resource_id":"e72719d6-0dbb-4eb3-9ccc-781b563fc3d3"}"#;
//! let whoop_signed = Some("7c57d8b5949ea3002db1dd16f8814f74e779d6520e479acb9d08827ed2d8afa6");
//!
//! let verified = signature::verify(whoop_signed, body, Keys::current("whsec_test"));
//! assert!(verified.is_ok());
//! ```
//!
//! `examples/axum_webhook.rs` does this in an axum service.
//!
//! # Fetch an order
//!
//! ```
//! # #[cfg(feature = "client")]
//! # async fn fetch(client_secret: &str) -> Result<(), Box<dyn std::error::Error>> {
//! use whoop_partner::{PartnerApiBaseUrl, PartnerClient, PartnerCredentials};
//!
//! let credentials = PartnerCredentials {
//!     client_id: "lab".into(),
//!     client_secret: client_secret.into(),
//! };
//! let client = PartnerClient::builder(PartnerApiBaseUrl::default(), credentials).build()?;
//! let order = client
//!     .get_requisition(&"e72719d6-0dbb-4eb3-9ccc-781b563fc3d3".parse()?)
//!     .await?;
//! println!("{} tests", order.service_requests.len());
//! # Ok(())
//! # }
//! ```
//!
//! Build one client for the whole process: its clones share connections, access token and rate limit. `examples/lab_order.rs`
//! carries out a whole order.
//!
//! # Errors and personal data
//!
//! No error and no `Debug` output of this library shows a secret, an access token, a patient's data, or an identifier of a
//! patient or an order, so you can log them. Most errors have a method `is_transient`: it returns whether the same call may
//! succeed later.

#[cfg(any(feature = "secrets", feature = "token-store"))]
#[doc(hidden)]
pub mod aws;
#[cfg(any(feature = "client", feature = "secrets", feature = "token-store"))]
pub mod call_failure;
#[cfg(any(
    feature = "client",
    feature = "lambda",
    feature = "secrets",
    feature = "token-store"
))]
pub mod clock;
#[cfg(any(feature = "client", feature = "secrets"))]
pub mod credentials;
#[cfg(feature = "message")]
pub mod event;
#[cfg(any(feature = "client", feature = "secrets"))]
pub mod future;
#[cfg(feature = "message")]
pub mod heartbeat;
#[cfg(feature = "client")]
pub mod http;
#[cfg(any(feature = "lambda", feature = "secrets", feature = "token-store"))]
#[doc(hidden)]
pub mod lambda;
#[cfg(any(feature = "client", feature = "message"))]
#[doc(hidden)]
pub mod lenient;
#[cfg(feature = "client")]
pub mod partner;
#[cfg(feature = "client")]
pub mod protected_url;
#[cfg(feature = "message")]
pub mod queue_message;
#[cfg(feature = "secrets")]
pub mod secrets;
pub mod signature;
#[cfg(any(feature = "client", feature = "secrets", feature = "token-store"))]
pub mod tls;
#[cfg(any(feature = "client", feature = "token-store"))]
pub mod token;
#[cfg(feature = "token-store")]
pub mod token_store;

#[cfg(any(feature = "client", feature = "secrets"))]
pub use credentials::PartnerCredentials;
#[cfg(feature = "client")]
pub use partner::{PartnerApiBaseUrl, PartnerClient, PartnerError};

/// Compiles the examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
