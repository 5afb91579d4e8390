//! Resolves intrinsic functions of CloudFormation: to what a test can know before a deployment.
//!
//! A parameter becomes its value, `AWS::StackName` the given name, and a lookup in a mapping its value. A resource and its
//! attributes have no value before a deployment, so `Ref` becomes the logical id, such as `WebhookQueue`, and `Fn::GetAtt` the
//! id with the attribute, such as `WebhookQueue.QueueName`. Other pseudo parameters stay as they are, such as `AWS::Region`.

use serde_json::{Map, Value};
use template::Template;
use thiserror::Error;

/// Why a value cannot be resolved.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ResolveError {
    /// Nothing has this name.
    #[error("{0} is neither a parameter nor a resource")]
    Unknown(String),
    /// The parameter has no default and was not given.
    #[error("parameter {0} has no value")]
    ParameterWithoutValue(String),
    /// A mapping does not contain these keys.
    #[error("mapping {0} has no value")]
    Mapping(String),
    /// The function is not supported.
    #[error("function {0} is not supported")]
    Unsupported(String),
    /// The arguments of a function are not as they should be.
    #[error("the arguments of {0} are not valid")]
    Arguments(&'static str),
}

/// Resolves the values of a template whose parameters have their values as defaults.
pub(crate) struct Resolver<'a> {
    pub(crate) template: &'a Template,
    pub(crate) stack_name: &'a str,
}

impl Resolver<'_> {
    /// The value without intrinsic functions.
    pub(crate) fn resolve(&self, value: &Value) -> Result<Value, ResolveError> {
        match value {
            Value::Object(map) => match map.iter().next() {
                Some((function, argument))
                    if map.len() == 1 && (function == "Ref" || function.starts_with("Fn::")) =>
                {
                    self.call(function, argument)
                }
                _ => {
                    let entries = map.iter();
                    let entries =
                        entries.map(|(key, value)| Ok((key.clone(), self.resolve(value)?)));
                    entries.collect::<Result<Map<_, _>, _>>().map(Value::Object)
                }
            },
            Value::Array(list) => list.iter().map(|value| self.resolve(value)).collect(),
            scalar => Ok(scalar.clone()),
        }
    }

    fn call(&self, function: &str, argument: &Value) -> Result<Value, ResolveError> {
        match (function, argument) {
            ("Ref", Value::String(name)) => self.reference(name),
            ("Ref", _) => Err(ResolveError::Arguments("Ref")),
            ("Fn::GetAtt", Value::Array(list)) => match &list[..] {
                [Value::String(id), attribute] => {
                    self.attribute(id, &text(&self.resolve(attribute)?, "Fn::GetAtt")?)
                }
                _ => Err(ResolveError::Arguments("Fn::GetAtt")),
            },
            ("Fn::GetAtt", _) => Err(ResolveError::Arguments("Fn::GetAtt")),
            ("Fn::Sub", Value::String(text)) => self.substitute(text, &Map::new()),
            ("Fn::Sub", Value::Array(list)) => match &list[..] {
                [Value::String(text), Value::Object(variables)] => self.substitute(text, variables),
                _ => Err(ResolveError::Arguments("Fn::Sub")),
            },
            ("Fn::Sub", _) => Err(ResolveError::Arguments("Fn::Sub")),
            ("Fn::FindInMap", Value::Array(keys)) if keys.len() == 3 => self.find_in_map(keys),
            ("Fn::FindInMap", _) => Err(ResolveError::Arguments("Fn::FindInMap")),
            _ => Err(ResolveError::Unsupported(function.to_owned())),
        }
    }

    fn reference(&self, name: &str) -> Result<Value, ResolveError> {
        if name == "AWS::StackName" {
            return Ok(self.stack_name.into());
        }
        let parameter = &self.template.0["Parameters"][name];
        if parameter.is_object() {
            return match &parameter["Default"] {
                Value::Null => Err(ResolveError::ParameterWithoutValue(name.to_owned())),
                value => Ok(value.clone()),
            };
        }
        if !name.starts_with("AWS::") {
            self.check_resource(name)?;
        }
        Ok(name.into())
    }

    fn attribute(&self, id: &str, attribute: &str) -> Result<Value, ResolveError> {
        self.check_resource(id)?;
        Ok(format!("{id}.{attribute}").into())
    }

    fn check_resource(&self, id: &str) -> Result<(), ResolveError> {
        if self.template.0["Resources"][id].is_object() {
            return Ok(());
        }
        Err(ResolveError::Unknown(id.to_owned()))
    }

    /// Replaces `${Name}`, `${Resource.Attribute}` and the variables. `${!Text}` stands for the text `${Text}`.
    fn substitute(
        &self,
        pattern: &str,
        variables: &Map<String, Value>,
    ) -> Result<Value, ResolveError> {
        let mut result = String::new();
        let mut rest = pattern;
        while let Some((before, after)) = rest.split_once("${") {
            let end = after.split_once('}');
            let (name, after) = end.ok_or(ResolveError::Arguments("Fn::Sub"))?;
            result.push_str(before);
            rest = after;
            if let Some(literal) = name.strip_prefix('!') {
                result.push_str(&format!("${{{literal}}}"));
                continue;
            }
            let value = match (variables.get(name), name.split_once('.')) {
                (Some(variable), _) => self.resolve(variable)?,
                (None, Some((id, attribute))) => self.attribute(id, attribute)?,
                (None, None) => self.reference(name)?,
            };
            result.push_str(&text(&value, "Fn::Sub")?);
        }
        result.push_str(rest);
        Ok(result.into())
    }

    fn find_in_map(&self, keys: &[Value]) -> Result<Value, ResolveError> {
        let keys = keys
            .iter()
            .map(|key| text(&self.resolve(key)?, "Fn::FindInMap"));
        let keys: Vec<String> = keys.collect::<Result<_, _>>()?;
        let mappings = &self.template.0["Mappings"];
        let value = keys.iter().try_fold(mappings, |map, key| map.get(key));
        let value = value.ok_or_else(|| ResolveError::Mapping(keys.join(".")))?;
        Ok(value.clone())
    }
}

