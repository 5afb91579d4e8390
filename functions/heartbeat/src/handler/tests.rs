use std::sync::Mutex;
use std::time::SystemTime;

use aws_sdk_secretsmanager::operation::get_secret_value::{
    GetSecretValueError, GetSecretValueOutput,
};
use aws_sdk_secretsmanager::types::error::ResourceNotFoundException;
use aws_smithy_mocks::{MockResponse, Rule, RuleMode, mock, mock_client};
use lambda_runtime::Diagnostic;
use reqwest::Response;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use whoop_partner::future::BoxFuture;
use whoop_partner::http::{Transport, Unanswered};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;

/// 2027-01-15T08:00:00.123Z.
const NOW: Duration = Duration::from_millis(1_800_000_000_123);
const FIRST: &str = r#"{"signing_secret": "seeded-key-1"}"#;
const SECOND: &str = r#"{"signing_secret": "seeded-key-2"}"#;

fn client() -> HttpClient {
    HttpClient::unpooled_from_env().expect("no variable is needed")
}

/// What Secrets Manager answers: these secrets one after the other, and the last one again and again. `None` means that there is
/// no such secret. It knows the current version only.
fn secret(secrets: &[Option<&'static str>]) -> Rule {
    let secrets = Mutex::new(secrets.iter().rev().copied().collect::<Vec<_>>());
    mock!(Client::get_secret_value)
        .match_requests(|request| {
            request.secret_id() == Some("signing-secret")
                && request.version_stage() == Some("AWSCURRENT")
        })
        .then_compute_response(move |_| {
            let mut secrets = secrets.lock().unwrap();
            let next = match secrets.len() {
                1 => secrets[0],
                _ => secrets.pop().unwrap(),
            };
            match next {
                Some(secret) => MockResponse::Output(
                    GetSecretValueOutput::builder()
                        .secret_string(secret)
                        .build(),
                ),
                None => MockResponse::Error(GetSecretValueError::ResourceNotFoundException(
                    ResourceNotFoundException::builder().build(),
                )),
            }
        })
}

/// The function with the webhook at `url`. The URL's query counts as secret.
fn function(secret: &Rule, http: HttpClient, url: &str) -> Heartbeat {
    Heartbeat {
        secrets: mock_client!(aws_sdk_secretsmanager, RuleMode::MatchAny, [secret]),
        http,
        config: Config {
            webhook_url: format!("{url}/webhooks?key=seeded-query").parse().unwrap(),
            signing_secret_id: "signing-secret".into(),
        },
        clock: Clock::new(|| SystemTime::UNIX_EPOCH + NOW),
    }
}

/// Checks that a text that is shown holds nothing secret.
#[track_caller]
fn assert_harmless(shown: &str) {
    for hidden in ["seeded", "sent_at"] {
        assert!(!shown.contains(hidden), "{shown}");
    }
}

/// Runs the function, and checks that nothing secret comes out of it.
async fn invoke(function: &Heartbeat) -> Result<Value, Diagnostic> {
    match function.handle().await {
        Ok(outcome) => {
            let answer = serde_json::to_value(outcome).unwrap();
            assert_harmless(&format!("{outcome:?} {answer}"));
            Ok(answer)
        }
        Err(error) => {
            assert_harmless(&format!("{error:?} {error}"));
            Err(error.into())
        }
    }
}

/// Runs the function, and checks how it fails.
async fn assert_fails(function: &Heartbeat, error_type: &str, message: &str) {
    let error = invoke(function).await.unwrap_err();
    assert_eq!(
        (error.error_type.as_str(), error.error_message.as_str()),
        (error_type, message)
    );
}

/// A webhook that gives the same answer to every request.
async fn webhook(answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(answer).mount(&server).await;
    server
}

async fn accepting() -> MockServer {
    webhook(ResponseTemplate::new(204)).await
}

async fn requests(webhook: &MockServer) -> usize {
    webhook.received_requests().await.unwrap().len()
}

#[tokio::test]
async fn posts_a_signed_heartbeat_as_whoop_posts_a_webhook() {
    let webhook = accepting().await;
    let answer = invoke(&function(&secret(&[Some(FIRST)]), client(), &webhook.uri()))
        .await
        .unwrap();
    assert_eq!(answer["outcome"], "accepted");
    assert!(answer["elapsed_ms"].is_u64(), "{answer}");
    assert_eq!(answer.as_object().unwrap().len(), 2);

    let requests = webhook.received_requests().await.unwrap();
    let [request] = &requests[..] else {
        panic!("{} requests", requests.len());
    };
    assert_eq!(request.method.as_str(), "POST");
    assert_eq!(request.url.path(), "/webhooks");
    assert_eq!(request.url.query(), Some("key=seeded-query"));
    let body = r#"{"event_type":"whoop_partner.heartbeat","resource_id":"heartbeat","sent_at":"2027-01-15T08:00:00.123Z"}"#;
    assert_eq!(request.body, body.as_bytes());
    let header = |name: &str| {
        let mut values = request.headers.get_all(name).iter();
        let only = values.next().expect(name);
        assert!(values.next().is_none(), "{name}");
        only.to_str().unwrap()
    };
    assert_eq!(header("content-type"), "application/json");
    assert_eq!(
        header("whoop-signed"),
        sign(body.as_bytes(), b"seeded-key-1")
    );
    assert!(header("user-agent").starts_with("whoop-partner/"));
    let sent_at = heartbeat::sent_at(body).unwrap();
    assert_eq!(sent_at, SystemTime::UNIX_EPOCH + NOW);
}

#[tokio::test]
async fn a_rotated_key_signs_the_next_heartbeat() {
    let webhook = accepting().await;
    let secret = secret(&[Some(FIRST), Some(SECOND)]);
    let function = function(&secret, client(), &webhook.uri());
    for _ in 0..2 {
        invoke(&function).await.unwrap();
    }
    for (request, key) in webhook
        .received_requests()
        .await
        .unwrap()
        .iter()
        .zip(["seeded-key-1", "seeded-key-2"])
    {
        assert_eq!(
            request.headers[SIGNATURE_HEADER],
            sign(&request.body, key.as_bytes())
        );
    }
    assert_eq!((requests(&webhook).await, secret.num_calls()), (2, 2));
}

#[tokio::test]
async fn a_secret_that_is_missing_or_malformed_is_named_and_nothing_is_posted() {
    let webhook = accepting().await;
    for (value, reason) in [
        (None, "has no version AWSCURRENT"),
        (
            Some("seeded-key-1"),
            "is malformed in version AWSCURRENT: Syntax error in line 1, column 1",
        ),
        (
            Some(r#"{"key": "seeded-key-1"}"#),
            "is malformed in version AWSCURRENT: Data error in line 1, column 23",
        ),
        (
            Some(r#"{"signing_secret": ""}"#),
            "is malformed in version AWSCURRENT: signing_secret is empty",
        ),
    ] {
        assert_fails(
            &function(&secret(&[value]), client(), &webhook.uri()),
            "SecretUnavailable",
            &format!("secret signing-secret {reason}"),
        )
        .await;
    }
    assert_eq!(requests(&webhook).await, 0);
}

#[tokio::test]
async fn every_status_other_than_204_is_named_and_not_tried_again() {
    for status in [200, 202, 400, 401, 403, 404, 413, 429, 500, 503] {
        let body = "seeded-answer";
        let webhook = webhook(ResponseTemplate::new(status).set_body_string(body)).await;
        assert_fails(
            &function(&secret(&[Some(FIRST)]), client(), &webhook.uri()),
            "NotAccepted",
            &format!("the webhook answered {status}"),
        )
        .await;
        assert_eq!(requests(&webhook).await, 1);
    }
}

#[tokio::test]
async fn no_redirect_is_followed() {
    let elsewhere = accepting().await;
    for status in [301, 302, 303, 307, 308] {
        let redirect = ResponseTemplate::new(status).insert_header("Location", elsewhere.uri());
        let webhook = webhook(redirect).await;
        assert_fails(
            &function(&secret(&[Some(FIRST)]), client(), &webhook.uri()),
            "NotAccepted",
            &format!("the webhook answered {status}"),
        )
        .await;
    }
    assert_eq!(requests(&elsewhere).await, 0);
}

#[tokio::test]
async fn a_refused_connection_is_no_answer_and_tells_its_cause() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = invoke(&function(&secret(&[Some(FIRST)]), client(), &url))
        .await
        .unwrap_err();
    assert_eq!(error.error_type, "NoAnswer");
    let message = error.error_message;
    assert!(
        message.starts_with("the webhook gave no answer: "),
        "{message}"
    );
    assert!(message.contains("Connection refused"), "{message}");
    assert!(!message.contains("/webhooks"), "{message}");
}

/// The system accepts the connection, and nobody reads from it.
#[tokio::test(start_paused = true)]
async fn a_webhook_that_does_not_answer_within_5_seconds_gives_no_answer() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let function = function(&secret(&[Some(FIRST)]), client(), &url);
    let begun = Instant::now();
    assert_fails(
        &function,
        "NoAnswer",
        "the webhook gave no answer: no answer in time",
    )
    .await;
    let elapsed = begun.elapsed();
    let range = ANSWER_TIMEOUT..ANSWER_TIMEOUT + Duration::from_millis(10);
    assert!(range.contains(&elapsed), "{elapsed:?}");
}

/// A network that answers 204 after a while.
struct SlowNetwork(Duration);

impl Transport for SlowNetwork {
    fn send(&self, _: Request) -> BoxFuture<'_, Result<Response, Unanswered>> {
        Box::pin(async {
            tokio::time::sleep(self.0).await;
            let answer = http::Response::builder().status(204).body("");
            Ok(answer.expect("it is well-formed").into())
        })
    }
}

