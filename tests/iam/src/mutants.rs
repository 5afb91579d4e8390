//! Policies with one change each. Every change takes something away that is needed, or allows something that is not.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::policies::{Kind, Policy};
use crate::stack::{ACCOUNT, OTHER_ACCOUNT, REGION};

/// A policy with a change.
pub struct Mutant {
    /// Which policy.
    pub policy: usize,
    /// The place of the statement that is changed.
    pub place: usize,
    /// Its name.
    pub statement: String,
    /// What the change is.
    pub change: String,
    /// The changed document.
    pub document: Value,
}

/// Changes that make no difference: policy, statement, change, and why.
pub const EQUIVALENT: &[(&str, &str, &str, &str)] = &[
    (
        "Key",
        "AccountDecidesByIam",
        "* for kms:*",
        "a key knows no other actions",
    ),
    (
        "Key",
        "LogGroupsOfThisAccount",
        "without kms:Describe*",
        "the documentation of CloudWatch Logs asks for it, but a call of DescribeKey has no encryption context, so that the \
         condition never holds and nothing is allowed",
    ),
];

/// Every change of a policy.
pub fn mutants(policies: &[Policy], policy: usize) -> Vec<Mutant> {
    let original = &policies[policy];
    let mut mutants: Vec<Mutant> = Vec::new();
    let mut seen = BTreeSet::from([original.document.to_string()]);
    for (place, statement) in original.statements().iter().enumerate() {
        let name = match statement["Sid"].as_str() {
            Some(sid) => sid.to_owned(),
            None => format!("statement {place}"),
        };
        for (change, changed) in changes(statement, &original.kind) {
            let mut document = original.document.clone();
            match changed {
                Some(changed) => document["Statement"][place] = changed,
                None => {
                    let statements = document["Statement"].as_array_mut();
                    statements.expect("it has statements").remove(place);
                }
            }
            if seen.insert(document.to_string()) {
                mutants.push(Mutant {
                    policy,
                    place,
                    statement: name.clone(),
                    change,
                    document,
                });
            }
        }
    }
    mutants
}

/// What the change is, and the changed statement; `None` if it is taken out.
type Change = (String, Option<Value>);

fn changes(statement: &Value, kind: &Kind) -> Vec<Change> {
    let mut changes = vec![
        ("taken out".to_owned(), None),
        (
            "denied".to_owned(),
            Some(with(statement, "Effect", json!("Deny"))),
        ),
    ];
    let mut add = |text: String, changed: Value| changes.push((text, Some(changed)));
    for element in ["Action", "Resource"] {
        let values = list(&statement[element]);
        if values.is_empty() {
            // a trust policy names no resource
            continue;
        }
        if values.len() > 1 {
            for (place, value) in values.iter().enumerate() {
                let mut fewer = values.clone();
                fewer.remove(place);
                add(
                    format!("without {value}"),
                    with(statement, element, json!(fewer)),
                );
            }
        }
        // the policy of a resource is about this resource, whatever else it names
        let can_be_wider = element == "Action" || matches!(kind, Kind::Identity(_));
        for (place, value) in values.iter().enumerate().filter(|_| can_be_wider) {
            for wider in wider(value).into_iter().filter(|wider| wider != value) {
                let mut wide = values.clone();
                let text = format!("{wider} for {value}");
                wide[place] = wider;
                add(text, with(statement, element, json!(wide)));
            }
        }
        let mut all_but = statement.clone();
        all_but[format!("Not{element}")] = all_but[element].take();
        all_but
            .as_object_mut()
            .expect("it is a statement")
            .remove(element);
        add(format!("Not{element}"), all_but);
    }
    for (text, condition) in other_conditions(&statement["Condition"]) {
        add(text, with(statement, "Condition", condition));
    }
    for (text, principal) in other_principals(&statement["Principal"]) {
        add(text, with(statement, "Principal", principal));
    }
    changes
}

/// A statement with another value.
fn with(statement: &Value, element: &str, value: Value) -> Value {
    let mut changed = statement.clone();
    changed[element] = value;
    changed
}

