//! An event as EventBridge delivers it.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use crate::printable::printable;

/// What is printed of an event.
#[derive(Debug, Serialize)]
pub struct Event {
    time: Option<String>,
    detail_type: Option<String>,
    received_at: Option<String>,
    id: Option<String>,
    /// The size of the whole event.
    bytes: usize,
    /// The replay that has published it once more.
    #[serde(skip_serializing_if = "Option::is_none")]
    replay: Option<String>,
    #[serde(flatten)]
    phi: Option<Phi>,
}

/// The patient's data in it.
#[derive(Serialize)]
struct Phi {
    resource_id: Option<String>,
    resource: Value,
    resource_url: Option<String>,
}

impl Event {
    /// Reads the body of a message that a rule has sent to a queue. What is missing in it is left out.
    pub fn read(body: &str, show_phi: bool) -> Self {
        let mut event: Value = serde_json::from_str(body).unwrap_or_default();
        let text = |value: &Value| value.as_str().map(printable);
        Self {
            time: text(&event["time"]),
            detail_type: text(&event["detail-type"]),
            received_at: text(&event["detail"]["received_at"]),
            id: text(&event["id"]),
            bytes: body.len(),
            replay: text(&event["replay-name"]),
            phi: show_phi.then(|| Phi {
                resource_id: text(&event["detail"]["resource_id"]),
                resource_url: text(&event["detail"]["resource_url"]),
                resource: event
                    .pointer_mut("/detail/resource")
                    .map(Value::take)
                    .unwrap_or_default(),
            }),
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".into());
        write!(
            f,
            "{}  {}  received {}  {}  {} bytes",
            or_dash(&self.time),
            or_dash(&self.detail_type),
            or_dash(&self.received_at),
            or_dash(&self.id),
            self.bytes
        )?;
        if let Some(replay) = &self.replay {
            write!(f, "  by the replay {replay}")?;
        }
        let Some(phi) = &self.phi else {
            return Ok(());
        };
        write!(f, "\n  resource_id {}", or_dash(&phi.resource_id))?;
        if let Some(resource_url) = &phi.resource_url {
            write!(f, "\n  resource_url {resource_url}")?;
        }
        write!(f, "\n  resource {}", phi.resource)
    }
}

impl fmt::Debug for Phi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Phi").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn event() -> String {
        json!({
            "version": "0",
            "id": "e-1",
            "detail-type": "lab_requisition.created",
            "source": "whoop.partner",
            "time": "2026-11-18T11:06:41Z",
            "detail": {
                "schema_version": 1,
                "event_type": "lab_requisition.created",
                "resource_id": "of-a-patient",
                "received_at": "2026-11-18T11:06:40.123Z",
                "resource": {"patient": {"first_name": "Layla"}},
            },
        })
        .to_string()
    }

    #[test]
    fn a_patients_data_are_shown_on_demand_only() {
        let hidden = Event::read(&event(), false);
        let json = serde_json::to_string(&hidden).unwrap();
        for text in [json, hidden.to_string(), format!("{hidden:?}")] {
            assert!(!text.contains("of-a-patient"), "{text}");
            assert!(!text.contains("Layla"), "{text}");
            assert!(text.contains("lab_requisition.created"), "{text}");
        }
        let shown = Event::read(&event(), true);
        assert!(!format!("{shown:?}").contains("Layla"));
        let json = serde_json::to_value(&shown).unwrap();
        assert_eq!(json["resource_id"], "of-a-patient");
        assert_eq!(json["resource"]["patient"]["first_name"], "Layla");
        assert!(shown.to_string().contains("resource_id of-a-patient"));
    }

    #[test]
    fn anything_can_be_an_event() {
        for body in [
            "",
            "no JSON",
            "[]",
            r#"{"detail": "text"}"#,
            r#"{"time": 7}"#,
        ] {
            let event = Event::read(body, true);
            assert!(event.to_string().starts_with("-  -  received -  -  "));
        }
    }
}
