//! The transformed template: resources, their properties, and what these refer to.

use std::process::Command;

use e2e::local_aws::checkout;
use serde_json::{Map, Value};

/// The template as CloudFormation gets it on AWS, with SAM's resources replaced by those they stand for.
#[derive(Clone)]
pub struct Template(pub Value);

/// One resource of a template.
#[derive(Clone, Copy)]
pub struct Resource<'a> {
    /// Its logical id.
    pub id: &'a str,
    value: &'a Value,
}

impl Template {
    /// Transforms `template.yaml` with the AWS library that does it in AWS, too.
    pub fn transformed() -> Result<Self, String> {
        let root = checkout();
        let output = Command::new(root.join(".venv/local-aws/bin/python"))
            .arg(root.join("tests/transform_template.py"))
            .arg(root.join("template.yaml"))
            .output()
            .map_err(|error| format!("python does not start (run `make setup`): {error}"))?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        let template = serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())?;
        Ok(Self(on_aws(template)))
    }

    /// All resources.
    pub fn resources(&self) -> impl Iterator<Item = Resource<'_>> {
        self.0["Resources"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(id, value)| Resource { id, value })
    }

    /// All resources of the type `kind`.
    pub fn of_type(&self, kind: &str) -> impl Iterator<Item = Resource<'_>> {
        self.resources()
            .filter(move |resource| resource.kind() == kind)
    }

    /// The property of the resource `id` at a JSON pointer, null where there is none.
    pub fn property(&self, id: &str, pointer: &str) -> &Value {
        self.resources()
            .find(|resource| resource.id == id)
            .map_or(&Value::Null, |resource| resource.property(pointer))
    }

    /// The resource that `value` refers to.
    pub fn target(&self, value: &Value) -> Option<Resource<'_>> {
        let id = referred(value)?;
        self.resources().find(|resource| resource.id == id)
    }

    /// The resources that `value` refers to, wherever in it.
    pub fn references(&self, value: &Value) -> Vec<Resource<'_>> {
        let mut found = Vec::new();
        let mut values = vec![value];
        while let Some(value) = values.pop() {
            found.extend(self.target(value));
            let texts = match &value["Fn::Sub"] {
                Value::Array(with_variables) => with_variables.first(),
                text => Some(text),
            };
            if let Some(text) = texts.and_then(Value::as_str) {
                let named = |target: &Resource<'_>| {
                    text.contains(&format!("${{{}}}", target.id))
                        || text.contains(&format!("${{{}.", target.id))
                };
                found.extend(self.resources().filter(named));
            }
            match value {
                Value::Object(map) => values.extend(map.values()),
                Value::Array(list) => values.extend(list),
                _ => {}
            }
        }
        found
    }

    /// The number that `value` is, or that the parameter it refers to is by default.
    pub fn number(&self, value: &Value) -> Option<f64> {
        match value {
            Value::Object(_) => self.0["Parameters"][referred(value)?]["Default"].as_f64(),
            literal => literal.as_f64(),
        }
    }
}

impl<'a> Resource<'a> {
    /// Its type.
    pub fn kind(self) -> &'a str {
        self.value["Type"].as_str().unwrap_or_default()
    }

    /// The property at a JSON pointer, null where there is none.
    pub fn property(self, pointer: &str) -> &'a Value {
        self.value["Properties"]
            .pointer(pointer)
            .unwrap_or(&Value::Null)
    }

    /// A resource attribute such as `DeletionPolicy`, null where there is none.
    pub fn attribute(self, name: &str) -> &'a Value {
        &self.value[name]
    }
}

/// The logical id in `{"Ref": id}` or `{"Fn::GetAtt": [id, attribute]}`.
pub fn referred(value: &Value) -> Option<&str> {
    value["Ref"]
        .as_str()
        .or_else(|| value["Fn::GetAtt"][0].as_str())
}

/// The text in `{"Fn::Sub": text}`.
pub fn substituted(value: &Value) -> Option<&str> {
    value["Fn::Sub"].as_str()
}

/// Decides every `Fn::If` on `OnAws` as AWS does.
fn on_aws(value: Value) -> Value {
    match value {
        Value::Object(mut map) if map.get("Fn::If").is_some_and(|choice| choice[0] == "OnAws") => {
            on_aws(map["Fn::If"][1].take())
        }
        Value::Object(map) => Value::Object(
            map.into_iter()
                .map(|(key, value)| (key, on_aws(value)))
                .filter(|(_, value)| value["Ref"] != "AWS::NoValue")
                .collect::<Map<_, _>>(),
        ),
        Value::Array(values) => values
            .into_iter()
            .map(on_aws)
            .filter(|value| value["Ref"] != "AWS::NoValue")
            .collect(),
        scalar => scalar,
    }
}
