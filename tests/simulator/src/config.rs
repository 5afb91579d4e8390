//! The configuration of a simulator.

use std::fmt;
use std::time::Duration;

use clap::ValueEnum;

use super::{DeliveryPolicy, RateLimit};

/// The configuration of a simulator. `Debug` shows no secret.
#[derive(Clone)]
pub struct SimulatorConfig {
    /// Port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// The client ID that the token endpoint accepts.
    pub client_id: String,
    /// The client secret that the token endpoint accepts.
    pub client_secret: String,
    /// The key that webhooks are signed with.
    pub signing_secret: String,
    /// Where webhooks are delivered. Without it, they are recorded as not delivered.
    pub webhook_url: Option<String>,
    /// How long a token is valid.
    pub token_lifetime: Duration,
    /// The rate limits; only calls with a valid token count. WHOOP publishes limits for its member API only; those are
    /// the default.
    pub rate_limits: Vec<RateLimit>,
    /// Whether token requests count too, and are refused with 429. WHOOP does not say; the default is no.
    pub count_token_requests: bool,
    /// How webhooks are repeated.
    pub delivery: DeliveryPolicy,
    /// The form of test data.
    pub form: Form,
}

/// The form of test data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Form {
    /// Which of WHOOP's publications it follows.
    pub schema: SchemaForm,
    /// What orders say about patients and appointments.
    pub partner: PartnerForm,
}

/// WHOOP has published the resources in two forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum SchemaForm {
    /// The OpenAPI document.
    #[default]
    OpenApi,
    /// The documentation's examples, which are older: no `appointments`, no `intent`, no `based_on`, and `add-test-data`
    /// answers 204.
    Documentation,
}

/// What orders say about patients and appointments. WHOOP tells some partners more than others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum PartnerForm {
    /// The patient's personal data and the place of the appointment: `UnilabsPatient` and `UnilabsAppointment`.
    #[default]
    Unilabs,
    /// The patient's id and the time of the appointment: `Patient` and `BasicAppointment`.
    Basic,
}

impl Default for SimulatorConfig {
    /// WHOOP's published values, our choice where it publishes none, and well-known credentials.
    fn default() -> Self {
        Self {
            port: 0,
            client_id: "whoop-simulator-client".into(),
            client_secret: "whoop-simulator-client-secret".into(),
            signing_secret: "whoop-simulator-signing-secret".into(),
            webhook_url: None,
            token_lifetime: Duration::from_secs(3600),
            rate_limits: RateLimit::of_member_api(),
            count_token_requests: false,
            delivery: DeliveryPolicy::default(),
            form: Form::default(),
        }
    }
}

impl fmt::Debug for SimulatorConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimulatorConfig")
            .field("port", &self.port)
            .field("webhook_url", &self.webhook_url)
            .field("token_lifetime", &self.token_lifetime)
            .field("rate_limits", &self.rate_limits)
            .field("count_token_requests", &self.count_token_requests)
            .field("delivery", &self.delivery)
            .field("form", &self.form)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_secret() {
        let config = SimulatorConfig {
            client_secret: "seeded-client-secret".into(),
            signing_secret: "seeded-signing-secret".into(),
            ..SimulatorConfig::default()
        };
        let text = format!("{config:?} {config:#?}");
        assert!(text.contains("token_lifetime"), "{text}");
        assert!(!text.contains("seeded-"), "{text}");
    }
}
