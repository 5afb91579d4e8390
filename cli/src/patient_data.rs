//! What of WHOOP's resources may be shown without `--show-phi`. Everything else may be a patient's data, unknown fields included.

use std::fmt::{self, Write};

use clap::Args;
use serde_json::{Map, Value};
use whoop_partner::partner::DateTime;

use crate::printable::{printable, printable_value};

/// What stands in place of a hidden value.
pub(crate) const HIDDEN: &str = "hidden";

/// The option that shows patients' data.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct ShowPhi {
    /// Show patients' data too (protected health information), and what may hold them, such as WHOOP's answer to a refused
    /// request
    #[arg(long)]
    pub show_phi: bool,
}

/// What of a JSON value may be shown.
pub(crate) enum Shown {
    /// A text.
    Text,
    /// A moment.
    Moment,
    /// These fields of an object. Of other fields, the name is shown.
    Fields(&'static [(&'static str, Shown)]),
    /// This of each item of a list.
    Each(&'static Shown),
}

/// A service request: not the description, and not the ids of what it is based on.
pub(crate) const SERVICE_REQUEST: Shown = Shown::Fields(&[
    ("id", Shown::Text),
    ("status", Shown::Text),
    ("intent", Shown::Text),
    ("code", Shown::Text),
    ("task_business_status", Shown::Text),
    (
        "based_on",
        Shown::Each(&Shown::Fields(&[("type", Shown::Text)])),
    ),
]);

/// A requisition: not the patient, and not when and where the appointments are.
pub(crate) const REQUISITION: Shown = Shown::Fields(&[
    ("id", Shown::Text),
    ("created_at", Shown::Moment),
    ("updated_at", Shown::Moment),
    ("service_requests", Shown::Each(&SERVICE_REQUEST)),
    (
        "appointments",
        Shown::Each(&Shown::Fields(&[("type", Shown::Text)])),
    ),
]);

/// A document: not its URL, which may open it to anybody.
pub(crate) const DOCUMENT: Shown = Shown::Fields(&[
    ("id", Shown::Text),
    ("document_type", Shown::Text),
    ("created_at", Shown::Moment),
    ("updated_at", Shown::Moment),
    ("bundle_id", Shown::Text),
]);

impl Shown {
    /// Returns the value with everything hidden that may not be shown. That a value is null is no secret.
    pub fn of(&self, value: &Value) -> Value {
        match (self, value) {
            (_, Value::Null) => Value::Null,
            (Self::Text, Value::String(_)) => value.clone(),
            (Self::Moment, Value::String(text)) if is_moment(text) => value.clone(),
            (Self::Each(item), Value::Array(items)) => {
                items.iter().map(|value| item.of(value)).collect()
            }
            (Self::Fields(fields), Value::Object(object)) => {
                let masked = object.iter().map(|(name, value)| {
                    let shown = fields.iter().find(|(known, _)| known == name);
                    let value = match (shown, value) {
                        (_, Value::Null) => Value::Null,
                        (Some((_, shown)), value) => shown.of(value),
                        (None, _) => HIDDEN.into(),
                    };
                    (name.clone(), value)
                });
                Value::Object(masked.collect())
            }
            _ => HIDDEN.into(),
        }
    }
}

fn is_moment(text: &str) -> bool {
    DateTime::from(text.to_owned()).timestamp().is_some()
}

/// A JSON value for people: one field a line, and the fields of an object below its name.
pub(crate) struct Tree<'v>(pub &'v Map<String, Value>);

impl fmt::Display for Tree<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|(name, value)| branch(f, 0, &format!("{}:", printable(name)), value))
    }
}

fn branch(f: &mut fmt::Formatter<'_>, depth: usize, name: &str, value: &Value) -> fmt::Result {
    for _ in 0..depth {
        f.write_str("  ")?;
    }
    f.write_str(name)?;
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            f.write_char('\n')?;
            fields.iter().try_for_each(|(name, value)| {
                branch(f, depth + 1, &format!("{}:", printable(name)), value)
            })
        }
        Value::Array(items) if !items.is_empty() => {
            f.write_char('\n')?;
            items
                .iter()
                .try_for_each(|item| branch(f, depth + 1, "-", item))
        }
        scalar => writeln!(f, " {}", printable_value(scalar)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn assert_shown(shown: &Shown, value: Value, expected: Value) {
        assert_eq!(shown.of(&value), expected);
    }

    #[test]
    fn of_an_order_the_patient_and_the_unknown_are_hidden() {
        assert_shown(
            &REQUISITION,
            json!({
                "id": "r", "created_at": "2026-11-23T09:30:00Z", "updated_at": null,
                "patient": {"id": "p", "first_name": "Layla"},
                "service_requests": [{
                    "id": "s", "status": "active", "intent": "order", "code": "2093-3",
                    "task_business_status": null, "task_description": "call Layla",
                    "based_on": [{"type": "LabRequisition", "id": "r"}], "note": {"for": "Layla"},
                }],
                "appointments": [{
                    "type": "MOBILE", "service_request_ids": ["s"], "start_time": "2026-11-26T09:30:00Z",
                    "slot_id": "slot-1", "collection_address": {"building": "Layla's"},
                }],
                "added_later": ["Layla"],
            }),
            json!({
                "id": "r", "created_at": "2026-11-23T09:30:00Z", "updated_at": null,
                "patient": "hidden",
                "service_requests": [{
                    "id": "s", "status": "active", "intent": "order", "code": "2093-3",
                    "task_business_status": null, "task_description": "hidden",
                    "based_on": [{"type": "LabRequisition", "id": "hidden"}], "note": "hidden",
                }],
                "appointments": [{
                    "type": "MOBILE", "service_request_ids": "hidden", "start_time": "hidden",
                    "slot_id": "hidden", "collection_address": "hidden",
                }],
                "added_later": "hidden",
            }),
        );
    }

    #[test]
    fn a_known_field_of_another_type_is_hidden() {
        assert_shown(
            &REQUISITION,
            json!({
                "id": {"patient": "Layla"}, "created_at": "born on Monday", "updated_at": 7,
                "service_requests": {"s": "Layla"}, "appointments": ["Layla", null],
            }),
            json!({
                "id": "hidden", "created_at": "hidden", "updated_at": "hidden",
                "service_requests": "hidden", "appointments": ["hidden", null],
            }),
        );
        assert_shown(&REQUISITION, json!("Layla"), json!("hidden"));
    }

    #[test]
    fn the_link_of_a_document_is_hidden() {
        assert_shown(
            &DOCUMENT,
            json!({"id": "d", "document_type": "LAB_FORM", "url": "https://whoop.example/?key=1", "bundle_id": "b"}),
            json!({"id": "d", "document_type": "LAB_FORM", "url": "hidden", "bundle_id": "b"}),
        );
    }

    #[test]
    fn a_tree_has_a_line_for_each_field() {
        let value = json!({"a": {"b": "c\n", "d": [1, {"e": null}]}, "f": [], "g": {}});
        let Value::Object(fields) = value else {
            unreachable!()
        };
        assert_eq!(
            Tree(&fields).to_string(),
            "a:\n  b: c\\n\n  d:\n    - 1\n    -\n      e: none\nf: []\ng: {}\n"
        );
    }
}
