use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Instant as Stopwatch, SystemTime};

use reqwest::Request;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use wiremock::matchers::{body_json, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::future::BoxFuture;
use crate::http::{Transport, Unanswered};

const NOW: u64 = 1_800_000_000;
const BUDGET: Duration = Duration::from_secs(20);
const SECRET: &str = "seeded-client-secret";
const TOKEN: &str = "seeded-access-token";

fn credentials() -> PartnerCredentials {
    PartnerCredentials {
        client_id: "lab".into(),
        client_secret: SECRET.into(),
    }
}

/// The endpoint at `base`, by a clock that stands still.
fn endpoint(base: &str) -> TokenEndpoint {
    let http = http::client_builder()
        .expect("the roots are compiled in")
        .no_proxy()
        .build()
        .expect("the client builds");
    endpoint_over(HttpClient::new(http), base)
}

fn endpoint_over(http: HttpClient, base: &str) -> TokenEndpoint {
    let base = format!("{base}/developer").parse().expect(base);
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(NOW);
    TokenEndpoint::new(http, &base).with_clock(Clock::new(move || now))
}

fn token_json() -> Value {
    json!({"access_token": TOKEN, "token_type": "bearer", "expires_in": 3600})
}

fn answer(status: u16) -> ResponseTemplate {
    ResponseTemplate::new(status)
}

/// Asks a server that gives these answers one after the other, the last one again and again; the number of requests that
/// it got comes back, too.
async fn asked(
    answers: Vec<ResponseTemplate>,
    budget: Duration,
) -> (Result<AccessToken, TokenError>, usize) {
    let server = MockServer::start().await;
    let last = answers.len() - 1;
    for (index, answer) in answers.into_iter().enumerate() {
        let mock = Mock::given(method("POST"))
            .and(path("/developer/v2/partner/token"))
            .respond_with(answer);
        if index < last {
            mock.up_to_n_times(1).mount(&server).await;
        } else {
            mock.mount(&server).await;
        }
    }
    let result = endpoint(&server.uri())
        .request(&credentials(), Instant::now() + budget)
        .await;
    let requests = server.received_requests().await.unwrap().len();
    if let Err(error) = &result {
        let text = format!("{error} {error:?}");
        assert!(!text.contains(SECRET) && !text.contains(TOKEN), "{text}");
    }
    (result, requests)
}

async fn asked_once(answer: ResponseTemplate) -> Result<AccessToken, TokenError> {
    let (result, requests) = asked(vec![answer], BUDGET).await;
    assert_eq!(requests, 1, "{result:?}");
    result
}

#[track_caller]
fn assert_invalid(result: Result<AccessToken, TokenError>, reason: &str) {
    let error = result.expect_err("the answer holds no token");
    assert_eq!(error, TokenError::InvalidResponse(reason.into()));
    assert!(!error.is_transient());
}

#[tokio::test]
async fn asks_as_whoop_documents_and_counts_the_expiry_from_before_the_request() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/developer/v2/partner/token"))
        .and(body_json(json!({
            "grant_type": "client_credentials",
            "client_id": "lab",
            "client_secret": SECRET,
            "scope": "whoop-partner/token",
        })))
        .respond_with(answer(200).set_body_json(token_json()))
        .expect(1)
        .mount(&server)
        .await;
    let token = endpoint(&server.uri())
        .request(&credentials(), Instant::now() + BUDGET)
        .await
        .expect("WHOOP gives a token");
    assert_eq!(token.expose_secret(), TOKEN);
    assert_eq!(token.token_type(), "bearer");
    assert_eq!(token.obtained_at(), NOW);
    assert_eq!(token.expires_at(), NOW + 3600);
}

#[tokio::test]
async fn refused_credentials_are_not_tried_again() {
    for status in [400, 401] {
        let error = asked_once(answer(status)).await.unwrap_err();
        assert_eq!(error, TokenError::InvalidCredentials { status });
        assert!(!error.is_transient());
    }
}

