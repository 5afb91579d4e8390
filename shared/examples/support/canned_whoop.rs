// The Partner API with canned answers: what the examples in the documentation talk to. They include this file.

use wiremock::matchers::{method, path_regex};
use wiremock::{Mock, MockServer, ResponseTemplate};

struct CannedWhoop(MockServer);

impl CannedWhoop {
    async fn start() -> Self {
        let requisition = serde_json::json!({
            "id": "e72719d6-0dbb-4eb3-9ccc-781b563fc3d3",
            "created_at": "2026-11-23T09:30:00.000Z",
            "updated_at": "2026-11-23T09:30:00.000Z",
            "patient": {"id": "0f6d3b1e-7f0e-4c5a-8a0d-52f4c76ad5c2"},
            "service_requests": [service_request()],
        });
        let document = serde_json::json!({
            "id": "51f7f3b5-6c1f-4f0b-8f55-0f3f0f9a2b11",
            "document_type": "LAB_FORM",
            "created_at": "2026-11-23T09:30:00.000Z",
            "updated_at": "2026-11-23T09:30:00.000Z",
        });
        let token = serde_json::json!({"access_token": "canned", "token_type": "bearer", "expires_in": 3600});
        let test_data =
            serde_json::json!({"requisition_id": "e72719d6-0dbb-4eb3-9ccc-781b563fc3d3"});
        let json = |body| ResponseTemplate::new(200).set_body_json(body);

        let server = MockServer::start().await;
        for (verb, pattern, answer) in [
            ("POST", "/token", json(token)),
            ("POST", "/development/add-test-data", json(test_data)),
            ("GET", "/requisition/[^/]+", json(requisition)),
            (
                "PATCH",
                "/requisition/[^/]+/status",
                ResponseTemplate::new(204),
            ),
            ("GET", "/service-request/[^/]+", json(service_request())),
            (
                "PATCH",
                "/service-request/[^/]+/status",
                json(service_request()),
            ),
            (
                "POST",
                "/service-request/[^/]+/results",
                ResponseTemplate::new(201),
            ),
            ("GET", "/document/[^/]+", json(document)),
            (
                "GET",
                "/document/[^/]+/content",
                ResponseTemplate::new(200).set_body_bytes(*b"%PDF-1.7"),
            ),
        ] {
            Mock::given(method(verb))
                .and(path_regex(format!("^/v2/partner{pattern}$")))
                .respond_with(answer)
                .mount(&server)
                .await;
        }
        Self(server)
    }

    fn client(&self) -> whoop_partner::partner::PartnerClient {
        let credentials = whoop_partner::credentials::PartnerCredentials {
            client_id: "lab".into(),
            client_secret: "canned".into(),
        };
        whoop_partner::partner::PartnerClient::builder(self.base_url(), credentials)
            .build()
            .expect("the roots are compiled in")
    }

    fn base_url(&self) -> whoop_partner::partner::PartnerApiBaseUrl {
        self.0
            .uri()
            .parse()
            .expect("the server listens on loopback")
    }

    async fn calls(&self, verb: &str) -> usize {
        let requests = self.0.received_requests().await.unwrap_or_default();
        requests
            .iter()
            .filter(|request| request.method.as_str() == verb)
            .count()
    }
}

fn service_request() -> serde_json::Value {
    serde_json::json!({
        "id": "8d1e6f0a-3b52-4c7d-9a46-2f4be1c0d9a7",
        "status": "active",
        "intent": "order",
        "code": "ferritin",
        "task_business_status": null,
    })
}
