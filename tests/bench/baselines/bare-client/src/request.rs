//! Requests, as bytes ready to be sent.

use serde_json::{Value, json};

use crate::connection::Endpoint;

/// The content types of AWS's two versions of JSON.
pub const JSON_1_0: &str = "application/x-amz-json-1.0";
pub const JSON_1_1: &str = "application/x-amz-json-1.1";

const BODY: &str = r#"{"event_type":"lab_requisition.created","resource_id":"e72719d6-0dbb-4eb3-9ccc-781b563fc3d3"}"#;

/// `GetSecretValue` of Secrets Manager (AWS JSON 1.1).
pub fn get_secret(endpoint: &Endpoint, secret_id: &str) -> Vec<u8> {
    post(
        endpoint,
        "secretsmanager.GetSecretValue",
        JSON_1_1,
        &json!({"SecretId": secret_id}),
    )
}

/// `SendMessage` of SQS (AWS JSON 1.0), with the attributes that the product sends.
pub fn send_message(endpoint: &Endpoint, queue_url: &str) -> Vec<u8> {
    let attribute = |value: &str| json!({"DataType": "String", "StringValue": value});
    let message = json!({
        "QueueUrl": queue_url,
        "MessageBody": BODY,
        "MessageAttributes": {
            "received_at": attribute("2026-11-18T11:06:40.123Z"),
            "event_type": attribute("lab_requisition.created"),
            "request_id": attribute("JKJaXmPLvHcESHA="),
        },
    });
    post(endpoint, "AmazonSQS.SendMessage", JSON_1_0, &message)
}

/// An AWS call.
pub fn post(endpoint: &Endpoint, target: &str, content_type: &str, body: &Value) -> Vec<u8> {
    let body = body.to_string();
    format!(
        "POST / HTTP/1.1\r\n\
         Host: {}\r\n\
         X-Amz-Target: {target}\r\n\
         Content-Type: {content_type}\r\n\
         Content-Length: {}\r\n\
         \r\n\
         {body}",
        endpoint.authority,
        body.len(),
    )
    .into_bytes()
}

/// A call of WHOOP's Partner API.
pub fn get(endpoint: &Endpoint, path: &str, access_token: &str) -> Vec<u8> {
    format!(
        "GET {path} HTTP/1.1\r\n\
         Host: {}\r\n\
         Authorization: Bearer {access_token}\r\n\
         \r\n",
        endpoint.authority,
    )
    .into_bytes()
}
