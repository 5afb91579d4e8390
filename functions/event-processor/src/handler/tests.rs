use super::*;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use aws_sdk_eventbridge::operation::put_events::PutEventsOutput;
use aws_sdk_eventbridge::types::PutEventsResultEntry;
use aws_sdk_sqs::operation::change_message_visibility::ChangeMessageVisibilityOutput;
use aws_sdk_sqs::operation::send_message::{SendMessageInput, SendMessageOutput};
use aws_smithy_async::test_util::ManualTimeSource;
use aws_smithy_async::time::TimeSource;
use aws_smithy_mocks::{MockResponse, Rule, RuleMode, mock, mock_client};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use in_memory_dynamodb::InMemoryDynamoDb;
use serde_json::{Value, json};
use whoop_partner::credentials::PartnerCredentials;
use whoop_partner::lambda::metrics::MetricLog;
use wiremock::matchers::{body_json, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::config::QueueLimits;
use crate::detail::tests::is_valid;
use crate::published_states::Claim;
use crate::resource::Resource;

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

const TABLE: &str = "published";

/// What the function has told AWS, and how AWS answers.
#[derive(Default)]
struct Aws {
    /// The details of what is on the bus.
    published: Vec<Value>,
    /// The error codes with which EventBridge refuses the next events. The last one is used first.
    bus_refusals: Vec<&'static str>,
    dead_letters: Vec<SendMessageInput>,
    dead_letter_queue_is_down: bool,
    /// Whether no state can be remembered.
    table_forgets: bool,
    /// The visibility timeout of each receipt handle, in seconds.
    timeouts: HashMap<String, i32>,
}

/// The answer of a service that denies access. The SDK does not try again.
fn denied() -> HttpResponse {
    let body = r#"{"__type":"AccessDeniedException"}"#;
    HttpResponse::new(400.try_into().unwrap(), SdkBody::from(body))
}

/// The function between an invented WHOOP and an invented AWS.
struct World {
    processor: EventProcessor,
    whoop: MockServer,
    aws: Arc<Mutex<Aws>>,
    dynamodb: Arc<InMemoryDynamoDb>,
    clock: ManualTimeSource,
    lines: Arc<Mutex<Vec<Value>>>,
}

impl World {
    async fn new() -> Self {
        let whoop = MockServer::start().await;
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000);
        let manual = ManualTimeSource::new(now);
        let clock = Clock::new({
            let manual = manual.clone();
            move || manual.now()
        });
        let credentials = PartnerCredentials {
            client_id: "id".into(),
            client_secret: "secret".into(),
        };
        let partner = PartnerClient::builder(whoop.uri().parse().unwrap(), credentials)
            .rate_limit_reserve(CALLS_FOR_OTHERS)
            .clock(clock.clone())
            .build()
            .unwrap();
        let aws = Arc::new(Mutex::new(Aws::default()));
        let dynamodb = Arc::new(InMemoryDynamoDb::new());
        let events = mock_client!(aws_sdk_eventbridge, RuleMode::MatchAny, [&put_events(&aws)]);
        let queue = mock_client!(
            aws_sdk_sqs,
            RuleMode::MatchAny,
            &[send_message(&aws), change_visibility(&aws)]
        );
        let lines = Arc::<Mutex<Vec<Value>>>::default();
        let relay = Relay {
            partner: PacedClient(partner),
            bus: Bus::new(events, "bus".into()),
            published: PublishedStates::new(table_client(&dynamodb, &aws), TABLE.into()),
            auto_confirm_orders: false,
            clock: clock.clone(),
        };
        let processor = EventProcessor {
            messages: MessageProcessor {
                relay,
                queue_limits: QueueLimits {
                    retention: 14 * DAY,
                    max_receive_count: 100,
                },
                dead_letters: DeadLetterQueue::new(queue.clone(), "https://dead".into()),
                heartbeat_interval: Some(300 * SECOND),
                clock: clock.clone(),
                log: MetricLog::new("stack", "event_processor", clock.clone(), {
                    let lines = Arc::clone(&lines);
                    move |line| {
                        lines
                            .lock()
                            .unwrap()
                            .push(serde_json::from_str(line).unwrap())
                    }
                }),
            },
            queue: Queue::new(queue, "https://queue".into()),
            clock,
        };
        let world = Self {
            processor,
            whoop,
            aws,
            dynamodb,
            clock: manual,
            lines,
        };
        world.serve_token().await;
        world
    }

    /// Takes the lines that have been written, as their messages and the values of their metrics.
    fn lines(&self) -> Vec<(String, Value)> {
        let lines = std::mem::take(&mut *self.lines.lock().unwrap());
        let read = lines.iter().map(|line| {
            let metrics = line["_aws"]["CloudWatchMetrics"][0]["Metrics"].as_array();
            let names = metrics.into_iter().flatten();
            let names = names.map(|metric| metric["Name"].as_str().unwrap());
            let values = names.map(|name| (name.to_owned(), line[name].clone()));
            let message = line["message"].as_str().unwrap().to_owned();
            (message, Value::Object(values.collect()))
        });
        read.collect()
    }

    /// Makes WHOOP give access tokens.
    async fn serve_token(&self) {
        let token = json!({"access_token": "token", "token_type": "bearer", "expires_in": 3600});
        Mock::given(path("/v2/partner/token"))
            .respond_with(ResponseTemplate::new(200).set_body_json(token))
            .mount(&self.whoop)
            .await;
    }

    fn aws(&self) -> std::sync::MutexGuard<'_, Aws> {
        self.aws.lock().unwrap()
    }

    /// Makes WHOOP serve a requisition.
    async fn serve(&self, requisition: &Value) {
        let id = requisition["id"].as_str().unwrap();
        self.answer(id, ResponseTemplate::new(200).set_body_json(requisition))
            .await;
    }

    /// Makes WHOOP answer each request for the requisition `id` like this.
    async fn answer(&self, id: &str, answer: ResponseTemplate) {
        Mock::given(method("GET"))
            .and(path(format!("/v2/partner/requisition/{id}")))
            .respond_with(answer)
            .with_priority(1)
            .mount(&self.whoop)
            .await;
    }

    /// Makes WHOOP accept or refuse the confirmation of a service request.
    async fn confirmations(&self, id: &str, status: u16) {
        Mock::given(method("PATCH"))
            .and(path(format!("/v2/partner/service-request/{id}/status")))
            .and(body_json(
                json!({"task_business_status": "ORDER_CONFIRMED"}),
            ))
            .respond_with(
                ResponseTemplate::new(status)
                    .set_body_json(service_request(id, json!("ORDER_CONFIRMED"))),
            )
            .mount(&self.whoop)
            .await;
    }

    /// Returns the calls that WHOOP received, except those for tokens.
    async fn calls(&self) -> Vec<String> {
        let requests = self.whoop.received_requests().await.unwrap();
        let calls = requests.iter().map(|request| {
            let path = request.url.path().trim_start_matches("/v2/partner/");
            format!("{} {path}", request.method)
        });
        calls.filter(|call| call != "POST token").collect()
    }

    /// Processes a batch within a minute, and returns the ids of the messages that stay in the queue.
    async fn process(&self, records: &[Value]) -> Vec<String> {
        self.process_within(Duration::from_secs(60), records).await
    }

    async fn process_within(&self, time: Duration, records: &[Value]) -> Vec<String> {
        let deadline = self.processor.clock.now() + time;
        let response = self
            .processor
            .handle(batch(records), deadline)
            .await
            .unwrap();
        let failures = response.batch_item_failures.into_iter();
        failures.map(|failure| failure.item_identifier).collect()
    }

    #[track_caller]
    fn assert_set_aside(&self, reasons: &[&str]) {
        let aws = self.aws();
        let told = aws.dead_letters.iter().map(|letter| {
            let attributes = letter.message_attributes().unwrap();
            attributes["failure_reason"].string_value().unwrap()
        });
        assert_eq!(told.collect::<Vec<_>>(), reasons);
    }

    #[track_caller]
    fn assert_timeout(&self, id: &str, expected: std::ops::RangeInclusive<i32>) {
        let timeout = self.aws().timeouts[&format!("receipt-{id}")];
        assert!(expected.contains(&timeout), "{id}: {timeout} s");
    }
}

