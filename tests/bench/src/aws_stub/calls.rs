//! How often the stub was called, and with how much.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What can be asked of the stub.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Operation {
    /// Of Secrets Manager.
    GetSecretValue,
    /// Of SQS.
    SendMessage,
    /// Of DynamoDB: reads the token.
    GetItem,
    /// Of DynamoDB: claims an order's state, or remembers it as published.
    UpdateItem,
    /// Of EventBridge, with a whole order.
    PutEvents,
    /// Of WHOOP, with the right token.
    GetRequisition,
    /// Anything else, such as what only opens a connection.
    Other,
}

/// The calls of one operation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// How many.
    pub calls: u64,
    /// The bodies of their requests together, in bytes.
    pub body_bytes: u64,
}

/// All calls up to some moment, or between two of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calls(BTreeMap<Operation, Tally>);

impl Calls {
    /// Counts a call.
    pub fn add(&mut self, operation: Operation, body_bytes: usize) {
        let tally = self.0.entry(operation).or_default();
        tally.calls += 1;
        tally.body_bytes += body_bytes as u64;
    }

    /// Those of one operation.
    pub fn of(&self, operation: Operation) -> Tally {
        self.0.get(&operation).copied().unwrap_or_default()
    }

    /// The number of all of them.
    pub fn total(&self) -> u64 {
        self.0.values().map(|tally| tally.calls).sum()
    }

    /// Those that have come since an earlier moment.
    pub fn since(&self, earlier: &Self) -> Self {
        let tallies = self.0.iter().map(|(operation, now)| {
            let then = earlier.of(*operation);
            let tally = Tally {
                calls: now.calls - then.calls,
                body_bytes: now.body_bytes - then.body_bytes,
            };
            (*operation, tally)
        });
        Self(tallies.filter(|(_, tally)| tally.calls > 0).collect())
    }

    /// Without what has no part in the work, such as what only opens a connection.
    pub fn of_the_work(mut self) -> Self {
        self.0.remove(&Operation::Other);
        self
    }

    /// Whether both are the same operations, each as often, with bodies of the same size up to 2 %.
    pub fn are_like(&self, others: &Self) -> bool {
        self.0.keys().eq(others.0.keys())
            && self.0.iter().all(|(operation, ours)| {
                let theirs = others.of(*operation);
                ours.calls == theirs.calls
                    && ours.body_bytes.abs_diff(theirs.body_bytes) * 50 <= theirs.body_bytes
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calls(bodies: &[(Operation, usize)]) -> Calls {
        let mut calls = Calls::default();
        for (operation, bytes) in bodies {
            calls.add(*operation, *bytes);
        }
        calls
    }

    #[test]
    fn calls_since_a_moment_leave_out_the_earlier_ones() {
        let earlier = calls(&[(Operation::GetItem, 10), (Operation::PutEvents, 20)]);
        let mut now = earlier.clone();
        now.add(Operation::PutEvents, 30);
        assert_eq!(now.since(&earlier), calls(&[(Operation::PutEvents, 30)]));
        assert_eq!(now.total(), 3);
    }

    #[test]
    fn calls_are_alike_if_number_and_size_are() {
        let ours = calls(&[(Operation::GetItem, 100), (Operation::PutEvents, 1000)]);
        let like = |theirs: &[(Operation, usize)]| ours.are_like(&calls(theirs));
        assert!(like(&[
            (Operation::GetItem, 100),
            (Operation::PutEvents, 1020)
        ]));
        assert!(!like(&[
            (Operation::GetItem, 100),
            (Operation::PutEvents, 1021)
        ]));
        assert!(!like(&[(Operation::GetItem, 100)]));
        assert!(!like(&[
            (Operation::GetItem, 100),
            (Operation::PutEvents, 500),
            (Operation::PutEvents, 500)
        ]));
        assert!(!like(&[
            (Operation::GetItem, 100),
            (Operation::PutEvents, 1000),
            (Operation::UpdateItem, 1)
        ]));
    }
}
