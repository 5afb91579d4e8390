//! How a simulator starts.

use std::fmt;
use std::time::Duration;

use clap::ValueEnum;

use super::{DeliveryPolicy, RateLimit};

/// How a simulator starts. `Debug` shows no secret.
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
    /// Where webhooks are delivered; without it they are recorded as not delivered.
    pub webhook_url: Option<String>,
    /// How long a token is good.
    pub token_lifetime: Duration,
    /// The windows in which calls are counted: those with a good token. WHOOP publishes limits for its member API only; the
    /// default takes them over.
    pub rate_limits: Vec<RateLimit>,
    /// Whether token requests are counted too, and refused with 429. WHOOP does not say; the default is no.
    pub count_token_requests: bool,
    /// How webhooks are repeated.
    pub delivery: DeliveryPolicy,
    /// What test data looks like.
    pub form: Form,
}

/// What test data looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Form {
    /// Which of WHOOP's publications it follows.
    pub schema: SchemaForm,
    /// What this partner is told about patients and appointments.
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

/// What a partner is told about patients and appointments depends on the partner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum PartnerForm {
    /// The patient's personal data, and where the appointment is: `UnilabsPatient` and `UnilabsAppointment`.
    #[default]
    Unilabs,
    /// The patient's id and the time of the appointment: `Patient` and `BasicAppointment`.
    Basic,
}

impl Default for SimulatorConfig {
    /// What WHOOP publishes, and our choice where it publishes nothing, with credentials that everybody knows.
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
