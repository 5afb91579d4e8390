//! `token show`: what the table says about the token, but not the token.

use std::fmt::{self, Write};
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use clap::Args;
use jiff::Timestamp;
use serde::Serialize;
use sha2::{Digest, Sha256};
use whoop_partner::token::AccessToken;
use whoop_partner::token_store::StoredToken;

use crate::error::ToolError;
use crate::moment::{rough, timestamp};
use crate::report::{Output, table};
use crate::session::Session;

/// The length of a fingerprint in bytes; each has two hex digits.
const FINGERPRINT_BYTES: usize = 6;

/// Show when the stored token was obtained and when it expires, but not the token
///
/// The fingerprint is the beginning of the token's SHA-256. It shows whether two places have the same token.
///
/// Exit status 1 if the token is missing, malformed or expired.
#[derive(Debug, Args)]
pub(super) struct Show {}

#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
enum TokenReport {
    Missing,
    Malformed,
    Expired(Details),
    /// It is still good, and the next run of token-refresh renews it.
    DueForRenewal(Details),
    Fresh(Details),
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Details {
    token_type: String,
    obtained_at: Option<Timestamp>,
    expires_at: Option<Timestamp>,
    age_seconds: u64,
    /// Zero if it has expired.
    seconds_left: u64,
    fingerprint: String,
}

impl Show {
    pub async fn run(self, session: &Session, output: &Output) -> Result<ExitCode, ToolError> {
        let stored = session.token_store().await?.look().await;
        let stored = stored.map_err(|error| ToolError::Failed(error.to_string()))?;
        let report = report(&stored, SystemTime::now());
        output.report(&report)?;
        Ok(match report {
            TokenReport::Fresh(_) | TokenReport::DueForRenewal(_) => ExitCode::SUCCESS,
            TokenReport::Missing | TokenReport::Malformed | TokenReport::Expired(_) => {
                ExitCode::FAILURE
            }
        })
    }
}

fn report(stored: &StoredToken, now: SystemTime) -> TokenReport {
    let token = match stored {
        StoredToken::Nothing => return TokenReport::Missing,
        StoredToken::Malformed => return TokenReport::Malformed,
        StoredToken::Token(token) => token,
    };
    let details = Details::new(token, now);
    if token.expires_within(Duration::ZERO, now) {
        TokenReport::Expired(details)
    } else if token.needs_renewal(now) {
        TokenReport::DueForRenewal(details)
    } else {
        TokenReport::Fresh(details)
    }
}

impl Details {
    fn new(token: &AccessToken, now: SystemTime) -> Self {
        let at = |seconds| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
        let now = now.duration_since(SystemTime::UNIX_EPOCH);
        let now = now.unwrap_or_default().as_secs();
        Self {
            token_type: token.token_type().into(),
            obtained_at: at(token.obtained_at()).and_then(timestamp),
            expires_at: at(token.expires_at()).and_then(timestamp),
            age_seconds: now.saturating_sub(token.obtained_at()),
            seconds_left: token.expires_at().saturating_sub(now),
            fingerprint: fingerprint(token.expose_secret()),
        }
    }
}

/// The beginning of a token's SHA-256. A token has far too many bits to be guessed from it.
fn fingerprint(token: &str) -> String {
    let digest = Sha256::digest(token);
    digest
        .iter()
        .take(FINGERPRINT_BYTES)
        .fold(String::new(), |mut hex, byte| {
            write!(hex, "{byte:02x}").expect("writing to a string never fails");
            hex
        })
}

impl fmt::Display for TokenReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let refresh = "whoop-partner token refresh";
        let (state, details) = match self {
            Self::Missing => return write!(f, "No token is stored. Get one: {refresh}"),
            Self::Malformed => {
                return write!(
                    f,
                    "The stored item is not a token, and counts as missing. Replace it: {refresh}"
                );
            }
            Self::Expired(details) => ("expired; renew it: whoop-partner token refresh", details),
            Self::DueForRenewal(details) => {
                ("good; the next run of token-refresh renews it", details)
            }
            Self::Fresh(details) => ("good", details),
        };
        let unknown = || "unknown".to_owned();
        let time = |time: Option<Timestamp>| time.map_or_else(unknown, |time| time.to_string());
        let (age, left) = (
            rough(Duration::from_secs(details.age_seconds)),
            rough(Duration::from_secs(details.seconds_left)),
        );
        let mut table = table(["token", state]);
        table.add_row(["type", &details.token_type]);
        table.add_row([
            "obtained",
            &format!("{}, {age} ago", time(details.obtained_at)),
        ]);
        let expires = match self {
            Self::Expired(_) => time(details.expires_at),
            _ => format!("{}, in {left}", time(details.expires_at)),
        };
        table.add_row(["expires", &expires]);
        table.add_row(["fingerprint", &details.fingerprint]);
        write!(f, "{table}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OBTAINED: u64 = 1_795_003_200;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    /// What is said about an hour's token at this age.
    fn at_age(seconds: u64) -> TokenReport {
        let token = AccessToken::new(
            "seeded-token".into(),
            "Bearer".into(),
            OBTAINED,
            OBTAINED + 3600,
        );
        let stored = StoredToken::Token(token.unwrap());
        report(&stored, at(OBTAINED + seconds))
    }

    #[test]
    fn a_token_is_fresh_then_due_then_expired() {
        assert!(matches!(at_age(0), TokenReport::Fresh(_)));
        assert!(matches!(at_age(1800), TokenReport::Fresh(_)));
        assert!(matches!(at_age(1801), TokenReport::DueForRenewal(_)));
        assert!(matches!(at_age(3599), TokenReport::DueForRenewal(_)));
        assert!(matches!(at_age(3600), TokenReport::Expired(_)));
    }

    #[test]
    fn the_fingerprint_is_the_beginning_of_the_sha_256() {
        // FIPS 180-4's example "abc"
        assert_eq!(fingerprint("abc"), "ba7816bf8f01");
    }

    #[test]
    fn no_report_shows_the_token() {
        for report in [at_age(0), at_age(1801), at_age(3600)] {
            let json = serde_json::to_string(&report).unwrap();
            let text = format!("{report} {report:?} {json}");
            assert!(!text.contains("seeded-token"), "{text}");
        }
    }

    #[test]
    fn a_clock_before_the_tokens_does_no_harm() {
        let token = AccessToken::new("t".into(), "bearer".into(), u64::MAX, u64::MAX);
        let report = report(&StoredToken::Token(token.unwrap()), at(0));
        assert!(report.to_string().contains("unknown"), "{report}");
    }
}
