//! The four operations.
//!
//! Follows <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Operations_Amazon_DynamoDB.html>.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::attribute_value::{AttributeValue, Item, item_to_json};
use crate::error::Error;
use crate::expression::{self, Condition, Placeholders, Update};
use crate::request::{KEY, Request};

/// The tables by their names, and in each the items by their ids.
pub(crate) type Tables = BTreeMap<String, BTreeMap<String, Item>>;

/// The parameters of operations that write, beside those that say what.
const OF_WRITES: [&str; 6] = [
    "TableName",
    "ConditionExpression",
    "ExpressionAttributeNames",
    "ExpressionAttributeValues",
    "ReturnValues",
    "ReturnValuesOnConditionCheckFailure",
];

/// Carries out a request and gives back the answer's body.
pub(crate) fn perform(
    tables: &mut Tables,
    operation: &str,
    request: &Value,
) -> Result<Value, Error> {
    match operation {
        "GetItem" => get_item(tables, request),
        "PutItem" => put_item(tables, request),
        "UpdateItem" => update_item(tables, request),
        "DeleteItem" => delete_item(tables, request),
        other => Err(Error::unsupported(format!("the operation {other}"))),
    }
}

fn get_item(tables: &Tables, request: &Value) -> Result<Value, Error> {
    let request = Request::new(request, &["TableName", "Key", "ConsistentRead"])?;
    let (table, id) = (request.table()?, request.key()?);
    let item = tables.get(&table).and_then(|items| items.get(&id));
    Ok(with("Item", item))
}

fn put_item(tables: &mut Tables, request: &Value) -> Result<Value, Error> {
    let request = Request::new(request, &[&OF_WRITES[..], &["Item"]].concat())?;
    let write = Write::of(&request, &["NONE", "ALL_OLD"])?;
    let (id, item) = request.new_item()?;
    write.perform(tables, id, |_| Ok(Some(item)))
}

fn delete_item(tables: &mut Tables, request: &Value) -> Result<Value, Error> {
    let request = Request::new(request, &[&OF_WRITES[..], &["Key"]].concat())?;
    let write = Write::of(&request, &["NONE", "ALL_OLD"])?;
    let id = request.key()?;
    write.perform(tables, id, |_| Ok(None))
}

fn update_item(tables: &mut Tables, request: &Value) -> Result<Value, Error> {
    let known = [&OF_WRITES[..], &["Key", "UpdateExpression"]].concat();
    let request = Request::new(request, &known)?;
    let return_values = ["NONE", "ALL_OLD", "ALL_NEW", "UPDATED_OLD", "UPDATED_NEW"];
    let mut write = Write::of(&request, &return_values)?;
    let id = request.key()?;
    let update = write.update.take().unwrap_or_default();
    let key = Item::from([(KEY.to_owned(), AttributeValue::S(id.clone()))]);
    write.perform(tables, id, |old| match old {
        None if update.only_removes() => Ok(None),
        old => update.apply(old.unwrap_or(&key)).map(Some),
    })
}

/// The parameters of a write beside the item.
struct Write {
    table: String,
    condition: Option<Condition>,
    update: Option<Update>,
    return_values: &'static str,
    returns_item_on_failure: bool,
}

impl Write {
    fn of(request: &Request, return_values: &[&'static str]) -> Result<Self, Error> {
        let return_values = request.choice("ReturnValues", return_values)?;
        if return_values.starts_with("UPDATED") {
            return Err(Error::unsupported(format!("ReturnValues={return_values}")));
        }
        let on_failure =
            request.choice("ReturnValuesOnConditionCheckFailure", &["NONE", "ALL_OLD"])?;
        let (condition, update) = expressions(request)?;
        Ok(Self {
            table: request.table()?,
            condition,
            update,
            return_values,
            returns_item_on_failure: on_failure == "ALL_OLD",
        })
    }

    /// Replaces the item by what `change` makes of it, if the condition holds.
    fn perform(
        self,
        tables: &mut Tables,
        id: String,
        change: impl FnOnce(Option<&Item>) -> Result<Option<Item>, Error>,
    ) -> Result<Value, Error> {
        let items = tables.entry(self.table).or_default();
        let old = items.get(&id).cloned();
        let missing = Item::new();
        let holds = |condition: Condition| condition.holds(old.as_ref().unwrap_or(&missing));
        if !self.condition.is_none_or(holds) {
            let returned = old.filter(|_| self.returns_item_on_failure);
            return Err(Error::ConditionalCheckFailed(returned));
        }
        let new = change(old.as_ref())?;
        let returned = match self.return_values {
            "ALL_OLD" => old.as_ref(),
            "ALL_NEW" => new.as_ref(),
            _ => None,
        };
        let answer = with("Attributes", returned);
        match new {
            Some(new) => items.insert(id, new),
            None => items.remove(&id),
        };
        Ok(answer)
    }
}

/// Condition and update, which share their placeholders.
fn expressions(request: &Request) -> Result<(Option<Condition>, Option<Update>), Error> {
    let condition = request.text("ConditionExpression")?;
    let update = request.text("UpdateExpression")?;
    let has_expressions = condition.is_some() || update.is_some();
    let mut placeholders = Placeholders::of(request, has_expressions)?;
    let condition = condition.map(|text| expression::condition(text, &mut placeholders));
    let condition = condition.transpose()?;
    let update = update.map(|text| expression::update(text, &mut placeholders));
    let update = update.transpose()?;
    placeholders.end()?;
    if let Some(update) = &update
        && update.targets().any(|name| name == KEY)
    {
        return Err(Error::Validation(format!(
            "One or more parameter values were invalid: Cannot update attribute {KEY}. This attribute is part of the key"
        )));
    }
    Ok((condition, update))
}

/// A body with the item under this name, if there is one.
fn with(name: &str, item: Option<&Item>) -> Value {
    item.map_or_else(|| json!({}), |item| json!({ name: item_to_json(item) }))
}
