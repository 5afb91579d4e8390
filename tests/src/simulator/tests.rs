//! The simulator over HTTP, as a partner meets it.

use std::sync::Mutex as StdMutex;

use axum::Router;
use axum::http::HeaderMap;
use axum::routing::post;
use serde_json::json;
use whoop_partner::signature::{SIGNATURE_HEADER, Signature};

use super::*;
use crate::local_aws::loopback_client;

struct Partner {
    simulator: Simulator,
    client: reqwest::Client,
    token: String,
}

impl Partner {
    async fn new() -> Self {
        Self::with(SimulatorConfig::default()).await
    }

    async fn with(config: SimulatorConfig) -> Self {
        let mut partner = Self {
            simulator: Simulator::start(config).await.unwrap(),
            client: loopback_client(),
            token: String::new(),
        };
        let (status, answer) = partner.post("token", token_request()).await;
        assert_eq!(status, 200);
        partner.token = answer["access_token"].as_str().unwrap().into();
        partner
    }

    async fn call(
        &self,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> reqwest::Result<reqwest::Response> {
        let url = format!("{}/v2/partner/{path}", self.simulator.base_url());
        let mut request = self
            .client
            .request(method.parse().unwrap(), url)
            .header("authorization", format!("Bearer {}", self.token));
        if let Some(body) = body {
            request = request.body(body.to_string());
        }
        request.send().await
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        read(self.call("GET", path, None).await.unwrap()).await
    }

    async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        read(self.call("POST", path, Some(body)).await.unwrap()).await
    }

    async fn patch(&self, path: &str, body: Value) -> (u16, Value) {
        read(self.call("PATCH", path, Some(body)).await.unwrap()).await
    }

    async fn admin(&self, path: &str, body: Value) -> u16 {
        let url = format!("{}/_simulator/{path}", self.simulator.url());
        let request = self.client.post(url).body(body.to_string());
        request.send().await.unwrap().status().as_u16()
    }

    async fn order(&self) -> (String, Value) {
        let id = self.simulator.add_test_data(AppointmentType::InPerson);
        let (status, requisition) = self.get(&format!("requisition/{id}")).await;
        assert_eq!(status, 200);
        (id, requisition)
    }
}

async fn read(answer: reqwest::Response) -> (u16, Value) {
    let status = answer.status().as_u16();
    (status, answer.json().await.unwrap_or_default())
}

fn token_request() -> Value {
    let config = SimulatorConfig::default();
    json!({
        "grant_type": "client_credentials",
        "client_id": config.client_id,
        "client_secret": config.client_secret,
        "scope": "whoop-partner/token",
    })
}

#[tokio::test]
async fn tokens_are_issued_for_the_right_credentials_only() {
    let partner = Partner::new().await;
    let (status, answer) = partner.post("token", token_request()).await;
    assert_eq!(status, 200);
    assert_eq!(answer["token_type"], "bearer");
    assert_eq!(answer["expires_in"], 3600);
    for (field, value, expected) in [
        ("client_secret", json!("wrong"), 401),
        ("client_id", json!("wrong"), 401),
        ("grant_type", json!("password"), 400),
        ("scope", json!("all"), 400),
        ("client_id", json!(7), 400),
        ("unknown", json!(""), 400),
    ] {
        let mut request = token_request();
        request[field] = value;
        assert_eq!(partner.post("token", request).await.0, expected, "{field}");
    }
    partner.simulator.set_credentials("rotated", "secret");
    assert_eq!(partner.post("token", token_request()).await.0, 401);
}

#[tokio::test]
async fn calls_without_a_good_token_are_401() {
    let mut partner = Partner::new().await;
    let (id, _) = partner.order().await;
    partner.simulator.expire_tokens();
    assert_eq!(partner.get(&format!("requisition/{id}")).await.0, 401);
    partner.token = "made-up".into();
    assert_eq!(partner.get(&format!("requisition/{id}")).await.0, 401);
    let last = partner.simulator.calls().pop().unwrap();
    assert_eq!((last.authorized, last.status), (false, Some(401)));
}