fn table_client(
    dynamodb: &Arc<InMemoryDynamoDb>,
    aws: &Arc<Mutex<Aws>>,
) -> aws_sdk_dynamodb::Client {
    let aws = aws.clone();
    let http_client = dynamodb.clone().http_client_with(move |_, request| {
        let remembers = request["UpdateExpression"].as_str()?.contains("body_hash");
        let denied = json!({"__type": "AccessDeniedException"});
        (remembers && aws.lock().unwrap().table_forgets).then_some((400, denied))
    });
    let config = aws_sdk_dynamodb::Config::builder()
        .with_test_defaults_v2()
        .http_client(http_client);
    aws_sdk_dynamodb::Client::from_conf(config.build())
}

fn put_events(aws: &Arc<Mutex<Aws>>) -> Rule {
    let aws = aws.clone();
    mock!(aws_sdk_eventbridge::Client::put_events).then_compute_output(move |request| {
        let refusal = aws.lock().unwrap().bus_refusals.pop();
        let entry = PutEventsResultEntry::builder();
        let answer = PutEventsOutput::builder();
        match refusal {
            Some(code) => answer
                .entries(entry.error_code(code).build())
                .failed_entry_count(1)
                .build(),
            None => {
                let detail = request.entries()[0].detail().unwrap();
                let detail = serde_json::from_str(detail).unwrap();
                assert!(is_valid(&detail), "{detail}");
                aws.lock().unwrap().published.push(detail);
                answer.entries(entry.event_id("1").build()).build()
            }
        }
    })
}

