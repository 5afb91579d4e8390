use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use aws_sdk_secretsmanager::operation::get_secret_value::{
    GetSecretValueError, GetSecretValueOutput,
};
use aws_sdk_secretsmanager::types::error::ResourceNotFoundException;
use aws_smithy_async::test_util::ManualTimeSource;
use aws_smithy_async::time::TimeSource;
use aws_smithy_mocks::{MockResponse, Rule, RuleMode, mock, mock_client};
use in_memory_dynamodb::InMemoryDynamoDb;
use lambda_runtime::Diagnostic;
use serde_json::json;
use whoop_partner::token::TokenError;
use wiremock::matchers::{body_partial_json, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;

const NOW: u64 = 1_800_000_000;
const FIRST: &str = r#"{"client_id": "lab", "client_secret": "seeded-secret-1"}"#;
const SECOND: &str = r#"{"client_id": "lab", "client_secret": "seeded-secret-2"}"#;
const FRESH: u64 = NOW + 1801;

const TABLE: &str = "tokens";

/// What DynamoDB answers an operation instead of performing it, if anything.
type TableFault = Arc<Mutex<Option<fn(&str) -> Option<(u16, Value)>>>>;

/// The token table, and what Secrets Manager answers to each call.
struct Aws {
    dynamodb: Arc<InMemoryDynamoDb>,
    table_fault: TableFault,
    secret: Rule,
    clock: ManualTimeSource,
    /// The lines that the function has written.
    lines: Arc<Mutex<Vec<Value>>>,
}

/// A token item that expires at `expires_at` and lives for an hour.
fn stored(expires_at: u64) -> Value {
    json!({
        "id": {"S": "partner-token"},
        "access_token": {"S": "seeded-stored-token"},
        "token_type": {"S": "bearer"},
        "expires_at": {"N": expires_at.to_string()},
        "obtained_at": {"N": (expires_at - 3600).to_string()},
    })
}

impl Aws {
    /// Secrets Manager returns these secrets one after the other, and the last one again and again. `None` means that there is no
    /// such secret.
    fn with(item: Option<Value>, secrets: &[Option<&'static str>]) -> Self {
        let dynamodb = Arc::new(InMemoryDynamoDb::new());
        if let Some(item) = item {
            dynamodb.put(TABLE, &item);
        }
        let secrets = Mutex::new(secrets.iter().rev().copied().collect::<Vec<_>>());
        Self {
            dynamodb,
            table_fault: Arc::default(),
            secret: mock!(aws_sdk_secretsmanager::Client::get_secret_value).then_compute_response(
                move |_| {
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
                        None => {
                            MockResponse::Error(GetSecretValueError::ResourceNotFoundException(
                                ResourceNotFoundException::builder().build(),
                            ))
                        }
                    }
                },
            ),
            clock: ManualTimeSource::new(SystemTime::UNIX_EPOCH + Duration::from_secs(NOW)),
            lines: Arc::default(),
        }
    }

    fn function(&self, whoop: &MockServer) -> TokenRefresh {
        TokenRefresh::new(
            mock_client!(aws_sdk_secretsmanager, RuleMode::MatchAny, [&self.secret]),
            self.table_client(),
            Config {
                token_table_name: TABLE.into(),
                partner_credentials_secret_id: "credentials".into(),
                partner_api_base_url: whoop.uri().parse().unwrap(),
            },
            HttpClient::from_env().expect("no variable is needed"),
            self.clock(),
            MetricLog::new("stack", "token_refresh", self.clock(), {
                let lines = Arc::clone(&self.lines);
                move |line| {
                    lines
                        .lock()
                        .unwrap()
                        .push(serde_json::from_str(line).unwrap())
                }
            }),
        )
    }

    /// Takes the only line that has been written.
    fn line(&self) -> Value {
        let mut lines = std::mem::take(&mut *self.lines.lock().unwrap());
        assert_eq!(lines.len(), 1);
        lines.remove(0)
    }

    fn clock(&self) -> Clock {
        let clock = self.clock.clone();
        Clock::new(move || clock.now())
    }

    fn table_client(&self) -> aws_sdk_dynamodb::Client {
        let fault = self.table_fault.clone();
        let http_client = self.dynamodb.clone().http_client_with(move |operation, _| {
            let fault = *fault.lock().unwrap();
            fault.and_then(|fault| fault(operation))
        });
        let config = aws_sdk_dynamodb::Config::builder()
            .with_test_defaults_v2()
            .http_client(http_client);
        aws_sdk_dynamodb::Client::from_conf(config.build())
    }

    fn item(&self) -> Option<Value> {
        self.dynamodb.item(TABLE, "partner-token")
    }
}

/// A WHOOP that gives the same answer to every request, until it is dropped.
async fn whoop(answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/v2/partner/token"))
        .respond_with(answer)
        .mount(&server)
        .await;
    server
}

fn new_token() -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({
        "access_token": "seeded-new-token", "token_type": "bearer", "expires_in": 3600,
    }))
}

