//! The EventBridge bus on which events are published.

use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_eventbridge::operation::put_events::PutEventsError;
use aws_sdk_eventbridge::types::{PutEventsRequestEntry, PutEventsResultEntry};
use serde_json::value::RawValue;
use whoop_partner::aws::ConnectOnly;
use whoop_partner::call_failure::CallFailure;

use crate::detail::{Content, detail};
use crate::message::QueuedEvent;

/// The source of all our events.
const SOURCE: &str = "whoop.partner";

/// How large an entry may be, in bytes: 1 MB since January 2026 (AWS Compute Blog, "More room to build: serverless services
/// now support payloads up to 1 MB"). We count a megabyte as 10^6 bytes. EventBridge adds fields to the event, which then
/// still fits into a queue behind a rule (1 MiB).
const MAX_ENTRY_SIZE: usize = 1_000_000;

/// How large an entry could be before that: 256 KiB, less a margin for the way AWS counts. The limit may still hold in some
/// regions. If EventBridge refuses a larger entry, its size may be the reason.
const OLD_MAX_ENTRY_SIZE: usize = 250_000;

/// A resource to publish.
#[derive(Clone, Copy)]
pub(crate) struct Publication<'a> {
    /// Its JSON.
    pub(crate) json: &'a RawValue,
    /// The Partner API's path to it.
    pub(crate) path: &'a str,
}

/// Why an event is not on the bus. The error quotes neither the event nor EventBridge's message about it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PublishError {
    /// EventBridge finds it invalid. Another try would fail in the same way.
    #[error("EventBridge refuses the event: {0}")]
    Refused(String),
    /// EventBridge did not take it this time. Another try may succeed.
    #[error("EventBridge did not take the event: {0}")]
    NotTaken(String),
}

/// The bus.
pub(crate) struct Bus {
    client: Client,
    name: String,
}

impl Bus {
    pub(crate) fn new(client: Client, name: String) -> Self {
        Self { client, name }
    }

    /// Opens the connection that the next event takes: runs a placeholder through the SDK without sending it.
    ///
    /// # Errors
    ///
    /// If EventBridge does not answer. Any answer will do.
    pub(crate) async fn connect(&self) -> Result<(), CallFailure> {
        let placeholder = PutEventsRequestEntry::builder()
            .event_bus_name(&self.name)
            .source(SOURCE)
            .detail_type("-")
            .detail("{}")
            .build();
        let call = self.client.put_events().entries(placeholder);
        // boxed, because the compiler gives up on futures as deep as this one
        let answer = Box::pin(call.customize().interceptor(ConnectOnly).send()).await;
        match answer {
            Err(error) if error.raw_response().is_none() => Err(CallFailure::from(&error)),
            _ => Ok(()),
        }
    }

    /// Publishes an event with its resource, if it has one. If the resource is too large, its path takes its place.
    pub(crate) async fn publish(
        &self,
        event: &QueuedEvent,
        resource: Option<Publication<'_>>,
    ) -> Result<(), PublishError> {
        let Some(resource) = resource else {
            return self.put(self.entry(event, Content::Nothing)).await;
        };
        let whole = self.entry(event, Content::Whole(resource.json));
        let size = size(&whole);
        if size <= MAX_ENTRY_SIZE {
            match self.put(whole).await {
                Err(PublishError::Refused(reason)) if size >= OLD_MAX_ENTRY_SIZE => {
                    tracing::warn!(reason, size, "the event is published without its resource");
                }
                result => return result,
            }
        } else {
            drop(whole);
        }
        self.put(self.entry(event, Content::Reference(resource.path)))
            .await
    }

    /// Publishes an event with the path of its resource. For a resource that is too large to be fetched.
    pub(crate) async fn publish_reference(
        &self,
        event: &QueuedEvent,
        path: &str,
    ) -> Result<(), PublishError> {
        self.put(self.entry(event, Content::Reference(path))).await
    }

    fn entry(&self, event: &QueuedEvent, content: Content<'_>) -> PutEventsRequestEntry {
        PutEventsRequestEntry::builder()
            .event_bus_name(&self.name)
            .source(SOURCE)
            .detail_type(event.detail_type())
            .detail(detail(event, content))
            .build()
    }

    async fn put(&self, entry: PutEventsRequestEntry) -> Result<(), PublishError> {
        let answer = self
            .client
            .put_events()
            .entries(entry)
            .send()
            .await
            .map_err(|error| failed(&error))?;
        let code = answer
            .entries()
            .iter()
            .find_map(PutEventsResultEntry::error_code);
        match code {
            None if answer.failed_entry_count() == 0 => Ok(()),
            None => Err(PublishError::NotTaken("no error code".into())),
            Some(code) => Err(verdict(code)),
        }
    }
}

