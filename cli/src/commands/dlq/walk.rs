//! A walk through a queue: it shows each message once, hides it from others meanwhile, and gives back what is not deleted.
//!
//! SQS has no list of messages: to see one is to receive it. What has been received stays hidden until the end of the walk,
//! because otherwise SQS would show the same messages again and again.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use indicatif::ProgressBar;

use super::letter::Letter;
use super::queue::{Depth, Queue, Received};
use crate::error::ToolError;
use crate::interrupt::Interrupt;

/// After so many receives in a row without a new message, there is none left, whatever SQS counts.
const QUIET_RECEIVES: u32 = 3;

/// SQS has at most 120,000 messages of a queue in flight, those of other readers included. The walk stops before.
const MOST_HELD: usize = 100_000;

/// What a walk needs for each message on its way, generously. A walk through many messages hides them for longer.
const TIME_PER_MESSAGE: Duration = Duration::from_millis(100);

/// SQS hides a message for 12 hours at most.
const LONGEST_HIDE: Duration = Duration::from_secs(12 * 60 * 60);

/// A walk through a queue.
pub struct Walk<'q> {
    queue: &'q Queue,
    interrupt: Interrupt,
    at_start: Depth,
    hide: Duration,
    /// For how long the walk waits for messages that others have in flight.
    patience: Duration,
    bar: ProgressBar,
    seen: HashSet<String>,
    /// The receipt handles of the messages that are given back at the end, by message id.
    held: HashMap<String, String>,
    /// Messages that were deleted, and that SQS has shown once more.
    back: HashSet<String>,
    quiet: u32,
    waiting_since: Option<Instant>,
    stopped: Option<Stopped>,
}

/// Why a walk ended before the end of the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stopped {
    /// The user wanted it.
    Interrupted,
    /// SQS gives no more, because too many are in flight.
    TooManyInFlight,
    /// It has seen far more messages than there were at its start: somebody keeps sending more.
    QueueGrows,
}

/// How a walk ended.
pub struct Ended {
    pub stopped: Option<Stopped>,
    /// How many messages it has seen.
    pub seen: usize,
    /// How many messages could not be given back. SQS does so when their time is over.
    pub still_hidden: usize,
    /// How many messages the queue holds now. `None` if SQS does not say.
    pub depth: Option<Depth>,
}

impl<'q> Walk<'q> {
    /// Begins a walk. No message is hidden for longer than `hide` if the program is killed.
    pub fn begin(
        queue: &'q Queue,
        at_start: Depth,
        hide: Duration,
        interrupt: Interrupt,
        bar: ProgressBar,
    ) -> Self {
        Self {
            queue,
            interrupt,
            at_start,
            hide,
            patience: Duration::ZERO,
            bar,
            seen: HashSet::new(),
            held: HashMap::new(),
            back: HashSet::new(),
            quiet: 0,
            waiting_since: None,
            stopped: None,
        }
    }

    /// Waits at the end of the queue for the messages that others had in flight at the start. A run that was killed has left
    /// some, for example.
    pub fn patient(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Returns messages that it has not shown yet, or `None` at the end. The walk holds them.
    ///
    /// # Errors
    ///
    /// If SQS refuses.
    pub async fn next(&mut self) -> Result<Option<Vec<Letter>>, ToolError> {
        // what arrives during the walk may be shown too, but not without end
        let most = 2 * self.at_start.total() + 100;
        loop {
            self.stopped = match () {
                () if self.interrupt.came() => Some(Stopped::Interrupted),
                () if self.held.len() >= MOST_HELD => Some(Stopped::TooManyInFlight),
                () if self.seen.len() >= most => Some(Stopped::QueueGrows),
                () => None,
            };
            if self.stopped.is_some() {
                return Ok(None);
            }
            let letters = match self.queue.receive(self.hide).await? {
                Received::Letters(letters) => letters,
                Received::TooManyInFlight => {
                    self.stopped = Some(Stopped::TooManyInFlight);
                    return Ok(None);
                }
            };
            let none = letters.is_empty();
            let new = self.hold(letters);
            if !new.is_empty() {
                self.quiet = 0;
                self.bar.inc(new.len() as u64);
                return Ok(Some(new));
            }
            self.quiet += 1;
            if self.is_at_the_end(none).await? {
                return Ok(None);
            }
        }
    }

    /// Holds messages, and returns those that are new.
    fn hold(&mut self, letters: Vec<Letter>) -> Vec<Letter> {
        let mut new = Vec::new();
        for letter in letters {
            let (id, receipt_handle) = (letter.id.clone(), letter.receipt_handle.clone());
            let was_held = self.held.insert(id.clone(), receipt_handle).is_some();
            if self.seen.insert(id.clone()) {
                new.push(letter);
            } else if !was_held {
                self.back.insert(id);
            }
        }
        new
    }

    async fn is_at_the_end(&mut self, received_none: bool) -> Result<bool, ToolError> {
        let depth = self.queue.depth().await?;
        let others = depth.in_flight.saturating_sub(self.held.len());
        if others > 0 && self.at_start.in_flight > 0 {
            let waiting_since = *self.waiting_since.get_or_insert_with(Instant::now);
            if waiting_since.elapsed() < self.patience {
                self.quiet = 0;
                self.bar
                    .set_message("Waiting for messages that another reader holds:");
                return Ok(false);
            }
        }
        Ok(self.quiet >= QUIET_RECEIVES || received_none && depth.visible == 0)
    }

    /// The receipt handle of a message that the walk holds.
    pub fn receipt_handle(&self, id: &str) -> Option<&str> {
        self.held.get(id).map(String::as_str)
    }

    /// No longer holds a message, because it is deleted.
    pub fn deleted(&mut self, id: &str) {
        self.held.remove(id);
        self.back.remove(id);
    }

    /// Messages that were deleted, and that SQS has shown once more. They have to be deleted again.
    pub fn back(&self) -> impl Iterator<Item = &str> {
        self.back.iter().map(String::as_str)
    }

    /// Gives all messages back that it holds.
    pub async fn end(self) -> Ended {
        self.bar.finish_and_clear();
        let receipt_handles: Vec<String> = self.held.into_values().collect();
        Ended {
            stopped: self.stopped,
            seen: self.seen.len(),
            still_hidden: self.queue.release(&receipt_handles).await,
            depth: self.queue.depth().await.ok(),
        }
    }
}

/// For how long to hide a message so that a walk through so many messages ends before the first one is visible again.
pub fn hide_for(messages: usize, at_least: Duration) -> Duration {
    let messages = u32::try_from(messages).unwrap_or(u32::MAX);
    let walk = TIME_PER_MESSAGE.saturating_mul(messages);
    (at_least + walk).min(LONGEST_HIDE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_through_many_messages_hides_them_for_longer_but_never_for_longer_than_sqs_allows() {
        let minute = Duration::from_secs(60);
        assert_eq!(hide_for(0, minute), minute);
        assert_eq!(hide_for(10_000, minute), Duration::from_secs(1060));
        assert_eq!(hide_for(usize::MAX, minute), LONGEST_HIDE);
    }
}
