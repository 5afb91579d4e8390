//! The WHOOP simulator as a program; see the module `simulator` of this package for what it serves.

use std::collections::HashSet;
use std::error::Error;
use std::time::Duration;

use clap::Parser;
use e2e::simulator::{RateLimit, Simulator, SimulatorConfig};

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
    /// Where webhooks are delivered
    #[arg(long)]
    webhook_url: Option<String>,
    /// How long a token is good, in seconds
    #[arg(long, default_value_t = 3600)]
    token_lifetime: u64,
    /// Calls in a window, and its length in seconds, such as 100/60; may be given more than once
    #[arg(long, value_parser = rate_limit, default_values = ["100/60", "10000/86400"])]
    rate_limit: Vec<RateLimit>,
}

fn rate_limit(text: &str) -> Result<RateLimit, String> {
    let limit = text.split_once('/').and_then(|(requests, seconds)| {
        Some(RateLimit::new(
            requests.parse().ok()?,
            seconds.parse().ok()?,
        ))
    });
    limit.ok_or_else(|| "not of the form CALLS/SECONDS".into())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    let simulator = Simulator::start(SimulatorConfig {
        port: options.port,
        client_id: options.client_id,
        client_secret: options.client_secret,
        signing_secret: options.signing_secret,
        webhook_url: options.webhook_url,
        token_lifetime: Duration::from_secs(options.token_lifetime),
        rate_limits: options.rate_limit,
        ..SimulatorConfig::default()
    })
    .await?;
    println!("WHOOP_SIMULATOR_URL={}", simulator.url());
    println!("PARTNER_API_BASE_URL={}", simulator.base_url());
    tokio::select! {
        () = tell_what_happens(&simulator) => {}
        () = e2e::signals::asked_to_end() => {}
    }
    Ok(())
}

/// Prints a line for each call and each finished delivery.
async fn tell_what_happens(simulator: &Simulator) {
    let (mut calls_told, mut deliveries_told) = (0, HashSet::new());
    loop {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let calls = simulator.calls();
        calls_told = calls_told.min(calls.len());
        for call in &calls[calls_told..] {
            let status = call
                .status
                .map_or("connection broken".into(), |status| status.to_string());
            println!("{} {} {}: {status}", call.time, call.method, call.path);
        }
        calls_told = calls.len();
        for (index, delivery) in simulator.deliveries().iter().enumerate() {
            if delivery.finished && deliveries_told.insert(index) {
                let outcome = if delivery.succeeded() {
                    "delivered"
                } else {
                    "given up"
                };
                println!(
                    "webhook {outcome} after {} attempts",
                    delivery.attempts.len()
                );
            }
        }
    }
}
