//! The spans around the client's calls: which call it is, and nothing else.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use whoop_partner::partner::TaskBusinessStatus;
use whoop_simulator::Fault;

use crate::lab::{Lab, REQUISITION};

/// Collects the log's lines.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_call_is_a_span_with_its_operation_and_method() {
    let log = Log::default();
    let writer = log.clone();
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_writer(move || writer.clone());
    let ours = Targets::new().with_target("whoop_partner", LevelFilter::TRACE);
    let subscriber = tracing_subscriber::registry().with(lines).with(ours);
    let lab = Lab::new().await;
    let id = lab.order();
    // The first call makes the span and the log line known to `tracing`. If another test did so just when the subscriber is set,
    // the subscriber might never see them.
    lab.whoop.fault(Fault::status(REQUISITION, 503));
    lab.client.get_requisition(&id).await.unwrap();
    let guard = tracing::subscriber::set_default(subscriber);

    lab.whoop.fault(Fault::status(REQUISITION, 503));
    lab.client.get_requisition(&id).await.unwrap();
    lab.whoop.fault(Fault::status(REQUISITION, 503));
    let confirmed = TaskBusinessStatus::OrderConfirmed;
    let set = lab.client.set_requisition_status(&id, confirmed);
    set.await.unwrap();
    drop(guard);

    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let lines = log.lines().map(|line| serde_json::from_str(line).unwrap());
    let failed: Vec<Value> = lines
        .filter(|line: &Value| line["message"] == "call failed")
        .map(|line| line["spans"].clone())
        .collect();
    let call =
        |operation, method| json!([{"name": "call", "operation": operation, "method": method}]);
    assert_eq!(
        failed,
        [
            call("getLabRequisitionById", "GET"),
            call("updateLabRequisitionStatus", "PATCH"),
        ]
    );
    assert!(!log.contains(id.as_str()));
    assert!(!log.contains(&lab.table.token().unwrap()));
    assert!(!log.contains(&lab.whoop.url()));
}