#[tokio::test]
async fn tokens_expire_after_their_lifetime() {
    let partner = Partner::with(SimulatorConfig {
        token_lifetime: Duration::ZERO,
        ..SimulatorConfig::default()
    })
    .await;
    assert_eq!(partner.get("requisition/x").await.0, 401);
}

#[tokio::test]
async fn an_order_is_confirmed_and_reported() {
    let partner = Partner::new().await;
    let (id, requisition) = partner.order().await;
    let service_request = requisition["service_requests"][0]["id"].as_str().unwrap();
    let confirmed = json!({"task_business_status": "ORDER_CONFIRMED"});

    let path = format!("requisition/{id}/status");
    assert_eq!(partner.patch(&path, confirmed.clone()).await.0, 204);
    let (_, updated) = partner.get(&format!("requisition/{id}")).await;
    assert_eq!(
        updated["service_requests"][1]["task_business_status"],
        "ORDER_CONFIRMED"
    );
    assert_ne!(updated["updated_at"], requisition["updated_at"]);

    let path = format!("service-request/{service_request}/status");
    let attended = json!({"task_business_status": "APPOINTMENT_ATTENDED", "reason": "came"});
    let (status, answer) = partner.patch(&path, attended).await;
    assert_eq!(
        (status, &answer["task_business_status"]),
        (200, &json!("APPOINTMENT_ATTENDED"))
    );

    let path = format!("service-request/{service_request}/results");
    let report = json!({"status": "final", "observations": [{"code": "2093-3", "value_numeric": 4.9, "unit": "mmol/L"}]});
    assert_eq!(partner.post(&path, report.clone()).await.0, 201);
    assert_eq!(partner.simulator.reports(service_request), [report]);
}

#[tokio::test]
async fn requests_that_the_document_does_not_allow_are_400() {
    let partner = Partner::new().await;
    let (_, requisition) = partner.order().await;
    let id = requisition["service_requests"][0]["id"].as_str().unwrap();
    for (path, body) in [
        (
            "results",
            json!({"status": "final", "observations": [{"code": "a"}]}),
        ),
        (
            "results",
            json!({"status": "final", "observations": [{"code": "a", "value_text": "b", "more": 1}]}),
        ),
        ("results", json!({"observations": []})),
        (
            "results",
            json!({"status": "final", "observations": [{"code": "a", "value_numeric": "1"}]}),
        ),
    ] {
        let (status, _) = partner
            .post(&format!("service-request/{id}/{path}"), body.clone())
            .await;
        assert_eq!(status, 400, "{body}");
    }
    for body in [
        json!({}),
        json!({"task_business_status": 1}),
        json!({"task_business_status": "A", "x": 1}),
    ] {
        let (status, _) = partner
            .patch(&format!("service-request/{id}/status"), body.clone())
            .await;
        assert_eq!(status, 400, "{body}");
    }
    assert_eq!(
        partner
            .post(
                "development/add-test-data?appointmentType=MOON",
                json!(null)
            )
            .await
            .0,
        400
    );
}

#[tokio::test]
async fn unknown_resources_and_calls_are_404() {
    let partner = Partner::new().await;
    let unknown = uuid::Uuid::new_v4().to_string();
    for id in [unknown.as_str(), "no-uuid"] {
        for path in ["requisition", "service-request", "document"] {
            assert_eq!(partner.get(&format!("{path}/{id}")).await.0, 404);
        }
        let status = json!({"task_business_status": "ORDER_CONFIRMED"});
        for path in ["requisition", "service-request"] {
            let path = format!("{path}/{id}/status");
            assert_eq!(partner.patch(&path, status.clone()).await.0, 404);
        }
        let report = json!({"status": "final", "observations": [{"code": "a", "value_text": "b"}]});
        let path = format!("service-request/{id}/results");
        assert_eq!(partner.post(&path, report).await.0, 404);
    }
    assert_eq!(partner.get("unknown").await.0, 404);
}

