//! What a function's calls cost at the least: blocking sockets and TLS 1.3, no SDK, no signing, no async.
//!
//! Usage, with the environment of the functions:
//!
//! - `bare-client delivery WARM`: the webhook's calls for one delivery. A secret is fetched and a message sent, one after the
//!   other. Then `WARM` more messages are sent.
//! - `bare-client order WARM FIRST`: the event processor's calls for one order, one after the other. Then the calls for `WARM`
//!   more orders, which do not include the token any more. The orders are numbered from `FIRST`.
//!
//! Each service's first call opens its connection, and all later ones use it. When the client is prepared, it says `ready`
//! and waits for a line on standard input. The times go to standard output as one line of JSON.

mod connection;
mod delivery;
mod order;
mod request;
mod trust;

use std::env;
use std::io;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use serde_json::json;

/// The calls for one piece of work.
trait Work {
    /// Makes the calls of a cold function. Returns the nanoseconds that they took.
    fn cold(&mut self) -> Result<u64>;

    /// Makes the calls of a warm function. Returns the nanoseconds that they took.
    fn warm(&mut self) -> Result<u64>;
}

fn main() -> Result<()> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    // Whatever does not belong to the calls is done before the clock starts.
    let (mut work, warm): (Box<dyn Work>, _) = match arguments[..] {
        ["delivery", warm] => (Box::new(delivery::Delivery::from_env()?), warm),
        ["order", warm, first] => (Box::new(order::Order::from_env(first.parse()?)?), warm),
        _ => bail!("usage: bare-client delivery WARM | bare-client order WARM FIRST"),
    };
    let warm: usize = warm.parse()?;

    println!("ready");
    io::stdin().read_line(&mut String::new())?;

    let cold_ns = work.cold()?;
    let warm_ns: Vec<_> = (0..warm).map(|_| work.warm()).collect::<Result<_>>()?;
    println!("{}", json!({"cold_ns": cold_ns, "warm_ns": warm_ns}));
    Ok(())
}

fn variable(name: &str) -> Result<String> {
    env::var(name).with_context(|| format!("environment variable {name}"))
}

fn elapsed_ns(start: Instant) -> u64 {
    u64::try_from(start.elapsed().as_nanos()).expect("a call takes less than centuries")
}