/// A value that IAM takes alone or in a list, as a list of texts.
fn list(value: &Value) -> Vec<String> {
    let values = match value {
        Value::Array(values) => values.iter().filter_map(Value::as_str).collect(),
        single => Vec::from_iter(single.as_str()),
    };
    values.into_iter().map(str::to_owned).collect()
}

/// Patterns that match more than an action or an ARN.
fn wider(value: &str) -> Vec<String> {
    let mut patterns = vec!["*".to_owned()];
    if let Some(arn) = value.strip_prefix("arn:") {
        let fields: Vec<_> = arn.splitn(5, ':').collect();
        let joined = |fields: &[&str]| format!("arn:{}", fields.join(":"));
        for place in 2..5 {
            let mut fields = fields.clone();
            fields[place] = "*";
            patterns.push(joined(&fields));
        }
        // names that begin alike; the ARN of a log group ends with its streams
        let (name, rest) = match value.strip_suffix(":*") {
            Some(name) => (name, ":*"),
            None => (value, ""),
        };
        patterns.push(format!("{name}*{rest}"));
    } else if let Some((service, _)) = value.split_once(':') {
        patterns.push(format!("{service}:*"));
    }
    patterns
}

/// Conditions that hold more often, less often, or the other way round.
fn other_conditions(condition: &Value) -> Vec<(String, Value)> {
    let mut others = Vec::new();
    let operators = condition.as_object().into_iter().flatten();
    let tests = operators.flat_map(|(operator, keys)| {
        let keys = keys.as_object().into_iter().flatten();
        keys.map(move |(key, value)| (operator, key, value))
    });
    for (operator, key, value) in tests {
        let text = value.as_str().expect("a condition compares with one text");
        let with_test = |operator: &str, value: &str| {
            let mut other = condition.clone();
            remove_test(&mut other, key);
            other[operator][key] = json!(value);
            other
        };
        let mut without = condition.clone();
        remove_test(&mut without, key);
        others.push((format!("without the condition on {key}"), without));
        let negated = operator
            .replace("String", "StringNot")
            .replace("Arn", "ArnNot");
        for other in [format!("{operator}IfExists"), negated] {
            let condition = with_test(&other, text);
            others.push((format!("{other} for {operator}"), condition));
        }
        let alike = if operator.starts_with("Arn") {
            "ArnLike"
        } else {
            "StringLike"
        };
        for (place, pattern) in [(ACCOUNT, "*"), (REGION, "*"), (text, "*")] {
            if text.contains(place) {
                let wide = text.replace(place, pattern);
                let condition = with_test(alike, &wide);
                others.push((format!("{key} like {wide}"), condition));
            }
        }
        let none = with_test(operator, "another");
        others.push((format!("another {key}"), none));
    }
    others
}

/// Takes the test of a key out of a condition.
fn remove_test(condition: &mut Value, key: &str) {
    let operators: &mut Map<_, _> = condition.as_object_mut().expect("it is a condition");
    for keys in operators.values_mut() {
        keys.as_object_mut()
            .expect("an operator has keys")
            .remove(key);
    }
    operators.retain(|_, keys| keys.as_object().is_some_and(|keys| !keys.is_empty()));
}

/// Other principals than those of a statement.
fn other_principals(principal: &Value) -> Vec<(String, Value)> {
    let mut others = Vec::new();
    for (kind, value) in principal.as_object().into_iter().flatten() {
        let values = list(value);
        let with_values = |values: &[String]| with(principal, kind, json!(values));
        if values.len() > 1 {
            for (place, value) in values.iter().enumerate() {
                let mut fewer = values.clone();
                fewer.remove(place);
                others.push((format!("without {value}"), with_values(&fewer)));
            }
        }
        if kind == "Service" {
            for service in ["ec2.amazonaws.com", "s3.amazonaws.com"] {
                let more = [values.clone(), vec![service.to_owned()]].concat();
                others.push((format!("{service}, too"), with_values(&more)));
            }
        }
        let root = format!("arn:aws:iam::{OTHER_ACCOUNT}:root");
        let more = [list(&principal["AWS"]), vec![root]].concat();
        others.push((
            "another account, too".to_owned(),
            with(principal, "AWS", json!(more)),
        ));
    }
    if !principal.is_null() {
        others.push(("everybody".to_owned(), json!("*")));
    }
    others
}
