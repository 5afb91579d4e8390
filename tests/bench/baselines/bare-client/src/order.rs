//! The event processor's calls for an order: the token from DynamoDB (only cold), the order from WHOOP, the claim of its state
//! in DynamoDB, the event for EventBridge, and the published state for DynamoDB.
//!
//! The requests have bodies as large as the function's. They depend on no answer except that with the token, so those of a warm
//! order are written down before the clock starts.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::connection::{Endpoint, Service};
use crate::request::{JSON_1_0, JSON_1_1, get, post};
use crate::{Work, elapsed_ns, trust, variable};

/// An order as the stub of WHOOP serves it.
const REQUISITION: &str = include_str!("../../../requisition.json");

/// What the stub replaces in it by the order's id.
const PLACEHOLDER: &str = "ORDER-ID";

const CREATED_AT: &str = "1795000000123000000";

/// The three services, and the number of the next order.
pub struct Order {
    dynamodb: Service,
    event_bridge: Service,
    whoop: Service,
    token_table: String,
    published_table: String,
    bus: String,
    /// The path of the Partner API's base URL.
    base_path: String,
    requisition: String,
    access_token: String,
    next: u64,
}

/// The requests of an order, in their order.
struct Requests {
    get_requisition: Vec<u8>,
    claim: Vec<u8>,
    put_events: Vec<u8>,
    remember: Vec<u8>,
}

impl Order {
    /// Prepares to process orders, numbered from `first`.
    pub fn from_env(first: u64) -> Result<Self> {
        let tls = trust::client_config(&variable("SSL_CERT_FILE")?)?;
        let service =
            |url: &str| Ok::<_, anyhow::Error>(Service::new(Endpoint::parse(url)?, tls.clone()));
        let base_url = variable("PARTNER_API_BASE_URL")?;
        let Some((origin, base_path)) = base_url.rsplit_once('/') else {
            bail!("the base URL has no path");
        };
        let requisition: Value = serde_json::from_str(REQUISITION)?;
        Ok(Self {
            dynamodb: service(&variable("AWS_ENDPOINT_URL_DYNAMODB")?)?,
            event_bridge: service(&variable("AWS_ENDPOINT_URL_EVENTBRIDGE")?)?,
            whoop: service(origin)?,
            token_table: variable("TOKEN_TABLE_NAME")?,
            published_table: variable("PUBLISHED_TABLE_NAME")?,
            bus: variable("EVENT_BUS_NAME")?,
            base_path: base_path.to_owned(),
            requisition: requisition.to_string(),
            access_token: String::new(),
            next: first,
        })
    }

    fn get_token(&self) -> Vec<u8> {
        let key = json!({"id": {"S": "partner-token"}});
        post(
            &self.dynamodb.endpoint,
            "DynamoDB_20120810.GetItem",
            JSON_1_0,
            &json!({"TableName": self.token_table, "Key": key, "ConsistentRead": true}),
        )
    }

    /// Writes down the requests of the next order.
    fn requests(&mut self) -> Requests {
        let number = self.next;
        self.next += 1;
        let id = format!("e72719d6-0dbb-4eb3-9ccc-{number:012x}");
        let path = format!("/{}/v2/partner/requisition/{id}", self.base_path);
        Requests {
            get_requisition: get(&self.whoop.endpoint, &path, &self.access_token),
            claim: self.update(number, CLAIM, &claim_values(&hash(number))),
            put_events: self.put_events(&id),
            remember: self.update(number, REMEMBER, &remember_values(&hash(number))),
        }
    }

    fn update(&self, number: u64, [update, condition]: [&str; 2], values: &Value) -> Vec<u8> {
        post(
            &self.dynamodb.endpoint,
            "DynamoDB_20120810.UpdateItem",
            JSON_1_0,
            &json!({
                "TableName": self.published_table,
                "Key": {"id": {"S": hash(number)}},
                "UpdateExpression": update,
                "ConditionExpression": condition,
                "ExpressionAttributeValues": values,
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }),
        )
    }

