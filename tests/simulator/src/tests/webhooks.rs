//! Webhooks as a partner's endpoint meets them.

use std::sync::Mutex as StdMutex;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::any;

use super::*;

/// The headers and the body of a delivery.
type Received = (HeaderMap, Vec<u8>);

/// A partner's endpoint, which answers with given statuses, one after the other, and then with 204.
struct Endpoint {
    url: String,
    received: Arc<StdMutex<Vec<Received>>>,
}

impl Endpoint {
    async fn answering(statuses: &'static [u16]) -> Self {
        let received = Arc::new(StdMutex::new(Vec::new()));
        let keep = received.clone();
        let statuses = Arc::new(StdMutex::new(statuses.iter()));
        let answer = move |request: Request| {
            let keep = keep.clone();
            let status = statuses.lock().unwrap().next().copied().unwrap_or(204);
            async move {
                let (head, body) = request.into_parts();
                let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
                keep.lock().unwrap().push((head.headers, body.into()));
                (
                    StatusCode::from_u16(status).unwrap(),
                    [("location", "/elsewhere")],
                )
            }
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let app = Router::new().fallback(any(answer));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, received }
    }

    fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }
}

/// A simulator that delivers to `url` and repeats soon, four times at most.
async fn simulator(url: &str, change: impl FnOnce(&mut DeliveryPolicy)) -> Simulator {
    let mut delivery = DeliveryPolicy {
        first_backoff: Duration::from_millis(1),
        max_attempts: 4,
        ..DeliveryPolicy::default()
    };
    change(&mut delivery);
    let config = SimulatorConfig {
        webhook_url: Some(url.into()),
        delivery,
        ..SimulatorConfig::default()
    };
    Simulator::start(config).await.unwrap()
}

fn statuses(delivery: &Delivery) -> Vec<Option<u16>> {
    let attempts = delivery.attempts.iter();
    attempts.map(|attempt| attempt.status).collect()
}

#[track_caller]
fn assert_signed((headers, body): &Received, key: &str) {
    assert_eq!(headers["whoop-signed"], sign(body, key.as_bytes()));
    assert_eq!(headers["content-type"], "application/json");
}

#[tokio::test]
async fn webhooks_are_signed_and_repeated_until_204() {
    let endpoint = Endpoint::answering(&[500, 200]).await;
    let simulator = simulator(&endpoint.url, |_| {}).await;
    let event = json!({"event_type": "lab_requisition.created", "resource_id": "r"});
    let delivery = simulator.deliver(&event).await;
    assert_eq!(statuses(&delivery), [Some(500), Some(200), Some(204)]);
    assert!(delivery.finished && delivery.succeeded());
    let received = endpoint.received();
    assert_eq!(received.len(), 3);
    for one in &received {
        assert_signed(one, &SimulatorConfig::default().signing_secret);
        assert_eq!(one.1, event.to_string().as_bytes());
    }
}

#[tokio::test]
async fn webhooks_are_given_up_after_the_last_attempt() {
    let endpoint = Endpoint::answering(&[401; 9]).await;
    let simulator = simulator(&endpoint.url, |_| {}).await;
    let delivery = simulator.deliver(&json!({})).await;
    assert!(delivery.finished && !delivery.succeeded());
    assert_eq!(endpoint.received().len(), 4);
    assert_eq!(simulator.deliveries().len(), 1);
}

#[tokio::test]
async fn a_redirect_is_a_failure_and_not_followed() {
    let endpoint = Endpoint::answering(&[307, 301]).await;
    let simulator = simulator(&endpoint.url, |policy| policy.max_attempts = 2).await;
    let delivery = simulator.deliver(&json!({})).await;
    assert_eq!(statuses(&delivery), [Some(307), Some(301)]);
    assert_eq!(endpoint.received().len(), 2);
}

#[tokio::test]
async fn an_answer_after_the_limit_counts_as_none() {
    // takes connections and never answers
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let simulator = simulator(&url, |policy| {
        policy.limit = Duration::from_millis(50);
        policy.max_attempts = 1;
    })
    .await;
    let delivery = simulator.deliver(&json!({})).await;
    let error = delivery.attempts[0].error.as_deref();
    assert_eq!(error, Some("no answer in time"));
    assert!(delivery.attempts[0].duration_ms >= 50);
}

