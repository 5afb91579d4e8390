//! The orders at WHOOP, and what SQS hands to the event processor about them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use serde_json::{Value, json};

/// An order with two tests, as WHOOP's Partner API serves it.
const REQUISITION: &str = include_str!("../requisition.json");

/// Stands in it for the order's id.
const PLACEHOLDER: &str = "ORDER-ID";

/// How large a large order is at least, in bytes.
const LARGE: usize = 100_000;

/// What the ids begin with.
const ORDINARY_ID: &str = "e72719d6-0dbb-4eb3-9ccc-";
const LARGE_ID: &str = "1a26e000-0dbb-4eb3-9ccc-";

/// How large an order is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// Two tests.
    Ordinary,
    /// So many that it has 100 kB.
    Large,
}

/// Reserves numbers for so many orders, and returns the first one.
pub fn reserve(orders: u64) -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);

    NEXT.fetch_add(orders, Ordering::Relaxed)
}

/// The id of an order; each number is another one.
fn id(number: u64, size: Size) -> String {
    let prefix = match size {
        Size::Ordinary => ORDINARY_ID,
        Size::Large => LARGE_ID,
    };
    format!("{prefix}{number:012x}")
}

/// A batch of one message, about an order that nobody has asked for yet.
pub fn batch(number: u64, size: Size) -> Bytes {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.unwrap_or_default().as_millis().to_string();
    let attribute = |value: &str| json!({"stringValue": value, "dataType": "String"});
    let body = json!({"event_type": "lab_requisition.created", "resource_id": id(number, size)});
    let record = json!({
        "messageId": "059f36b4-87a3-44ab-83d2-661975830a7d",
        "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a",
        "body": body.to_string(),
        "attributes": {
            "ApproximateReceiveCount": "1",
            "SentTimestamp": now,
            "SenderId": "AROAIENQZJOLO23YVJ4VO:webhook",
            "ApproximateFirstReceiveTimestamp": now,
        },
        "messageAttributes": {
            "received_at": attribute("2026-11-18T11:06:40.123Z"),
            "event_type": attribute("lab_requisition.created"),
            "request_id": attribute("JKJaXmPLvHcESHA="),
        },
        "md5OfBody": "e4e68fb7bd0e697a0ae8f1bb342846b3",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:webhooks",
        "awsRegion": "us-east-1",
    });
    json!({"Records": [record]}).to_string().into()
}

/// The orders that WHOOP has: one of each size for any id.
pub struct Orders {
    ordinary: String,
    large: String,
}

impl Orders {
    /// Writes them down, so that nothing is left to do when WHOOP is asked.
    pub fn new() -> Self {
        let mut requisition: Value = serde_json::from_str(REQUISITION).expect("it is JSON");
        let ordinary = requisition.to_string();
        let tests = requisition["service_requests"].as_array_mut();
        let tests = tests.expect("an order has tests");
        let test = tests[0].clone();
        let served = test.to_string().replace(PLACEHOLDER, &id(0, Size::Large));
        let more = LARGE.div_ceil(served.len());
        tests.extend(std::iter::repeat_n(test, more));
        Self {
            ordinary,
            large: requisition.to_string(),
        }
    }

    /// The order behind a path of the Partner API.
    pub fn requisition(&self, path: &str) -> Option<String> {
        let id = path.strip_prefix("/developer/v2/partner/requisition/")?;
        let order = match id {
            id if id.starts_with(ORDINARY_ID) => &self.ordinary,
            id if id.starts_with(LARGE_ID) => &self.large,
            _ => return None,
        };
        Some(order.replace(PLACEHOLDER, id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_order_is_served_under_its_own_id() {
        let orders = Orders::new();
        for (size, bytes) in [
            (Size::Ordinary, 1_000..2_000),
            (Size::Large, LARGE..103_000),
        ] {
            let id = id(7, size);
            let path = format!("/developer/v2/partner/requisition/{id}");
            let order = orders.requisition(&path).unwrap();
            assert!(bytes.contains(&order.len()), "{}", order.len());
            let order: Value = serde_json::from_str(&order).unwrap();
            assert_eq!(order["id"], *id);
        }
        assert_eq!(
            orders.requisition("/developer/v2/partner/requisition/no"),
            None
        );
    }
}
