//! WHOOP, as far as a partner can see it: the published Partner API, its webhooks, and its bad days.
//!
//! Tests hold a [`Simulator`] in process; the demo and integrators' own tests run the binary `whoop-simulator`. Point
//! `PARTNER_API_BASE_URL` at [`Simulator::base_url`], and the simulator at the webhook's URL.
//!
//! It answers what WHOOP's OpenAPI document says: client-credentials tokens that expire, requisitions, service requests and
//! documents in memory, rate limits with WHOOP's headers, 400 to a request that the document does not allow. Webhooks are
//! signed, given one second, and repeated with exponential back-off until they are answered with 204.
//!
//! Beside the Partner API, below `/_simulator` (these count neither as calls nor towards the rate limits):
//!
//! | call | effect |
//! |---|---|
//! | `POST faults` | the next `times` (1) calls whose path begins with `path` are answered as told, see [`Fault`] |
//! | `GET calls` | `{"calls": […], "webhook_deliveries": […]}`: every [`Call`], every [`Delivery`] |
//! | `POST expire-tokens` | every token issued so far is refused from now on |
//! | `POST events` | delivers a webhook with the given body; `202`, or with `?wait=true` the finished delivery |
//! | `POST requisitions`, `POST service-requests`, `POST documents` | serves the given JSON, with its `id`, as it is |
//! | `POST reset` | forgets calls, deliveries, faults, tokens, resources and used-up rate limits |

mod admin;
mod calls;
mod deliveries;
mod faults;
mod partner_api;
mod rate_limit;
mod requests;
mod resources;
mod server;
mod test_data;
#[cfg(test)]
mod tests;
mod tokens;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub use calls::Call;
pub use deliveries::{Attempt, Delivery, DeliveryPolicy};
pub use faults::Fault;
pub use rate_limit::RateLimit;
pub use requests::AppointmentType;

use deliveries::Webhooks;
use faults::Faults;
use rate_limit::RateLimiter;
use resources::Resources;
use tokens::Tokens;

/// The path below which the Partner API is served, as at WHOOP.
const BASE_PATH: &str = "/developer";

/// How a simulator starts.
#[derive(Debug, Clone)]
pub struct SimulatorConfig {
    /// Port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// The client ID that the token endpoint accepts.
    pub client_id: String,
    /// The client secret that the token endpoint accepts.
    pub client_secret: String,
    /// The key that webhooks are signed with.
    pub signing_secret: String,
    /// Where webhooks are delivered; without it they are recorded as not delivered.
    pub webhook_url: Option<String>,
    /// How long a token is good.
    pub token_lifetime: Duration,
    /// The windows in which calls are counted. The token endpoint is not counted: WHOOP says nothing about it.
    pub rate_limits: Vec<RateLimit>,
    /// How webhooks are repeated.
    pub delivery: DeliveryPolicy,
}

impl Default for SimulatorConfig {
    /// WHOOP's defaults, with credentials that everybody knows.
    fn default() -> Self {
        Self {
            port: 0,
            client_id: "whoop-simulator-client".into(),
            client_secret: "whoop-simulator-client-secret".into(),
            signing_secret: "whoop-simulator-signing-secret".into(),
            webhook_url: None,
            token_lifetime: Duration::from_secs(3600),
            rate_limits: RateLimit::published(),
            delivery: DeliveryPolicy::default(),
        }
    }
}

/// A running simulator, which ends when this is dropped.
#[derive(Debug)]
pub struct Simulator {
    address: SocketAddr,
    whoop: Arc<Whoop>,
    server: JoinHandle<()>,
}

/// Everything WHOOP knows.
#[derive(Debug)]
pub(crate) struct Whoop {
    state: Mutex<State>,
    webhooks: Webhooks,
}

#[derive(Debug)]
pub(crate) struct State {
    tokens: Tokens,
    limiter: RateLimiter,
    faults: Faults,
    resources: Resources,
    calls: Vec<Call>,
}

