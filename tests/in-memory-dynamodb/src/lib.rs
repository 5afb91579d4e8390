//! DynamoDB in memory, at the level of its JSON protocol, as far as our functions use it. With it, a test need not
//! repeat DynamoDB's conditions by hand, and a simulation can do thousands of operations a second.
//!
//! Every table exists and has one partition key, the string `id`. The operations are GetItem, PutItem, UpdateItem and
//! DeleteItem. Conditions have OR, AND, NOT, comparisons, BETWEEN, IN, `attribute_exists`, `attribute_not_exists`,
//! `attribute_type` and `begins_with`; updates have SET (with `+`, `-` and `if_not_exists`) and REMOVE. Anything else
//! that DynamoDB has ends in a panic that names it, because every answer would only pretend to be DynamoDB's.
//!
//! The same calls in the same order always get the same answers: there is no clock and no randomness.

mod attribute_value;
mod error;
mod expression;
mod http;
mod number;
mod operation;
mod request;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use attribute_value::item_to_json;
use operation::Tables;

/// The tables. Operations from several threads are carried out one after the other.
#[derive(Debug, Default)]
pub struct InMemoryDynamoDb {
    tables: Mutex<Tables>,
}

impl InMemoryDynamoDb {
    /// All tables are empty.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Carries out an operation such as `PutItem` and gives back the status and the body of the answer.
    ///
    /// # Panics
    ///
    /// If the request asks for something that DynamoDB has and this table has not.
    pub fn call(&self, operation: &str, request: &Value) -> (u16, Value) {
        let outcome = operation::perform(&mut self.tables(), operation, request);
        match outcome {
            Ok(body) => (200, body),
            Err(error) => error.answer(),
        }
    }

    /// The item with this id, in DynamoDB's JSON.
    #[must_use]
    pub fn item(&self, table: &str, id: &str) -> Option<Value> {
        let tables = self.tables();
        tables.get(table)?.get(id).map(item_to_json)
    }

    /// All items of a table by their ids.
    #[must_use]
    pub fn items(&self, table: &str) -> BTreeMap<String, Value> {
        let tables = self.tables();
        let items = tables.get(table).into_iter().flatten();
        items
            .map(|(id, item)| (id.clone(), item_to_json(item)))
            .collect()
    }

    /// Puts an item in DynamoDB's JSON, in place of the one that has the same id.
    ///
    /// # Panics
    ///
    /// If DynamoDB would not take the item.
    pub fn put(&self, table: &str, item: &Value) {
        let (status, answer) = self.call("PutItem", &json!({"TableName": table, "Item": item}));
        assert_eq!(status, 200, "{answer}");
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        // every operation either changes one item at its end or nothing
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