fn send_message(aws: &Arc<Mutex<Aws>>) -> Rule {
    let aws = aws.clone();
    mock!(aws_sdk_sqs::Client::send_message).then_compute_response(move |message| {
        let mut aws = aws.lock().unwrap();
        if aws.dead_letter_queue_is_down {
            return MockResponse::Http(denied());
        }
        aws.dead_letters.push(message.clone());
        MockResponse::Output(SendMessageOutput::builder().message_id("1").build())
    })
}

fn change_visibility(aws: &Arc<Mutex<Aws>>) -> Rule {
    let aws = aws.clone();
    mock!(aws_sdk_sqs::Client::change_message_visibility).then_compute_output(move |request| {
        assert_eq!(request.queue_url(), Some("https://queue"));
        let receipt_handle = request.receipt_handle().unwrap().to_owned();
        let timeout = request.visibility_timeout().unwrap();
        aws.lock().unwrap().timeouts.insert(receipt_handle, timeout);
        ChangeMessageVisibilityOutput::builder().build()
    })
}

fn batch(records: &[Value]) -> SqsBatch {
    serde_json::from_str(&json!({"Records": records}).to_string()).unwrap()
}

/// A message that is received for the `count`th time. It was first received `age` ago, by the clock of a new world.
fn message(id: &str, body: &str, count: u32, age: Duration) -> Value {
    let first = Duration::from_secs(1_795_000_000) - age;
    json!({
        "messageId": id,
        "receiptHandle": format!("receipt-{id}"),
        "body": body,
        "attributes": {
            "ApproximateReceiveCount": count.to_string(),
            "ApproximateFirstReceiveTimestamp": first.as_millis().to_string(),
            "SentTimestamp": "1794999000000",
        },
        "messageAttributes": {
            "received_at": {"stringValue": "2026-11-18T11:06:40.123Z", "dataType": "String"},
        },
    })
}

fn order(id: &str, resource_id: &str) -> Value {
    message(id, &order_body(resource_id), 1, Duration::ZERO)
}

fn order_body(resource_id: &str) -> String {
    json!({"event_type": "lab_requisition.created", "resource_id": resource_id}).to_string()
}

fn requisition(id: &str, updated_at: &str, service_requests: &[Value]) -> Value {
    json!({
        "id": id,
        "updated_at": updated_at,
        "patient": {"id": "p", "first_name": "Invented"},
        "service_requests": service_requests,
        "field_of_the_future": [1.50, null],
    })
}

fn service_request(id: &str, task_business_status: Value) -> Value {
    json!({
        "id": id,
        "status": "active",
        "intent": "order",
        "code": "1234-5",
        "task_business_status": task_business_status,
    })
}

const NOON: &str = "2026-11-18T12:00:00Z";

#[tokio::test]
async fn an_order_is_published_whole() {
    let world = World::new().await;
    let requisition = requisition("r-1", NOON, &[]);
    world.serve(&requisition).await;
    assert_eq!(world.process(&[order("m", "r-1")]).await, [""; 0]);
    let expected = json!({
        "schema_version": 1,
        "event_type": "lab_requisition.created",
        "resource_id": "r-1",
        "received_at": "2026-11-18T11:06:40.123Z",
        "resource": requisition,
    });
    assert_eq!(world.aws().published, [expected]);
    assert_eq!(world.calls().await, ["GET requisition/r-1"]);
    assert!(world.aws().timeouts.is_empty());
}

