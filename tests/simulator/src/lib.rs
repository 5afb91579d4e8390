#![doc = include_str!("../README.md")]

mod admin;
mod answer;
mod calls;
mod config;
mod deliveries;
mod faults;
mod http_client;
mod partner_api;
mod rate_limit;
mod requests;
mod resources;
mod server;
pub mod signals;
mod signature;
mod test_data;
#[cfg(test)]
mod tests;
mod tokens;
mod whoop;

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub use calls::Call;
pub use config::{Form, PartnerForm, SchemaForm, SimulatorConfig};
pub use deliveries::{Attempt, Delivery, DeliveryPolicy};
pub use faults::Fault;
pub use rate_limit::{MalformedRateLimit, RateLimit};
pub use requests::AppointmentType;
pub use signature::{SIGNATURE_HEADER, sign};

use faults::Faults;
use rate_limit::RateLimiter;
use resources::Resource;
use whoop::Whoop;

/// The path below which the Partner API is served, as at WHOOP.
const BASE_PATH: &str = "/developer";

/// A running simulator, which ends when this is dropped.
pub struct Simulator {
    address: SocketAddr,
    whoop: Arc<Whoop>,
    server: JoinHandle<()>,
}

impl Simulator {
    /// Starts on 127.0.0.1, as a task of the current tokio runtime.
    ///
    /// # Errors
    ///
    /// If the port is taken, or `SSL_CERT_FILE` can't be used.
    pub async fn start(config: SimulatorConfig) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, config.port)).await?;
        let address = listener.local_addr()?;
        let whoop = Arc::new(Whoop::new(config)?);
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

    /// Adds a fault for some of the next calls.
    ///
    /// # Panics
    ///
    /// If the fault's status or a header can't be sent, or its path does not begin with a slash.
    pub fn fault(&self, fault: Fault) {
        let added = self.whoop.state().faults.add(fault);
        added.expect("the fault can be sent");
    }

    /// Removes the faults that have not been used up.
    pub fn clear_faults(&self) {
        self.whoop.state().faults = Faults::default();
    }

    /// Every call of the Partner API since the last reset, in the order of arrival.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.whoop.state().calls.all().to_vec()
    }

    /// The calls whose path begins with `path`, such as `/v2/partner/token`.
    #[must_use]
    pub fn calls_to(&self, path: &str) -> Vec<Call> {
        let mut calls = self.calls();
        calls.retain(|call| call.path.starts_with(path));
        calls
    }

    /// Every webhook since the last reset, with the answers to each attempt.
    #[must_use]
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.whoop.webhooks.deliveries()
    }

    /// Refuses every token issued so far.
    pub fn expire_tokens(&self) {
        self.whoop.state().tokens.expire(Instant::now());
    }

    /// Every token issued so far, valid or not, for a search for leaks.
    #[must_use]
    pub fn issued_tokens(&self) -> Vec<String> {
        self.whoop.state().tokens.all()
    }

    /// Accepts other credentials from now on. Tokens issued before stay valid.
    pub fn set_credentials(&self, client_id: &str, client_secret: &str) {
        let tokens = &mut self.whoop.state().tokens;
        tokens.set_credentials(client_id, client_secret);
    }

    /// Sets the lifetime of tokens issued from now on.
    pub fn set_token_lifetime(&self, lifetime: Duration) {
        self.whoop.state().tokens.set_lifetime(lifetime);
    }

    /// Sets the rate limits and starts counting anew.
    pub fn set_rate_limits(&self, limits: Vec<RateLimit>) {
        self.whoop.state().limiter = RateLimiter::new(limits);
    }

    /// Sets the form of test data.
    pub fn set_form(&self, form: Form) {
        self.whoop.state().form = form;
    }

    /// Signs webhooks with another key, including repetitions of earlier ones.
    pub fn set_signing_secret(&self, signing_secret: &str) {
        self.whoop.webhooks.set_signing_secret(signing_secret);
    }

    /// Delivers webhooks to another URL, including repetitions of earlier ones.
    pub fn set_webhook_url(&self, url: &str) {
        self.whoop.webhooks.set_url(url);
    }

    /// Creates a requisition as `add-test-data` does and delivers its webhook in the background; returns its id.
    pub fn add_test_data(&self, appointment: AppointmentType) -> String {
        partner_api::add_test_data(&self.whoop, &mut self.whoop.state(), appointment)
    }

    /// Serves a requisition unchanged; it is given as a JSON value or text.
    ///
    /// # Panics
    ///
    /// If it is not a JSON object with a text as `id`.
    pub fn put_requisition(&self, requisition: impl ToString) {
        let requisition = resource(&requisition);
        self.whoop.state().resources.put_requisition(requisition);
    }

    /// Serves a service request that belongs to no requisition, unchanged; it is given as a JSON value or text.
    ///
    /// # Panics
    ///
    /// If it is not a JSON object with a text as `id`.
    pub fn put_service_request(&self, service_request: impl ToString) {
        let resource = resource(&service_request);
        self.whoop.state().resources.put_service_request(resource);
    }

    /// Serves a document unchanged; it is given as a JSON value or text. Without content it is only a link.
    ///
    /// # Panics
    ///
    /// If it is not a JSON object with a text as `id`.
    pub fn put_document(&self, document: impl ToString, content: Option<Vec<u8>>) {
        let document = resource(&document);
        let content = content.map(Into::into);
        self.whoop.state().resources.put_document(document, content);
    }

    /// The requisition as it is now.
    #[must_use]
    pub fn requisition(&self, id: &str) -> Option<Value> {
        let state = self.whoop.state();
        let text = state.resources.requisition(id)?;
        Some(serde_json::from_str(text).expect("only JSON is kept"))
    }

    /// The service request as it is now.
    #[must_use]
    pub fn service_request(&self, id: &str) -> Option<Value> {
        let text = self.whoop.state().resources.service_request(id)?;
        Some(serde_json::from_str(&text).expect("only JSON is kept"))
    }

    /// The diagnostic reports submitted for a service request.
    #[must_use]
    pub fn reports(&self, service_request_id: &str) -> Vec<Value> {
        self.whoop.state().resources.reports(service_request_id)
    }

    /// Delivers a webhook with this body. Returns when it is answered with 204, or when WHOOP gives up.
    ///
    /// A reset ends the delivery; the attempts until then are returned.
    pub async fn deliver(&self, body: &Value) -> Delivery {
        self.whoop.webhooks.deliver(body.to_string()).await
    }

    /// Waits until every delivery is answered with 204 or given up.
    pub async fn settled(&self) {
        self.whoop.webhooks.settled().await;
    }

    /// Forgets everything but its configuration.
    pub fn reset(&self) {
        self.whoop.reset();
    }
}

impl fmt::Debug for Simulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Simulator")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.server.abort();
        self.whoop.webhooks.end();
    }
}

fn resource(given: &impl ToString) -> Resource {
    Resource::read(given.to_string()).expect("a JSON object with an id was given")
}
