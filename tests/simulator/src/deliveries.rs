//! Delivers webhooks as WHOOP does: signed, with one second for the answer, and repeated with exponential back-off
//! until 204.

mod delivery;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hyper::header::CONTENT_TYPE;
use jiff::Timestamp;
use tokio::sync::watch;
use tokio::task::JoinSet;

pub use delivery::{Attempt, Delivery};

use crate::http_client::http_client;
use crate::signature::{SIGNATURE_HEADER, sign};

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
    /// WHOOP publishes the one second. It does not publish when and how often it repeats a webhook; those numbers are
    /// our choice.
    fn default() -> Self {
        Self {
            limit: Duration::from_secs(1),
            first_backoff: Duration::from_secs(1),
            max_backoff: Duration::from_secs(60),
            max_attempts: 10,
        }
    }
}

impl DeliveryPolicy {
    /// The waits before the second attempt, the third, and so on.
    fn backoffs(self) -> impl Iterator<Item = Duration> {
        let next = move |last: &Duration| Some((*last * 2).min(self.max_backoff));
        let backoffs = std::iter::successors(Some(self.first_backoff.min(self.max_backoff)), next);
        backoffs.take(self.max_attempts.saturating_sub(1) as usize)
    }
}

/// Delivers webhooks and records the deliveries.
#[derive(Clone)]
pub(super) struct Webhooks(Arc<Inner>);

struct Inner {
    client: reqwest::Client,
    policy: DeliveryPolicy,
    target: Mutex<Target>,
    /// Every delivery since the last reset.
    deliveries: Mutex<Vec<watch::Sender<Delivery>>>,
    running: Mutex<JoinSet<()>>,
}

#[derive(Clone)]
struct Target {
    url: Option<String>,
    signing_secret: String,
}

impl Webhooks {
    /// # Errors
    ///
    /// When `SSL_CERT_FILE` can't be used.
    pub(super) fn new(
        signing_secret: String,
        url: Option<String>,
        policy: DeliveryPolicy,
    ) -> io::Result<Self> {
        Ok(Self(Arc::new(Inner {
            client: http_client()?,
            policy,
            target: Mutex::new(Target {
                url,
                signing_secret,
            }),
            deliveries: Mutex::default(),
            running: Mutex::default(),
        })))
    }

    pub(super) fn set_url(&self, url: &str) {
        lock(&self.0.target).url = Some(url.into());
    }

    pub(super) fn set_signing_secret(&self, signing_secret: &str) {
        lock(&self.0.target).signing_secret = signing_secret.into();
    }

    pub(super) fn deliveries(&self) -> Vec<Delivery> {
        let deliveries = lock(&self.0.deliveries);
        deliveries.iter().map(|one| one.borrow().clone()).collect()
    }

    /// Ends every delivery; the records stay.
    pub(super) fn end(&self) {
        lock(&self.0.running).abort_all();
    }

    /// Ends and forgets every delivery.
    pub(super) fn forget(&self) {
        self.end();
        for delivery in lock(&self.0.deliveries).drain(..) {
            delivery.send_modify(|delivery| delivery.finished = true);
        }
    }

    /// Waits until every delivery is finished.
    pub(super) async fn settled(&self) {
        let deliveries = lock(&self.0.deliveries).clone();
        for delivery in deliveries {
            finished(&delivery).await;
        }
    }

    /// Delivers until 204 or the last attempt, then returns. It also returns if the delivery is forgotten.
    pub(super) async fn deliver(&self, body: String) -> Delivery {
        finished(&self.deliver_in_background(body)).await
    }

    /// Starts a delivery. It continues even if the caller drops what this returns.
    pub(super) fn deliver_in_background(&self, body: String) -> watch::Sender<Delivery> {
        let delivery = watch::Sender::new(Delivery::new(body));
        lock(&self.0.deliveries).push(delivery.clone());
        let (webhooks, repeated) = (self.clone(), delivery.clone());
        let mut running = lock(&self.0.running);
        while running.try_join_next().is_some() {}
        running.spawn(async move { webhooks.repeat(&repeated).await });
        delivery
    }

    async fn repeat(&self, delivery: &watch::Sender<Delivery>) {
        let body = delivery.borrow().body.clone();
        let mut backoffs = self.0.policy.backoffs();
        loop {
            let target = lock(&self.0.target).clone();
            let attempt = self.attempt(&target, &body).await;
            // without a URL, trying again is pointless
            let backoff = backoffs.next().filter(|_| target.url.is_some());
            let finished = attempt.status == Some(204) || backoff.is_none();
            delivery.send_modify(|delivery| {
                delivery.attempts.push(attempt);
                delivery.finished = finished;
            });
            match backoff {
                Some(backoff) if !finished => tokio::time::sleep(backoff).await,
                _ => return,
            }
        }
    }

    async fn attempt(&self, target: &Target, body: &str) -> Attempt {
        let (time, started) = (Timestamp::now(), Instant::now());
        let outcome = match &target.url {
            None => Err("no webhook URL is configured".into()),
            Some(url) => self.post(url, &target.signing_secret, body).await,
        };
        let duration_ms = started.elapsed().as_millis().try_into().unwrap_or(u64::MAX);
        match &outcome {
            Ok(status) => tracing::info!("webhook answered with {status} after {duration_ms} ms"),
            Err(error) => tracing::info!("webhook failed after {duration_ms} ms: {error}"),
        }
        Attempt {
            time,
            duration_ms,
            status: outcome.as_ref().ok().copied(),
            error: outcome.err(),
        }
    }

    async fn post(&self, url: &str, signing_secret: &str, body: &str) -> Result<u16, String> {
        let signature = sign(body.as_bytes(), signing_secret.as_bytes());
        let answer = self
            .0
            .client
            .post(url)
            .header(CONTENT_TYPE, "application/json")
            .header(SIGNATURE_HEADER, signature)
            .timeout(self.0.policy.limit)
            .body(body.to_owned())
            .send()
            .await;
        match answer {
            Ok(answer) => Ok(answer.status().as_u16()),
            Err(error) if error.is_timeout() => Err("no answer in time".into()),
            Err(error) => Err(error.without_url().to_string()),
        }
    }
}

/// Waits until a delivery is finished.
async fn finished(delivery: &watch::Sender<Delivery>) -> Delivery {
    let mut delivery = delivery.subscribe();
    let finished = delivery.wait_for(|delivery| delivery.finished).await;
    finished.expect("the sender is lent to this").clone()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest() {
        let policy = DeliveryPolicy {
            max_attempts: 6,
            max_backoff: Duration::from_secs(5),
            ..DeliveryPolicy::default()
        };
        let backoffs: Vec<_> = policy.backoffs().map(|wait| wait.as_secs()).collect();
        assert_eq!(backoffs, [1, 2, 4, 5, 5]);
    }
}
