//! The webhook's two AWS calls.

use std::time::Instant;

use anyhow::{Context, Result};

use crate::connection::{Endpoint, Service};
use crate::{Work, elapsed_ns, request, trust, variable};

/// A secret to fetch, and a message to send.
pub struct Delivery {
    secrets: Service,
    queue: Service,
    get_secret: Vec<u8>,
    send_message: Vec<u8>,
}

impl Delivery {
    /// Prepares the requests.
    pub fn from_env() -> Result<Self> {
        let tls = trust::client_config(&variable("SSL_CERT_FILE")?)?;
        let secrets = Endpoint::parse(&variable("AWS_ENDPOINT_URL_SECRETS_MANAGER")?)?;
        let queue = Endpoint::parse(&variable("AWS_ENDPOINT_URL_SQS")?)?;
        Ok(Self {
            get_secret: request::get_secret(&secrets, &variable("WEBHOOK_SIGNING_SECRET_ID")?),
            send_message: request::send_message(&queue, &variable("WEBHOOK_QUEUE_URL")?),
            secrets: Service::new(secrets, tls.clone()),
            queue: Service::new(queue, tls),
        })
    }
}

impl Work for Delivery {
    fn cold(&mut self) -> Result<u64> {
        let start = Instant::now();
        let secret = self.secrets.call(&self.get_secret);
        secret.context("GetSecretValue")?;
        let sent = self.queue.call(&self.send_message);
        sent.context("SendMessage")?;
        Ok(elapsed_ns(start))
    }

    fn warm(&mut self) -> Result<u64> {
        let start = Instant::now();
        let sent = self.queue.call(&self.send_message);
        sent.context("warm SendMessage")?;
        Ok(elapsed_ns(start))
    }
}