#[tokio::test]
async fn each_fate_of_a_message_has_its_metrics() {
    let world = World::new().await;
    let remaining = ResponseTemplate::new(200)
        .insert_header("X-RateLimit-Remaining", "77")
        .insert_header("X-RateLimit-Reset", "60")
        .set_body_json(requisition("r-1", NOON, &[]));
    world.answer("r-1", remaining).await;
    world.answer("gone", ResponseTemplate::new(404)).await;
    let batch = [
        order("m-1", "r-1"),
        order("m-2", "r-1"),
        order("m-3", "gone"),
        message("m-4", "no webhook", 1, Duration::ZERO),
    ];
    world.process(&batch).await;
    // the webhook arrived a tenth of a second after the beginning of this world
    let processed = |value: Value| ("message processed".to_owned(), value);
    assert_eq!(
        world.lines(),
        [
            processed(json!({
                "Published": 1.0, "AlreadyPublished": 0.0, "OrderSeconds": 0.0, "RateLimitRemaining": 77.0,
            })),
            processed(json!({
                "AlreadyPublished": 1.0, "Published": 0.0, "RateLimitRemaining": 77.0,
            })),
            (
                "message goes back".to_owned(),
                json!({
                    "Returned": 1.0,
                    "Published": 0.0,
                    "AlreadyPublished": 0.0,
                    "ReturnedAgeSeconds": 1000.0,
                    "RateLimitRemaining": 77.0,
                })
            ),
            (
                "message set aside".to_owned(),
                json!({"SetAside": 1.0, "RateLimitRemaining": 77.0})
            ),
        ]
    );

    world.aws().dead_letter_queue_is_down = true;
    world.clock.advance(60 * SECOND);
    world.process(&batch[3..]).await;
    assert_eq!(
        world.lines(),
        [(
            "message goes back: not set aside".to_owned(),
            json!({
                "Returned": 1.0,
                "Published": 0.0,
                "AlreadyPublished": 0.0,
                "ReturnedAgeSeconds": 1060.0,
            })
        )]
    );
}

#[tokio::test]
async fn a_heartbeat_is_counted_and_published_nowhere() {
    let world = World::new().await;
    let heartbeat = |sent_at: &str| {
        let body = json!({
            "event_type": "whoop_partner.heartbeat", "resource_id": "heartbeat", "sent_at": sent_at,
        });
        message("m", &body.to_string(), 1, Duration::ZERO)
    };
    let fresh = heartbeat("2026-11-18T11:06:38.5Z");
    let old = heartbeat("2026-11-18T10:51:39Z");
    assert_eq!(world.process(&[fresh, old]).await, [""; 0]);
    assert_eq!(
        world.lines(),
        [
            (
                "heartbeat arrived".to_owned(),
                json!({"HeartbeatSeconds": 1.5})
            ),
            ("heartbeat dropped".to_owned(), json!({})),
        ]
    );
    assert_eq!(world.aws().published, [Value::Null; 0]);
    assert_eq!(world.calls().await, [""; 0]);
    world.assert_set_aside(&[]);
}

#[tokio::test]
async fn an_order_too_large_to_be_fetched_is_published_by_its_path() {
    let world = World::new().await;
    let mut requisition = requisition("r-1", NOON, &[]);
    requisition["note"] = json!("x".repeat(5 * 1024 * 1024));
    world.serve(&requisition).await;
    assert_eq!(world.process(&[order("m", "r-1")]).await, [""; 0]);
    let published = &world.aws().published;
    assert_eq!(published.len(), 1);
    assert_eq!(published[0]["resource"], Value::Null);
    assert_eq!(published[0]["resource_url"], "/v2/partner/requisition/r-1");
}

#[tokio::test]
async fn an_event_without_an_endpoint_is_published_each_time_and_calls_nobody() {
    let world = World::new().await;
    for event_type in ["clinical_report_review.requested", "something.new"] {
        let body = json!({"event_type": event_type, "resource_id": "../x"}).to_string();
        let message = message("m", &body, 1, Duration::ZERO);
        assert_eq!(world.process(&[message.clone(), message]).await, [""; 0]);
        let published = std::mem::take(&mut world.aws().published);
        assert_eq!(published.len(), 2);
        assert_eq!(published[0]["event_type"], event_type);
        assert_eq!(published[0]["resource"], Value::Null);
    }
    assert_eq!(world.calls().await, [""; 0]);
}

