//! The two programs in the README: the README shows them word for word, and they do what it says.

use std::path::PathBuf;

use axum::http::StatusCode;
use whoop_partner::signature::{SIGNATURE_HEADER, sign};
use whoop_partner::{PartnerClient, PartnerCredentials};
use whoop_simulator::{AppointmentType, Simulator, SimulatorConfig};

#[expect(dead_code, reason = "the tests do what its `main` does")]
#[path = "../examples/axum_webhook.rs"]
mod axum_webhook;

#[expect(dead_code, reason = "the tests do what its `main` does")]
#[path = "../examples/fetch_order.rs"]
mod fetch_order;

const SECRET: &str = "whsec_test";
const BODY: &str = r#"{"event_type":"lab_requisition.created","resource_id":"e72719d6"}"#;

#[test]
fn the_readme_shows_the_programs_word_for_word() {
    let readme = include_str!("../README.md");
    for program in [
        include_str!("../examples/axum_webhook.rs"),
        include_str!("../examples/fetch_order.rs"),
    ] {
        let (_about, code) = program
            .split_once("\n\n")
            .expect("it begins with what it is");
        assert!(
            readme.contains(&format!("```rust,no_run\n{code}```\n")),
            "{code}"
        );
    }
}

/// The axum service, on a port of its own.
struct Service {
    url: String,
    directory: tempfile::TempDir,
}

impl Service {
    async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let app = axum_webhook::app(SECRET.into(), directory.path().join("webhooks"));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/webhooks", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, directory }
    }

    fn file(&self) -> PathBuf {
        self.directory.path().join("webhooks")
    }

    /// Posts the body with these `WHOOP-Signed` headers.
    async fn post(&self, signatures: &[&str]) -> StatusCode {
        let client = whoop_partner::http::client_builder().unwrap();
        let mut request = client.build().unwrap().post(&self.url).body(BODY);
        for signature in signatures {
            request = request.header(SIGNATURE_HEADER, *signature);
        }
        request.send().await.unwrap().status()
    }
}

#[tokio::test]
async fn a_signed_webhook_is_stored_and_accepted() {
    let service = Service::start().await;
    let signature = sign(BODY.as_bytes(), SECRET.as_bytes());
    for stored in 1..=2 {
        assert_eq!(service.post(&[&signature]).await, StatusCode::NO_CONTENT);
        let expected = format!("{BODY}\n").repeat(stored);
        assert_eq!(std::fs::read_to_string(service.file()).unwrap(), expected);
    }
}

#[tokio::test]
async fn a_webhook_without_exactly_one_right_signature_is_refused() {
    let service = Service::start().await;
    let signature = sign(BODY.as_bytes(), SECRET.as_bytes());
    let forged = sign(BODY.as_bytes(), b"another secret");
    for signatures in [
        &[][..],
        &[""],
        &["malformed"],
        &[&forged],
        &[&signature.to_uppercase()],
        &[&signature, &signature],
        &[&signature, &forged],
    ] {
        let status = service.post(signatures).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{signatures:?}");
    }
    assert!(!service.file().exists());
}

#[tokio::test]
async fn a_webhook_that_can_not_be_stored_is_not_accepted() {
    let service = Service::start().await;
    std::fs::create_dir(service.file()).unwrap();
    let signature = sign(BODY.as_bytes(), SECRET.as_bytes());
    let status = service.post(&[&signature]).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn the_tests_of_an_order_are_fetched() {
    let config = SimulatorConfig::default();
    let credentials = PartnerCredentials {
        client_id: config.client_id.clone(),
        client_secret: config.client_secret.as_str().into(),
    };
    let whoop = Simulator::start(config).await.unwrap();
    let base_url = whoop.base_url().parse().unwrap();
    let client = PartnerClient::builder(base_url, credentials)
        .build()
        .unwrap();
    let id = whoop.add_test_data(AppointmentType::InPerson);
    let tests = fetch_order::tests_of(&client, &id).await.unwrap();
    assert_eq!(tests.len(), 2);
    assert_eq!(whoop.calls().len(), 2);
}