    fn put_events(&self, id: &str) -> Vec<u8> {
        let requisition = self.requisition.replace(PLACEHOLDER, id);
        let detail = format!(
            r#"{{"schema_version":1,"event_type":"lab_requisition.created","resource_id":"{id}","received_at":"2026-11-18T11:06:40.123Z","resource":{requisition}}}"#
        );
        let entry = json!({
            "Source": "whoop.partner",
            "DetailType": "lab_requisition.created",
            "Detail": detail,
            "EventBusName": self.bus,
        });
        post(
            &self.event_bridge.endpoint,
            "AWSEvents.PutEvents",
            JSON_1_1,
            &json!({"Entries": [entry]}),
        )
    }

    fn process(&mut self, requests: &Requests) -> Result<()> {
        let fetched = self.whoop.call(&requests.get_requisition);
        fetched.context("the requisition")?;
        let claimed = self.dynamodb.call(&requests.claim);
        claimed.context("UpdateItem that claims")?;
        let published = self.event_bridge.call(&requests.put_events);
        published.context("PutEvents")?;
        let remembered = self.dynamodb.call(&requests.remember);
        remembered.context("UpdateItem that remembers")?;
        Ok(())
    }
}

impl Work for Order {
    fn cold(&mut self) -> Result<u64> {
        let get_token = self.get_token();
        let start = Instant::now();
        let item = self.dynamodb.call(&get_token).context("GetItem")?;
        let item: Value = serde_json::from_slice(item)?;
        let token = item["Item"]["access_token"]["S"].as_str();
        self.access_token = token.context("no token")?.to_owned();
        let requests = self.requests();
        self.process(&requests)?;
        Ok(elapsed_ns(start))
    }

    fn warm(&mut self) -> Result<u64> {
        let requests = self.requests();
        let start = Instant::now();
        self.process(&requests)?;
        Ok(elapsed_ns(start))
    }
}

/// Update and condition of a claim.
const CLAIM: [&str; 2] = [
    "SET claimed_by = :me, claimed_until = :until, expires_at = if_not_exists(expires_at, :expires_at), \
     tried_updated_at = :updated_at",
    "(attribute_not_exists(claimed_until) OR claimed_until < :now OR claimed_by = :me) AND \
     (attribute_not_exists(updated_at) OR updated_at < :updated_at \
     OR (updated_at = :updated_at AND body_hash <> :body_hash)) \
     AND (attribute_not_exists(tried_updated_at) OR tried_updated_at <= :updated_at)",
];

fn claim_values(body_hash: &str) -> Value {
    json!({
        ":me": {"S": HOLDER},
        ":now": {"N": unix_time(0)},
        ":until": {"N": unix_time(45)},
        ":expires_at": {"N": unix_time(7_776_000)},
        ":updated_at": {"N": CREATED_AT},
        ":body_hash": {"S": body_hash},
    })
}

/// Update and condition of remembering.
const REMEMBER: [&str; 2] = [
    "SET updated_at = :updated_at, body_hash = :body_hash, expires_at = :expires_at REMOVE claimed_by, claimed_until",
    "claimed_by = :me AND (attribute_not_exists(updated_at) OR updated_at <= :updated_at)",
];

fn remember_values(body_hash: &str) -> Value {
    json!({
        ":me": {"S": HOLDER},
        ":expires_at": {"N": unix_time(7_776_000)},
        ":updated_at": {"N": CREATED_AT},
        ":body_hash": {"S": body_hash},
    })
}

/// Who claims.
const HOLDER: &str = "5b1d0c8e7f3a2946";

/// As long as a SHA-256 in base64, and another one for each number.
fn hash(number: u64) -> String {
    format!("{number:044}")
}

fn unix_time(later: u64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    (now.unwrap_or_default().as_secs() + later).to_string()
}