#[tokio::test(start_paused = true)]
async fn the_answer_says_how_long_the_webhook_took() {
    let network = HttpClient::new(SlowNetwork(Duration::from_millis(1234)));
    let function = function(&secret(&[Some(FIRST)]), network, "https://stack.example");
    assert_eq!(
        invoke(&function).await,
        Ok(json!({"outcome": "accepted", "elapsed_ms": 1234}))
    );
}

#[tokio::test]
async fn a_panic_ends_in_an_error_without_its_message() {
    let webhook = accepting().await;
    let mut function = function(&secret(&[Some(FIRST)]), client(), &webhook.uri());
    function.clock = Clock::new(|| panic!("seeded-message"));
    assert_fails(&function, "Panicked", "the function panicked").await;
    assert_eq!(requests(&webhook).await, 0);
}

#[test]
fn neither_configuration_nor_request_shows_a_secret() {
    let function = function(&secret(&[None]), client(), "https://stack.example");
    assert_harmless(&format!("{:?}", function.config));
    let request = function.request(&"seeded-key-1".into());
    let signature = &request.headers()[SIGNATURE_HEADER];
    assert_eq!(format!("{signature:?}"), "Sensitive");
    assert_eq!(request.timeout(), Some(&ANSWER_TIMEOUT));
}

#[test]
fn every_try_to_read_the_secret_fits_its_limit() {
    let tries = CALL_TIMEOUTS.attempt * CALL_TIMEOUTS.max_attempts;
    assert!(tries + CALL_TIMEOUTS.initial_backoff < CALL_TIMEOUTS.operation);
}