impl Whoop {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Simulator {
    /// Starts on 127.0.0.1, as a task of the current tokio runtime.
    ///
    /// # Errors
    ///
    /// When the port is taken.
    pub async fn start(config: SimulatorConfig) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, config.port)).await?;
        let address = listener.local_addr()?;
        let whoop = Arc::new(Whoop {
            state: Mutex::new(State {
                tokens: Tokens::new(
                    config.client_id,
                    config.client_secret,
                    config.token_lifetime,
                ),
                limiter: RateLimiter::new(config.rate_limits),
                faults: Faults::default(),
                resources: Resources::default(),
                calls: Vec::new(),
            }),
            webhooks: Webhooks::new(config.signing_secret, config.webhook_url, config.delivery),
        });
        let server = tokio::spawn(server::serve(listener, whoop.clone()));
        Ok(Self {
            address,
            whoop,
            server,
        })
    }

    /// The address without a path, such as `http://127.0.0.1:8080`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The base URL of the Partner API, for `PARTNER_API_BASE_URL`.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("{}{BASE_PATH}", self.url())
    }

    /// Answers some of the next calls as told.
    pub fn fault(&self, fault: Fault) {
        self.whoop.state().faults.add(fault);
    }

    /// Forgets the faults that were not used up.
    pub fn clear_faults(&self) {
        self.whoop.state().faults = Faults::default();
    }

    /// Every call of the Partner API so far, in the order of the answers.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.whoop.state().calls.clone()
    }

    /// The calls whose path begins with `path`, such as `/v2/partner/token`.
    #[must_use]
    pub fn calls_to(&self, path: &str) -> Vec<Call> {
        let mut calls = self.calls();
        calls.retain(|call| call.path.starts_with(path));
        calls
    }

    /// Every webhook so far, with the answers to each attempt.
    #[must_use]
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.whoop.webhooks.deliveries()
    }

    /// Refuses every token issued so far.
    pub fn expire_tokens(&self) {
        self.whoop.state().tokens.expire();
    }

    /// Every token issued so far, good or not: for a search for leaks.
    #[must_use]
    pub fn issued_tokens(&self) -> Vec<String> {
        self.whoop.state().tokens.all()
    }

    /// Accepts other credentials from now on; tokens issued stay good.
    pub fn set_credentials(&self, client_id: &str, client_secret: &str) {
        self.whoop
            .state()
            .tokens
            .set_credentials(client_id, client_secret);
    }

    /// Issues tokens that are good for this time.
    pub fn set_token_lifetime(&self, lifetime: Duration) {
        self.whoop.state().tokens.set_lifetime(lifetime);
    }

    /// Counts calls in these windows from now on.
    pub fn set_rate_limits(&self, limits: Vec<RateLimit>) {
        self.whoop.state().limiter = RateLimiter::new(limits);
    }

    /// Signs webhooks with another key.
    pub fn set_signing_secret(&self, signing_secret: &str) {
        self.whoop.webhooks.set_signing_secret(signing_secret);
    }

    /// Delivers webhooks to another URL.
    pub fn set_webhook_url(&self, url: &str) {
        self.whoop.webhooks.set_url(url);
    }

    /// Creates a requisition as `add-test-data` does and delivers its webhook in the background; returns its id.
    pub fn add_test_data(&self, appointment: AppointmentType) -> String {
        partner_api::add_test_data(&self.whoop, appointment)
    }

    /// The requisition as it is now.
    #[must_use]
    pub fn requisition(&self, id: &str) -> Option<Value> {
        self.whoop.state().resources.requisition(id)
    }

    /// Serves a requisition as it is; its `id` must be a text.
    pub fn put_requisition(&self, requisition: Value) {
        self.whoop.state().resources.put_requisition(requisition);
    }

    /// Serves a document as it is, with content if it has some.
    pub fn put_document(&self, document: Value, content: Option<Vec<u8>>) {
        self.whoop.state().resources.put_document(document, content);
    }

    /// The service request as it is now.
    #[must_use]
    pub fn service_request(&self, id: &str) -> Option<Value> {
        self.whoop.state().resources.service_request(id)
    }

    /// The diagnostic reports submitted for a service request.
    #[must_use]
    pub fn reports(&self, service_request_id: &str) -> Vec<Value> {
        self.whoop.state().resources.reports(service_request_id)
    }

    /// Delivers a webhook with this body, and returns when it is answered with 204 or given up.
    pub async fn deliver(&self, body: &Value) -> Delivery {
        self.whoop.webhooks.deliver(body.to_string()).await
    }

    /// Forgets everything but its configuration.
    pub fn reset(&self) {
        self.whoop.reset();
    }
}

impl Whoop {
    fn reset(&self) {
        let mut state = self.state();
        state.tokens.expire();
        state.limiter.reset();
        state.faults = Faults::default();
        state.resources = Resources::default();
        state.calls.clear();
        self.webhooks.forget();
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.server.abort();
    }
}
