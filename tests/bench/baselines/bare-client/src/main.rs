//! What the webhook's two AWS calls cost at the least: blocking sockets and TLS 1.3, no SDK, no signing, no async.
//!
//! Usage: `bare-client WARM_CALLS`, with the environment of the webhook function. When it is prepared it says `ready` and waits
//! for a line on standard input. Then a secret is fetched and a message sent, one after the other and each over a new
//! connection, and `WARM_CALLS` more messages over the second one. The times go to standard output as one line of JSON.

mod connection;
mod request;
mod trust;

use std::env;
use std::io;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result};
use serde_json::json;

use connection::{Connection, Endpoint};

fn main() -> Result<()> {
    let warm_calls: usize = env::args()
        .nth(1)
        .and_then(|argument| argument.parse().ok())
        .context("usage: bare-client WARM_CALLS")?;
    // Whatever does not belong to the calls is done before the clock starts.
    let secrets = Endpoint::parse(&variable("AWS_ENDPOINT_URL_SECRETS_MANAGER")?)?;
    let queue = Endpoint::parse(&variable("AWS_ENDPOINT_URL_SQS")?)?;
    let get_secret = request::get_secret(&secrets, &variable("WEBHOOK_SIGNING_SECRET_ID")?);
    let send_message = request::send_message(&queue, &variable("WEBHOOK_QUEUE_URL")?);
    let tls = trust::client_config(&variable("SSL_CERT_FILE")?)?;

    println!("ready");
    io::stdin().read_line(&mut String::new())?;

    let start = Instant::now();
    let mut secrets = Connection::open(&secrets, Arc::clone(&tls))?;
    secrets.call(&get_secret).context("GetSecretValue")?;
    let mut queue = Connection::open(&queue, tls)?;
    queue.call(&send_message).context("SendMessage")?;
    let two_calls_ns = elapsed_ns(start);

    let mut warm_call_ns = Vec::with_capacity(warm_calls);
    for _ in 0..warm_calls {
        let start = Instant::now();
        queue.call(&send_message).context("warm SendMessage")?;
        warm_call_ns.push(elapsed_ns(start));
    }
    let times = json!({"two_calls_ns": two_calls_ns, "warm_call_ns": warm_call_ns});
    println!("{times}");
    Ok(())
}

fn variable(name: &str) -> Result<String> {
    env::var(name).with_context(|| format!("environment variable {name}"))
}

fn elapsed_ns(start: Instant) -> u64 {
    u64::try_from(start.elapsed().as_nanos()).expect("a call takes less than centuries")
}