async fn requests(whoop: &MockServer) -> usize {
    whoop.received_requests().await.unwrap().len()
}

/// Runs the function on an event, and checks that nothing secret comes out of it.
async fn invoke(function: &TokenRefresh, event: Value) -> Result<Value, Diagnostic> {
    let result = function
        .handle(serde_json::from_value(event).unwrap())
        .await;
    let shown = match &result {
        Ok(outcome) => format!("{outcome:?} {}", serde_json::to_string(outcome).unwrap()),
        Err(error) => format!("{error:?} {error}"),
    };
    assert!(!shown.contains("seeded"), "{shown}");
    match result {
        Ok(outcome) => Ok(serde_json::to_value(outcome).unwrap()),
        Err(error) => Err(error.into()),
    }
}

async fn invoke_plainly(aws: &Aws, whoop: &MockServer) -> Result<Value, Diagnostic> {
    invoke(&aws.function(whoop), json!({})).await
}

/// Checks that an invocation fails as `error_type` and leaves the stored token alone.
async fn assert_fails(aws: &Aws, whoop: &MockServer, error_type: &str) {
    let before = aws.item();
    let error = invoke_plainly(aws, whoop).await.unwrap_err();
    assert_eq!(error.error_type, error_type, "{error:?}");
    assert!(aws.item() == before, "the stored token has changed");
}

#[test]
fn any_event_is_taken_and_only_force_true_forces() {
    for (event, force) in [
        (json!({"force": true}), true),
        (json!({"force": true, "time": "2030-01-01T00:00:00Z"}), true),
        (json!({"force": false}), false),
        (json!({"force": "true"}), false),
        (json!({"force": 1}), false),
        (json!({"detail": {"force": true}}), false),
        (json!({}), false),
        (json!(null), false),
        (json!([true]), false),
        (json!("force"), false),
        (json!(7), false),
    ] {
        let request: RefreshRequest = serde_json::from_str(&event.to_string()).unwrap();
        assert_eq!(request, RefreshRequest { force }, "{event}");
    }
}

#[tokio::test]
async fn each_invocation_says_for_how_long_the_stored_token_is_valid() {
    let good = whoop(new_token()).await;
    let down = whoop(ResponseTemplate::new(404)).await;
    for (item, whoop, message, left) in [
        (Some(stored(FRESH)), &good, "refresh done", 1801.0),
        (Some(stored(NOW + 100)), &good, "refresh done", 3600.0),
        (None, &good, "refresh done", 3600.0),
        (Some(stored(NOW + 100)), &down, "refresh failed", 100.0),
        (Some(stored(NOW - 100)), &down, "refresh failed", 0.0),
        (None, &down, "refresh failed", 0.0),
    ] {
        let aws = Aws::with(item, &[Some(FIRST)]);
        let failed = invoke_plainly(&aws, whoop).await.err();
        let line = aws.line();
        assert_eq!(line["message"], message);
        assert_eq!(line["TokenSecondsLeft"], left);
        let metrics = &line["_aws"]["CloudWatchMetrics"][0]["Metrics"];
        assert_eq!(metrics[0]["Name"], "TokenSecondsLeft");
        let error_type = failed.map(|error| error.error_type);
        assert_eq!(line["error_type"].as_str(), error_type.as_deref());
    }

    let aws = Aws::with(None, &[Some(FIRST)]);
    let denied = |_: &str| Some((400, json!({"__type": "AccessDeniedException"})));
    *aws.table_fault.lock().unwrap() = Some(denied);
    invoke_plainly(&aws, &good).await.unwrap_err();
    let line = aws.line();
    assert_eq!(line["error_type"], "StoreUnavailable");
    assert_eq!(line.get("TokenSecondsLeft"), None);
}

#[tokio::test]
async fn a_fresh_token_is_left_alone() {
    let (aws, whoop) = (
        Aws::with(Some(stored(FRESH)), &[None]),
        whoop(new_token()).await,
    );
    assert_eq!(
        invoke_plainly(&aws, &whoop).await,
        Ok(json!({"outcome": "still_fresh", "expires_at": FRESH}))
    );
    assert_eq!(requests(&whoop).await, 0);
    assert_eq!(aws.secret.num_calls(), 0);
}

