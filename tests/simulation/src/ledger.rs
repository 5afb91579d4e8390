//! The books: what became of every webhook, and whether that is right.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::aws::sqs::{MAX_RECEIVE_COUNT, RETENTION, Received};
use crate::chance::{hours, seconds};
use crate::plan::Kind;
use crate::process::Process;
use crate::world::World;

/// The books.
#[derive(Default)]
pub(crate) struct Ledger {
    books: Mutex<Books>,
}

#[derive(Default)]
struct Books {
    webhooks: BTreeMap<String, Webhook>,
    /// The ids of the events without a resource that are on the bus.
    plain: BTreeSet<String>,
    counts: Counts,
}

/// A webhook, by its body.
struct Webhook {
    kind: Kind,
    id: String,
    stored: bool,
    accepted: bool,
    dead: bool,
}

/// How much happened.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Counts {
    pub(crate) deliveries_under_way: usize,
    pub(crate) given_up: usize,
    pub(crate) accepted: usize,
    pub(crate) set_aside: usize,
    pub(crate) executions: usize,
}

impl Ledger {
    /// WHOOP begins to deliver a webhook about the resource `id`.
    pub(crate) fn announce(&self, body: &str, kind: Kind, id: &str) {
        let mut books = self.books();
        books.counts.deliveries_under_way += 1;
        let webhook = Webhook {
            kind,
            id: id.to_owned(),
            stored: false,
            accepted: false,
            dead: false,
        };
        books.webhooks.insert(body.to_owned(), webhook);
    }

    /// A delivery has ended well.
    pub(crate) fn delivered(&self) {
        self.books().counts.deliveries_under_way -= 1;
    }

    /// WHOOP delivers it no more: its loss, not ours.
    pub(crate) fn given_up(&self) {
        let mut books = self.books();
        books.counts.deliveries_under_way -= 1;
        books.counts.given_up += 1;
    }

    /// The queue has taken a message.
    pub(crate) fn stored(&self, body: &str) {
        if let Some(webhook) = self.books().webhooks.get_mut(body) {
            webhook.stored = true;
        }
    }

    /// A message has expired in the queue, and nobody could have received it in time.
    pub(crate) fn lost(&self, body: &str) {
        if let Some(webhook) = self.books().webhooks.get_mut(body) {
            webhook.dead = true;
        }
    }

    /// The webhook function has answered.
    pub(crate) fn answered(&self, world: &World, process: &Process, body: &str, status: u16) {
        let mut books = self.books();
        let webhook = books
            .webhooks
            .get_mut(body)
            .expect("only announced webhooks are posted");
        let (kind, stored) = (webhook.kind, webhook.stored);
        if status == 204 {
            webhook.accepted = true;
            books.counts.accepted += 1;
        }
        drop(books);
        if status == 204 && !stored {
            world.violation(format!(
                "{} answers 204 without a stored message",
                process.name
            ));
        }
        if status == 204 && kind == Kind::Forged {
            world.violation(format!("{} accepts a forged webhook", process.name));
        }
        if status == 500 {
            world.violation(format!("{} answers 500", process.name));
        }
    }

    /// An event without a resource is on the bus.
    pub(crate) fn published_plain(&self, id: &str) {
        self.books().plain.insert(id.to_owned());
    }

