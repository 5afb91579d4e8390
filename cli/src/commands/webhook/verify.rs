//! `webhook verify`: whether a signature is right, and if not, why.

use std::fmt;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::SystemTime;

use clap::Args;
use jiff::Timestamp;
use secrecy::ExposeSecret;
use serde::Serialize;
use whoop_partner::signature::{Keys, MatchedKey, Signature};

use super::key::{KeySource, SigningSecrets};
use super::{body, near_miss};
use crate::error::ToolError;
use crate::moment::timestamp;
use crate::report::Output;
use crate::session::Session;

/// Say whether the signature of a body is right, by which key, and if not, why
///
/// The body counts byte for byte: a line feed that an editor added makes the signature wrong. Exit status 1 if it is wrong.
///
/// For example: `whoop-partner webhook verify --body delivery.json --signature 7c57…`
#[derive(Debug, Args)]
pub(super) struct Verify {
    /// The value of the WHOOP-Signed header
    #[arg(long, value_name = "HEX")]
    signature: String,
    /// The file that holds the body, or - for standard input
    #[arg(long, value_name = "FILE", default_value = "-")]
    body: PathBuf,
    #[command(flatten)]
    key: KeySource,
}

/// The key that signed the body.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Key {
    Current,
    Previous,
    Given,
}

#[derive(Serialize)]
struct Verification {
    right: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<Key>,
    /// Until when the previous key is valid.
    #[serde(skip_serializing_if = "Option::is_none")]
    key_valid_until: Option<Timestamp>,
    /// Why the signature does not count.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    /// What would be right.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    body_bytes: usize,
}

impl Verify {
    pub async fn run(
        self,
        begin: impl AsyncFn() -> Result<Session, ToolError>,
        output: &Output,
    ) -> Result<ExitCode, ToolError> {
        let secrets = self.key.get(Some(&self.body), begin).await?;
        let body = body::read(&self.body)?;
        let verification = verify(&self.signature, &body, &secrets, SystemTime::now());
        output.report(&verification)?;
        Ok(match verification.right {
            true => ExitCode::SUCCESS,
            false => ExitCode::FAILURE,
        })
    }
}

/// Verifies a signature with the keys that are valid at `now`, and looks for the reason if it is wrong.
fn verify(given: &str, body: &[u8], secrets: &SigningSecrets, now: SystemTime) -> Verification {
    let wrong = |reason, hint| Verification {
        right: false,
        key: None,
        key_valid_until: None,
        reason: Some(reason),
        hint,
        body_bytes: body.len(),
    };
    let current = secrets.current().expose_secret();
    let previous = secrets.previous().map(|(key, _)| key.expose_secret());
    let keys = Keys::current(current).and_previous(previous);
    let Ok(signature) = Signature::from_header(given.as_bytes()) else {
        let hint = near_miss::in_signature(given).map(|(what, signature)| {
            match signature.verify(body, keys) {
                Ok(_) => format!("it is right {what}"),
                Err(_) => format!("it is well-formed {what}, but also wrong"),
            }
        });
        return wrong("it is not 64 lower-case hexadecimal digits", hint);
    };
    let valid_until = secrets.previous().map(|(_, valid_until)| valid_until);
    let right = |key, key_valid_until| Verification {
        right: true,
        key: Some(key),
        key_valid_until,
        reason: None,
        hint: None,
        body_bytes: body.len(),
    };
    match signature.verify(body, keys) {
        Ok(MatchedKey::Current) if matches!(secrets, SigningSecrets::Given(_)) => {
            right(Key::Given, None)
        }
        Ok(MatchedKey::Current) => right(Key::Current, None),
        Ok(MatchedKey::Previous) if valid_until.is_some_and(|until| now < until) => {
            right(Key::Previous, valid_until.and_then(timestamp))
        }
        Ok(MatchedKey::Previous) => Verification {
            key: Some(Key::Previous),
            key_valid_until: valid_until.and_then(timestamp),
            ..wrong(
                "it was made with the previous key, which is not valid any more",
                None,
            )
        },
        Err(_) => {
            let in_body = near_miss::in_body(&signature, body, keys)
                .map(|what| format!("it is right for the body {what}"));
            let in_secret = || {
                near_miss::in_secret(&signature, body, current)
                    .map(|what| format!("it is right with the signing secret {what}"))
            };
            wrong("it does not match the body", in_body.or_else(in_secret))
        }
    }
}

impl fmt::Display for Verification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = match self.key {
            Some(Key::Current) => ", by the stack's current key",
            Some(Key::Previous) => ", by the stack's previous key",
            Some(Key::Given) => ", by the given key",
            None => "",
        };
        match self.reason {
            None => write!(f, "The signature is right{key}.")?,
            Some(reason) => write!(f, "The signature does not count: {reason}.")?,
        }
        if let Some(until) = self.key_valid_until {
            let verb = if self.right { "is" } else { "was" };
            write!(f, " The previous key {verb} valid until {until}.")?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\nBut {hint}. The body has {} bytes.", self.body_bytes)?;
        }
        Ok(())
    }
}
