//! Statements of IAM policies, as far as the proofs understand them.

use serde_json::{Value, json};

use template::substituted;

/// Returns a value that IAM accepts alone or in a list as a list.
pub fn one_or_many(value: &Value) -> &[Value] {
    match value {
        Value::Array(values) => values,
        Value::Null => &[],
        single => std::slice::from_ref(single),
    }
}

/// The actions of a statement, patterns included.
pub fn actions(statement: &Value) -> impl Iterator<Item = &str> {
    one_or_many(&statement["Action"])
        .iter()
        .filter_map(Value::as_str)
}

/// The service principals of a statement.
pub fn services(statement: &Value) -> Vec<&str> {
    let services = one_or_many(&statement["Principal"]["Service"]).iter();
    services
        .filter_map(|service| service.as_str().or_else(|| substituted(service)))
        .collect()
}

/// The condition that stops a service from acting for another account.
pub fn this_account() -> Value {
    json!({"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}})
}

/// Whether the action pattern `granted` covers `action`.
pub fn covers(granted: &str, action: &str) -> bool {
    match granted.strip_suffix('*') {
        Some(prefix) => action.starts_with(prefix),
        None => granted == action,
    }
}

/// The only service through which a statement allows use of the key.
pub fn via(statement: &Value) -> Option<&str> {
    substituted(&statement["Condition"]["StringEquals"]["kms:ViaService"])
}
