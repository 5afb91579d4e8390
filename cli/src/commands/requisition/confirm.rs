//! `requisition confirm`: confirms an order as the event processor does.

use std::fmt;
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;
use serde_json::Value;
use whoop_partner::partner::{
    LabRequisitionId, PartnerClient, PartnerError, ServiceRequestId, TaskBusinessStatus,
    unconfirmed_service_requests,
};

use crate::error::ToolError;
use crate::partner_failure::{failed, words};
use crate::patient_data::{self, ShowPhi};
use crate::printable::{printable, printable_value};
use crate::report::{Output, table};
use crate::session::Session;

/// Confirm the service requests of a requisition that have no status yet
///
/// They get the status ORDER_CONFIRMED. A service request that has a status already, or that is completed or revoked, is left
/// as it is. The event processor does the same if the stack's parameter AutoConfirmOrders is true.
#[derive(Debug, Args)]
pub(crate) struct Confirm {
    /// The id of the requisition
    id: LabRequisitionId,
    /// Only show what would be confirmed
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    show_phi: ShowPhi,
}

#[derive(Serialize)]
struct Report {
    requisition_id: String,
    dry_run: bool,
    service_requests: Vec<Row>,
}

/// A service request of the requisition, as it was before.
#[derive(Serialize)]
struct Row {
    id: Value,
    status: Value,
    code: Value,
    task_business_status: Value,
    outcome: Outcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    /// It is to be confirmed: nobody tried.
    Unconfirmed,
    Confirmed,
    /// It has a status already, or it has ended.
    Left,
    /// WHOOP refuses the confirmation.
    Refused,
    /// There was no answer, so that WHOOP may have it.
    Unknown,
}

impl Confirm {
    pub async fn run(self, session: &Session, output: &Output) -> Result<ExitCode, ToolError> {
        let client = session.partner_client().await?;
        let failure = || failed("requisition", self.show_phi);
        let json = client
            .get_requisition_json(&self.id)
            .await
            .map_err(failure())?;
        let to_confirm = unconfirmed_service_requests(&json).map_err(failure())?;
        let requisition = json.decode().map_err(failure())?;
        let mut report = Report {
            requisition_id: self.id.as_str().into(),
            dry_run: self.dry_run,
            service_requests: rows(&requisition, &to_confirm),
        };
        let mut confirmed = Ok(());
        if !self.dry_run {
            confirmed = self.confirm(&client, &to_confirm, &mut report).await;
        }
        output.report(&report)?;
        confirmed.map_err(failure())?;
        Ok(if report.has(Outcome::Refused) {
            ExitCode::FAILURE
        } else {
            ExitCode::SUCCESS
        })
    }

    /// Confirms as much as WHOOP accepts. If WHOOP refuses one confirmation, the others are still sent.
    async fn confirm(
        &self,
        client: &PartnerClient,
        to_confirm: &[ServiceRequestId],
        report: &mut Report,
    ) -> Result<(), PartnerError> {
        for id in to_confirm {
            let status = TaskBusinessStatus::OrderConfirmed;
            match client.set_service_request_status(id, status).await {
                Ok(_) => report.set(id, Outcome::Confirmed, None),
                Err(error @ (PartnerError::NotFound | PartnerError::InvalidRequest { .. })) => {
                    let reason = words(error, "service request", self.show_phi);
                    report.set(id, Outcome::Refused, Some(reason));
                }
                Err(error) => {
                    if let PartnerError::OutcomeUnknown(_) = error {
                        report.set(id, Outcome::Unknown, None);
                    }
                    return Err(error);
                }
            }
        }
        Ok(())
    }
}

fn rows(requisition: &Value, to_confirm: &[ServiceRequestId]) -> Vec<Row> {
    let requisition = patient_data::REQUISITION.of(requisition);
    let service_requests = requisition["service_requests"].as_array();
    let rows = service_requests.into_iter().flatten().map(|request| {
        let field = |name: &str| request[name].clone();
        let is_to_confirm = to_confirm.iter().any(|id| request["id"] == id.as_str());
        Row {
            id: field("id"),
            status: field("status"),
            code: field("code"),
            task_business_status: field("task_business_status"),
            outcome: if is_to_confirm {
                Outcome::Unconfirmed
            } else {
                Outcome::Left
            },
            reason: None,
        }
    });
    rows.collect()
}

impl Report {
    fn set(&mut self, id: &ServiceRequestId, outcome: Outcome, reason: Option<String>) {
        let mut rows = self.service_requests.iter_mut();
        if let Some(row) = rows.find(|row| row.id == id.as_str()) {
            row.outcome = outcome;
            row.reason = reason;
        }
    }

    fn has(&self, outcome: Outcome) -> bool {
        self.count(outcome) > 0
    }

    fn count(&self, outcome: Outcome) -> usize {
        let rows = self.service_requests.iter();
        rows.filter(|row| row.outcome == outcome).count()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = table([
            "service request",
            "status",
            "code",
            "task business status",
            "outcome",
        ]);
        for row in &self.service_requests {
            let outcome = match (row.outcome, &row.reason) {
                (Outcome::Unconfirmed, _) if self.dry_run => "would be confirmed".into(),
                (Outcome::Unconfirmed, _) => "not confirmed".into(),
                (Outcome::Confirmed, _) => "confirmed".into(),
                (Outcome::Unknown, _) => "no answer: WHOOP may have it".into(),
                (Outcome::Left, _) => "left as it is".into(),
                (Outcome::Refused, None) => "refused".into(),
                (Outcome::Refused, Some(reason)) => format!("refused: {}", printable(reason)),
            };
            table.add_row([
                printable_value(&row.id),
                printable_value(&row.status),
                printable_value(&row.code),
                printable_value(&row.task_business_status),
                outcome,
            ]);
        }
        writeln!(f, "{table}")?;
        writeln!(f)?;
        if self.dry_run {
            writeln!(
                f,
                "Nothing was sent. {} would be confirmed.",
                self.count(Outcome::Unconfirmed)
            )
        } else {
            writeln!(f, "{} confirmed.", self.count(Outcome::Confirmed))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn report(dry_run: bool) -> Report {
        let requisition = json!({"service_requests": [
            {"id": "s-1", "status": "active", "code": "2093-3", "task_business_status": null},
            {"id": "s-2", "status": "active", "code": "4548-4", "task_business_status": "ORDER_CONFIRMED"},
        ]});
        Report {
            requisition_id: "r".into(),
            dry_run,
            service_requests: rows(&requisition, &["s-1".parse().unwrap()]),
        }
    }

    #[test]
    fn what_has_a_status_is_left_as_it_is() {
        let outcomes: Vec<_> = report(true)
            .service_requests
            .iter()
            .map(|row| row.outcome)
            .collect();
        assert_eq!(outcomes, [Outcome::Unconfirmed, Outcome::Left]);
        let text = report(true).to_string();
        assert!(text.contains("would be confirmed"), "{text}");
        assert!(text.contains("left as it is"), "{text}");
    }

    #[test]
    fn a_refusal_is_shown_with_its_reason() {
        let mut report = report(false);
        report.set(
            &"s-1".parse().unwrap(),
            Outcome::Refused,
            Some("status 422".into()),
        );
        assert!(report.has(Outcome::Refused));
        let text = report.to_string();
        assert!(text.contains("refused: status 422"), "{text}");
        assert!(text.contains("0 confirmed."), "{text}");
    }
}
