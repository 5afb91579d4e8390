//! Sends one heartbeat: reads the signing key, signs a body with it, posts both to the webhook, and checks the answer.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use aws_sdk_secretsmanager::Client;
use futures_util::FutureExt;
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{Method, Request, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use tokio::time::Instant;
use whoop_partner::aws::{self, AwsHttpClients, CallTimeouts};
use whoop_partner::clock::Clock;
use whoop_partner::heartbeat;
use whoop_partner::http::HttpClient;
use whoop_partner::lambda::env::EnvError;
use whoop_partner::secrets::current_signing_key;
use whoop_partner::signature::{SIGNATURE_HEADER, sign};

use crate::config::Config;
use crate::error::HeartbeatError;

/// How long the webhook may take, including the connection. It answers within a second; a cold start and the gateway add to that.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// Limits for reading the secret.
const CALL_TIMEOUTS: CallTimeouts = CallTimeouts {
    connect: Duration::from_secs(1),
    attempt: Duration::from_millis(1400),
    operation: Duration::from_secs(3),
    max_attempts: 2,
    initial_backoff: Duration::from_millis(100),
};

/// What became of the heartbeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum HeartbeatOutcome {
    /// The webhook has queued it.
    Accepted {
        /// How long the webhook took to answer, including the connection.
        elapsed_ms: u64,
    },
}

/// The function with its long-lived clients.
pub struct Heartbeat {
    secrets: Client,
    http: HttpClient,
    config: Config,
    clock: Clock,
}

impl Heartbeat {
    /// Builds the clients: of AWS over `aws_http`, of the webhook over `http`. It makes no call yet.
    ///
    /// # Errors
    ///
    /// [`EnvError`] if a variable of the AWS SDK is missing or malformed.
    pub fn connect(
        config: Config,
        aws_http: AwsHttpClients,
        http: HttpClient,
        clock: Clock,
    ) -> Result<Self, EnvError> {
        // an invocation makes a single AWS call, so there is nothing to keep a connection for
        let aws = aws::sdk_config(CALL_TIMEOUTS, aws_http.unpooled, clock.clone())?;
        Ok(Self {
            secrets: Client::new(&aws),
            http,
            config,
            clock,
        })
    }

    /// Sends a heartbeat once. If that fails, the next invocation is the retry.
    ///
    /// # Errors
    ///
    /// [`HeartbeatError`] if the signing secret can't be read, or if the webhook does not answer 204 within 5 s.
    pub async fn handle(&self) -> Result<HeartbeatOutcome, HeartbeatError> {
        // otherwise the runtime would answer with the message of a panic, which may quote anything
        let elapsed = AssertUnwindSafe(self.beat())
            .catch_unwind()
            .await
            .unwrap_or(Err(HeartbeatError::Panicked))?;
        let elapsed_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        tracing::info!(elapsed_ms, "heartbeat accepted");
        Ok(HeartbeatOutcome::Accepted { elapsed_ms })
    }

    /// Sends a heartbeat, and returns how long the answer took.
    async fn beat(&self) -> Result<Duration, HeartbeatError> {
        // read each time: after a rotation, a cached key would be the wrong one
        let key = current_signing_key(&self.secrets, &self.config.signing_secret_id).await?;
        let request = self.request(&key);
        let posted_at = Instant::now();
        let answer = self.http.send(request).await;
        match answer.map_err(HeartbeatError::NoAnswer)?.status() {
            StatusCode::NO_CONTENT => Ok(posted_at.elapsed()),
            status => Err(HeartbeatError::NotAccepted {
                status: status.as_u16(),
            }),
        }
    }

    /// Makes the request that WHOOP would make: a body, and its signature in the header.
    fn request(&self, key: &SecretString) -> Request {
        let body = heartbeat::body(self.clock.now());
        let signature = sign(body.as_bytes(), key.expose_secret().as_bytes());
        let mut signature = HeaderValue::try_from(signature).expect("hex digits make a header");
        signature.set_sensitive(true);

        let mut request = Request::new(Method::POST, self.config.webhook_url.to_url());
        *request.timeout_mut() = Some(ANSWER_TIMEOUT);
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(SIGNATURE_HEADER, signature);
        *request.body_mut() = Some(body.into());
        request
    }
}

#[cfg(test)]
mod tests;