#[tokio::test]
async fn the_same_state_is_published_once_a_newer_one_again_an_older_one_never() {
    let world = World::new().await;
    for (updated_at, published) in [
        (NOON, 1),
        (NOON, 1),
        ("2026-11-18T12:00:01Z", 2),
        (NOON, 2),
        ("2026-11-18T12:00:01Z", 2),
    ] {
        world.whoop.reset().await;
        world.serve_token().await;
        world.serve(&requisition("r-1", updated_at, &[])).await;
        assert_eq!(world.process(&[order("m", "r-1")]).await, [""; 0]);
        assert_eq!(world.aws().published.len(), published, "{updated_at}");
    }
}

#[tokio::test]
async fn after_a_newer_state_that_may_be_published_an_older_one_waits() {
    let world = World::new().await;
    let later = "2026-11-18T12:00:01Z";
    // EventBridge's answer to the newer state does not say that it is on the bus
    world.aws().bus_refusals.push("InternalFailure");
    for (updated_at, returned, published) in [(later, "m", 0), (NOON, "m", 0), (later, "", 1)] {
        world.whoop.reset().await;
        world.serve_token().await;
        world.serve(&requisition("r-1", updated_at, &[])).await;
        let stays = world.process(&[order("m", "r-1")]).await;
        assert_eq!(stays.concat(), returned, "{updated_at}");
        assert_eq!(world.aws().published.len(), published, "{updated_at}");
    }
}

#[tokio::test]
async fn what_somebody_else_is_publishing_is_left_to_them_while_their_lease_lasts() {
    let world = World::new().await;
    world.serve(&requisition("r-1", NOON, &[])).await;
    let resource = Resource::of(&crate::message::QueuedEvent {
        event_type: "lab_requisition.created".into(),
        resource_id: "r-1".into(),
        received_at: NOON.into(),
    });
    let path = resource.unwrap().unwrap().path();
    let state = crate::published_states::State::new(Some(NOON.parse().unwrap()), "theirs");
    let now = world.processor.clock.now();
    let claim = world
        .processor
        .messages
        .relay
        .published
        .claim(&path, state, now)
        .await;
    assert!(matches!(claim, Ok(Claim::Granted(_))));
    assert_eq!(world.process(&[order("m", "r-1")]).await, ["m"]);
    world.assert_timeout("m", 5..=10);
    world.clock.advance(45 * SECOND);
    assert_eq!(world.process(&[order("m", "r-1")]).await, ["m"]);
    world.clock.advance(SECOND);
    assert_eq!(world.process(&[order("m", "r-1")]).await, [""; 0]);
    assert_eq!(world.aws().published.len(), 1);
}

#[tokio::test]
async fn a_message_that_can_never_succeed_goes_to_the_dead_letter_queue_and_its_neighbours_on() {
    let world = World::new().await;
    world.serve(&requisition("r-1", NOON, &[])).await;
    world.serve(&requisition("r-2", NOON, &[])).await;
    let poison = message("poison", "no json", 1, Duration::ZERO);
    let batch = [
        order("a", "r-1"),
        poison,
        order("path", "../token"),
        order("b", "r-2"),
    ];
    assert_eq!(world.process(&batch).await, [""; 0]);
    assert_eq!(world.aws().published.len(), 2);
    let dead_letters = &world.aws().dead_letters;
    assert_eq!(dead_letters.len(), 2);
    assert_eq!(dead_letters[0].queue_url(), Some("https://dead"));
    assert_eq!(dead_letters[0].message_body(), Some("no json"));
    let attributes = dead_letters[0].message_attributes().unwrap();
    assert_eq!(
        attributes["failure_reason"].string_value(),
        Some("undecodable")
    );
    assert_eq!(
        attributes["received_at"].string_value(),
        Some("2026-11-18T11:06:40.123Z")
    );
    assert_eq!(
        dead_letters[1].message_body(),
        Some(order_body("../token").as_str())
    );
}

#[tokio::test]
async fn poison_stays_in_the_queue_while_the_dead_letter_queue_is_down() {
    let world = World::new().await;
    world.aws().dead_letter_queue_is_down = true;
    let poison = message("poison", "no json", 3, Duration::ZERO);
    assert_eq!(world.process(&[poison]).await, ["poison"]);
    world.assert_timeout("poison", 20..=40);
    let poison = message("poison", "no json", 100, Duration::ZERO);
    assert_eq!(world.process(&[poison]).await, ["poison"]);
    world.assert_timeout("poison", 600..=600);
}

