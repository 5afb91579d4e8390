//! Judges requests and resources by WHOOP's OpenAPI document.
//!
//! `partner-api.openapi.json` restates the partner part of that document without its prose: the same paths, fields and
//! required fields. In one point it differs: it allows null for `task_business_status`, because WHOOP sends null
//! although its document does not allow it.

use std::sync::LazyLock;

use serde_json::{Value, json};
use whoop_simulator::Call;

/// Fields without which a request says nothing: more than the OpenAPI document requires of it.
const NEEDED: [(&str, &[&str]); 4] = [
    (
        "PartnerTokenRequest",
        &["grant_type", "client_id", "client_secret", "scope"],
    ),
    ("ServiceRequestStatusRequest", &["task_business_status"]),
    ("DiagnosticReportCreateRequest", &["status", "observations"]),
    ("CreateObservationRequest", &["code"]),
];

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("partner-api.openapi.json")).expect("the document is JSON")
});

/// The document's schemas as JSON Schema. The strict ones forbid unknown fields and require the needed ones.
fn schemas(strict: bool) -> Value {
    let mut schemas = DOCUMENT["components"]["schemas"].clone();
    for (name, schema) in schemas.as_object_mut().expect("named schemas") {
        for property in properties(schema) {
            // OpenAPI 3.0's way to allow null
            if property["nullable"] == true {
                property["type"] = json!([property["type"], "null"]);
            }
        }
        if strict && schema["type"] == "object" {
            schema["additionalProperties"] = json!(false);
            if let Some((_, required)) = NEEDED.iter().find(|(known, _)| known == name) {
                schema["required"] = json!(required);
            }
        }
    }
    if strict {
        schemas["CreateObservationRequest"]["anyOf"] =
            json!([{"required": ["value_numeric"]}, {"required": ["value_text"]}]);
    }
    schemas
}

fn properties(schema: &mut Value) -> impl Iterator<Item = &mut Value> {
    schema
        .get_mut("properties")
        .and_then(Value::as_object_mut)
        .into_iter()
        .flat_map(|properties| properties.values_mut())
}

fn check(schema: &Value, strict: bool, instance: &Value) -> Result<(), String> {
    let mut root = schema.clone();
    root["components"] = json!({"schemas": schemas(strict)});
    jsonschema::options()
        .with_draft(jsonschema::Draft::Draft202012)
        .should_validate_formats(true)
        .build(&root)
        .expect("the document's schemas are schemas")
        .validate(instance)
        .map_err(|error| format!("{} at {}", error, error.instance_path()))
}

/// Checks a resource as WHOOP serves it.
pub fn check_resource(name: &str, resource: &Value) -> Result<(), String> {
    let schema = json!({"allOf": [{"$ref": format!("#/components/schemas/{name}")}]});
    check(&schema, false, resource)
}

/// The published fields of a schema, and whether the document requires each.
pub fn fields(schema: &str) -> Vec<(String, bool)> {
    let schema = &DOCUMENT["components"]["schemas"][schema];
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    let properties = schema["properties"].as_object().expect("an object");
    properties
        .keys()
        .map(|name| (name.clone(), required.contains(&json!(name))))
        .collect()
}

/// Every published call, as `GET /v2/partner/requisition/{id}`.
pub fn operations() -> Vec<String> {
    let mut operations = Vec::new();
    for (path, methods) in DOCUMENT["paths"].as_object().expect("paths") {
        for method in methods.as_object().expect("methods").keys() {
            operations.push(format!("{} {path}", method.to_uppercase()));
        }
    }
    operations.sort();
    operations
}

/// Checks a request strictly and returns the published call that it is.
pub fn check_request(call: &Call) -> Result<String, String> {
    let paths = DOCUMENT["paths"].as_object().expect("paths");
    let (template, methods) = paths
        .iter()
        .find(|(template, _)| is_instance(template, &call.path))
        .ok_or("no such path")?;
    let operation = methods
        .get(call.method.to_lowercase())
        .ok_or("no such method")?;
    check_parameters(operation, template, call)?;
    match (&operation.get("requestBody"), &call.body) {
        (Some(described), Some(body)) => {
            check(
                &described["content"]["application/json"]["schema"],
                true,
                body,
            )?;
        }
        (None, None) => {}
        (Some(_), None) => return Err("a JSON body is missing".into()),
        (None, Some(_)) => return Err("a body is not expected".into()),
    }
    if operation.get("security").is_some() && !call.authorized {
        return Err("a valid token is missing".into());
    }
    Ok(format!("{} {template}", call.method))
}

fn is_instance(template: &str, path: &str) -> bool {
    let (template, path): (Vec<_>, Vec<_>) =
        (template.split('/').collect(), path.split('/').collect());
    let fits = |(template, segment): (&&str, &&str)| *template == "{id}" || template == segment;
    template.len() == path.len() && template.iter().zip(&path).all(fits)
}

fn check_parameters(operation: &Value, template: &str, call: &Call) -> Result<(), String> {
    let mut in_path = template.split('/').zip(call.path.split('/'));
    let mut in_query: Vec<_> = call
        .query
        .iter()
        .flat_map(|query| query.split('&'))
        .filter_map(|pair| pair.split_once('='))
        .collect();
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let name = parameter["name"].as_str().expect("a name");
        let value = match parameter["in"].as_str() {
            Some("path") => in_path
                .find(|(template, _)| *template == format!("{{{name}}}"))
                .map(|(_, value)| value),
            _ => in_query
                .iter()
                .position(|(known, _)| *known == name)
                .map(|index| in_query.swap_remove(index).1),
        };
        match value {
            Some(value) => check(&parameter["schema"], true, &json!(value))?,
            None if parameter["required"] == true => return Err(format!("{name} is missing")),
            None => {}
        }
    }
    if in_query.is_empty() {
        Ok(())
    } else {
        Err("a parameter is not in the document".into())
    }
}
