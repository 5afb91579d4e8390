//! Fuzz targets: what anybody can send to the functions, and what WHOOP and AWS can answer.
//!
//! Each module is a target. Its function `check` takes any bytes and panics if the product does something wrong with them. The
//! expectation never comes from the code under test: another implementation of HMAC, another reader of JSON, a model of the
//! answers, or a list of all texts that an error may have.
//!
//! `make fuzz` runs the targets with libFuzzer, which looks for inputs that reach new code. `make test` runs each target over its
//! corpus, over variants of it, and over random bytes. The corpora are files that people can read.

pub mod error_text;
pub mod gateway_event;
pub mod hmac_cases;
pub mod json;
pub mod partner_types;
pub mod queue_message;
pub mod secrets;
pub mod signature;
pub mod sqs_batch;
pub mod token_answer;
pub mod variants;

mod aws;
mod expected_mac;
mod whoop;

// If a test is chosen by its name, Cargo builds a test of this library too, and its instrumentation needs libFuzzer to link.
#[cfg(test)]
use bolero as _;

use std::time::{Duration, SystemTime};

use whoop_partner::clock::Clock;

/// A target: its name, which is also the name of its corpus, and its function.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: [Target; 7] = [
    ("signature", signature::check),
    ("gateway_event", gateway_event::check),
    ("sqs_batch", sqs_batch::check),
    ("queue_message", queue_message::check),
    ("secrets", secrets::check),
    ("token_answer", token_answer::check),
    ("partner_types", partner_types::check),
];

/// Separates the parts of an input that has several: the ASCII character "record separator".
pub const SEPARATOR: u8 = 0x1e;

/// Splits an input into `N` parts. The last part holds all further separators; parts that are missing are empty.
fn parts<const N: usize>(input: &[u8]) -> [&[u8]; N] {
    let mut parts = input.splitn(N, |byte| *byte == SEPARATOR);
    std::array::from_fn(|_| parts.next().unwrap_or_default())
}

/// The time that every clock of the targets shows.
fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000)
}

fn clock() -> Clock {
    Clock::new(now)
}

/// A runtime whose timers end at once.
fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without I/O starts")
}