#[tokio::test]
async fn resources_are_served_as_they_were_put_in() {
    let partner = Partner::new().await;
    let id = uuid::Uuid::new_v4().to_string();
    let odd = json!({"id": id, "kind": {"new": [1.5, null]}, "service_requests": []});
    assert_eq!(partner.admin("requisitions", odd.clone()).await, 204);
    assert_eq!(partner.get(&format!("requisition/{id}")).await, (200, odd));

    let link = json!({"id": id, "document_type": "REPORT", "url": "https://example.com/report"});
    partner.simulator.put_document(link.clone(), None);
    assert_eq!(
        partner.get(&format!("document/{id}")).await,
        (200, link.clone())
    );
    assert_eq!(partner.get(&format!("document/{id}/content")).await.0, 404);
    partner.simulator.put_document(link, Some(b"%PDF".to_vec()));
    let content = partner
        .call("GET", &format!("document/{id}/content"), None)
        .await
        .unwrap();
    assert_eq!(content.bytes().await.unwrap(), "%PDF");
}

#[tokio::test]
async fn every_answer_tells_the_rate_limit_and_429_comes_without_retry_after() {
    let partner = Partner::with(SimulatorConfig {
        rate_limits: vec![RateLimit::new(1, 60)],
        ..SimulatorConfig::default()
    })
    .await;
    let path = format!("requisition/{}", uuid::Uuid::new_v4());
    let first = partner.call("GET", &path, None).await.unwrap();
    assert_eq!(first.status(), 404);
    assert_eq!(first.headers()["x-ratelimit-remaining"], "0");
    let second = partner.call("GET", &path, None).await.unwrap();
    assert_eq!(second.status(), 429);
    assert_eq!(second.headers()["x-ratelimit-reset"], "60");
    assert!(!second.headers().contains_key("retry-after"));
    assert_eq!(partner.post("token", token_request()).await.0, 200);
}

