//! A results file: what it must say, and what is wrong with one that does not.

use uuid::Uuid;
use whoop_partner::partner::{
    DiagnosticReport, DiagnosticReportStatus, Observation, ObservationStatus, ObservationValue,
    ServiceRequestId,
};

use super::complaint::{Complaint, Complaints, Fields, pointer};
use super::json::Json;

const FILE: [&str; 3] = ["service_request_id", "status", "observations"];
const OBSERVATION: [&str; 6] = [
    "code",
    "value_numeric",
    "value_text",
    "unit",
    "status",
    "bundle_id",
];

/// A results file that may be sent.
#[derive(Debug)]
pub(super) struct ResultsFile {
    pub service_request_id: ServiceRequestId,
    pub report: DiagnosticReport,
    /// What looks wrong, but may be meant.
    pub warnings: Vec<Complaint>,
}

impl ResultsFile {
    /// Reads a file. `given` is the service request that the command line names.
    ///
    /// # Errors
    ///
    /// All that is wrong with it. No complaint quotes a value.
    pub fn read(file: &[u8], given: Option<&ServiceRequestId>) -> Result<Self, Vec<Complaint>> {
        let mut complaints = Complaints::default();
        let read = read(file, given, &mut complaints);
        match read {
            Some(read) if complaints.0.is_empty() => Ok(read),
            _ => Err(complaints.0),
        }
    }
}

/// Reads a file as far as it goes, and complains about the rest.
fn read(
    file: &[u8],
    given: Option<&ServiceRequestId>,
    complaints: &mut Complaints,
) -> Option<ResultsFile> {
    // some editors begin a file with a byte order mark
    let file = file.strip_prefix(b"\xef\xbb\xbf").unwrap_or(file);
    let json: Json = match serde_json::from_slice(file) {
        Ok(json) => json,
        Err(error) => {
            complaints.add("", not_json(&error));
            return None;
        }
    };
    let fields = complaints.object("", &json, &FILE)?;
    let service_request_id = service_request_id(&fields, given, complaints);
    let status = known_status(&fields, DiagnosticReportStatus::KNOWN, complaints);
    if !fields.has("status") {
        complaints.add("/status", "missing");
    }
    let observations = observations(&fields, complaints);
    let warnings = repeated_codes(&observations);
    Some(ResultsFile {
        service_request_id: service_request_id?,
        report: DiagnosticReport::new(
            status?,
            observations
                .into_iter()
                .map(|(_, observation)| observation)
                .collect(),
        ),
        warnings,
    })
}

/// serde's own message would quote the file.
fn not_json(error: &serde_json::Error) -> String {
    let (line, column) = (error.line(), error.column());
    let kind = if error.is_eof() {
        "the JSON ends too early"
    } else {
        "this is not JSON, or a number is too large"
    };
    format!("{kind}: line {line}, column {column}")
}

fn service_request_id(
    fields: &Fields<'_>,
    given: Option<&ServiceRequestId>,
    complaints: &mut Complaints,
) -> Option<ServiceRequestId> {
    const AT: &str = "/service_request_id";
    if !fields.has("service_request_id") {
        if given.is_none() {
            complaints.add(AT, "missing: add it, or give --service-request");
        }
        return given.cloned();
    }
    let text = complaints.text(fields, "service_request_id")?;
    let id: ServiceRequestId = match text.parse() {
        Ok(id) => id,
        Err(error) => {
            let error: whoop_partner::partner::InvalidId = error;
            complaints.add(AT, error.to_string());
            return None;
        }
    };
    if given.is_some_and(|given| *given != id) {
        complaints.add(AT, "this is another service request than --service-request");
    }
    Some(id)
}

/// Reads the status of a report or of an observation. WHOOP may add some, but a typo is more likely.
fn known_status<S: ToString + Clone>(
    fields: &Fields<'_>,
    known: &[S],
    complaints: &mut Complaints,
) -> Option<S> {
    let status = complaints.text(fields, "status")?;
    let found = known
        .iter()
        .find(|known| known.to_string() == status)
        .cloned();
    if found.is_none() {
        let known: Vec<_> = known.iter().map(ToString::to_string).collect();
        let complaint = format!("unknown status; known are {}", known.join(", "));
        complaints.add(pointer(&fields.at, "status"), complaint);
    }
    found
}

/// The observations that are right, each with its pointer.
fn observations(fields: &Fields<'_>, complaints: &mut Complaints) -> Vec<(String, Observation)> {
    const AT: &str = "/observations";
    if !fields.has("observations") {
        complaints.add(AT, "missing");
        return Vec::new();
    }
    let Some(items) = complaints.list(fields, "observations") else {
        return Vec::new();
    };
    if items.is_empty() {
        complaints.add(AT, "there is no observation");
    }
    let mut observations = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let at = pointer(AT, index);
        if let Some(observation) = observation(&at, item, complaints) {
            observations.push((at, observation));
        }
    }
    observations
}

fn observation(at: &str, json: &Json, complaints: &mut Complaints) -> Option<Observation> {
    let fields = complaints.object(at, json, &OBSERVATION)?;
    let code = complaints.text(&fields, "code");
    if !fields.has("code") {
        complaints.add(pointer(at, "code"), "missing");
    }
    let value = value(&fields, complaints);
    let unit = complaints.text(&fields, "unit");
    let status = known_status(&fields, ObservationStatus::KNOWN, complaints);
    let bundle_id = complaints.text(&fields, "bundle_id");
    if bundle_id.is_some_and(|id| Uuid::try_parse(id).is_err() || id.len() != 36) {
        complaints.add(pointer(at, "bundle_id"), "this is not a UUID");
    }
    let mut observation = Observation::new(code?, value?);
    observation.unit = unit.map(Into::into);
    observation.status = status;
    observation.bundle_id = bundle_id.and_then(|id| id.parse().ok());
    Some(observation)
}

fn value(fields: &Fields<'_>, complaints: &mut Complaints) -> Option<ObservationValue> {
    let number = complaints.number(fields, "value_numeric");
    let text = complaints.text(fields, "value_text");
    let value = match (number, text) {
        (None, None) => {
            if !fields.has("value_numeric") && !fields.has("value_text") {
                let complaint = "there is neither value_numeric nor value_text";
                complaints.add(&fields.at, complaint);
            }
            return None;
        }
        (Some(number), None) => ObservationValue::numeric(number),
        (None, Some(text)) => ObservationValue::text(text),
        (Some(number), Some(text)) => {
            ObservationValue::numeric(number).and_then(|value| value.with_text(text))
        }
    };
    value
        .map_err(|error| complaints.add(&fields.at, error.to_string()))
        .ok()
}

/// Warns of codes that one group has more than once.
fn repeated_codes(observations: &[(String, Observation)]) -> Vec<Complaint> {
    let mut warnings = Complaints::default();
    for (index, (at, observation)) in observations.iter().enumerate() {
        let earlier = observations[..index].iter().find(|(_, earlier)| {
            earlier.code == observation.code && earlier.bundle_id == observation.bundle_id
        });
        if let Some((earlier, _)) = earlier {
            let warning = format!("the code is that of {earlier}, in the same bundle");
            warnings.add(pointer(at, "code"), warning);
        }
    }
    warnings.0
}

#[cfg(test)]
mod tests;
