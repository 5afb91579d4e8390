//! Generates operations with conditions and updates from a small grammar.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{
    AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure as OnFailure,
};
use fastrand::Rng;

use super::operation::{Item, Kind, Operation};
use super::values::{self, ATTRIBUTES, Stored, attribute, pick};

/// The greatest number of levels of AND, OR and NOT in a condition.
const DEPTH: usize = 3;

pub fn draw(random: &mut Rng, id: &str, stored: &Stored) -> Operation {
    let kinds = [
        Kind::Put,
        Kind::Put,
        Kind::Update,
        Kind::Update,
        Kind::Update,
        Kind::Delete,
    ];
    let mut operation = Operation::new(pick(random, &kinds), id);
    let mut draw = Draw {
        random,
        stored,
        names: HashMap::new(),
        values: Item::new(),
    };
    if draw.random.u8(..4) > 0 {
        operation.condition = Some(draw.condition(DEPTH));
    }
    match operation.kind {
        Kind::Put => {
            for name in ATTRIBUTES {
                if draw.random.bool() {
                    operation.item.insert(name.into(), values::any(draw.random));
                }
            }
        }
        Kind::Update if draw.random.u8(..8) > 0 => operation.update = Some(draw.update()),
        _ => {}
    }
    let Draw { names, values, .. } = draw;
    operation.names = (!names.is_empty()).then_some(names);
    operation.values = (!values.is_empty()).then_some(values);
    let mut return_values = vec![None, Some(ReturnValue::None), Some(ReturnValue::AllOld)];
    if operation.kind == Kind::Update {
        return_values.push(Some(ReturnValue::AllNew));
    }
    operation.return_values = pick(random, &return_values);
    let on_failure = [None, Some(OnFailure::None), Some(OnFailure::AllOld)];
    operation.on_failure = pick(random, &on_failure);
    operation
}

/// An operation that is being generated.
struct Draw<'d> {
    random: &'d mut Rng,
    stored: &'d Stored,
    names: HashMap<String, String>,
    values: Item,
}