#[tokio::test]
async fn faults_meet_as_many_calls_as_told() {
    let partner = Partner::new().await;
    let (id, _) = partner.order().await;
    let path = format!("requisition/{id}");
    let fault = json!({"path": "/v2/partner/requisition", "status": 429, "times": 2, "headers": {"X-RateLimit-Reset": "3"}, "body": {"a": 1}});
    assert_eq!(partner.admin("faults", fault).await, 204);
    for _ in 0..2 {
        let answer = partner.call("GET", &path, None).await.unwrap();
        assert_eq!(answer.status(), 429);
        assert_eq!(answer.headers()["x-ratelimit-reset"], "3");
        assert_eq!(answer.text().await.unwrap(), r#"{"a":1}"#);
    }
    assert_eq!(partner.get(&path).await.0, 200);
    assert_eq!(
        partner
            .admin("faults", json!({"path": "/", "unknown": 1}))
            .await,
        400
    );
}

#[tokio::test]
async fn connections_break_before_and_midway() {
    let partner = Partner::new().await;
    let (id, _) = partner.order().await;
    let path = format!("requisition/{id}");
    partner.simulator.fault(Fault {
        disconnect: true,
        ..Fault::default()
    });
    assert!(partner.call("GET", &path, None).await.is_err());
    partner.simulator.fault(Fault {
        disconnect_midway: true,
        ..Fault::default()
    });
    let answer = partner.call("GET", &path, None).await.unwrap();
    assert_eq!(answer.status(), 200);
    assert!(answer.bytes().await.is_err());
    let statuses: Vec<_> = partner
        .simulator
        .calls_to("/v2/partner/requisition")
        .iter()
        .map(|call| call.status)
        .collect();
    assert_eq!(statuses, [Some(200), None, Some(200)]);
}

#[tokio::test]
async fn calls_are_recorded_without_the_client_secret() {
    let partner = Partner::new().await;
    let calls = partner.simulator.calls();
    assert_eq!(calls.len(), 1);
    assert_eq!(
        (calls[0].method.as_str(), calls[0].path.as_str()),
        ("POST", "/v2/partner/token")
    );
    assert_eq!(calls[0].body.as_ref().unwrap()["client_secret"], "REDACTED");
    partner.simulator.reset();
    assert_eq!(partner.simulator.calls().len(), 0);
}

/// A partner's endpoint that answers with these statuses, one after the other, and keeps what it got.
async fn endpoint(statuses: Vec<u16>) -> (String, Arc<StdMutex<Vec<(HeaderMap, String)>>>) {
    let got = Arc::new(StdMutex::new(Vec::new()));
    let keep = got.clone();
    let statuses = Arc::new(StdMutex::new(statuses.into_iter()));
    let app = Router::new().route(
        "/",
        post(move |headers: HeaderMap, body: String| {
            keep.lock().unwrap().push((headers, body));
            let status = statuses.lock().unwrap().next().unwrap_or(204);
            async move { axum::http::StatusCode::from_u16(status).unwrap() }
        }),
    );
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    (url, got)
}

fn quick() -> DeliveryPolicy {
    DeliveryPolicy {
        first_backoff: Duration::from_millis(1),
        max_attempts: 4,
        ..DeliveryPolicy::default()
    }
}

#[tokio::test]
async fn webhooks_are_signed_and_repeated_until_204() {
    let (url, got) = endpoint(vec![500, 200, 204]).await;
    let simulator = Simulator::start(SimulatorConfig {
        webhook_url: Some(url),
        delivery: quick(),
        ..SimulatorConfig::default()
    })
    .await
    .unwrap();
    let event = json!({"event_type": "lab_requisition.created", "resource_id": "r"});
    let delivery = simulator.deliver(&event).await;
    let statuses: Vec<_> = delivery
        .attempts
        .iter()
        .map(|attempt| attempt.status)
        .collect();
    assert_eq!(statuses, [Some(500), Some(200), Some(204)]);
    assert!(delivery.succeeded());
    let key = SimulatorConfig::default().signing_secret;
    for (headers, body) in &*got.lock().unwrap() {
        let signature = Signature::from_header(headers[SIGNATURE_HEADER].as_bytes()).unwrap();
        assert!(signature.verify(body.as_bytes(), [key.as_bytes()]));
        assert_eq!(headers["content-type"], "application/json");
    }
}

#[tokio::test]
async fn webhooks_are_given_up_after_the_last_attempt() {
    let (url, got) = endpoint(vec![401; 9]).await;
    let simulator = Simulator::start(SimulatorConfig {
        webhook_url: Some(url),
        delivery: quick(),
        ..SimulatorConfig::default()
    })
    .await
    .unwrap();
    let delivery = simulator.deliver(&json!({})).await;
    assert!(delivery.finished && !delivery.succeeded());
    assert_eq!(got.lock().unwrap().len(), 4);
    assert_eq!(simulator.deliveries().len(), 1);
}

#[tokio::test]
async fn an_answer_after_the_limit_counts_as_none() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let simulator = Simulator::start(SimulatorConfig {
        webhook_url: Some(format!("http://{}/", listener.local_addr().unwrap())),
        delivery: DeliveryPolicy {
            limit: Duration::from_millis(50),
            max_attempts: 1,
            ..quick()
        },
        ..SimulatorConfig::default()
    })
    .await
    .unwrap();
    let delivery = simulator.deliver(&json!({})).await;
    assert_eq!(
        delivery.attempts[0].error.as_deref(),
        Some("no answer in time")
    );
}

#[tokio::test]
async fn a_reset_ends_deliveries_that_wait_for_their_next_attempt() {
    let (url, got) = endpoint(vec![500, 204]).await;
    let simulator = Simulator::start(SimulatorConfig {
        webhook_url: Some(url),
        delivery: DeliveryPolicy {
            first_backoff: Duration::from_millis(500),
            ..quick()
        },
        ..SimulatorConfig::default()
    })
    .await
    .unwrap();
    let (first, second) = (json!("first"), json!("second"));
    let (forgotten, delivered) = tokio::join!(simulator.deliver(&first), async {
        while !simulator
            .deliveries()
            .iter()
            .any(|delivery| delivery.attempts.len() == 1)
        {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        simulator.reset();
        simulator.deliver(&second).await
    });
    assert_eq!(forgotten.attempts.len(), 1);
    assert!(forgotten.finished && !forgotten.succeeded());
    assert!(delivered.succeeded());
    let kept = simulator.deliveries();
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].body, r#""second""#);
    assert_eq!(got.lock().unwrap().len(), 2);
}
