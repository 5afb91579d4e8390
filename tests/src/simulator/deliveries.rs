//! Webhooks as WHOOP delivers them: signed, one second for the answer, repeated with exponential back-off until 204.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;
use whoop_partner::signature::{SIGNATURE_HEADER, sign};

use crate::local_aws::loopback_client;

/// How webhooks are repeated.
#[derive(Debug, Clone, Copy)]
pub struct DeliveryPolicy {
    /// How long an attempt waits for its answer.
    pub limit: Duration,
    /// The wait after the first failure; it doubles with each.
    pub first_backoff: Duration,
    /// The longest wait.
    pub max_backoff: Duration,
    /// How many attempts are made before WHOOP gives up.
    pub max_attempts: u32,
}

impl Default for DeliveryPolicy {
    /// WHOOP's one second; how long it waits and when it gives up is not published.
    fn default() -> Self {
        Self {
            limit: Duration::from_secs(1),
            first_backoff: Duration::from_secs(1),
            max_backoff: Duration::from_secs(60),
            max_attempts: 10,
        }
    }
}

/// One webhook.
#[derive(Debug, Clone, Serialize)]
pub struct Delivery {
    /// The body, as it was signed.
    pub body: String,
    /// The attempts so far.
    pub attempts: Vec<Attempt>,
    /// Whether no more will follow.
    pub finished: bool,
}

impl Delivery {
    /// Whether the last attempt was answered with 204.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        self.attempts
            .last()
            .is_some_and(|last| last.status == Some(204))
    }
}

/// One attempt at a delivery.
#[derive(Debug, Clone, Serialize)]
pub struct Attempt {
    /// HTTP status code of the answer.
    pub status: Option<u16>,
    /// What happened instead of an answer.
    pub error: Option<String>,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
}

/// Delivers, and remembers.
#[derive(Debug, Clone)]
pub(super) struct Webhooks(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    client: reqwest::Client,
    policy: DeliveryPolicy,
    target: Mutex<Target>,
    deliveries: Mutex<Deliveries>,
}

/// Deliveries by number, which is never given twice: one that was forgotten must not be taken for a later one.
#[derive(Debug, Default)]
struct Deliveries {
    begun: u64,
    kept: BTreeMap<u64, Delivery>,
}

impl Deliveries {
    fn begin(&mut self, delivery: Delivery) -> u64 {
        let number = self.begun;
        self.begun += 1;
        self.kept.insert(number, delivery);
        number
    }
}

#[derive(Clone)]
struct Target {
    url: Option<String>,
    signing_secret: String,
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Target")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

impl Webhooks {
    pub(super) fn new(signing_secret: String, url: Option<String>, policy: DeliveryPolicy) -> Self {
        Self(Arc::new(Inner {
            client: loopback_client(),
            policy,
            target: Mutex::new(Target {
                url,
                signing_secret,
            }),
            deliveries: Mutex::default(),
        }))
    }

    pub(super) fn set_url(&self, url: &str) {
        lock(&self.0.target).url = Some(url.into());
    }

    pub(super) fn set_signing_secret(&self, signing_secret: &str) {
        lock(&self.0.target).signing_secret = signing_secret.into();
    }

    pub(super) fn deliveries(&self) -> Vec<Delivery> {
        lock(&self.0.deliveries).kept.values().cloned().collect()
    }

    pub(super) fn forget(&self) {
        lock(&self.0.deliveries).kept.clear();
    }

    pub(super) fn deliver_in_background(&self, body: String) {
        let webhooks = self.clone();
        tokio::spawn(async move { webhooks.deliver(body).await });
    }

    /// Delivers until 204 or the last attempt; once forgotten, the delivery is not repeated.
    pub(super) async fn deliver(&self, body: String) -> Delivery {
        let policy = self.0.policy;
        let mut delivery = Delivery {
            body,
            attempts: Vec::new(),
            finished: false,
        };
        let number = lock(&self.0.deliveries).begin(delivery.clone());
        let mut backoff = policy.first_backoff;
        loop {
            delivery.attempts.push(self.attempt(&delivery.body).await);
            let tried = u32::try_from(delivery.attempts.len()).unwrap_or(u32::MAX);
            delivery.finished = delivery.succeeded() || tried >= policy.max_attempts;
            if let Some(kept) = lock(&self.0.deliveries).kept.get_mut(&number) {
                *kept = delivery.clone();
            }
            if delivery.finished {
                return delivery;
            }
            tokio::time::sleep(backoff).await;
            backoff = (backoff * 2).min(policy.max_backoff);
            if !lock(&self.0.deliveries).kept.contains_key(&number) {
                delivery.finished = true;
                return delivery;
            }
        }
    }

    async fn attempt(&self, body: &str) -> Attempt {
        let target = lock(&self.0.target).clone();
        let started = Instant::now();
        let outcome = match &target.url {
            None => Err("no webhook URL is configured".to_owned()),
            Some(url) => self
                .0
                .client
                .post(url)
                .header("content-type", "application/json")
                .header(
                    SIGNATURE_HEADER,
                    sign(body.as_bytes(), target.signing_secret.as_bytes()),
                )
                .timeout(self.0.policy.limit)
                .body(body.to_owned())
                .send()
                .await
                .map(|answer| answer.status().as_u16())
                .map_err(|error| {
                    if error.is_timeout() {
                        "no answer in time".into()
                    } else {
                        error.without_url().to_string()
                    }
                }),
        };
        Attempt {
            duration_ms: started.elapsed().as_millis().try_into().unwrap_or(u64::MAX),
            status: outcome.as_ref().ok().copied(),
            error: outcome.err(),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
