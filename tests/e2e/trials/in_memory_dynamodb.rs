//! The DynamoDB in memory compared with the local AWS: the same random operations must lead to the same answers and the
//! same items.
//!
//! Where the local AWS differs from AWS, the DynamoDB in memory follows AWS. Such operations are not generated: a
//! comment where they are left out says why, and the tests of the package `in-memory-dynamodb` cover them.

mod grammar;
mod nonsense;
mod operation;
mod our_functions;
mod values;

use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use fastrand::Rng;
use in_memory_dynamodb::InMemoryDynamoDb;
use libtest_mimic::Trial;
use local_aws::LocalAws;

use self::operation::Operation;
use self::values::Stored;
use crate::harness::{Harness, Outcome, trials};

/// The trials of this area.
pub fn trials(harness: &Arc<Harness>) -> Vec<Trial> {
    trials![harness.beside_without_stack; agrees_with_the_local_aws]
}

/// How many times operations are generated, each time for a table of its own.
const SEEDS: std::ops::RangeInclusive<u64> = 1..=5;

/// How many operations are generated from each seed.
const OPERATIONS: usize = 500;

/// The ids of the items.
const IDS: [&str; 3] = ["one", "two", "three"];

async fn agrees_with_the_local_aws() -> Outcome {
    let aws = LocalAws::start().await?;
    let local = aws_sdk_dynamodb::config::Builder::from(&aws.sdk_config())
        .retry_config(RetryConfig::disabled());
    let memory = Arc::new(InMemoryDynamoDb::new());
    let in_memory = local.clone().http_client(memory.clone().http_client());
    let local = Client::from_conf(local.build());
    let in_memory = Client::from_conf(in_memory.build());

    let mut answers = Vec::new();
    for seed in SEEDS {
        let table = format!("table-{seed}");
        create(&table, &local).await?;
        let mut random = Rng::with_seed(seed);
        for number in 0..OPERATIONS {
            let id = IDS[random.usize(..IDS.len())];
            let stored = Stored::new(memory.item(&table, id));
            let operation = draw(&mut random, id, &stored);
            for operation in [&operation, &Operation::get(id)] {
                let expected = operation.apply(&table, &local).await?;
                let actual = operation.apply(&table, &in_memory).await?;
                assert!(
                    actual == expected,
                    "seed {seed}, operation {number}: {operation:#?}\non {stored:#?}\nlocal AWS: {expected:#?}\nin memory: \
                     {actual:#?}"
                );
                answers.push(actual.error.unwrap_or_default());
            }
        }
    }
    // otherwise most operations would be of one kind and prove little
    for error in ["", "ConditionalCheckFailedException", "ValidationException"] {
        let count = answers.iter().filter(|answer| *answer == error).count();
        assert!(count > answers.len() / 20, "{error:?} {count} times");
    }
    Ok(())
}

fn draw(random: &mut Rng, id: &str, stored: &Stored) -> Operation {
    match random.u8(..10) {
        0..=3 => our_functions::draw(random, id),
        4..=8 => grammar::draw(random, id, stored),
        _ => nonsense::draw(random, id),
    }
}

async fn create(table: &str, client: &Client) -> Outcome {
    let id = AttributeDefinition::builder()
        .attribute_name("id")
        .attribute_type(ScalarAttributeType::S);
    let key = KeySchemaElement::builder()
        .attribute_name("id")
        .key_type(KeyType::Hash);
    client
        .create_table()
        .table_name(table)
        .attribute_definitions(id.build()?)
        .key_schema(key.build()?)
        .billing_mode(BillingMode::PayPerRequest)
        .send()
        .await?;
    Ok(())
}