#[tokio::test]
async fn a_missing_order_is_looked_for_a_minute_later_and_then_set_aside() {
    let world = World::new().await;
    let minute = Duration::from_secs(60);
    let missing = |id, count, age| message(id, &order_body("none"), count, age);
    let batch = [
        missing("first", 1, Duration::ZERO),
        missing("first-but-late", 1, 2 * minute),
        missing("too-soon", 2, minute - Duration::from_millis(1)),
        missing("set-aside", 2, minute),
    ];
    assert_eq!(
        world.process(&batch).await,
        ["first", "first-but-late", "too-soon"]
    );
    for id in ["first", "first-but-late", "too-soon"] {
        world.assert_timeout(id, 60..=60);
    }
    world.assert_set_aside(&["not_found"]);
}

#[tokio::test]
async fn what_can_not_be_read_stays_in_the_queue() {
    let world = World::new().await;
    let batch = [
        json!({"messageId": "odd", "body": {}}),
        json!({"messageId": "bare"}),
    ];
    assert_eq!(world.process(&batch).await, ["odd", "bare"]);
    assert!(world.aws().dead_letters.is_empty());
}

#[tokio::test]
async fn without_a_message_id_the_whole_batch_stays_but_the_others_are_processed() {
    let world = World::new().await;
    world.serve(&requisition("r-1", NOON, &[])).await;
    let deadline = world.processor.clock.now() + 60 * SECOND;
    for odd in [json!({}), json!({"messageId": ""}), json!(null)] {
        let batch = batch(&[odd, order("m", "r-1")]);
        let result = world.processor.handle(batch, deadline).await;
        assert_eq!(result, Err(UnidentifiedMessage));
        assert_eq!(world.aws().published.len(), 1);
    }
}

#[tokio::test]
async fn what_event_bridge_refuses_is_set_aside_and_what_it_does_not_take_goes_back() {
    let world = World::new().await;
    for id in ["r-1", "r-2", "r-3"] {
        world.serve(&requisition(id, NOON, &[])).await;
    }
    world.aws().bus_refusals = vec!["InternalFailure", "MalformedDetail"];
    let batch = [
        order("refused", "r-1"),
        order("not-taken", "r-2"),
        order("fine", "r-3"),
    ];
    assert_eq!(world.process(&batch).await, ["not-taken"]);
    world.assert_timeout("not-taken", 5..=10);
    assert_eq!(world.aws().published.len(), 1);
    let items = world.dynamodb.items(TABLE);
    let with = |name| items.values().filter(move |item| item.get(name).is_some());
    assert_eq!(
        with("body_hash").count(),
        1,
        "only what is published is remembered"
    );
    assert_eq!(with("claimed_until").count(), 0, "no lease is kept");
    world.assert_set_aside(&["refused"]);
}

/// An EventBridge client that panics at the first call.
#[derive(Debug, Default)]
struct PanicsOnce(AtomicBool);

impl HttpConnector for PanicsOnce {
    fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
        if !self.0.swap(true, Ordering::Relaxed) {
            panic!("a panic that quotes the event");
        }
        let body = r#"{"FailedEntryCount":0,"Entries":[{"EventId":"1"}]}"#;
        let answer = HttpResponse::new(200.try_into().unwrap(), SdkBody::from(body));
        HttpConnectorFuture::ready(Ok(answer))
    }
}

#[tokio::test]
async fn a_panic_sends_one_message_back_and_leaves_the_others_alone() {
    let mut world = World::new().await;
    let connector = SharedHttpConnector::new(PanicsOnce::default());
    let events = aws_sdk_eventbridge::Config::builder()
        .with_test_defaults_v2()
        .http_client(http_client_fn(move |_, _| connector.clone()))
        .build();
    let events = aws_sdk_eventbridge::Client::from_conf(events);
    world.processor.messages.relay.bus = Bus::new(events, "bus".into());
    world.serve(&requisition("r-1", NOON, &[])).await;
    world.serve(&requisition("r-2", NOON, &[])).await;
    let batch = [order("unlucky", "r-1"), order("fine", "r-2")];
    assert_eq!(world.process(&batch).await, ["unlucky"]);
    let items = world.dynamodb.items(TABLE);
    let remembered = items
        .values()
        .filter(|item| item.get("body_hash").is_some());
    assert_eq!(remembered.count(), 1);
}

