//! The types of the Partner API: any JSON in the place of a resource.

use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use tokio::runtime::Runtime;
use whoop_partner::credentials::PartnerCredentials;
use whoop_partner::partner::{
    Appointment, AppointmentType, CollectionAddress, DiagnosticReport, LabRequisition, Observation,
    PartnerClient, PartnerDocument, PartnerError, Patient, ResourceReference, ServiceRequest,
};

use crate::error_text::assert_is_listed;
use crate::json::is_readable_in_part;
use crate::{clock, runtime, whoop};

/// The fields whose values `Debug` may show: states, kinds and times.
const SHOWN: [&str; 8] = [
    "created_at",
    "document_type",
    "intent",
    "start_time",
    "status",
    "task_business_status",
    "type",
    "updated_at",
];

/// The texts of all errors of the client.
const ERRORS: [&str; 4] = [
    "unexpected answer: {json}",
    "unexpected answer: the answer is not UTF-#",
    "unexpected answer: the answer is no JSON object",
    "outcome unknown: {json}",
];

/// The client of the Partner API, and what WHOOP answers to each of its calls.
struct Client {
    runtime: Runtime,
    client: PartnerClient,
    answer: Arc<Mutex<Vec<u8>>>,
}

thread_local! {
    static CLIENT: Client = Client::new();
}

/// Fails if a type loses a field or a value, if `Debug` shows a person's data, or if an error quotes the answer.
pub fn check(input: &[u8]) {
    check_type::<LabRequisition>(input);
    check_type::<ServiceRequest>(input);
    check_type::<ResourceReference>(input);
    check_type::<DiagnosticReport>(input);
    check_type::<Observation>(input);
    check_type::<PartnerDocument>(input);
    check_type::<Patient>(input);
    check_type::<Appointment>(input);
    check_type::<CollectionAddress>(input);
    CLIENT.with(|client| client.check(input));
}

/// What is read and written again is the same, and `Debug` does not depend on what it may not show.
fn check_type<T: DeserializeOwned + Serialize + Debug + PartialEq>(input: &[u8]) {
    let Ok(read) = serde_json::from_slice::<T>(input) else {
        return;
    };
    let value: Value = serde_json::from_slice(input).expect("it is JSON");
    let written = serde_json::to_value(&read).expect("it can be written");
    assert_eq!(comparable(written.clone()), comparable(value.clone()));
    assert!(serde_json::from_value::<T>(written).is_ok_and(|again| again == read));

    let mut disguised = value;
    disguise(&mut disguised);
    // an identifier in disguise is another one, but still an identifier
    let disguised: T = serde_json::from_value(disguised).expect("it is of the same type");
    let shown = format!("{read:?} {read:#?}");
    assert_eq!(shown, format!("{disguised:?} {disguised:#?}"));
}

/// The same value, apart from what is documented to differ: the library writes the number of an observation as an `f64`, leaves
/// out what is null in an observation, and writes the observations of a report that has none.
fn comparable(mut value: Value) -> Value {
    let report = value.as_object_mut();
    let observations = report.and_then(|report| report.get_mut("observations"));
    if let Some(Value::Array(observations)) = observations {
        if observations.is_empty() {
            value
                .as_object_mut()
                .map(|report| report.remove("observations"));
            return value;
        }
        let objects = observations.iter_mut().filter_map(Value::as_object_mut);
        objects.for_each(simplify_observation);
    } else if let Some(observation) = value.as_object_mut() {
        simplify_observation(observation);
    }
    value
}

fn simplify_observation(observation: &mut Map<String, Value>) {
    for name in ["value_numeric", "value_text", "unit", "status", "bundle_id"] {
        if observation.get(name) == Some(&Value::Null) {
            observation.remove(name);
        }
    }
    if let Some(number) = observation.get("value_numeric").and_then(Value::as_f64) {
        observation.insert("value_numeric".into(), number.into());
    }
}