/// Returns the size of an entry (EventBridge User Guide, "Calculating PutEvents event entry size").
fn size(entry: &PutEventsRequestEntry) -> usize {
    [entry.source(), entry.detail_type(), entry.detail()]
        .iter()
        .flatten()
        .map(|text| text.len())
        .sum()
}

/// Says what the error code of an entry means. If access is denied, the message waits until somebody grants the permission.
fn verdict(code: &str) -> PublishError {
    match code {
        "InvalidArgument" | "MalformedDetail" | "RedactionFailure" => {
            PublishError::Refused(code.into())
        }
        _ => PublishError::NotTaken(code.into()),
    }
}

/// Says what the failure of a whole request means. Each request holds a single entry.
fn failed(error: &SdkError<PutEventsError>) -> PublishError {
    let failure = CallFailure::from(error).to_string();
    let too_large = error
        .raw_response()
        .is_some_and(|response| response.status().as_u16() == 413);
    match error.code() {
        Some("ValidationException" | "ValidationError") => PublishError::Refused(failure),
        _ if too_large => PublishError::Refused(failure),
        _ => PublishError::NotTaken(failure),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    use aws_sdk_eventbridge::operation::put_events::PutEventsOutput;
    use aws_smithy_mocks::{MockResponse, Rule, RuleMode, mock, mock_client};
    use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
    use aws_smithy_types::body::SdkBody;
    use serde_json::{Value, json};

    use crate::detail::tests::{event, is_valid};

    const PATH: &str = "/v2/partner/requisition/e72719d6-0dbb-4eb3-9ccc-781b563fc3d3";

    fn answer(entry: PutEventsResultEntry, failed: i32) -> PutEventsOutput {
        PutEventsOutput::builder()
            .entries(entry)
            .failed_entry_count(failed)
            .build()
    }

    fn taken() -> PutEventsOutput {
        answer(PutEventsResultEntry::builder().event_id("1").build(), 0)
    }

    fn not_taken(code: &str) -> PutEventsOutput {
        let entry = PutEventsResultEntry::builder()
            .error_code(code)
            .error_message("quotes the-order")
            .build();
        answer(entry, 1)
    }

    fn bus(rule: &Rule) -> Bus {
        let client = mock_client!(aws_sdk_eventbridge, RuleMode::MatchAny, [rule]);
        Bus::new(client, "the-bus".into())
    }

    type Entries = Arc<Mutex<Vec<PutEventsRequestEntry>>>;

    /// A bus that refuses entries larger than `limit`, and the entries that it has received.
    fn bus_with_limit(limit: usize) -> (Bus, Entries) {
        let entries = Entries::default();
        let asked = entries.clone();
        let rule =
            mock!(aws_sdk_eventbridge::Client::put_events).then_compute_response(move |request| {
                let entry = request.entries()[0].clone();
                let entry_size = size(&entry);
                asked.lock().unwrap().push(entry);
                if entry_size <= limit {
                    return MockResponse::Output(taken());
                }
                let body = r#"{"__type":"ValidationException","message":"quotes the-order"}"#;
                MockResponse::Http(HttpResponse::new(
                    400.try_into().unwrap(),
                    SdkBody::from(body),
                ))
            });
        (bus(&rule), entries)
    }

    /// A resource that makes the entry as large as `entry_size`.
    fn resource_for(entry_size: usize) -> Box<RawValue> {
        let resource = |length| serde_json::to_string(&json!({"x": "x".repeat(length)})).unwrap();
        let empty = resource(0);
        let (bus, _) = bus_with_limit(0);
        let raw = RawValue::from_string(empty).unwrap();
        let without = size(&bus.entry(&event(), Content::Whole(&raw)));
        RawValue::from_string(resource(entry_size - without)).unwrap()
    }

    fn publication(json: &RawValue) -> Publication<'_> {
        Publication { json, path: PATH }
    }

    fn detail_of(entry: &PutEventsRequestEntry) -> Value {
        let detail = serde_json::from_str(entry.detail().unwrap()).unwrap();
        assert!(is_valid(&detail), "{detail}");
        detail
    }

    #[tokio::test]
    async fn an_event_has_our_source_its_type_and_the_bus_it_is_for() {
        let (bus, entries) = bus_with_limit(MAX_ENTRY_SIZE);
        let resource = RawValue::from_string(r#"{"id":"r"}"#.into()).unwrap();
        bus.publish(&event(), Some(publication(&resource)))
            .await
            .unwrap();
        bus.publish(&event(), None).await.unwrap();
        let entries = entries.lock().unwrap();
        assert_eq!(entries[0].source(), Some("whoop.partner"));
        assert_eq!(entries[0].detail_type(), Some("lab_requisition.created"));
        assert_eq!(entries[0].event_bus_name(), Some("the-bus"));
        assert_eq!(detail_of(&entries[0])["resource"], json!({"id": "r"}));
        assert_eq!(detail_of(&entries[1])["resource"], Value::Null);
        assert_eq!(detail_of(&entries[1]).get("resource_url"), None);
    }

    #[tokio::test]
    async fn a_resource_that_makes_the_entry_too_large_is_left_out_and_its_path_told() {
        let (bus, entries) = bus_with_limit(MAX_ENTRY_SIZE);
        let fits = resource_for(MAX_ENTRY_SIZE);
        bus.publish(&event(), Some(publication(&fits)))
            .await
            .unwrap();
        let too_large = resource_for(MAX_ENTRY_SIZE + 1);
        bus.publish(&event(), Some(publication(&too_large)))
            .await
            .unwrap();
        let entries = entries.lock().unwrap();
        assert_eq!(entries.len(), 2);
        assert_eq!(size(&entries[0]), MAX_ENTRY_SIZE);
        assert!(detail_of(&entries[0])["resource"].is_object());
        assert_eq!(detail_of(&entries[1])["resource"], Value::Null);
        assert_eq!(detail_of(&entries[1])["resource_url"], PATH);
    }

    #[tokio::test]
    async fn where_the_old_limit_holds_a_refused_resource_is_left_out() {
        let (bus, entries) = bus_with_limit(OLD_MAX_ENTRY_SIZE - 1);
        let resource = resource_for(OLD_MAX_ENTRY_SIZE);
        bus.publish(&event(), Some(publication(&resource)))
            .await
            .unwrap();
        let entries = entries.lock().unwrap();
        assert_eq!(entries.len(), 2);
        assert_eq!(detail_of(&entries[1])["resource_url"], PATH);
    }

    #[tokio::test]
    async fn a_refused_event_of_a_size_that_was_always_allowed_is_not_tried_without_its_resource() {
        let (bus, entries) = bus_with_limit(0);
        let resource = resource_for(OLD_MAX_ENTRY_SIZE - 1);
        let result = bus.publish(&event(), Some(publication(&resource))).await;
        let error = result.unwrap_err();
        assert!(matches!(error, PublishError::Refused(_)), "{error}");
        assert!(!error.to_string().contains("the-order"), "{error}");
        assert_eq!(entries.lock().unwrap().len(), 1);
    }

    #[tokio::test]
    async fn an_entry_that_is_not_taken_is_an_error_although_the_answer_is_200() {
        for (code, refused) in [
            ("InvalidArgument", true),
            ("MalformedDetail", true),
            ("RedactionFailure", true),
            ("InternalFailure", false),
            ("ThrottlingException", false),
            ("AccessDeniedException", false),
            ("NotAuthorizedForSourceException", false),
            ("NotAuthorizedForDetailTypeException", false),
            ("InvalidAccountIdException", false),
            ("SomethingNew", false),
        ] {
            let rule =
                mock!(aws_sdk_eventbridge::Client::put_events).then_output(move || not_taken(code));
            let error = bus(&rule).publish(&event(), None).await.unwrap_err();
            assert_eq!(matches!(error, PublishError::Refused(_)), refused, "{code}");
            assert!(error.to_string().contains(code));
            assert!(!error.to_string().contains("the-order"), "{error}");
        }
    }

    #[tokio::test]
    async fn a_failed_entry_without_a_code_is_an_error_too() {
        let entry = || PutEventsResultEntry::builder().build();
        let rule =
            mock!(aws_sdk_eventbridge::Client::put_events).then_output(move || answer(entry(), 1));
        let result = bus(&rule).publish(&event(), None).await;
        assert_eq!(result, Err(PublishError::NotTaken("no error code".into())));
    }

    #[tokio::test]
    async fn a_request_that_fails_may_succeed_later_unless_it_is_invalid() {
        for (status, body, refused) in [
            (400, r#"{"__type":"ValidationException"}"#, true),
            (413, "", true),
            (400, r#"{"__type":"AccessDeniedException"}"#, false),
            (400, r#"{"__type":"ThrottlingException"}"#, false),
            (500, r#"{"__type":"InternalException"}"#, false),
            (503, "", false),
        ] {
            let rule =
                mock!(aws_sdk_eventbridge::Client::put_events).then_http_response(move || {
                    HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body))
                });
            let error = bus(&rule).publish(&event(), None).await.unwrap_err();
            assert_eq!(
                matches!(error, PublishError::Refused(_)),
                refused,
                "{status} {body}"
            );
        }
    }
}
