//! The token endpoint: any answer of WHOOP to the request for an access token.
//!
//! An input has two parts: the status and the body. If there is only one, the status is 200.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::time::Instant;
use whoop_partner::credentials::PartnerCredentials;
use whoop_partner::token::{AccessToken, TokenEndpoint, TokenError};

use crate::error_text::assert_is_listed;
use crate::json::is_readable_in_part;
use crate::{SEPARATOR, clock, now, parts, runtime, whoop};

const DAY: u64 = 24 * 60 * 60;

/// The texts of all errors.
const ERRORS: [&str; 13] = [
    "client credentials refused with status #",
    "rate limited",
    "token endpoint unavailable: status #",
    "invalid answer of the token endpoint: status #",
    "invalid answer of the token endpoint: {json}",
    "invalid answer of the token endpoint: longer than # bytes",
    "invalid answer of the token endpoint: expires_in is missing",
    "invalid answer of the token endpoint: expires_in is zero",
    "invalid answer of the token endpoint: access_token is missing",
    "invalid answer of the token endpoint: access_token is empty",
    "invalid answer of the token endpoint: access_token does not fit into a header",
    "invalid answer of the token endpoint: token_type is missing",
    "invalid answer of the token endpoint: token_type is not bearer",
];

/// WHOOP, and what it answers.
struct Whoop {
    runtime: Runtime,
    endpoint: TokenEndpoint,
    credentials: PartnerCredentials,
    answer: Arc<Mutex<(u16, Vec<u8>)>>,
}

thread_local! {
    static WHOOP: Whoop = Whoop::new();
}

/// Fails if a token is taken that can't be right, or if an error quotes the answer.
pub fn check(input: &[u8]) {
    let (status, body) = answer(input);
    WHOOP.with(|whoop| {
        let mut held = whoop.answer.lock().unwrap_or_else(PoisonError::into_inner);
        *held = (status, body.to_vec());
        drop(held);
        let asked = whoop.runtime.block_on(async {
            let deadline = Instant::now() + Duration::from_secs(2);
            whoop.endpoint.request(&whoop.credentials, deadline).await
        });
        match asked {
            Ok(token) => assert_credible(&token, status, body),
            Err(error) => assert_quotes_nothing(&error),
        }
    });
}

impl Whoop {
    fn new() -> Self {
        let answer = Arc::new(Mutex::new((200, Vec::new())));
        let held = Arc::clone(&answer);
        let http = whoop::http_client(move |_| {
            let answer = held.lock().unwrap_or_else(PoisonError::into_inner);
            answer.clone()
        });
        Self {
            runtime: runtime(),
            endpoint: TokenEndpoint::new(http, &Default::default()).with_clock(clock()),
            credentials: PartnerCredentials {
                client_id: "lab".into(),
                client_secret: "secret".into(),
            },
            answer,
        }
    }
}

fn answer(input: &[u8]) -> (u16, &[u8]) {
    if !input.contains(&SEPARATOR) {
        return (200, input);
    }
    let [status, body] = parts(input);
    let status = std::str::from_utf8(status).ok();
    let status = status.and_then(|text| text.parse().ok());
    let status = status.filter(|status| (200..=599).contains(status));
    (status.unwrap_or(200), body)
}

/// The token is the one in the body, a header can carry it, and it expires within a day.
fn assert_credible(token: &AccessToken, status: u16, body: &[u8]) {
    assert_eq!(status, 200);
    assert!(token.token_type().eq_ignore_ascii_case("bearer"));
    let visible = |c| ('!'..='~').contains(&c);
    assert!(!token.expose_secret().is_empty() && token.expose_secret().chars().all(visible));
    let lifetime = token.expires_at() - token.obtained_at();
    assert!((1..=DAY).contains(&lifetime) && token.is_credible(now()));
    if is_readable_in_part(body) {
        return;
    }
    let json: serde_json::Value = serde_json::from_slice(body).expect("it is JSON");
    // such a type is also read from a list of the fields in their order
    let field = |name: &str, at: usize| json.get(name).or(json.get(at)).cloned();
    assert_eq!(field("access_token", 0), Some(token.expose_secret().into()));
    assert_eq!(field("token_type", 1), Some(token.token_type().into()));
    let announced = field("expires_in", 2).and_then(|seconds| seconds.as_u64());
    let announced = announced.expect("it is a whole number");
    assert_eq!(token.obtained_at(), 1_795_000_000);
    assert_eq!(lifetime, announced.min(DAY));

    let (obtained_at, expires_at) = (token.obtained_at(), token.expires_at());
    assert_eq!(
        format!("{token:?}"),
        format!("AccessToken {{ obtained_at: {obtained_at}, expires_at: {expires_at}, .. }}")
    );
}

fn assert_quotes_nothing(error: &TokenError) {
    assert_is_listed(&error.to_string(), &ERRORS);
    let shown = match error {
        TokenError::InvalidCredentials { status } => {
            format!("InvalidCredentials {{ status: {status} }}")
        }
        TokenError::NewTokenRefused => "NewTokenRefused".into(),
        TokenError::RateLimited { retry_after } => {
            format!("RateLimited {{ retry_after: {retry_after:?} }}")
        }
        TokenError::Unavailable(reason) => format!("Unavailable({reason:?})"),
        TokenError::InvalidResponse(reason) => format!("InvalidResponse({reason:?})"),
    };
    assert_eq!(format!("{error:?}"), shown);
}
