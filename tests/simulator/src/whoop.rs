//! The state of the simulated WHOOP, shared by all calls.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::calls::Calls;
use super::config::{Form, SimulatorConfig};
use super::deliveries::Webhooks;
use super::faults::Faults;
use super::rate_limit::RateLimiter;
use super::resources::Resources;
use super::tokens::Tokens;

pub(super) struct Whoop {
    state: Mutex<State>,
    pub(super) webhooks: Webhooks,
}

pub(super) struct State {
    pub(super) tokens: Tokens,
    pub(super) limiter: RateLimiter,
    pub(super) count_token_requests: bool,
    pub(super) form: Form,
    pub(super) faults: Faults,
    pub(super) resources: Resources,
    pub(super) calls: Calls,
}

impl Whoop {
    /// # Errors
    ///
    /// If `SSL_CERT_FILE` can't be used.
    pub(super) fn new(config: SimulatorConfig) -> io::Result<Self> {
        let state = State {
            tokens: Tokens::new(
                config.client_id,
                config.client_secret,
                config.token_lifetime,
            ),
            limiter: RateLimiter::new(config.rate_limits),
            count_token_requests: config.count_token_requests,
            form: config.form,
            faults: Faults::default(),
            resources: Resources::default(),
            calls: Calls::default(),
        };
        Ok(Self {
            state: Mutex::new(state),
            webhooks: Webhooks::new(config.signing_secret, config.webhook_url, config.delivery)?,
        })
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets everything but the configuration, and ends deliveries under way.
    pub(super) fn reset(&self) {
        let mut state = self.state();
        state.tokens.expire(Instant::now());
        state.limiter.reset();
        state.faults = Faults::default();
        state.resources = Resources::default();
        state.calls.forget();
        self.webhooks.forget();
    }
}
