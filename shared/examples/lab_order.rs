//! A lab's side of an order: fetches it, confirms it, and submits a report for each of its tests.
//!
//! Against the simulator, whose `add-test-data` makes up an order where no id is given:
//!
//! ```sh
//! cargo run -p whoop-simulator -- --port 8080 --client-id lab --client-secret secret
//! export WHOOP_CLIENT_ID=lab WHOOP_CLIENT_SECRET=secret
//! cargo run -p whoop-partner --example lab_order -- http://127.0.0.1:8080/developer
//! ```

use std::env;
use std::error::Error;

use whoop_partner::credentials::PartnerCredentials;
use whoop_partner::partner::{
    AppointmentType, DiagnosticReport, DiagnosticReportStatus, LabRequisition, LabRequisitionId,
    Observation, ObservationStatus, ObservationValue, PartnerClient, TaskBusinessStatus,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let base_url = arguments
        .next()
        .ok_or("usage: lab_order <base URL> [<requisition id>]")?
        .parse()?;
    let credentials = PartnerCredentials {
        client_id: env::var("WHOOP_CLIENT_ID")?,
        client_secret: env::var("WHOOP_CLIENT_SECRET")?.into(),
    };
    let client = PartnerClient::builder(base_url, credentials).build()?;
    let id = match arguments.next() {
        Some(id) => id.parse()?,
        None => client
            .add_test_data(&AppointmentType::InPerson)
            .await?
            .ok_or("the webhook tells the new requisition's id")?,
    };
    carry_out(&client, &id).await
}

/// Does for an order what a lab does.
pub async fn carry_out(
    client: &PartnerClient,
    id: &LabRequisitionId,
) -> Result<(), Box<dyn Error>> {
    let order = client.get_requisition(id).await?;
    println!("fetched an order of {} tests", order.service_requests.len());

    client
        .set_requisition_status(id, TaskBusinessStatus::OrderConfirmed)
        .await?;
    println!("confirmed it");

    report_results(client, &order).await?;
    if let Some(remaining) = client.rate_limit().map(|limit| limit.remaining) {
        println!("{remaining} more requests are allowed for now");
    }
    Ok(())
}

async fn report_results(
    client: &PartnerClient,
    order: &LabRequisition,
) -> Result<(), Box<dyn Error>> {
    for service_request in &order.service_requests {
        let observation = Observation::new(
            service_request.code.as_str(),
            ObservationValue::numeric(5.4)?,
        )
        .with_unit("mmol/L")
        .with_status(ObservationStatus::Final);
        let report = DiagnosticReport::new(DiagnosticReportStatus::Final, vec![observation]);
        client
            .submit_diagnostic_report(&service_request.id, &report)
            .await?;
        let done = client
            .set_service_request_status(&service_request.id, TaskBusinessStatus::FullResultsReady)
            .await?;
        println!("reported {}: {:?}", done.code, *done.task_business_status);
    }
    Ok(())
}