/// The text of a scalar value, as CloudFormation inserts it.
fn text(value: &Value, function: &'static str) -> Result<String, ResolveError> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(truth) => Ok(truth.to_string()),
        _ => Err(ResolveError::Arguments(function)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn template() -> Template {
        Template(json!({
            "Parameters": {
                "HeartbeatMinutes": {"Type": "Number", "Default": 30},
                "LogLevel": {"Type": "String", "Default": "INFO"},
                "Email": {"Type": "String"},
            },
            "Mappings": {"Heartbeat": {"30": {"Seconds": 1800}}},
            "Resources": {"WebhookQueue": {"Type": "AWS::SQS::Queue"}},
        }))
    }

    fn resolve(value: &Value) -> Result<Value, ResolveError> {
        let template = template();
        let resolver = Resolver {
            template: &template,
            stack_name: "whoop",
        };
        resolver.resolve(value)
    }

    #[track_caller]
    fn check(value: Value, expected: Value) {
        assert_eq!(resolve(&value), Ok(expected));
    }

    #[track_caller]
    fn rejected(value: Value, message: &str) {
        assert_eq!(resolve(&value).unwrap_err().to_string(), message);
    }

    #[test]
    fn a_reference_is_a_parameters_value_or_a_resources_id() {
        check(json!({"Ref": "HeartbeatMinutes"}), json!(30));
        check(json!({"Ref": "LogLevel"}), json!("INFO"));
        check(json!({"Ref": "AWS::StackName"}), json!("whoop"));
        check(json!({"Ref": "AWS::Region"}), json!("AWS::Region"));
        check(json!({"Ref": "WebhookQueue"}), json!("WebhookQueue"));
    }

    #[test]
    fn an_attribute_has_the_resources_id_before_it() {
        let attribute = json!({"Fn::GetAtt": ["WebhookQueue", "QueueName"]});
        check(attribute, json!("WebhookQueue.QueueName"));
    }

    #[test]
    fn substitutes_in_text() {
        let text = "${AWS::StackName}/${LogLevel}-${HeartbeatMinutes}: ${WebhookQueue} ${WebhookQueue.Arn} ${!x}";
        let expected = "whoop/INFO-30: WebhookQueue WebhookQueue.Arn ${x}";
        check(json!({"Fn::Sub": text}), json!(expected));
        let variables =
            json!(["${A} ${LogLevel}", {"A": {"Ref": "WebhookQueue"}, "LogLevel": "x"}]);
        check(json!({"Fn::Sub": variables}), json!("WebhookQueue x"));
    }

    #[test]
    fn looks_up_in_mappings() {
        let keys = json!(["Heartbeat", {"Ref": "HeartbeatMinutes"}, "Seconds"]);
        check(json!({"Fn::FindInMap": keys}), json!(1800));
    }

    #[test]
    fn resolves_deep_inside() {
        let value = json!({"a": [{"b": {"Ref": "LogLevel"}, "c": 1}, null, "x"]});
        check(value, json!({"a": [{"b": "INFO", "c": 1}, null, "x"]}));
    }

    #[test]
    fn names_what_it_cannot_resolve() {
        rejected(
            json!({"Ref": "Nothing"}),
            "Nothing is neither a parameter nor a resource",
        );
        rejected(
            json!({"Fn::GetAtt": ["Nothing", "Arn"]}),
            "Nothing is neither a parameter nor a resource",
        );
        rejected(json!({"Ref": "Email"}), "parameter Email has no value");
        rejected(
            json!({"Fn::FindInMap": ["Heartbeat", "60", "Seconds"]}),
            "mapping Heartbeat.60.Seconds has no value",
        );
        rejected(
            json!({"Fn::Join": ["", []]}),
            "function Fn::Join is not supported",
        );
        for function in ["Ref", "Fn::GetAtt", "Fn::Sub", "Fn::FindInMap"] {
            let message = format!("the arguments of {function} are not valid");
            rejected(json!({function: 1}), &message);
        }
        rejected(
            json!({"Fn::Sub": "${x"}),
            "the arguments of Fn::Sub are not valid",
        );
    }
}