impl Draw<'_> {
    fn condition(&mut self, depth: usize) -> String {
        if depth == 0 || self.random.bool() {
            return self.comparison();
        }
        let keywords = [" AND ", " OR ", " and ", " Or "];
        match self.random.u8(..5) {
            0 => format!("NOT {}", self.nested(depth)),
            _ => {
                let (left, right) = (self.nested(depth), self.nested(depth));
                format!("{left}{}{right}", pick(self.random, &keywords))
            }
        }
    }

    /// A condition inside another one, with or without parentheses.
    fn nested(&mut self, depth: usize) -> String {
        let condition = self.condition(depth - 1);
        match self.random.bool() {
            true => format!("({condition})"),
            false => condition,
        }
    }

    fn comparison(&mut self) -> String {
        let attribute = self.attribute();
        let name = self.name(attribute);
        match self.random.u8(..9) {
            0 => format!("attribute_exists({name})"),
            1 => format!("attribute_not_exists ({name})"),
            2 => {
                let types = ["S", "N", "B", "SS", "NS", "BS", "BOOL", "NULL", "L", "M"];
                let wanted = AttributeValue::S(pick(self.random, &types).into());
                format!("attribute_type({name}, {})", self.value(wanted))
            }
            3 => self.beginning(attribute, &name),
            4 => {
                // of one type, because the local AWS compares other types too; in any order, because both refuse the
                // wrong one
                let (low, high) = match self.random.bool() {
                    true => (values::number(self.random), values::number(self.random)),
                    false => (values::text(self.random), values::text(self.random)),
                };
                format!(
                    "{name} BETWEEN {} AND {}",
                    self.value(low),
                    self.value(high)
                )
            }
            5 => {
                let count = self.random.usize(1..4);
                let any: Vec<_> = (0..count).map(|_| self.any_value()).collect();
                format!("{name} IN ({})", any.join(", "))
            }
            6 => self.two_attributes(attribute, &name),
            7 => {
                // not a list or a map: AWS refuses it, while for the local AWS it only makes the condition false
                let comparator = pick(self.random, &["<", "<=", ">", ">="]);
                let value = values::ordered(self.random);
                self.either_way(name, comparator, value)
            }
            _ => {
                let comparator = pick(self.random, &["=", "<>"]);
                let value = values::any(self.random);
                self.either_way(name, comparator, value)
            }
        }
    }

    fn either_way(&mut self, name: String, comparator: &str, value: AttributeValue) -> String {
        let value = self.value(value);
        match self.random.bool() {
            true => format!("{name} {comparator} {value}"),
            false => format!("{value}{comparator}{name}"),
        }
    }

    /// Avoids attributes of another type: the local AWS refuses them, while for AWS they make the condition false.
    fn beginning(&mut self, attribute: &str, name: &str) -> String {
        let start = match self.random.bool() {
            true => values::text(self.random),
            false => values::bytes(self.random),
        };
        if self.stored.has_other_type(attribute, &start) {
            return format!("attribute_exists({name})");
        }
        format!("begins_with({name}, {})", self.value(start))
    }

    /// Avoids two cases. If both attributes are missing, the local AWS takes them for equal and AWS does not. If an
    /// attribute is compared with itself, AWS refuses and the local AWS does not.
    fn two_attributes(&mut self, attribute: &str, name: &str) -> String {
        let other = self.attribute();
        if other == attribute || !(self.stored.has(attribute) || self.stored.has(other)) {
            return format!("attribute_not_exists({name})");
        }
        let comparator = pick(self.random, &["=", "<>", "<", "<=", ">", ">="]);
        format!("{name} {comparator} {}", self.name(other))
    }

    fn update(&mut self) -> String {
        let mut targets = ATTRIBUTES.to_vec();
        self.random.shuffle(&mut targets);
        let mut set: Vec<_> = targets.drain(..self.random.usize(..4)).collect();
        let remove: Vec<_> = targets.drain(..self.random.usize(..3)).collect();
        // Avoids an update of a missing item that only removes: the local AWS creates the item, AWS does not.
        if remove.is_empty() || !self.stored.exists() {
            set.extend(targets.pop());
        }
        let mut sections = Vec::new();
        if !set.is_empty() {
            let assignments: Vec<_> = set.into_iter().map(|name| self.assignment(name)).collect();
            sections.push(format!("SET {}", assignments.join(", ")));
        }
        if !remove.is_empty() {
            let names: Vec<_> = remove.into_iter().map(|name| self.name(name)).collect();
            sections.push(format!("remove {}", names.join(",")));
        }
        self.random.shuffle(&mut sections);
        sections.join(" ")
    }

    fn assignment(&mut self, target: &str) -> String {
        let (target, source) = (self.name(target), attribute(self.random));
        let value = match self.random.u8(..8) {
            0 => self.name(source),
            1 | 2 => {
                let otherwise = self.any_value();
                format!("if_not_exists({}, {otherwise})", self.name(source))
            }
            3 => {
                let (name, other) = (self.name(source), attribute(self.random));
                let (other, otherwise) = (self.name(other), self.any_value());
                format!("if_not_exists({name}, if_not_exists({other}, {otherwise}))")
            }
            4 | 5 if self.stored.is_short_number(source) => {
                let operator = pick(self.random, &["+", "-"]);
                let (name, other) = (self.name(source), self.short_number());
                match self.random.u8(..3) {
                    0 => format!("{name} {operator} {other}"),
                    1 => format!("{other}{operator}{name}"),
                    _ => {
                        let otherwise = self.short_number();
                        format!("if_not_exists({name}, {otherwise}) {operator} {other}")
                    }
                }
            }
            _ => self.any_value(),
        };
        format!("{target} = {value}")
    }

    fn any_value(&mut self) -> String {
        let value = values::any(self.random);
        self.value(value)
    }

    fn short_number(&mut self) -> String {
        let number = values::short_number(self.random);
        self.value(number)
    }

    /// An attribute, the key included.
    fn attribute(&mut self) -> &'static str {
        match self.random.u8(..12) {
            0 => "id",
            _ => attribute(self.random),
        }
    }

    /// The attribute as it is written in the expression.
    fn name(&mut self, attribute: &str) -> String {
        if attribute != "state" && self.random.u8(..4) > 0 {
            return attribute.into();
        }
        let placeholder = format!("#_{attribute}");
        self.names.insert(placeholder.clone(), attribute.into());
        placeholder
    }

    /// The value as it is written in the expression.
    fn value(&mut self, value: AttributeValue) -> String {
        let placeholder = format!(":{}", self.values.len());
        self.values.insert(placeholder.clone(), value);
        placeholder
    }
}
