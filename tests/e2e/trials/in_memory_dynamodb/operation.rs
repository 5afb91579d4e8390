//! An operation and its outcome.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{
    AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure as OnFailure,
};
use libtest_mimic::Failed;

pub type Item = HashMap<String, AttributeValue>;

/// An operation with its parameters.
#[derive(Debug, Clone)]
pub struct Operation {
    pub kind: Kind,
    /// The key, or the whole item for a put.
    pub item: Item,
    pub condition: Option<String>,
    pub update: Option<String>,
    pub names: Option<HashMap<String, String>>,
    pub values: Option<Item>,
    pub return_values: Option<ReturnValue>,
    pub on_failure: Option<OnFailure>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    Get,
    Put,
    Update,
    Delete,
}

/// The outcome of an operation, as far as DynamoDB promises it.
#[derive(Debug, PartialEq)]
pub struct Answer {
    status: u16,
    pub error: Option<String>,
    item: Option<BTreeMap<String, AttributeValue>>,
}

impl Operation {
    /// An operation on the item with this id, without further parameters.
    pub fn new(kind: Kind, id: &str) -> Self {
        Self {
            kind,
            item: HashMap::from([("id".into(), AttributeValue::S(id.into()))]),
            condition: None,
            update: None,
            names: None,
            values: None,
            return_values: None,
            on_failure: None,
        }
    }

    pub fn get(id: &str) -> Self {
        Self::new(Kind::Get, id)
    }

    pub async fn apply(&self, table: &str, client: &Client) -> Result<Answer, Failed> {
        let operation = self.clone();
        match self.kind {
            Kind::Get => {
                let get = client
                    .get_item()
                    .table_name(table)
                    .set_key(Some(operation.item))
                    .consistent_read(true);
                answer(get.send().await.map(|output| output.item), |_| None)
            }
            Kind::Put => {
                let put = client
                    .put_item()
                    .table_name(table)
                    .set_item(Some(operation.item))
                    .set_condition_expression(operation.condition)
                    .set_expression_attribute_names(operation.names)
                    .set_expression_attribute_values(operation.values)
                    .set_return_values(operation.return_values)
                    .set_return_values_on_condition_check_failure(operation.on_failure);
                let result = put.send().await.map(|output| output.attributes);
                answer(result, |error| match error {
                    PutItemError::ConditionalCheckFailedException(failed) => failed.item,
                    _ => None,
                })
            }
            Kind::Update => {
                let update = client
                    .update_item()
                    .table_name(table)
                    .set_key(Some(operation.item))
                    .set_update_expression(operation.update)
                    .set_condition_expression(operation.condition)
                    .set_expression_attribute_names(operation.names)
                    .set_expression_attribute_values(operation.values)
                    .set_return_values(operation.return_values)
                    .set_return_values_on_condition_check_failure(operation.on_failure);
                let result = update.send().await.map(|output| output.attributes);
                answer(result, |error| match error {
                    UpdateItemError::ConditionalCheckFailedException(failed) => failed.item,
                    _ => None,
                })
            }
            Kind::Delete => {
                let delete = client
                    .delete_item()
                    .table_name(table)
                    .set_key(Some(operation.item))
                    .set_condition_expression(operation.condition)
                    .set_expression_attribute_names(operation.names)
                    .set_expression_attribute_values(operation.values)
                    .set_return_values(operation.return_values)
                    .set_return_values_on_condition_check_failure(operation.on_failure);
                let result = delete.send().await.map(|output| output.attributes);
                answer(result, |error| match error {
                    DeleteItemError::ConditionalCheckFailedException(failed) => failed.item,
                    _ => None,
                })
            }
        }
    }
}

fn answer<E>(
    result: Result<Option<Item>, SdkError<E, HttpResponse>>,
    item_in: impl FnOnce(E) -> Option<Item>,
) -> Result<Answer, Failed>
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let (status, error, item) = match result {
        Ok(item) => (200, None, item),
        Err(SdkError::ServiceError(failure)) => {
            let status = failure.raw().status().as_u16();
            let error = failure.into_err();
            let code = error.code().unwrap_or("without a type").to_owned();
            (status, Some(code), item_in(error))
        }
        Err(error) => return Err(format!("no answer: {error:?}").into()),
    };
    let item = item.map(|mut item| {
        item.values_mut().for_each(sort_sets);
        item.into_iter().collect()
    });
    Ok(Answer {
        status,
        error,
        item,
    })
}

/// Sorts the members of sets: DynamoDB promises no order.
fn sort_sets(value: &mut AttributeValue) {
    match value {
        AttributeValue::Ss(texts) | AttributeValue::Ns(texts) => texts.sort(),
        AttributeValue::Bs(blobs) => blobs.sort_by(|left, right| left.as_ref().cmp(right.as_ref())),
        AttributeValue::L(values) => values.iter_mut().for_each(sort_sets),
        AttributeValue::M(values) => values.values_mut().for_each(sort_sets),
        _ => {}
    }
}