fn rate_limited(reset: &str) -> ResponseTemplate {
    ResponseTemplate::new(429)
        .insert_header("X-RateLimit-Remaining", "0")
        .insert_header("X-RateLimit-Reset", reset)
}

#[tokio::test]
async fn after_a_429_nobody_is_called_until_the_reset_in_this_batch_and_the_next() {
    let world = World::new().await;
    world.answer("r-1", rate_limited("3600")).await;
    let batch = [order("a", "r-1"), order("b", "r-2"), order("c", "r-3")];
    assert_eq!(world.process(&batch).await, ["a", "b", "c"]);
    for id in ["a", "b", "c"] {
        world.assert_timeout(id, 3600..=3600);
    }
    world.clock.advance(3599 * SECOND);
    assert_eq!(
        world.process_within(6 * SECOND, &[order("d", "r-4")]).await,
        ["d"]
    );
    world.assert_timeout("d", 5..=10);
    assert_eq!(world.calls().await, ["GET requisition/r-1"]);
    world.clock.advance(2 * SECOND);
    world.serve(&requisition("r-4", NOON, &[])).await;
    assert_eq!(world.process(&[order("d", "r-4")]).await, [""; 0]);
}

#[tokio::test]
async fn a_message_stays_out_no_longer_than_sqs_allows() {
    let world = World::new().await;
    world.answer("r-1", rate_limited("86400")).await;
    assert_eq!(world.process(&[order("a", "r-1")]).await, ["a"]);
    world.assert_timeout("a", 41_400..=41_400);
}

#[tokio::test]
async fn events_that_need_no_call_go_on_while_the_limit_is_exhausted() {
    let world = World::new().await;
    world.answer("r-1", rate_limited("3600")).await;
    let body = json!({"event_type": "something.new", "resource_id": "x"}).to_string();
    let batch = [order("a", "r-1"), message("b", &body, 1, Duration::ZERO)];
    assert_eq!(world.process(&batch).await, ["a"]);
    assert_eq!(world.aws().published.len(), 1);
}

#[tokio::test]
async fn calls_stop_while_some_remain_for_the_other_execution() {
    let world = World::new().await;
    for (id, remaining) in [("r-1", "3"), ("r-2", "2")] {
        let answer = ResponseTemplate::new(200)
            .set_body_json(requisition(id, NOON, &[]))
            .insert_header("X-RateLimit-Remaining", remaining)
            .insert_header("X-RateLimit-Reset", "300");
        world.answer(id, answer).await;
    }
    let batch = [order("a", "r-1"), order("b", "r-2"), order("c", "r-3")];
    assert_eq!(world.process(&batch).await, ["c"]);
    world.assert_timeout("c", 300..=300);
    assert_eq!(world.calls().await.len(), 2);
}

#[tokio::test]
async fn an_outage_of_whoop_sends_messages_back_for_longer_and_longer() {
    let world = World::new().await;
    world.answer("r-1", ResponseTemplate::new(503)).await;
    let attempt = |id, count| message(id, &order_body("r-1"), count, 1000 * SECOND);
    let batch = [attempt("early", 1), attempt("late", 50)];
    assert_eq!(world.process(&batch).await, ["early", "late"]);
    world.assert_timeout("early", 5..=10);
    world.assert_timeout("late", 3600..=7200);
    assert!(world.aws().dead_letters.is_empty());
}

#[tokio::test]
async fn a_batch_ends_before_the_deadline_whatever_whoop_does() {
    let world = World::new().await;
    let hangs = ResponseTemplate::new(200).set_delay(600 * SECOND);
    world.answer("r-1", hangs).await;
    let batch: Vec<_> = (0..10).map(|n| order(&n.to_string(), "r-1")).collect();
    let start = Instant::now();
    let left = world.process_within(RESERVE + SECOND, &batch).await;
    assert!(start.elapsed() < 2 * SECOND, "{:?}", start.elapsed());
    assert_eq!(left.len(), 10);
    assert_eq!(world.aws().timeouts.len(), 10);
}

#[tokio::test]
async fn a_deadline_that_has_passed_loses_nothing() {
    let world = World::new().await;
    assert_eq!(
        world
            .process_within(Duration::ZERO, &[order("m", "r-1")])
            .await,
        ["m"]
    );
    assert_eq!(world.calls().await, [""; 0]);
}