#[tokio::test]
async fn a_missing_an_old_and_a_malformed_token_are_refreshed() {
    let malformed = json!({"id": {"S": "partner-token"}, "expires_at": {"N": "0"}});
    let in_ten_years = stored(NOW + 315_360_000);
    for item in [
        None,
        Some(stored(NOW + 1799)),
        Some(stored(NOW - 1)),
        Some(malformed),
        Some(in_ten_years),
    ] {
        let (aws, whoop) = (Aws::with(item, &[Some(FIRST)]), whoop(new_token()).await);
        assert_eq!(
            invoke_plainly(&aws, &whoop).await,
            Ok(json!({"outcome": "refreshed", "expires_at": NOW + 3600}))
        );
        let item = aws.item().expect("the token is stored");
        assert!(item["access_token"] == json!({"S": "seeded-new-token"}));
        assert_eq!(requests(&whoop).await, 1);
    }
}

#[tokio::test]
async fn force_refreshes_a_fresh_token() {
    let (aws, whoop) = (
        Aws::with(Some(stored(FRESH)), &[Some(FIRST)]),
        whoop(new_token()).await,
    );
    assert_eq!(
        invoke(&aws.function(&whoop), json!({"force": true})).await,
        Ok(json!({"outcome": "refreshed", "expires_at": NOW + 3600}))
    );
}

#[tokio::test]
async fn a_stored_token_that_expires_later_than_the_new_one_is_kept_and_reported() {
    let later = NOW + 9999;
    let (aws, whoop) = (
        Aws::with(Some(stored(later)), &[Some(FIRST)]),
        whoop(new_token()).await,
    );
    assert_eq!(
        invoke(&aws.function(&whoop), json!({"force": true})).await,
        Ok(json!({"outcome": "still_fresh", "expires_at": later}))
    );
    assert!(aws.item() == Some(stored(later)));
}

#[tokio::test]
async fn credentials_are_read_once_for_many_invocations() {
    let (aws, whoop) = (Aws::with(None, &[Some(FIRST)]), whoop(new_token()).await);
    let function = aws.function(&whoop);
    for _ in 0..3 {
        invoke(&function, json!({"force": true})).await.unwrap();
    }
    assert_eq!((requests(&whoop).await, aws.secret.num_calls()), (3, 1));
}

#[tokio::test]
async fn refused_credentials_are_not_tried_again_for_a_minute() {
    for status in [400, 401] {
        let whoop = whoop(ResponseTemplate::new(status)).await;
        let aws = Aws::with(Some(stored(NOW + 60)), &[Some(FIRST)]);
        let function = aws.function(&whoop);
        for _ in 0..10 {
            let error = invoke(&function, json!({})).await.unwrap_err();
            assert_eq!(error.error_type, "InvalidCredentials");
        }
        assert_eq!((requests(&whoop).await, aws.secret.num_calls()), (1, 1));
        aws.clock.advance(Duration::from_secs(60));
        invoke(&function, json!({})).await.unwrap_err();
        assert_eq!((requests(&whoop).await, aws.secret.num_calls()), (2, 2));
    }
}

#[tokio::test]
async fn force_never_answers_from_memory() {
    let whoop = whoop(new_token()).await;
    Mock::given(path("/v2/partner/token"))
        .respond_with(ResponseTemplate::new(401))
        .up_to_n_times(3)
        .with_priority(1)
        .mount(&whoop)
        .await;
    let aws = Aws::with(None, &[Some(FIRST)]);
    let function = aws.function(&whoop);
    for n in 1..4 {
        invoke(&function, json!({"force": true})).await.unwrap_err();
        assert_eq!(requests(&whoop).await, n);
    }
    invoke(&function, json!({})).await.unwrap_err();
    invoke(&function, json!({"force": true})).await.unwrap();
    // the refusal is forgotten
    aws.dynamodb.put(TABLE, &stored(NOW - 1));
    invoke(&function, json!({})).await.unwrap();
}

#[tokio::test]
async fn rotated_credentials_are_tried_once() {
    let whoop = whoop(ResponseTemplate::new(401)).await;
    Mock::given(body_partial_json(
        json!({"client_secret": "seeded-secret-2"}),
    ))
    .respond_with(new_token())
    .with_priority(1)
    .mount(&whoop)
    .await;
    let aws = Aws::with(None, &[Some(FIRST), Some(SECOND)]);
    let function = aws.function(&whoop);
    // the first credentials are refused, and the secret is not read again at once
    invoke(&function, json!({})).await.unwrap_err();
    aws.clock.advance(Duration::from_secs(11));
    assert!(invoke(&function, json!({})).await.is_ok());
    assert_eq!((requests(&whoop).await, aws.secret.num_calls()), (2, 2));
}

