//! Resolves intrinsic functions to the text that they have in a given stack.

use serde_json::Value;

/// The values of references: a resource or parameter by its name, or an attribute as `Resource.Attribute`.
pub type Known<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The text of `value`; `None` if it refers to something unknown or is no text.
pub fn resolved(value: &Value, known: Known<'_>) -> Option<String> {
    match value {
        Value::String(text) => return Some(text.clone()),
        Value::Number(number) => return Some(number.to_string()),
        _ => {}
    }
    let (function, operand) = value.as_object()?.iter().next()?;
    match (function.as_str(), operand) {
        ("Ref", name) => known(name.as_str()?),
        ("Fn::GetAtt", path) => known(&format!("{}.{}", path[0].as_str()?, path[1].as_str()?)),
        ("Fn::Sub", Value::String(text)) => substituted(text, known),
        ("Fn::Sub", with_variables) => {
            let variables = &with_variables[1];
            substituted(
                with_variables[0].as_str()?,
                &|name| match &variables[name] {
                    Value::Null => known(name),
                    variable => resolved(variable, known),
                },
            )
        }
        ("Fn::Select", operands) => {
            let index = usize::try_from(operands[0].as_u64()?).ok()?;
            parts(&operands[1], known)?.get(index).cloned()
        }
        ("Fn::Join", operands) => Some(parts(&operands[1], known)?.join(operands[0].as_str()?)),
        _ => None,
    }
}

/// The texts of a list.
fn parts(value: &Value, known: Known<'_>) -> Option<Vec<String>> {
    if let Value::Array(values) = value {
        return values.iter().map(|value| resolved(value, known)).collect();
    }
    let split = &value["Fn::Split"];
    let text = resolved(&split[1], known)?;
    Some(text.split(split[0].as_str()?).map(str::to_owned).collect())
}

/// `text` with each `${name}` replaced.
fn substituted(text: &str, known: Known<'_>) -> Option<String> {
    let mut pieces = text.split("${");
    let mut result = pieces.next()?.to_owned();
    for piece in pieces {
        let (name, rest) = piece.split_once('}')?;
        result += &known(name)?;
        result += rest;
    }
    Some(result)
}
