//! The transformed template: resources, their properties, and what these refer to.

mod key;
mod resolve;

use std::path::Path;
use std::process::Command;

use serde_json::Value;

pub use key::needs_of_the_key;
pub use resolve::{Known, resolved};

/// The template as CloudFormation gets it on AWS, with SAM's resources replaced by those that they stand for.
#[derive(Clone)]
pub struct Template(pub Value);

/// The root of the checkout, where `template.yaml` is.
#[must_use]
pub fn checkout() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("the package is two folders down in the checkout")
}

/// One resource of a template.
#[derive(Clone, Copy)]
pub struct Resource<'a> {
    /// Its logical id.
    pub id: &'a str,
    value: &'a Value,
}

impl Template {
    /// Transforms the template in `file` with the library that AWS itself uses for it.
    pub fn transformed(file: &Path) -> Result<Self, String> {
        let root = checkout();
        let output = Command::new(root.join(".venv/local-aws/bin/python"))
            .arg(root.join("tests/template/transform_template.py"))
            .arg(file)
            .output()
            .map_err(|error| format!("python does not start (run `make setup`): {error}"))?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        let template = serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())?;
        let on_aws = |condition: &str| (condition == "OnAws").then_some(true);
        Ok(Self(decided(template, &on_aws)))
    }

    /// The template as it is deployed with these values of parameters and the defaults of the others. Every value that
    /// depends on a condition is decided; the list of resources stays complete.
    pub fn deployed_with(&self, parameters: &[(&str, u64)]) -> Self {
        let mut template = self.clone();
        for (name, value) in parameters {
            template.0["Parameters"][name]["Default"] = Value::from(*value);
        }
        let holds = |condition: &str| Some(template.holds(&template.0["Conditions"][condition]));
        Self(decided(template.0.clone(), &holds))
    }

    /// Whether the stack contains `resource` with the parameters at their defaults.
    pub fn contains(&self, resource: Resource<'_>) -> bool {
        let condition = resource.attribute("Condition").as_str();
        condition.is_none_or(|name| self.holds(&self.0["Conditions"][name]))
    }

    /// Whether a condition holds with the parameters at their defaults.
    fn holds(&self, condition: &Value) -> bool {
        if let Some(name) = condition["Condition"].as_str() {
            return self.holds(&self.0["Conditions"][name]);
        }
        let operands = |function: &str| condition[function].as_array();
        if let Some(all) = operands("Fn::And") {
            return all.iter().all(|one| self.holds(one));
        }
        if let Some(one) = operands("Fn::Not") {
            return !self.holds(&one[0]);
        }
        match operands("Fn::Equals").map(Vec::as_slice) {
            Some([one, other]) => self.text(one) == self.text(other),
            _ => panic!("the proofs do not understand this condition: {condition}"),
        }
    }

    /// The text of a value; for a parameter, its default.
    fn text(&self, value: &Value) -> String {
        match referred(value) {
            Some(parameter) => self.text(&self.0["Parameters"][parameter]["Default"]),
            None => value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned),
        }
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

    /// The property of the resource `id` at a JSON pointer, or null.
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

    /// The resources to which `value` refers anywhere in it.
    pub fn references(&self, value: &Value) -> Vec<Resource<'_>> {
        self.resources()
            .filter(|resource| self.mentions(value, resource.id))
            .collect()
    }

    /// The parameters on which `value` depends, including those of its conditions.
    pub fn parameters(&self, value: &Value) -> Vec<&str> {
        let parameters = self.0["Parameters"].as_object().into_iter().flatten();
        parameters
            .map(|(name, _)| name.as_str())
            .filter(|name| self.mentions(value, name))
            .collect()
    }

    /// Whether `value` refers to `id` anywhere in it.
    fn mentions(&self, value: &Value, id: &str) -> bool {
        let text = match &value["Fn::Sub"] {
            Value::Array(with_variables) => with_variables.first(),
            text => Some(text),
        };
        let substituted = text.and_then(Value::as_str).is_some_and(|text| {
            text.contains(&format!("${{{id}}}")) || text.contains(&format!("${{{id}."))
        });
        let conditions = [&value["Fn::If"][0], &value["Condition"]];
        let depends = conditions.into_iter().filter_map(Value::as_str);
        referred(value) == Some(id)
            || substituted
            || depends
                .map(|name| &self.0["Conditions"][name])
                .any(|condition| self.mentions(condition, id))
            || match value {
                Value::Object(map) => map.values().any(|value| self.mentions(value, id)),
                Value::Array(list) => list.iter().any(|value| self.mentions(value, id)),
                _ => false,
            }
    }

    /// The number that `value` is, or the default of the parameter to which it refers.
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

    /// The property at a JSON pointer, or null.
    pub fn property(self, pointer: &str) -> &'a Value {
        self.value["Properties"]
            .pointer(pointer)
            .unwrap_or(&Value::Null)
    }

    /// A resource attribute such as `DeletionPolicy`, or null.
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

/// Decides every `Fn::If` whose condition `decide` knows.
fn decided(value: Value, decide: &dyn Fn(&str) -> Option<bool>) -> Value {
    let is_something = |value: &Value| value["Ref"] != "AWS::NoValue";
    match value {
        Value::Object(mut map) => {
            if let Some(Value::Array(choice)) = map.get_mut("Fn::If") {
                if let Some(holds) = choice[0].as_str().and_then(decide) {
                    return decided(choice[if holds { 1 } else { 2 }].take(), decide);
                }
                for alternative in choice {
                    *alternative = decided(alternative.take(), decide);
                }
                return Value::Object(map);
            }
            let entries = map.into_iter();
            let entries = entries.map(|(key, value)| (key, decided(value, decide)));
            Value::Object(entries.filter(|(_, value)| is_something(value)).collect())
        }
        Value::Array(values) => {
            let values = values.into_iter().map(|value| decided(value, decide));
            values.filter(is_something).collect()
        }
        scalar => scalar,
    }
}
