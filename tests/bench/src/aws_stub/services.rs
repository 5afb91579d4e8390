//! What the services answer.

use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::AUTHORIZATION;
use hyper::http::request::Parts;
use hyper::{Response, StatusCode};
use in_memory_dynamodb::InMemoryDynamoDb;
use md5::{Digest, Md5};
use serde_json::{Value, json};

use super::{Calls, Operation};
use crate::delivery::SIGNING_SECRET;
use crate::order::Orders;

/// The table that holds the access token. All other tables are empty at first.
pub const TOKEN_TABLE: &str = "token";

/// The access token in it, which WHOOP accepts. It is as long as a small JSON Web Token.
const ACCESS_TOKEN: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.\
    eyJzdWIiOiJwYXJ0bmVyIiwic2NvcGUiOiJsYWIiLCJpYXQiOjE3OTUwMDAwMDAsImV4cCI6MTc5NTAwMzYwMH0.\
    c2lnbmF0dXJlLXRoYXQtbm9ib2R5LWNoZWNrcy1pbi1hLWJlbmNobWFyaw";

/// How long the token is valid, in seconds: as long as any token may be.
const LIFETIME: u64 = 24 * 60 * 60;

/// The services, and how often they were called.
pub struct Services {
    dynamodb: InMemoryDynamoDb,
    orders: Orders,
    calls: Mutex<Calls>,
}

/// An answer: a status, and a body of JSON.
type Answer = (StatusCode, String);

impl Services {
    /// The token is in its table.
    pub fn new() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.unwrap_or_default().as_secs();
        let dynamodb = InMemoryDynamoDb::new();
        dynamodb.put(
            TOKEN_TABLE,
            &json!({
                "id": {"S": "partner-token"},
                "access_token": {"S": ACCESS_TOKEN},
                "token_type": {"S": "bearer"},
                "obtained_at": {"N": now.to_string()},
                "expires_at": {"N": (now + LIFETIME).to_string()},
            }),
        );
        Self {
            dynamodb,
            orders: Orders::new(),
            calls: Mutex::default(),
        }
    }

    /// How often they were called up to now.
    pub fn calls(&self) -> Calls {
        let calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.clone()
    }

    /// Answers a request and counts it.
    pub fn answer(&self, head: &Parts, body: &[u8]) -> Response<Full<Bytes>> {
        let target = head.headers.get("x-amz-target");
        let target = target.and_then(|target| target.to_str().ok());
        let request: Value = serde_json::from_slice(body).unwrap_or_default();
        let (operation, (status, answer)) = match target {
            Some("secretsmanager.GetSecretValue") => (Operation::GetSecretValue, secret(&request)),
            Some("AmazonSQS.SendMessage") => (Operation::SendMessage, receipt(&request)),
            Some("DynamoDB_20120810.GetItem") => {
                (Operation::GetItem, self.table("GetItem", &request))
            }
            Some("DynamoDB_20120810.UpdateItem") => {
                (Operation::UpdateItem, self.table("UpdateItem", &request))
            }
            Some("AWSEvents.PutEvents") if holds_an_order(&request) => {
                (Operation::PutEvents, taken())
            }
            None if is_authorized(head) => match self.orders.requisition(head.uri.path()) {
                Some(requisition) => (Operation::GetRequisition, (StatusCode::OK, requisition)),
                None => (Operation::Other, unknown()),
            },
            _ => (Operation::Other, unknown()),
        };
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.add(operation, body.len());
        let mut response = Response::builder().status(status);
        if target.is_none() {
            // what WHOOP says about its rate limit, of which much is left
            response = response
                .header("X-RateLimit-Remaining", 90)
                .header("X-RateLimit-Reset", 30);
        }
        response
            .header("Content-Type", "application/json")
            .body(Full::from(answer))
            .expect("the headers are well-formed")
    }

    fn table(&self, operation: &str, request: &Value) -> Answer {
        let (status, answer) = self.dynamodb.call(operation, request);
        let status = status.try_into().expect("DynamoDB's statuses are of HTTP");
        (status, answer.to_string())
    }
}

/// Whether a request has the right token.
fn is_authorized(head: &Parts) -> bool {
    let token = head.headers.get(AUTHORIZATION);
    let token = token.and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    token == Some(ACCESS_TOKEN)
}

/// Whether `PutEvents` brings the order that it is about.
fn holds_an_order(request: &Value) -> bool {
    let detail = request["Entries"][0]["Detail"].as_str().unwrap_or_default();
    let detail: Value = serde_json::from_str(detail).unwrap_or_default();
    let (resource_id, resource) = (&detail["resource_id"], &detail["resource"]);
    resource_id.is_string()
        && resource["id"] == *resource_id
        && resource["service_requests"].is_array()
}

/// EventBridge's receipt.
fn taken() -> Answer {
    let entry = json!({"EventId": "11710aed-b79e-4468-a20b-bb3c0c3b4860"});
    let answer = json!({"Entries": [entry], "FailedEntryCount": 0});
    (StatusCode::OK, answer.to_string())
}

fn unknown() -> Answer {
    let answer = json!({"__type": "UnknownOperationException"});
    (StatusCode::NOT_FOUND, answer.to_string())
}

/// The signing secret, which was never rotated.
fn secret(request: &Value) -> Answer {
    if request["VersionStage"] == "AWSPREVIOUS" {
        let answer = json!({"__type": "ResourceNotFoundException", "message": "no such version"});
        return (StatusCode::BAD_REQUEST, answer.to_string());
    }
    let answer = json!({
        "ARN": "arn:aws:secretsmanager:us-east-1:123456789012:secret:signing-AbCdEf",
        "CreatedDate": 1_795_000_000.0,
        "Name": "signing",
        "SecretString": json!({"signing_secret": SIGNING_SECRET}).to_string(),
        "VersionId": "8476a536-e9f4-11e8-9739-2dfe598c3fcd",
        "VersionStages": ["AWSCURRENT"],
    });
    (StatusCode::OK, answer.to_string())
}

/// SQS's receipt; some SDKs check the digest.
fn receipt(request: &Value) -> Answer {
    let body = request["MessageBody"].as_str().unwrap_or_default();
    let digest: String = Md5::digest(body)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let answer = json!({
        "MD5OfMessageBody": digest,
        "MessageId": "8476a536-e9f4-11e8-9739-2dfe598c3fcd",
    });
    (StatusCode::OK, answer.to_string())
}
