//! Reads conditions, and refuses those that make no sense whatever the item is.

use super::condition::{Comparator, Condition, Operand};
use super::parser::Parser;
use crate::attribute_value::{AttributeValue, TYPES};
use crate::error::Error;

/// The functions that are conditions.
const FUNCTIONS: [&str; 4] = [
    "attribute_exists",
    "attribute_not_exists",
    "attribute_type",
    "begins_with",
];

/// Reads conditions with OR between them.
pub(super) fn condition(parser: &mut Parser) -> Result<Condition, Error> {
    let mut condition = conjunction(parser)?;
    while parser.take_keyword("OR") {
        condition = Condition::Or(Box::new(condition), Box::new(conjunction(parser)?));
    }
    Ok(condition)
}

fn conjunction(parser: &mut Parser) -> Result<Condition, Error> {
    let mut condition = negation(parser)?;
    while parser.take_keyword("AND") {
        condition = Condition::And(Box::new(condition), Box::new(negation(parser)?));
    }
    Ok(condition)
}

fn negation(parser: &mut Parser) -> Result<Condition, Error> {
    if parser.take_keyword("NOT") {
        return Ok(Condition::Not(Box::new(negation(parser)?)));
    }
    if parser.take_symbol("(") {
        return group(parser);
    }
    if let Some(name) = parser.take_function(&FUNCTIONS)? {
        return function(name, arguments(parser)?);
    }
    let left = operand(parser)?;
    if parser.take_keyword("BETWEEN") {
        return between(left, parser);
    }
    if parser.take_keyword("IN") {
        parser.expect_symbol("(")?;
        return Ok(Condition::In(left, arguments(parser)?));
    }
    comparison(left, parser)
}

/// What follows an opening parenthesis.
fn group(parser: &mut Parser) -> Result<Condition, Error> {
    let inner = condition(parser)?;
    parser.expect_symbol(")")?;
    if matches!(inner, Condition::Group(_)) {
        let message = "The expression has redundant parentheses;";
        return Err(Error::validation(message));
    }
    Ok(Condition::Group(Box::new(inner)))
}

fn comparison(left: Operand, parser: &mut Parser) -> Result<Condition, Error> {
    let mut comparators = Comparator::SYMBOLS.into_iter();
    let next = comparators.find(|(symbol, _)| parser.take_symbol(symbol));
    let (symbol, comparator) = next.ok_or_else(|| parser.syntax_error())?;
    let right = operand(parser)?;
    refuse_same_attribute(symbol, &left, &right)?;
    if comparator.needs_order() {
        refuse_without_order(symbol, [&left, &right])?;
    }
    Ok(Condition::Comparison(left, comparator, right))
}

/// What follows BETWEEN.
fn between(operand_between: Operand, parser: &mut Parser) -> Result<Condition, Error> {
    let low = operand(parser)?;
    parser.expect_keyword("AND")?;
    let high = operand(parser)?;
    refuse_without_order("BETWEEN", [&operand_between, &low, &high])?;
    if let (Operand::Value(low), Operand::Value(high)) = (&low, &high) {
        let problem = match low.order(high) {
            None => Some("same data type for lower and upper bounds"),
            Some(order) if order.is_gt() => {
                Some("upper bound to be greater than or equal to lower bound")
            }
            Some(_) => None,
        };
        if let Some(problem) = problem {
            return Err(Error::Validation(format!(
                "The BETWEEN operator requires {problem}; lower bound operand: AttributeValue: {}, upper bound operand: \
                 AttributeValue: {}",
                low.to_json(),
                high.to_json()
            )));
        }
    }
    Ok(Condition::Between(operand_between, low, high))
}

fn function(name: &str, arguments: Vec<Operand>) -> Result<Condition, Error> {
    let number = arguments.len();
    let mut arguments = arguments.into_iter();
    match (name, arguments.next(), arguments.next(), arguments.next()) {
        ("attribute_exists", Some(operand), None, _) => Ok(Condition::Exists(path(name, operand)?)),
        ("attribute_not_exists", Some(operand), None, _) => {
            Ok(Condition::NotExists(path(name, operand)?))
        }
        ("attribute_type", Some(operand), Some(wanted), None) => {
            Ok(Condition::HasType(operand, type_name(wanted)?))
        }
        ("begins_with", Some(operand), Some(start), None) => {
            refuse_same_attribute(name, &operand, &start)?;
            let has_start = |value: &AttributeValue| {
                matches!(value, AttributeValue::S(_) | AttributeValue::B(_))
            };
            refuse_values(name, [&operand, &start], has_start)?;
            Ok(Condition::BeginsWith(operand, start))
        }
        _ => Err(Error::Validation(format!(
            "Incorrect number of operands for operator or function; operator or function: {name}, number of operands: \
             {number}"
        ))),
    }
}

/// Operands between commas, and the closing parenthesis after them.
fn arguments(parser: &mut Parser) -> Result<Vec<Operand>, Error> {
    let mut operands = vec![operand(parser)?];
    while parser.take_symbol(",") {
        operands.push(operand(parser)?);
    }
    parser.expect_symbol(")")?;
    Ok(operands)
}

fn operand(parser: &mut Parser) -> Result<Operand, Error> {
    if let Some(value) = parser.take_value()? {
        return Ok(Operand::Value(value));
    }
    // a condition compares no results of the functions that this table has
    parser.take_function(&[])?;
    Ok(Operand::Attribute(parser.attribute()?))
}

fn path(function: &str, operand: Operand) -> Result<String, Error> {
    match operand {
        Operand::Attribute(name) => Ok(name),
        Operand::Value(_) => Err(Error::Validation(format!(
            "Operator or function requires a document path; operator or function: {function}"
        ))),
    }
}

/// The type that `attribute_type` asks for.
fn type_name(operand: Operand) -> Result<String, Error> {
    match operand {
        Operand::Value(AttributeValue::S(name)) if TYPES.contains(&name.as_str()) => Ok(name),
        Operand::Value(AttributeValue::S(name)) => Err(Error::Validation(format!(
            "Invalid attribute type name found; type: {name}, valid types: {{{}}}",
            TYPES.join(",")
        ))),
        _ => Err(Error::validation(
            "Incorrect operand type for operator or function; operator or function: attribute_type",
        )),
    }
}

fn refuse_same_attribute(operator: &str, left: &Operand, right: &Operand) -> Result<(), Error> {
    match (left, right) {
        (Operand::Attribute(left), Operand::Attribute(right)) if left == right => {
            Err(Error::Validation(format!(
                "The first operand must be distinct from the remaining operands for this operator or function; \
                 operator: {operator}, first operand: [{left}]"
            )))
        }
        _ => Ok(()),
    }
}

fn refuse_without_order<const N: usize>(
    operator: &str,
    operands: [&Operand; N],
) -> Result<(), Error> {
    refuse_values(operator, operands, AttributeValue::is_ordered)
}

/// Refuses values of the request that an operator can't take. An attribute of such a type only makes the condition
/// false.
fn refuse_values<const N: usize>(
    operator: &str,
    operands: [&Operand; N],
    fits: impl Fn(&AttributeValue) -> bool,
) -> Result<(), Error> {
    for operand in operands {
        if let Operand::Value(value) = operand
            && !fits(value)
        {
            return Err(Error::Validation(format!(
                "Incorrect operand type for operator or function; operator or function: {operator}, operand type: {}",
                value.type_name()
            )));
        }
    }
    Ok(())
}