#[tokio::test]
async fn other_statuses_are_no_answer_and_not_tried_again() {
    for status in [201, 204, 302, 403, 404, 409] {
        let body = answer(status).set_body_json(token_json());
        assert_invalid(asked_once(body).await, &format!("status {status}"));
    }
}

#[tokio::test]
async fn no_redirect_is_followed() {
    let elsewhere = MockServer::start().await;
    for status in [301, 302, 303, 307, 308] {
        let redirect = answer(status).insert_header("Location", elsewhere.uri());
        assert_invalid(asked_once(redirect).await, &format!("status {status}"));
    }
    assert!(elsewhere.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_passing_fault_is_tried_again() {
    for status in [408, 500, 502, 503, 504] {
        let answers = vec![answer(status), answer(200).set_body_json(token_json())];
        let (result, requests) = asked(answers, BUDGET).await;
        assert_eq!(
            result.expect("the second answer counts").expose_secret(),
            TOKEN
        );
        assert_eq!(requests, 2);
    }
}

#[tokio::test]
async fn a_fault_that_stays_is_reported() {
    let (result, requests) = asked(vec![answer(503)], Duration::from_secs(2)).await;
    assert_eq!(
        result.unwrap_err(),
        TokenError::Unavailable("status 503".into())
    );
    assert!(requests >= 2, "{requests}");
}

#[tokio::test]
async fn waits_as_long_as_the_rate_limit_says() {
    let start = Stopwatch::now();
    let limited = answer(429).insert_header("X-RateLimit-Reset", "1");
    let (result, requests) = asked(
        vec![limited, answer(200).set_body_json(token_json())],
        BUDGET,
    )
    .await;
    assert!(result.is_ok(), "{result:?}");
    assert_eq!(requests, 2);
    assert!(start.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn a_rate_limit_beyond_the_budget_is_reported_at_once_with_its_wait() {
    for (header, seconds) in [("20", 20), ("86400", 86_400), ("86401", 86_400)] {
        let limited = answer(429).insert_header("X-RateLimit-Reset", header);
        let error = asked_once(limited).await.unwrap_err();
        let retry_after = Some(Duration::from_secs(seconds));
        assert_eq!(error, TokenError::RateLimited { retry_after });
        assert_eq!(error.to_string(), format!("rate limited for {seconds} s"));
    }
}

#[tokio::test]
async fn a_rate_limit_without_a_readable_reset_is_tried_again_after_the_back_off() {
    for header in ["soon", "-1", "1.5", ""] {
        let limited = answer(429).insert_header("X-RateLimit-Reset", header);
        let answers = vec![limited, answer(200).set_body_json(token_json())];
        assert!(asked(answers, BUDGET).await.0.is_ok(), "{header:?}");
    }
    let (result, _) = asked(vec![answer(429)], Duration::from_millis(400)).await;
    let error = result.unwrap_err();
    assert_eq!(error, TokenError::RateLimited { retry_after: None });
    assert_eq!(error.to_string(), "rate limited");
}

#[tokio::test]
async fn a_slow_answer_ends_with_the_budget() {
    let start = Stopwatch::now();
    let slow = answer(200)
        .set_body_json(token_json())
        .set_delay(Duration::from_secs(3));
    let (result, _) = asked(vec![slow], Duration::from_millis(300)).await;
    let error = result.unwrap_err();
    assert_eq!(error, TokenError::Unavailable("no answer in time".into()));
    assert!(error.is_transient());
    assert!(start.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn an_answer_that_holds_no_token_is_refused() {
    let body = |body: Value| answer(200).set_body_json(body);
    let without = |field: &str| {
        let mut body = token_json();
        body.as_object_mut().unwrap().remove(field);
        body
    };
    let with = |field: &str, value: Value| {
        let mut body = token_json();
        body[field] = value;
        body
    };
    for field in ["access_token", "token_type", "expires_in"] {
        let reason = format!("{field} is missing");
        assert_invalid(asked_once(body(without(field))).await, &reason);
        assert_invalid(asked_once(body(with(field, Value::Null))).await, &reason);
    }
    for (field, value, reason) in [
        ("access_token", json!(""), "access_token is empty"),
        (
            "access_token",
            json!("a b"),
            "access_token does not fit into a header",
        ),
        (
            "access_token",
            json!("a\r\nb"),
            "access_token does not fit into a header",
        ),
        ("token_type", json!("mac"), "token_type is not bearer"),
        ("expires_in", json!(0), "expires_in is zero"),
    ] {
        assert_invalid(asked_once(body(with(field, value))).await, reason);
    }
}

#[tokio::test]
async fn an_answer_that_is_not_the_expected_json_is_refused_without_quoting_it() {
    for text in [
        "",
        "seeded-access-token",
        "<html>seeded-access-token</html>",
        r#"{"access_token": "seeded-access-token""#,
        r#""seeded-access-token""#,
        r#"{"access_token": "a", "token_type": "bearer", "expires_in": "seeded-access-token"}"#,
        r#"{"access_token": "seeded-access-token", "token_type": "bearer", "expires_in": -1}"#,
        r#"{"access_token": {"seeded-access-token": 1}, "token_type": "bearer", "expires_in": 1}"#,
    ] {
        match asked_once(answer(200).set_body_string(text)).await {
            Err(TokenError::InvalidResponse(reason)) => {
                assert!(reason.contains("error in line "), "{reason}");
            }
            other => panic!("{text}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn only_64_kib_of_an_answer_are_read() {
    let padded = |bytes: usize| {
        let json = token_json().to_string();
        json.clone() + &" ".repeat(bytes - json.len())
    };
    let fits = answer(200).set_body_string(padded(64 * 1024));
    assert!(asked_once(fits).await.is_ok());
    let too_long = answer(200).set_body_string(padded(64 * 1024 + 1));
    assert_invalid(asked_once(too_long).await, "longer than 65536 bytes");
}

#[tokio::test]
async fn a_token_type_in_any_case_and_further_fields_are_taken() {
    let mut body = token_json();
    body["token_type"] = json!("BEARER");
    body["refresh_hint"] = json!({"any": "thing"});
    let token = asked_once(answer(200).set_body_json(body)).await;
    assert_eq!(token.expect("it is a token").token_type(), "BEARER");
}

#[tokio::test]
async fn no_token_is_believed_to_live_longer_than_a_day() {
    for (expires_in, expected) in [(86_400, 86_400), (86_401, 86_400), (u64::MAX, 86_400)] {
        let mut body = token_json();
        body["expires_in"] = json!(expires_in);
        let token = asked_once(answer(200).set_body_json(body)).await.unwrap();
        assert_eq!(token.expires_at(), NOW + expected);
    }
}

/// Serves one connection after the other: reads a request, answers with `bytes`, closes.
async fn serve(bytes: &'static [u8]) -> (String, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            let mut request = [0; 1024];
            let _ = connection.read(&mut request).await;
            let _ = connection.write_all(bytes).await;
        }
    });
    (format!("http://{address}"), server)
}

#[tokio::test]
async fn a_broken_connection_is_a_passing_fault() {
    for bytes in [
        &b""[..],
        b"HTTP/1.1 200 OK\r\ncontent-le",
        b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n{\"access_token\": \"seeded-access-token",
    ] {
        let (base, server) = serve(bytes).await;
        let error = endpoint(&base)
            .request(&credentials(), Instant::now() + Duration::from_millis(600))
            .await
            .unwrap_err();
        server.abort();
        assert!(matches!(error, TokenError::Unavailable(_)), "{error:?}");
        assert!(!error.to_string().contains(TOKEN), "{error}");
    }
}

#[tokio::test]
async fn a_refused_connection_is_a_passing_fault_that_tells_its_cause() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = endpoint(&base)
        .request(&credentials(), Instant::now() + Duration::from_millis(600))
        .await
        .unwrap_err();
    assert!(error.is_transient());
    assert!(error.to_string().contains("Connection refused"), "{error}");
}

/// A network on which all attempts fail alike.
#[derive(Debug, Clone, Copy)]
enum Failing {
    /// An answer at once, with this status and `X-RateLimit-Reset`.
    Answers(u16, u64),
    /// No answer.
    Hangs,
}

struct Network {
    failing: Failing,
    attempts: Arc<AtomicU32>,
}

impl Transport for Network {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, Unanswered>> {
        self.attempts.fetch_add(1, Ordering::Relaxed);
        let timeout = *request.timeout().expect("each attempt has its limit");
        assert!(timeout <= ATTEMPT_TIMEOUT);
        Box::pin(async move {
            match self.failing {
                Failing::Answers(status, reset) => {
                    let answer = ::http::Response::builder()
                        .status(status)
                        .header("X-RateLimit-Reset", reset);
                    Ok(answer.body("").expect("it is well-formed").into())
                }
                Failing::Hangs => {
                    tokio::time::sleep(timeout).await;
                    let reason = "no answer in time".into();
                    Err(Unanswered { reason, sent: true })
                }
            }
        })
    }
}

/// What becomes of attempts that all fail alike, with the time that went by and their number.
async fn repeated(failing: Failing, budget: Duration) -> (TokenError, Duration, u32) {
    let attempts = Arc::new(AtomicU32::new(0));
    let network = Network {
        failing,
        attempts: attempts.clone(),
    };
    let endpoint = endpoint_over(HttpClient::new(network), "https://whoop.example");
    let start = Instant::now();
    let result = endpoint.request(&credentials(), start + budget).await;
    let attempts = attempts.load(Ordering::Relaxed);
    (result.unwrap_err(), start.elapsed(), attempts)
}

fn limited(seconds: u64) -> TokenError {
    TokenError::RateLimited {
        retry_after: Some(Duration::from_secs(seconds)),
    }
}

#[tokio::test(start_paused = true)]
async fn attempts_that_hang_never_exceed_the_budget() {
    let (_, elapsed, attempts) = repeated(Failing::Hangs, BUDGET).await;
    assert!(elapsed <= BUDGET, "{elapsed:?}");
    // 5 s each, with less than 0.5, 1 and 2 s between them
    assert_eq!(attempts, 4);
}

#[tokio::test(start_paused = true)]
async fn the_waits_double_and_vary() {
    // the waits are 0.25, 0.5, 1, 2, 4 and 8 s, and up to as much again
    let mut elapsed = Vec::new();
    for _ in 0..8 {
        let (_, time, attempts) = repeated(Failing::Answers(503, 0), BUDGET).await;
        assert!((6..=7).contains(&attempts), "{attempts}");
        assert!(time <= BUDGET);
        elapsed.push(time);
    }
    elapsed.dedup();
    assert!(elapsed.len() > 1, "the same waits each time: {elapsed:?}");
}

#[tokio::test(start_paused = true)]
async fn a_rate_limit_is_waited_for_only_if_another_attempt_fits_behind_it() {
    let (error, elapsed, attempts) = repeated(Failing::Answers(429, 19), BUDGET).await;
    assert_eq!((error, attempts), (limited(19), 2));
    assert_eq!(elapsed.as_secs(), 19);
    let (error, elapsed, attempts) = repeated(Failing::Answers(429, 20), BUDGET).await;
    assert_eq!((error, attempts), (limited(20), 1));
    assert_eq!(elapsed, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_rate_limit_that_ends_now_still_backs_off() {
    let (_, elapsed, attempts) = repeated(Failing::Answers(429, 0), BUDGET).await;
    assert!((6..=7).contains(&attempts), "{attempts}");
    assert!(elapsed > Duration::from_secs(7), "{elapsed:?}");
}

#[tokio::test(start_paused = true)]
async fn after_the_deadline_there_is_one_attempt_without_time() {
    let (_, elapsed, attempts) = repeated(Failing::Hangs, Duration::ZERO).await;
    assert_eq!((elapsed, attempts), (Duration::ZERO, 1));
}
