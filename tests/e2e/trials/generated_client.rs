//! A client that is generated from WHOOP's OpenAPI document carries out an order against the simulator, from the token
//! to the results. This shows that the simulator serves and accepts what the document says.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Output;
use std::sync::Arc;

use libtest_mimic::{Failed, Trial};
use local_aws::checkout;
use serde_json::{Value, json};
use tokio::process::Command;
use uuid::Uuid;
use whoop_simulator::{Form, PartnerForm, Simulator, SimulatorConfig};

use crate::harness::{Harness, Outcome, trials};

const DOCUMENT: &str = "51f7f3b5-6c1f-4f0b-8f55-0f3f0f9a2b11";
const CONTENT: &[u8] = b"%PDF-1.7 \xff\0";

/// The trials of this area.
pub fn trials(harness: &Arc<Harness>) -> Vec<Trial> {
    trials![harness.without_stack;
        it_carries_out_the_order_of_a_lab_that_is_told_of_patients,
        it_carries_out_the_order_of_a_lab_that_is_told_ids_only,
    ]
}

async fn it_carries_out_the_order_of_a_lab_that_is_told_of_patients() -> Outcome {
    assert_carried_out(PartnerForm::Unilabs).await
}

async fn it_carries_out_the_order_of_a_lab_that_is_told_ids_only() -> Outcome {
    assert_carried_out(PartnerForm::Basic).await
}

async fn assert_carried_out(partner: PartnerForm) -> Outcome {
    let whoop = Simulator::start(SimulatorConfig {
        form: Form {
            partner,
            ..Form::default()
        },
        ..SimulatorConfig::default()
    })
    .await?;
    let document = json!({
        "id": DOCUMENT, "document_type": "LAB_FORM",
        "created_at": "2026-11-23T09:30:00Z", "updated_at": "2026-11-23T09:30:00Z",
    });
    whoop.put_document(document, Some(CONTENT.into()));
    let folder = tempfile::tempdir()?;

    let program = run_generated_client(&whoop, folder.path()).await?;

    if !program.status.success() {
        return Err(String::from_utf8_lossy(&program.stderr).into());
    }
    assert_eq!(published_calls(&whoop).len(), 9, "{:?}", whoop.calls());
    let order = ordered(&whoop)?;
    for service_request in order["service_requests"].as_array().expect("a list") {
        let status = &service_request["task_business_status"];
        assert_eq!(status, "FULL_RESULTS_READY");
        let id = service_request["id"].as_str().expect("a text");
        let observation =
            json!({"code": service_request["code"], "value_numeric": 4.9, "unit": "mmol/L"});
        let report = json!({"status": "final", "observations": [observation]});
        assert_eq!(whoop.reports(id), [report]);
    }
    assert_eq!(std::fs::read(folder.path().join("content"))?, CONTENT);
    Ok(())
}

async fn run_generated_client(whoop: &Simulator, folder: &Path) -> Result<Output, Failed> {
    let python = checkout().join(".venv/openapi-client/bin/python");
    let credentials = SimulatorConfig::default();
    let output = Command::new(python)
        .arg(checkout().join("tests/e2e/generated_client.py"))
        .arg(checkout().join("shared/tests/partner_client/partner-api.openapi.json"))
        .arg(folder)
        .args([&whoop.base_url(), DOCUMENT])
        .env_clear()
        .env("LANG", "C.UTF-8")
        .env("HOME", folder)
        .env("WHOOP_CLIENT_ID", credentials.client_id)
        .env("WHOOP_CLIENT_SECRET", credentials.client_secret)
        .kill_on_drop(true)
        .output()
        .await;
    output.map_err(|error| format!("python does not start (run `make setup`): {error}").into())
}

/// The published calls that were made: methods and paths, without ids.
fn published_calls(whoop: &Simulator) -> BTreeSet<String> {
    let without_ids = |path: &str| {
        let segments = path.split('/');
        let words = segments.filter(|segment| Uuid::try_parse(segment).is_err());
        words.collect::<Vec<_>>().join("/")
    };
    let calls = whoop.calls().into_iter();
    calls
        .map(|call| format!("{} {}", call.method, without_ids(&call.path)))
        .collect()
}

/// The only order.
fn ordered(whoop: &Simulator) -> Result<Value, Failed> {
    let created = whoop.deliveries().pop().ok_or("no order was created")?;
    let event: Value = serde_json::from_str(&created.body)?;
    let id = event["resource_id"].as_str().ok_or("no order is named")?;
    Ok(whoop.requisition(id).ok_or("there is no such order")?)
}
