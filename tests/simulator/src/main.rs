//! The WHOOP simulator as a program; the library of this package says what it serves.

use std::error::Error;
use std::time::Duration;

use clap::Parser;
use tracing::Level;
use whoop_simulator::{
    DeliveryPolicy, Form, PartnerForm, RateLimit, SchemaForm, Simulator, SimulatorConfig,
};

/// WHOOP's Partner API and webhooks, on 127.0.0.1.
#[derive(Parser)]
struct Options {
    /// Port; 0 takes a free one
    #[arg(long, default_value_t = 8400)]
    port: u16,
    /// Client ID that the token endpoint accepts
    #[arg(long, default_value_t = SimulatorConfig::default().client_id)]
    client_id: String,
    /// Client secret that the token endpoint accepts
    #[arg(long, default_value_t = SimulatorConfig::default().client_secret)]
    client_secret: String,
    /// Key that webhooks are signed with
    #[arg(long, default_value_t = SimulatorConfig::default().signing_secret)]
    signing_secret: String,
    /// URL to which webhooks are delivered
    #[arg(long)]
    webhook_url: Option<String>,
    /// How often a webhook is tried, with waits that double from 1 to 60 s. WHOOP publishes neither number nor waits
    #[arg(long, default_value_t = DeliveryPolicy::default().max_attempts)]
    webhook_attempts: u32,
    /// How long a token is valid, in seconds
    #[arg(long, default_value_t = 3600)]
    token_lifetime: u64,
    /// Calls in a window, and its length in seconds, such as 100/60; may be given more than once. The default is what
    /// WHOOP publishes for its member API; for partners it publishes none
    #[arg(long, default_values = ["100/60", "10000/86400"])]
    rate_limit: Vec<RateLimit>,
    /// Counts token requests towards the rate limits too
    #[arg(long)]
    count_token_requests: bool,
    /// Which of WHOOP's publications test data follows
    #[arg(long, value_enum, default_value_t)]
    schema_form: SchemaForm,
    /// What test data says about patients and appointments
    #[arg(long, value_enum, default_value_t)]
    partner_form: PartnerForm,
}

impl From<Options> for SimulatorConfig {
    fn from(options: Options) -> Self {
        Self {
            port: options.port,
            client_id: options.client_id,
            client_secret: options.client_secret,
            signing_secret: options.signing_secret,
            webhook_url: options.webhook_url,
            token_lifetime: Duration::from_secs(options.token_lifetime),
            rate_limits: options.rate_limit,
            count_token_requests: options.count_token_requests,
            delivery: DeliveryPolicy {
                max_attempts: options.webhook_attempts,
                ..DeliveryPolicy::default()
            },
            form: Form {
                schema: options.schema_form,
                partner: options.partner_form,
            },
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt()
        .with_max_level(Level::INFO)
        .with_target(false)
        .init();
    let simulator = Simulator::start(Options::parse().into()).await?;
    println!("WHOOP_SIMULATOR_URL={}", simulator.url());
    println!("PARTNER_API_BASE_URL={}", simulator.base_url());
    whoop_simulator::signals::asked_to_end().await;
    Ok(())
}
