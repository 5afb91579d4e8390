//! The simulator over HTTP, as a partner meets it.

mod api;
mod faults;
mod webhooks;

use reqwest::Response;
use serde_json::json;

use super::*;
use crate::http_client::http_client;

/// A partner with a good token.
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
            client: http_client().unwrap(),
            token: String::new(),
        };
        let (status, answer) = partner.post("token", token_request()).await;
        assert_eq!(status, 200);
        partner.token = answer["access_token"].as_str().unwrap().into();
        partner
    }

    /// A call below `/v2/partner/`, with the token.
    fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let url = format!("{}/v2/partner/{path}", self.simulator.base_url());
        let method = method.parse().unwrap();
        self.client.request(method, url).bearer_auth(&self.token)
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        read(self.request("GET", path).send().await.unwrap()).await
    }

    async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        let request = self.request("POST", path).json(&body);
        read(request.send().await.unwrap()).await
    }

    async fn patch(&self, path: &str, body: Value) -> (u16, Value) {
        let request = self.request("PATCH", path).json(&body);
        read(request.send().await.unwrap()).await
    }

    /// A call below `/_simulator/`.
    async fn admin(
        &self,
        method: &str,
        path: &str,
        body: impl Into<reqwest::Body>,
    ) -> (u16, Value) {
        let url = format!("{}/_simulator/{path}", self.simulator.url());
        let request = self.client.request(method.parse().unwrap(), url).body(body);
        read(request.send().await.unwrap()).await
    }

    /// A new order: its id, and the requisition.
    async fn order(&self) -> (String, Value) {
        let id = self.simulator.add_test_data(AppointmentType::InPerson);
        let (status, requisition) = self.get(&format!("requisition/{id}")).await;
        assert_eq!(status, 200);
        (id, requisition)
    }

    /// The id of a service request of a new order.
    async fn service_request(&self) -> String {
        let (_, requisition) = self.order().await;
        let id = requisition["service_requests"][0]["id"].as_str();
        id.unwrap().into()
    }

    fn statuses(&self, path: &str) -> Vec<Option<u16>> {
        let calls = self.simulator.calls_to(path);
        calls.iter().map(|call| call.status).collect()
    }
}

/// The status of an answer, and its JSON; `null` if it has none.
async fn read(answer: Response) -> (u16, Value) {
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

fn report() -> Value {
    json!({"status": "final", "observations": [
        {"code": "2093-3", "status": "final", "value_numeric": 4.9, "unit": "mmol/L"},
    ]})
}
