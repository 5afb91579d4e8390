//! The detail of an event on the bus, as `schemas/event-detail.schema.json` describes it.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::message::QueuedEvent;

/// The version of the detail's form. A change that could break a consumer needs a new version.
const SCHEMA_VERSION: u8 = 1;

/// What an event carries in addition to the webhook's own fields.
#[derive(Clone, Copy)]
pub(crate) enum Content<'a> {
    /// No endpoint serves this type of event.
    Nothing,
    /// The fetched resource as JSON.
    Whole(&'a RawValue),
    /// The Partner API's path to a resource that is too large for the event.
    Reference(&'a str),
}

#[derive(Serialize)]
struct Detail<'a> {
    schema_version: u8,
    event_type: &'a str,
    resource_id: &'a str,
    received_at: &'a str,
    resource: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_url: Option<&'a str>,
}

/// Returns the detail as JSON text.
pub(crate) fn detail(event: &QueuedEvent, content: Content<'_>) -> String {
    let (resource, resource_url) = match content {
        Content::Nothing => (None, None),
        Content::Whole(resource) => (Some(resource), None),
        Content::Reference(path) => (None, Some(path)),
    };
    serde_json::to_string(&Detail {
        schema_version: SCHEMA_VERSION,
        event_type: &event.event_type,
        resource_id: &event.resource_id,
        received_at: &event.received_at,
        resource,
        resource_url,
    })
    .expect("texts and JSON make JSON")
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use serde_json::{Value, json};

    pub(crate) fn event() -> QueuedEvent {
        QueuedEvent {
            event_type: "lab_requisition.created".into(),
            resource_id: "e72719d6-0dbb-4eb3-9ccc-781b563fc3d3".into(),
            received_at: "2026-11-18T11:06:40.123Z".into(),
        }
    }

    /// Checks a detail against the published schema, formats included.
    pub(crate) fn is_valid(detail: &Value) -> bool {
        let schema = include_str!("../../../schemas/event-detail.schema.json");
        let schema: Value = serde_json::from_str(schema).unwrap();
        jsonschema::meta::validate(&schema).expect("the schema is one");
        jsonschema::options()
            .should_validate_formats(true)
            .build(&schema)
            .unwrap()
            .is_valid(detail)
    }

    fn raw(json: &str) -> &RawValue {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn the_resource_is_in_it_byte_for_byte() {
        let resource = r#"{"b": 1.0, "a": [ "\u00e9" ],"unknown":null}"#;
        assert_eq!(
            detail(&event(), Content::Whole(raw(resource))),
            format!(
                r#"{{"schema_version":1,"event_type":"lab_requisition.created","resource_id":"e72719d6-0dbb-4eb3-9ccc-781b563fc3d3","received_at":"2026-11-18T11:06:40.123Z","resource":{resource}}}"#
            )
        );
    }

    #[test]
    fn every_form_of_it_follows_the_schema() {
        let path = "/v2/partner/requisition/e72719d6-0dbb-4eb3-9ccc-781b563fc3d3";
        for content in [
            Content::Nothing,
            Content::Whole(raw(r#"{"id":"r"}"#)),
            Content::Reference(path),
        ] {
            let detail = serde_json::from_str(&detail(&event(), content)).unwrap();
            assert!(is_valid(&detail), "{detail}");
        }
    }

    #[test]
    fn the_schema_refuses_what_is_not_of_that_form() {
        let detail: Value = serde_json::from_str(&detail(&event(), Content::Nothing)).unwrap();
        for (field, value) in [
            ("schema_version", json!(2)),
            ("schema_version", json!("1")),
            ("event_type", json!("")),
            ("event_type", json!(null)),
            ("resource_id", json!(null)),
            ("received_at", json!("yesterday")),
            ("resource", json!("text")),
            ("resource_url", json!(null)),
            (
                "resource_url",
                json!("https://api.prod.whoop.com/developer/v2/partner/requisition/r"),
            ),
        ] {
            let mut detail = detail.clone();
            detail[field] = value;
            assert!(!is_valid(&detail), "{detail}");
        }
        for field in [
            "schema_version",
            "event_type",
            "resource_id",
            "received_at",
            "resource",
        ] {
            let mut detail = detail.clone();
            detail.as_object_mut().unwrap().remove(field);
            assert!(!is_valid(&detail), "without {field}");
        }
        let mut both = detail;
        both["resource"] = json!({});
        both["resource_url"] = json!("/v2/partner/requisition/r");
        assert!(!is_valid(&both));
    }
}
