//! What EventBridge and SQS have to know of the rule.

use serde_json::json;

/// What EventBridge takes as a detail-type, in characters. The event processor cuts longer event types.
const MAX_DETAIL_TYPE: usize = 128;

/// The source of all events of the stack.
const SOURCE: &str = "whoop.partner";

/// Selects the stack's events of these types, or all of them.
pub fn pattern(event_types: &[String]) -> String {
    let mut pattern = json!({"source": [SOURCE]});
    if !event_types.is_empty() {
        let types = event_types.iter();
        let types: Vec<String> = types
            .map(|event_type| event_type.chars().take(MAX_DETAIL_TYPE).collect())
            .collect();
        pattern["detail-type"] = json!(types);
    }
    pattern.to_string()
}

/// EventBridge may send what this rule selects, and nothing else.
pub fn policy(rule_arn: &str) -> String {
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": "*",
            "Condition": {"ArnEquals": {"aws:SourceArn": rule_arn}},
        }],
    })
    .to_string()
}

/// The ARN of a queue in the account and region of a rule: `arn:PARTITION:events:REGION:ACCOUNT:rule/…`.
pub fn arn_of_queue(rule_arn: &str, name: &str) -> String {
    let parts: Vec<&str> = rule_arn.splitn(6, ':').collect();
    let part = |index: usize| parts.get(index).copied().unwrap_or_default();
    format!("arn:{}:sqs:{}:{}:{name}", part(1), part(3), part(4))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_selects_our_events_and_types_as_the_event_processor_cuts_them() {
        assert_eq!(pattern(&[]), r#"{"source":["whoop.partner"]}"#);
        let types = ["a\"b".to_owned(), "é".repeat(200)];
        let pattern: serde_json::Value = serde_json::from_str(&pattern(&types)).unwrap();
        let expected = json!(["a\"b", "é".repeat(128)]);
        assert_eq!(pattern["detail-type"], expected);
    }

    #[test]
    fn the_queue_is_beside_the_rule() {
        let rule = "arn:aws-us-gov:events:us-gov-west-1:123456789012:rule/bus/tail";
        let queue = "arn:aws-us-gov:sqs:us-gov-west-1:123456789012:tail";
        assert_eq!(arn_of_queue(rule, "tail"), queue);
    }
}