#[tokio::test]
async fn a_rotated_key_signs_the_next_webhook() {
    let endpoint = Endpoint::answering(&[]).await;
    let simulator = simulator(&endpoint.url, |_| {}).await;
    simulator.set_signing_secret("rotated");
    simulator.deliver(&json!({})).await;
    assert_signed(&endpoint.received()[0], "rotated");
}

#[tokio::test]
async fn without_a_url_a_webhook_is_recorded_as_not_delivered() {
    let simulator = Simulator::start(SimulatorConfig::default()).await.unwrap();
    let delivery = simulator.deliver(&json!({})).await;
    assert!(delivery.finished && !delivery.succeeded());
    assert_eq!(delivery.attempts.len(), 1);
}

#[tokio::test]
async fn test_data_is_announced_by_a_webhook() {
    let endpoint = Endpoint::answering(&[]).await;
    let partner = Partner::new().await;
    partner.simulator.set_webhook_url(&endpoint.url);
    let (_, answer) = partner.post("development/add-test-data", Value::Null).await;
    partner.simulator.settled().await;
    let [(_, body)] = &endpoint.received()[..] else {
        panic!("not exactly one webhook");
    };
    let event: Value = serde_json::from_slice(body).unwrap();
    let expected = json!({
        "event_type": "lab_requisition.created",
        "resource_id": answer["requisition_id"],
    });
    assert_eq!(event, expected);
    assert!(partner.simulator.deliveries()[0].succeeded());
}

#[tokio::test]
async fn events_are_delivered_as_told() {
    let endpoint = Endpoint::answering(&[]).await;
    let partner = Partner::new().await;
    partner.simulator.set_webhook_url(&endpoint.url);
    let event = r#"{"event_type":"another.type","resource_id":"r","unknown":1}"#;
    let (status, delivery) = partner.admin("POST", "events?wait=true", event).await;
    assert_eq!(status, 200);
    assert_eq!(delivery["attempts"][0]["status"], 204);
    assert_eq!(endpoint.received()[0].1, event.as_bytes());

    assert_eq!(partner.admin("POST", "events", event).await.0, 202);
    partner.simulator.settled().await;
    assert_eq!(endpoint.received().len(), 2);
    let (_, recorded) = partner.admin("GET", "calls", "").await;
    assert_eq!(recorded["webhook_deliveries"][1]["body"], event);
    assert_eq!(partner.admin("POST", "events", "no object").await.0, 400);
}

/// An endpoint that has failed once, and a simulator that will try again in 200 ms.
async fn failed_once() -> (Endpoint, Simulator) {
    let endpoint = Endpoint::answering(&[500]).await;
    let simulator = simulator(&endpoint.url, |policy| {
        policy.first_backoff = Duration::from_millis(200);
    })
    .await;
    simulator.whoop.webhooks.deliver_in_background("{}".into());
    while simulator.deliveries()[0].attempts.is_empty() {
        tokio::task::yield_now().await;
    }
    (endpoint, simulator)
}

#[tokio::test]
async fn a_reset_ends_deliveries_and_leaves_the_next_ones_alone() {
    let (endpoint, simulator) = failed_once().await;
    simulator.reset();
    assert_eq!(simulator.deliveries().len(), 0);
    let delivery = simulator.deliver(&json!({"next": 1})).await;
    assert_eq!(statuses(&delivery), [Some(204)]);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(endpoint.received().len(), 2);
    assert_eq!(simulator.deliveries().len(), 1);
    assert_eq!(simulator.deliveries()[0].attempts.len(), 1);
}

#[tokio::test]
async fn who_waits_for_a_delivery_that_a_reset_ends_waits_no_longer() {
    let endpoint = Endpoint::answering(&[500]).await;
    let simulator = simulator(&endpoint.url, |policy| {
        policy.first_backoff = Duration::from_secs(60);
    })
    .await;
    let event = json!({});
    let (delivery, ()) = tokio::join!(simulator.deliver(&event), async {
        while simulator
            .deliveries()
            .first()
            .is_none_or(|one| one.attempts.is_empty())
        {
            tokio::task::yield_now().await;
        }
        simulator.reset();
    });
    assert_eq!(statuses(&delivery), [Some(500)]);
    assert!(delivery.finished && !delivery.succeeded());
}

#[tokio::test]
async fn deliveries_end_with_the_simulator() {
    let (endpoint, simulator) = failed_once().await;
    drop(simulator);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(endpoint.received().len(), 1);
}