/// Changes each text and each number that `Debug` may not show.
fn disguise(value: &mut Value) {
    match value {
        Value::String(text) => {
            // an identifier has 128 characters at most
            let changed = if text.starts_with('Q') { 'R' } else { 'Q' };
            let rest = text.chars().skip(1);
            *text = std::iter::once(changed).chain(rest).collect();
        }
        Value::Number(number) => {
            let changed = if number.as_u64() == Some(7) { 8 } else { 7 };
            *number = changed.into();
        }
        Value::Array(values) => values.iter_mut().for_each(disguise),
        Value::Object(fields) => {
            for (name, value) in fields.iter_mut() {
                let is_shown = SHOWN.contains(&name.as_str()) && value.is_string();
                if !is_shown {
                    disguise(value);
                }
            }
        }
        Value::Null | Value::Bool(_) => {}
    }
}

impl Client {
    fn new() -> Self {
        let answer = Arc::<Mutex<Vec<u8>>>::default();
        let held = Arc::clone(&answer);
        let http = whoop::http_client(move |request| {
            if request.url().path().ends_with("/token") {
                return whoop::token();
            }
            let answer = held.lock().unwrap_or_else(PoisonError::into_inner);
            (200, answer.clone())
        });
        let credentials = PartnerCredentials {
            client_id: "lab".into(),
            client_secret: "secret".into(),
        };
        let client = PartnerClient::builder(Default::default(), credentials)
            .http_client(http)
            .clock(clock());
        Self {
            runtime: runtime(),
            client: client.build().expect("the HTTP client is given"),
            answer,
        }
    }

    fn check(&self, input: &[u8]) {
        let mut answer = self.answer.lock().unwrap_or_else(PoisonError::into_inner);
        input.clone_into(&mut answer);
        drop(answer);
        self.runtime.block_on(async {
            self.check_json(input).await;
            self.check_test_data(input).await;
            let read = self.client.get_requisition(&requisition()).await;
            assert_same(read, input);
            let read = self
                .client
                .get_document(&"d".parse().expect("it is an id"))
                .await;
            assert_same(read, input);
        });
    }

    /// A resource as JSON is what WHOOP sent, byte for byte, and any object will do.
    async fn check_json(&self, input: &[u8]) {
        let is_object = serde_json::from_slice::<Map<String, Value>>(input).is_ok();
        match self.client.get_requisition_json(&requisition()).await {
            Ok(json) => {
                assert_eq!(json.as_str().as_bytes(), input);
                let length = input.len();
                assert_eq!(format!("{json:?}"), format!("ResourceJson({length} bytes)"));
                let _ = json.updated_at().map(|time| time.timestamp());
                assert_same(json.decode::<LabRequisition>(), input);
            }
            Err(error) => {
                assert!(!is_object, "{error}");
                assert_quotes_nothing(&error);
            }
        }
    }

    /// The answer to the request for test data is empty, or it holds the id of a requisition.
    async fn check_test_data(&self, input: &[u8]) {
        match self.client.add_test_data(&AppointmentType::Mobile).await {
            Ok(None) => assert!(input.is_empty()),
            Ok(Some(_)) if is_readable_in_part(input) => {}
            Ok(Some(id)) => {
                let json: Value = serde_json::from_slice(input).expect("it is JSON");
                let told = json.get("requisition_id").or(json.get(0));
                assert_eq!(told, Some(&Value::from(id.as_str())));
                assert_eq!(format!("{id:?}"), "LabRequisitionId(REDACTED)");
            }
            Err(error) => assert_quotes_nothing(&error),
        }
    }
}

fn requisition() -> whoop_partner::partner::LabRequisitionId {
    "r".parse().expect("it is an id")
}

/// The client reads exactly what the type reads.
fn assert_same<T: DeserializeOwned + PartialEq + Debug>(
    read: Result<T, PartnerError>,
    input: &[u8],
) {
    let expected = serde_json::from_slice::<T>(input);
    match (read, expected) {
        (Ok(read), Ok(expected)) => assert!(read == expected),
        (Err(error), Err(_)) => assert_quotes_nothing(&error),
        (Ok(_), Err(error)) => panic!("read, although {error}"),
        (Err(error), Ok(_)) => panic!("not read: {error}"),
    }
}

fn assert_quotes_nothing(error: &PartnerError) {
    assert_is_listed(&error.to_string(), &ERRORS);
    let shown = match error {
        PartnerError::Protocol(reason) => format!("Protocol({reason:?})"),
        PartnerError::OutcomeUnknown(reason) => format!("OutcomeUnknown({reason:?})"),
        other => panic!("an error of another kind: {other}"),
    };
    assert_eq!(format!("{error:?}"), shown);
}