#[tokio::test]
async fn credentials_rotated_while_the_function_runs_are_tried_in_the_same_call() {
    let whoop = whoop(new_token()).await;
    let aws = Aws::with(None, &[Some(FIRST), Some(SECOND)]);
    let function = aws.function(&whoop);
    invoke(&function, json!({"force": true})).await.unwrap();
    Mock::given(body_partial_json(
        json!({"client_secret": "seeded-secret-1"}),
    ))
    .respond_with(ResponseTemplate::new(401))
    .with_priority(1)
    .mount(&whoop)
    .await;
    aws.clock.advance(Duration::from_secs(1));
    invoke(&function, json!({"force": true})).await.unwrap();
    assert_eq!((requests(&whoop).await, aws.secret.num_calls()), (3, 2));
}

#[tokio::test]
async fn rotated_credentials_that_are_refused_too_end_it() {
    let whoop = whoop(ResponseTemplate::new(401)).await;
    let aws = Aws::with(Some(stored(NOW + 60)), &[Some(FIRST), Some(SECOND)]);
    let function = aws.function(&whoop);
    for calls in [(1, 1), (2, 2), (2, 3), (2, 4)] {
        let error = invoke(&function, json!({})).await.unwrap_err();
        assert_eq!(error.error_type, "InvalidCredentials");
        assert_eq!((requests(&whoop).await, aws.secret.num_calls()), calls);
        aws.clock.advance(Duration::from_secs(11));
    }
}

#[tokio::test]
async fn a_refusal_stays_one_when_the_credentials_can_not_be_read_anew() {
    let whoop = whoop(ResponseTemplate::new(401)).await;
    let aws = Aws::with(Some(stored(NOW + 60)), &[Some(FIRST), None]);
    let function = aws.function(&whoop);
    for _ in 0..2 {
        let error = invoke(&function, json!({})).await.unwrap_err();
        assert_eq!(error.error_type, "InvalidCredentials");
        aws.clock.advance(Duration::from_secs(11));
    }
    assert_eq!(aws.secret.num_calls(), 2);
}

#[tokio::test]
async fn each_failure_of_whoop_has_its_error_type() {
    let limited = ResponseTemplate::new(429).insert_header("X-RateLimit-Reset", "3600");
    let empty = ResponseTemplate::new(200).set_body_json(json!({}));
    for (answer, error_type) in [
        (limited, "RateLimited"),
        (empty, "InvalidResponse"),
        (ResponseTemplate::new(404), "InvalidResponse"),
    ] {
        let aws = Aws::with(Some(stored(NOW + 60)), &[Some(FIRST)]);
        assert_fails(&aws, &whoop(answer).await, error_type).await;
    }
    let unavailable = RefreshError::from(TokenError::Unavailable("status 503".into()));
    assert_eq!(unavailable.error_type(), "PartnerUnavailable");
}

#[tokio::test]
async fn a_secret_that_is_missing_or_malformed_is_named() {
    for secret in [None, Some("seeded"), Some(r#"{"client_id": "seeded"}"#)] {
        let whoop = whoop(new_token()).await;
        let aws = Aws::with(Some(stored(NOW + 60)), &[secret]);
        assert_fails(&aws, &whoop, "SecretUnavailable").await;
        let error = invoke_plainly(&aws, &whoop).await.unwrap_err();
        assert!(
            error.error_message.starts_with("secret credentials "),
            "{error:?}"
        );
        assert_eq!(requests(&whoop).await, 0);
    }
}

#[tokio::test]
async fn a_table_that_does_not_answer_is_named() {
    let whoop = whoop(new_token()).await;
    let aws = Aws::with(Some(stored(NOW + 60)), &[Some(FIRST)]);
    for fault in [
        |operation: &str| (operation == "PutItem").then(|| (500, json!({}))),
        |operation: &str| {
            let denied = || (400, json!({"__type": "AccessDeniedException"}));
            (operation == "GetItem").then(denied)
        },
    ] {
        *aws.table_fault.lock().unwrap() = Some(fault);
        assert_fails(&aws, &whoop, "StoreUnavailable").await;
    }
    assert_eq!(requests(&whoop).await, 1);
}

#[tokio::test]
async fn a_panic_ends_in_an_error_without_its_message() {
    let whoop = whoop(new_token()).await;
    let aws = Aws::with(None, &[Some(FIRST)]);
    *aws.table_fault.lock().unwrap() = Some(|_| panic!("seeded-stored-token"));
    let error = invoke_plainly(&aws, &whoop).await.unwrap_err();
    assert_eq!(error.error_type, "Panicked");
    assert_eq!(error.error_message, "the function panicked");
}

#[test]
fn the_longest_invocation_fits_lambdas_30_seconds() {
    let two_puts = CALL_TIMEOUTS.operation * 2;
    assert!(BUDGET + two_puts < Duration::from_secs(30));
    let tries = CALL_TIMEOUTS.attempt * CALL_TIMEOUTS.max_attempts;
    assert!(tries + CALL_TIMEOUTS.initial_backoff < CALL_TIMEOUTS.operation);
}
