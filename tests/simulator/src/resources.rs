//! Requisitions, service requests, documents and reports, in memory.
//!
//! A resource that a test has put in is served unchanged, byte for byte. So a test sees how a partner handles unknown
//! fields, odd numbers and unusual spacing. After a change of its status, the simulator writes the text anew.

use std::collections::HashMap;

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Value, json};

#[derive(Default)]
pub(super) struct Resources {
    requisitions: HashMap<String, Resource>,
    /// Service requests that belong to no requisition.
    service_requests: HashMap<String, Resource>,
    documents: HashMap<String, Document>,
    reports: HashMap<String, Vec<Value>>,
}

/// A JSON object with an id.
pub(super) struct Resource {
    text: String,
    value: Value,
}

struct Document {
    resource: Resource,
    content: Option<Bytes>,
}

/// The text is not a JSON object with a text as `id`.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a JSON object with an id")]
pub(super) struct NoResource;

impl Resource {
    pub(super) fn read(text: String) -> Result<Self, NoResource> {
        let value: Value = serde_json::from_str(&text).map_err(|_| NoResource)?;
        if !value["id"].is_string() {
            return Err(NoResource);
        }
        Ok(Self { text, value })
    }

    fn id(&self) -> String {
        self.value["id"].as_str().expect("it was read").to_owned()
    }

    fn update<T>(&mut self, change: impl FnOnce(&mut Value) -> T) -> T {
        let changed = change(&mut self.value);
        self.text = self.value.to_string();
        changed
    }
}

impl Resources {
    pub(super) fn put_requisition(&mut self, requisition: Resource) {
        self.requisitions.insert(requisition.id(), requisition);
    }

    pub(super) fn put_service_request(&mut self, service_request: Resource) {
        self.service_requests
            .insert(service_request.id(), service_request);
    }

    pub(super) fn put_document(&mut self, resource: Resource, content: Option<Bytes>) {
        let document = Document { resource, content };
        self.documents.insert(document.resource.id(), document);
    }

    /// Gives a document its content; `None` if there is no such document.
    pub(super) fn put_content(&mut self, id: &str, content: Bytes) -> Option<()> {
        self.documents.get_mut(id)?.content = Some(content);
        Some(())
    }

    pub(super) fn requisition(&self, id: &str) -> Option<&str> {
        Some(&self.requisitions.get(id)?.text)
    }

    pub(super) fn service_request(&self, id: &str) -> Option<String> {
        if let Some(alone) = self.service_requests.get(id) {
            return Some(alone.text.clone());
        }
        let mut requisitions = self.requisitions.values();
        requisitions
            .find_map(|requisition| within(requisition, id))
            .map(Value::to_string)
    }

    pub(super) fn document(&self, id: &str) -> Option<&str> {
        Some(&self.documents.get(id)?.resource.text)
    }

    pub(super) fn content(&self, id: &str) -> Option<Bytes> {
        self.documents.get(id)?.content.clone()
    }

    pub(super) fn reports(&self, service_request_id: &str) -> Vec<Value> {
        let reports = self.reports.get(service_request_id);
        reports.cloned().unwrap_or_default()
    }

    /// All resources.
    pub(super) fn all(&self) -> Value {
        let values = |resources: &HashMap<String, Resource>| -> Vec<Value> {
            let resources = resources.values();
            resources.map(|resource| resource.value.clone()).collect()
        };
        let documents = self.documents.values();
        json!({
            "requisitions": values(&self.requisitions),
            "service_requests": values(&self.service_requests),
            "documents": documents.map(|document| &document.resource.value).collect::<Vec<_>>(),
            "diagnostic_reports": self.reports,
        })
    }

    /// Sets the status of all service requests of a requisition; `None` if there is no such requisition.
    pub(super) fn set_requisition_status(&mut self, id: &str, status: &str) -> Option<()> {
        self.requisitions.get_mut(id)?.update(|requisition| {
            for service_request in service_requests_of(requisition) {
                service_request["task_business_status"] = status.into();
            }
            requisition["updated_at"] = json!(Timestamp::now());
        });
        Some(())
    }

    /// Sets the status of a service request and returns it; `None` if there is no such service request.
    pub(super) fn set_service_request_status(&mut self, id: &str, status: &str) -> Option<String> {
        if let Some(alone) = self.service_requests.get_mut(id) {
            alone.update(|service_request| {
                service_request["task_business_status"] = status.into();
            });
            return Some(alone.text.clone());
        }
        let requisition = self
            .requisitions
            .values_mut()
            .find(|requisition| within(requisition, id).is_some())?;
        requisition.update(|requisition| {
            requisition["updated_at"] = json!(Timestamp::now());
            let found = service_requests_of(requisition).find(|one| one["id"] == id)?;
            found["task_business_status"] = status.into();
            Some(found.to_string())
        })
    }

    /// Keeps a report; `None` if there is no such service request.
    pub(super) fn add_report(&mut self, service_request_id: &str, report: Value) -> Option<()> {
        self.service_request(service_request_id)?;
        let reports = self.reports.entry(service_request_id.to_owned());
        reports.or_default().push(report);
        Some(())
    }
}

/// The service request of a requisition that has this id.
fn within<'r>(requisition: &'r Resource, id: &str) -> Option<&'r Value> {
    let mut service_requests = requisition.value["service_requests"].as_array()?.iter();
    service_requests.find(|service_request| service_request["id"] == id)
}

fn service_requests_of(requisition: &mut Value) -> impl Iterator<Item = &mut Value> {
    requisition
        .get_mut("service_requests")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ODD: &str = r#"{ "new" : 1.10, "id":"r", "service_requests":[{"id":"s"},{"id":"t"}] }"#;

    fn resources() -> Resources {
        let mut resources = Resources::default();
        resources.put_requisition(Resource::read(ODD.into()).unwrap());
        resources
    }

    #[test]
    fn a_resource_is_served_as_the_text_that_came() {
        let mut resources = resources();
        assert_eq!(resources.requisition("r"), Some(ODD));
        let alone = Resource::read(r#"{"id": "u"}"#.into()).unwrap();
        resources.put_service_request(alone);
        assert_eq!(
            resources.service_request("u").as_deref(),
            Some(r#"{"id": "u"}"#)
        );
    }

    #[test]
    fn what_has_no_id_is_no_resource() {
        for text in ["", "{}", "[]", r#"{"id":1}"#, "null"] {
            assert_eq!(
                Resource::read(text.into()).err(),
                Some(NoResource),
                "{text}"
            );
        }
    }

    #[test]
    fn a_status_changes_its_service_request_and_no_other() {
        let mut resources = resources();
        assert_eq!(
            resources.set_service_request_status("t", "DONE").unwrap(),
            r#"{"id":"t","task_business_status":"DONE"}"#
        );
        let text = resources.requisition("r").unwrap();
        let requisition: Value = serde_json::from_str(text).unwrap();
        assert_eq!(requisition["service_requests"][0], json!({"id": "s"}));
        assert!(requisition["updated_at"].is_string());
        assert_eq!(requisition["new"], json!(1.1));
        assert!(resources.set_service_request_status("x", "DONE").is_none());
    }
}
