//! Requisitions, service requests, documents and reports, in memory.

use std::collections::HashMap;

use jiff::Timestamp;
use serde_json::{Value, json};

#[derive(Debug, Default)]
pub(super) struct Resources {
    requisitions: HashMap<String, Value>,
    /// Service requests that belong to no requisition.
    service_requests: HashMap<String, Value>,
    documents: HashMap<String, (Value, Option<Vec<u8>>)>,
    reports: HashMap<String, Vec<Value>>,
}

fn id(resource: &Value) -> String {
    resource["id"].as_str().unwrap_or_default().to_owned()
}

impl Resources {
    pub(super) fn put_requisition(&mut self, requisition: Value) {
        self.requisitions.insert(id(&requisition), requisition);
    }

    pub(super) fn put_service_request(&mut self, service_request: Value) {
        self.service_requests
            .insert(id(&service_request), service_request);
    }

    pub(super) fn put_document(&mut self, document: Value, content: Option<Vec<u8>>) {
        self.documents.insert(id(&document), (document, content));
    }

    pub(super) fn requisition(&self, id: &str) -> Option<Value> {
        self.requisitions.get(id).cloned()
    }

    pub(super) fn service_request(&self, id: &str) -> Option<Value> {
        let within = self
            .requisitions
            .values()
            .filter_map(|requisition| requisition["service_requests"].as_array())
            .flatten();
        within
            .chain(self.service_requests.values())
            .find(|service_request| service_request["id"] == id)
            .cloned()
    }

    pub(super) fn document(&self, id: &str) -> Option<&(Value, Option<Vec<u8>>)> {
        self.documents.get(id)
    }

    pub(super) fn reports(&self, service_request_id: &str) -> Vec<Value> {
        self.reports
            .get(service_request_id)
            .cloned()
            .unwrap_or_default()
    }

    /// Sets the status of all service requests of a requisition; `None` if there is no such requisition.
    pub(super) fn set_requisition_status(&mut self, id: &str, status: &str) -> Option<()> {
        let requisition = self.requisitions.get_mut(id)?;
        for service_request in service_requests_of(requisition) {
            service_request["task_business_status"] = status.into();
        }
        requisition["updated_at"] = json!(Timestamp::now());
        Some(())
    }

    /// Sets the status of a service request and returns it; `None` if there is no such service request.
    pub(super) fn set_service_request_status(&mut self, id: &str, status: &str) -> Option<Value> {
        if let Some(service_request) = self.service_requests.get_mut(id) {
            service_request["task_business_status"] = status.into();
            return Some(service_request.clone());
        }
        for requisition in self.requisitions.values_mut() {
            let found = service_requests_of(requisition).find(|one| one["id"] == id);
            if let Some(service_request) = found {
                service_request["task_business_status"] = status.into();
                let updated = service_request.clone();
                requisition["updated_at"] = json!(Timestamp::now());
                return Some(updated);
            }
        }
        None
    }

    /// Keeps a report; `None` if there is no such service request.
    pub(super) fn add_report(&mut self, service_request_id: &str, report: Value) -> Option<()> {
        self.service_request(service_request_id)?;
        let reports = self.reports.entry(service_request_id.to_owned());
        reports.or_default().push(report);
        Some(())
    }
}

fn service_requests_of(requisition: &mut Value) -> impl Iterator<Item = &mut Value> {
    requisition
        .get_mut("service_requests")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
}