    /// A process puts a message into the dead-letter queue.
    pub(crate) fn set_aside(&self, world: &World, process: &Process, body: &str, reason: &str) {
        let mut books = self.books();
        books.counts.set_aside += 1;
        let Some(webhook) = books.webhooks.get_mut(body) else {
            return;
        };
        webhook.dead = true;
        let id = webhook.id.clone();
        let kind = webhook.kind;
        drop(books);
        let mut state = process.state();
        state.set_aside.insert(body.to_owned());
        let tried_twice = |message: &Received| {
            let minute = seconds(60).saturating_sub(world.plan.max_skew);
            message.receive_count >= 2 && world.now() >= message.first_received_at + minute
        };
        let is_old = |message: &Received| {
            let last_try = RETENTION - hours(12) - hours(12) - world.plan.max_skew;
            world.now() > message.sent_at + last_try
        };
        let is_exhausted = |message: &Received| message.receive_count >= MAX_RECEIVE_COUNT;
        // the last call of an execution may arrive when the next one has begun
        let is_true = [&state.present, &state.former]
            .into_iter()
            .any(|execution| {
                let status = execution.fetched.get(&id).map(|fetched| fetched.status);
                let messages = execution.batch.iter();
                let mut messages = messages.filter(|message| message.body == body);
                match reason {
                    "undecodable" => kind == Kind::Undecodable,
                    "not_found" => status == Some(404) && messages.any(tried_twice),
                    "invalid_request" => status == Some(422) && messages.any(tried_twice),
                    "refused" => kind == Kind::RefusedByBus,
                    "expired" => messages.any(is_old),
                    "attempts_exhausted" => messages.any(is_exhausted),
                    _ => false,
                }
            });
        drop(state);
        if !is_true {
            world.violation(format!(
                "{} sets {body} aside for a wrong reason: {reason}",
                process.name
            ));
        }
    }

    /// SQS itself has moved a message to the dead-letter queue.
    pub(crate) fn moved(&self, body: &str) {
        if let Some(webhook) = self.books().webhooks.get_mut(body) {
            webhook.dead = true;
        }
    }

    /// A process says that a message is done, so that it leaves the queue.
    pub(crate) fn done(&self, world: &World, process: &Process, message: &Received) {
        let body = &message.body;
        let books = self.books();
        let Some(webhook) = books.webhooks.get(body) else {
            return;
        };
        let state = process.state();
        let fetched = state.present.fetched.get(&webhook.id).copied();
        let aside = state.set_aside.contains(body);
        drop(state);
        let is_done = aside
            || match webhook.kind {
                Kind::Plain => books.plain.contains(&webhook.id),
                Kind::Requisition => {
                    let requisition = world.whoop.requisition(&webhook.id);
                    let (requisition, _) = requisition.expect("it has been announced");
                    let shown = fetched.and_then(|fetched| fetched.version);
                    let confirmed =
                        !world.plan.auto_confirm_orders || world.whoop.is_confirmed(requisition);
                    confirmed && shown.is_some() && world.bus.newest_version(requisition) >= shown
                }
                _ => false,
            };
        drop(books);
        crate::note!(world, &process.name, "is done with {body}");
        if !is_done {
            world.violation(format!(
                "{} is done with {body}, which is neither published (and confirmed, if asked for) nor set aside",
                process.name
            ));
        }
    }

    /// Checks the end of the run: everything that was accepted is on the bus or was set aside.
    pub(crate) fn close(&self, world: &World) {
        let books = self.books();
        let dead = books.webhooks.values().filter(|webhook| webhook.dead);
        let dead: BTreeSet<&str> = dead.map(|webhook| webhook.id.as_str()).collect();
        let lost = books.webhooks.iter().find(|(_, webhook)| {
            let published = match webhook.kind {
                Kind::Plain => books.plain.contains(&webhook.id),
                _ => is_published(world, &webhook.id),
            };
            webhook.accepted && !published && !dead.contains(webhook.id.as_str())
        });
        let lost = lost.map(|(body, _)| body.clone());
        drop(books);
        if let Some(body) = lost {
            world.violation(format!(
                "{body} was accepted, and is neither published nor set aside"
            ));
        }
    }

    /// An execution of the event processor has begun.
    pub(crate) fn executed(&self) {
        self.books().counts.executions += 1;
    }

    /// Returns how much happened.
    pub(crate) fn counts(&self) -> Counts {
        self.books().counts
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the newest state of a resource is on the bus that any execution was about to publish.
fn is_published(world: &World, id: &str) -> bool {
    let Some((requisition, _)) = world.whoop.requisition(id) else {
        return false;
    };
    let claimed = world.published_table.newest_claimed(requisition);
    let claimed = claimed.and_then(|date| world.whoop.version_of(requisition, date));
    claimed.is_some() && world.bus.newest_version(requisition) >= claimed
}

/// How long the queue may take to become empty once all are healthy: the longest wait of a message, and then some.
pub(crate) const RECOVERY: Duration = hours(48);
