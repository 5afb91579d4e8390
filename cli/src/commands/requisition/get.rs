//! `requisition get`: what WHOOP says about a requisition.

use std::fmt;
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use whoop_partner::partner::{LabRequisitionId, ResourceJson};

use crate::commands::service_request;
use crate::error::ToolError;
use crate::partner_failure::failed;
use crate::patient_data::{self, ShowPhi, Tree};
use crate::printable::printable_value;
use crate::report::Output;
use crate::session::Session;

/// Show a requisition: its appointments and its service requests
///
/// The patient, the times and places of appointments, free text and fields that this tool does not know are hidden. With `--json
/// --show-phi`, the JSON is printed byte for byte as WHOOP sent it.
#[derive(Debug, Args)]
pub(crate) struct Get {
    /// The id of the requisition
    id: LabRequisitionId,
    #[command(flatten)]
    show_phi: ShowPhi,
}

/// A requisition, whole or with patients' data hidden.
#[derive(Serialize)]
#[serde(transparent)]
struct Report {
    requisition: Value,
    #[serde(skip)]
    whole: bool,
}

impl Get {
    pub async fn run(self, session: &Session, output: &Output) -> Result<ExitCode, ToolError> {
        let client = session.partner_client().await?;
        let json = client
            .get_requisition_json(&self.id)
            .await
            .map_err(failed("requisition", self.show_phi))?;
        let whole = self.show_phi.show_phi;
        if whole && output.is_json() {
            output.report(&Raw(raw(&json)))?;
            return Ok(ExitCode::SUCCESS);
        }
        let requisition = json
            .decode()
            .map_err(failed("requisition", self.show_phi))?;
        output.report(&Report::new(requisition, whole))?;
        Ok(ExitCode::SUCCESS)
    }
}

/// The JSON as WHOOP sent it.
#[derive(Serialize)]
#[serde(transparent)]
struct Raw<'j>(&'j RawValue);

impl fmt::Display for Raw<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.get())
    }
}

fn raw(json: &ResourceJson) -> &RawValue {
    serde_json::from_str(json.as_str()).expect("the client checks that it is JSON")
}

impl Report {
    fn new(requisition: Value, whole: bool) -> Self {
        let requisition = if whole {
            requisition
        } else {
            patient_data::REQUISITION.of(&requisition)
        };
        Self { requisition, whole }
    }

    fn items(&self, list: &str) -> &[Value] {
        self.requisition[list].as_array().map_or(&[], Vec::as_slice)
    }

    /// How many appointments there are, and of which types.
    fn appointments(&self) -> String {
        let types: Vec<_> = self
            .items("appointments")
            .iter()
            .map(|appointment| printable_value(&appointment["type"]))
            .collect();
        match types.len() {
            0 => "none".into(),
            count => format!("{count} ({})", types.join(", ")),
        }
    }

    /// What the lines above do not show.
    fn rest(&self) -> Map<String, Value> {
        let mut rest = self.requisition.as_object().cloned().unwrap_or_default();
        for shown in ["id", "created_at", "updated_at"] {
            rest.remove(shown);
        }
        if let Some(Value::Array(service_requests)) = rest.get_mut("service_requests") {
            let fields = service_requests.iter_mut().filter_map(Value::as_object_mut);
            for fields in fields {
                fields.retain(|name, _| {
                    name == "id" || !service_request::COLUMNS.contains(&name.as_str())
                });
            }
        }
        rest
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let field = |name: &str| printable_value(&self.requisition[name]);
        writeln!(f, "requisition   {}", field("id"))?;
        writeln!(f, "created       {}", field("created_at"))?;
        writeln!(f, "updated       {}", field("updated_at"))?;
        writeln!(f, "appointments  {}", self.appointments())?;
        writeln!(f)?;
        writeln!(
            f,
            "{}",
            service_request::table(self.items("service_requests"))
        )?;
        writeln!(f)?;
        if self.whole {
            write!(f, "{}", Tree(&self.rest()))
        } else {
            writeln!(
                f,
                "The patient and all that may point at the patient are hidden. To see them, give --show-phi."
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn requisition() -> Value {
        json!({
            "id": "r-1", "created_at": "2026-11-23T09:30:00Z", "updated_at": "2026-11-23T09:31:00Z",
            "patient": {"id": "p-1", "first_name": "Layla"},
            "service_requests": [
                {"id": "s-1", "status": "active", "intent": "order", "code": "2093-3", "task_description": "call first"},
                {"id": "s-2", "status": "active", "code": "4548-4", "task_business_status": "ORDER_CONFIRMED"},
            ],
            "appointments": [{"type": "MOBILE", "start_time": "2026-11-26T09:30:00Z"}, {"type": "VIRTUAL"}],
        })
    }

    #[test]
    fn people_see_the_appointments_and_the_service_requests() {
        let text = Report::new(requisition(), false).to_string();
        for shown in [
            "r-1",
            "09:31",
            "2 (MOBILE, VIRTUAL)",
            "s-1",
            "2093-3",
            "ORDER_CONFIRMED",
            "--show-phi",
        ] {
            assert!(text.contains(shown), "{shown} is not in {text}");
        }
        for hidden in ["Layla", "p-1", "call first", "11-26"] {
            assert!(!text.contains(hidden), "{hidden} is in {text}");
        }
    }

    #[test]
    fn on_demand_people_see_everything() {
        let text = Report::new(requisition(), true).to_string();
        for shown in [
            "first_name: Layla",
            "p-1",
            "task_description: call first",
            "start_time: 2026-11-26T09:30:00Z",
        ] {
            assert!(text.contains(shown), "{shown} is not in {text}");
        }
        assert!(!text.contains("hidden"), "{text}");
    }

    #[test]
    fn an_order_of_the_older_form_has_no_appointments() {
        let mut requisition = requisition();
        requisition.as_object_mut().unwrap().remove("appointments");
        let text = Report::new(requisition, false).to_string();
        assert!(text.contains("appointments  none"), "{text}");
    }
}
