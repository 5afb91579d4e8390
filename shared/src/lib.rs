//! What it takes to talk with the WHOOP Healthcare Partner API.
//!
//! | you want to | take | feature |
//! |---|---|---|
//! | verify that a webhook comes from WHOOP | [`signature`] | none |
//! | read a webhook, or a message that our webhook function has queued | `event`, `queue_message` | `message` |
//! | fetch orders, report progress, submit results | `partner` | `client` |
//! | keep the signing secret and the client credentials in AWS Secrets Manager | `secrets` | `secrets` |
//! | share the access token through Amazon DynamoDB | `token_store` | `token-store` |

#[cfg(any(feature = "secrets", feature = "token-store"))]
#[doc(hidden)]
pub mod aws;
#[cfg(any(feature = "client", feature = "secrets", feature = "token-store"))]
pub mod call_failure;
#[cfg(any(feature = "client", feature = "secrets", feature = "token-store"))]
pub mod clock;
#[cfg(any(feature = "client", feature = "secrets"))]
pub mod credentials;
#[cfg(feature = "message")]
pub mod event;
#[cfg(any(feature = "client", feature = "secrets"))]
pub mod future;
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