#[tokio::test]
async fn a_state_that_can_not_be_remembered_is_published_all_the_same() {
    let world = World::new().await;
    world.aws().table_forgets = true;
    world.serve(&requisition("r-1", NOON, &[])).await;
    assert_eq!(world.process(&[order("m", "r-1")]).await, [""; 0]);
    assert_eq!(world.aws().published.len(), 1);
}

async fn confirming_world() -> World {
    let mut world = World::new().await;
    world.processor.messages.relay.auto_confirm_orders = true;
    let mut revoked = service_request("revoked", Value::Null);
    revoked["status"] = json!("revoked");
    let mut absent = service_request("absent", Value::Null);
    absent
        .as_object_mut()
        .unwrap()
        .remove("task_business_status");
    let service_requests = [
        service_request("null", Value::Null),
        service_request("attended", json!("APPOINTMENT_ATTENDED")),
        revoked,
        absent,
    ];
    let requisition = requisition("r-1", NOON, &service_requests);
    world.serve(&requisition).await;
    world
}

#[tokio::test]
async fn new_orders_are_confirmed_where_nobody_has_given_a_status() {
    let world = confirming_world().await;
    world.confirmations("null", 200).await;
    world.confirmations("absent", 200).await;
    assert_eq!(world.process(&[order("m", "r-1")]).await, [""; 0]);
    assert_eq!(
        world.calls().await,
        [
            "GET requisition/r-1",
            "PATCH service-request/null/status",
            "PATCH service-request/absent/status",
        ]
    );
}

#[tokio::test]
async fn orders_are_not_confirmed_unless_asked_for() {
    let mut world = confirming_world().await;
    world.processor.messages.relay.auto_confirm_orders = false;
    assert_eq!(world.process(&[order("m", "r-1")]).await, [""; 0]);
    assert_eq!(world.calls().await, ["GET requisition/r-1"]);
}

#[tokio::test]
async fn nothing_is_confirmed_that_is_not_published() {
    let world = confirming_world().await;
    world.aws().bus_refusals = vec!["InternalFailure"];
    assert_eq!(world.process(&[order("m", "r-1")]).await, ["m"]);
    assert_eq!(world.calls().await, ["GET requisition/r-1"]);
}

#[tokio::test]
async fn a_retry_after_the_publishing_still_confirms_and_publishes_no_more() {
    let world = confirming_world().await;
    world.confirmations("null", 400).await;
    world.confirmations("absent", 200).await;
    assert_eq!(world.process(&[order("m", "r-1")]).await, ["m"]);
    world.assert_timeout("m", 60..=60);
    let confirmed = "PATCH service-request/absent/status".to_owned();
    assert!(
        world.calls().await.contains(&confirmed),
        "one refusal stops no other"
    );
    let retry = message("m", &order_body("r-1"), 2, 60 * SECOND);
    assert_eq!(world.process(&[retry]).await, [""; 0]);
    assert_eq!(world.aws().published.len(), 1);
    world.assert_set_aside(&["invalid_request"]);
}

#[tokio::test]
async fn an_outdated_read_is_never_confirmed() {
    let world = confirming_world().await;
    world.confirmations("null", 503).await;
    assert_eq!(world.process(&[order("m", "r-1")]).await, ["m"]);
    assert_eq!(world.aws().published.len(), 1);

    world.whoop.reset().await;
    world.serve_token().await;
    let requests = [service_request("null", Value::Null)];
    let an_hour_ago = "2026-11-18T11:00:00Z";
    world
        .serve(&requisition("r-1", an_hour_ago, &requests))
        .await;
    assert_eq!(world.process(&[order("m", "r-1")]).await, ["m"]);
    world.assert_timeout("m", 5..=10);
    assert_eq!(world.calls().await, ["GET requisition/r-1"]);
}

#[tokio::test]
async fn a_message_that_goes_on_failing_is_set_aside_at_its_end() {
    let world = World::new().await;
    world.answer("r-1", ResponseTemplate::new(503)).await;
    let mut old = message("old", &order_body("r-1"), 5, Duration::ZERO);
    let sent_at = Duration::from_secs(1_795_000_000) - 13 * DAY - DAY / 2;
    old["attributes"]["SentTimestamp"] = json!(sent_at.as_millis().to_string());
    let last = message("last", &order_body("r-1"), 100, Duration::ZERO);
    assert_eq!(world.process(&[old, last]).await, [""; 0]);
    world.assert_set_aside(&["expired", "attempts_exhausted"]);
}
