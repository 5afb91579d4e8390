//! One run of the redrive.

use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

use jiff::Timestamp;

use super::super::letter::Letter;
use super::super::queue::{BATCH, Queue};
use super::super::walk::Walk;
use super::copy::{Copy, parts};
use super::report::Redriven;
use super::webhook_queue::{Sent, WebhookQueue};
use crate::error::ToolError;
use crate::printable::printable;

/// After so many batches in a row of which SQS takes nothing, the run ends.
const FRUITLESS_BATCHES: u32 = 3;

/// How often the deletion of a whole batch is tried.
const DELETIONS: u32 = 4;

/// The wait after the first of these tries. It doubles with each further one.
const FIRST_WAIT: Duration = Duration::from_millis(200);

/// What a run does, and what it has done so far.
pub struct Run<'q> {
    from: &'q Queue,
    to: &'q WebhookQueue,
    walk: Walk<'q>,
    selection: Selection,
    report: Redriven,
    /// Messages of which SQS may have taken a copy without saying so.
    unsure: HashSet<String>,
    /// Messages that are in the webhook's queue, and still in the source.
    undeleted: HashSet<String>,
    received_before: usize,
    fruitless: u32,
}

/// Which messages are redriven.
pub struct Selection {
    pub reasons: Vec<String>,
    pub ids: Option<BTreeSet<String>>,
    pub limit: usize,
    pub started: Timestamp,
}

impl Selection {
    fn wants(&self, letter: &Letter) -> bool {
        let has_reason = self.reasons.is_empty() || self.reasons.contains(&letter.reason());
        let has_id = match &self.ids {
            Some(ids) => ids.contains(&letter.id),
            None => true,
        };
        has_reason && has_id
    }

    /// A message that arrived after the start may be one that this run has sent, and that has failed again.
    fn is_too_new(&self, letter: &Letter) -> bool {
        letter.sent_at.is_some_and(|sent_at| sent_at > self.started)
    }
}

impl<'q> Run<'q> {
    pub fn new(
        from: &'q Queue,
        to: &'q WebhookQueue,
        walk: Walk<'q>,
        selection: Selection,
        dry_run: bool,
    ) -> Self {
        Self {
            from,
            to,
            walk,
            selection,
            report: Redriven {
                from: from.url.clone(),
                to: to.url.clone(),
                dry_run,
                ..Redriven::default()
            },
            unsure: HashSet::new(),
            undeleted: HashSet::new(),
            received_before: 0,
            fruitless: 0,
        }
    }

    /// Redrives what is selected.
    ///
    /// # Errors
    ///
    /// If it has to stop before the end of the source.
    pub async fn work(&mut self) -> Result<(), ToolError> {
        let mut wanted_ids = self.selection.ids.clone();
        let mut selected_so_far = 0;
        while let Some(letters) = self.walk.next().await? {
            let mut copies = Vec::new();
            for letter in letters {
                if let Some(ids) = &mut wanted_ids {
                    ids.remove(&letter.id);
                }
                if !self.selection.wants(&letter) || selected_so_far == self.selection.limit {
                    self.report.left.not_selected += 1;
                } else if self.selection.is_too_new(&letter) {
                    self.report.left.arrived_later += 1;
                } else if let Ok(copy) = Copy::of(&letter) {
                    selected_so_far += 1;
                    copies.push((letter, copy));
                } else {
                    self.report.left.too_large += 1;
                    self.report.too_large.push(letter.id);
                }
            }
            self.redrive(copies).await?;
            let all_found = wanted_ids.as_ref().is_some_and(BTreeSet::is_empty);
            if all_found || selected_so_far == self.selection.limit {
                break;
            }
        }
        let not_found = wanted_ids.unwrap_or_default().into_iter();
        self.report.not_found = not_found.map(|id| printable(&id)).collect();
        Ok(())
    }

    async fn redrive(&mut self, copies: Vec<(Letter, Copy)>) -> Result<(), ToolError> {
        if self.report.dry_run {
            for (letter, _) in &copies {
                self.count(letter);
            }
            return Ok(());
        }
        for part in parts(copies) {
            let copies: Vec<&Copy> = part.iter().map(|(_, copy)| copy).collect();
            let sent = self.to.send(&copies).await;
            let letters: Vec<&Letter> = part.iter().map(|(letter, _)| letter).collect();
            self.take_in(&letters, &sent);
            let sent_letters = sent.sent.iter().map(|place| letters[*place]);
            self.undeleted
                .extend(sent_letters.map(|letter| letter.id.clone()));
            self.delete().await?;
            if let Some(failure) = sent.failure {
                return Err(failure);
            }
            self.fruitless = if sent.sent.is_empty() {
                self.fruitless + 1
            } else {
                0
            };
            if self.fruitless == FRUITLESS_BATCHES {
                let message = "SQS takes none of the messages for the webhook's queue";
                return Err(ToolError::Failed(message.into()));
            }
        }
        Ok(())
    }

    fn take_in(&mut self, letters: &[&Letter], sent: &Sent) {
        for place in &sent.sent {
            self.count(letters[*place]);
        }
        for (_, code) in &sent.refused {
            *self.report.failures.entry(printable(code)).or_default() += 1;
        }
        self.report.left.not_sent += letters.len() - sent.sent.len();
        let unsure = sent.unsure.iter().map(|place| letters[*place].id.clone());
        self.unsure.extend(unsure);
    }

    fn count(&mut self, letter: &Letter) {
        self.report.redriven += 1;
        *self.report.by_reason.entry(letter.reason()).or_default() += 1;
        self.received_before += usize::from(letter.receives > 1);
    }

    /// Deletes what has been sent. What can't be deleted now is tried again with the next batch.
    ///
    /// # Errors
    ///
    /// If a call fails as a whole, or a whole batch is not deleted: each further one would have to be repeated too.
    async fn delete(&mut self) -> Result<(), ToolError> {
        let mut wait = FIRST_WAIT;
        for attempt in 1.. {
            let codes = self.delete_once().await?;
            if self.undeleted.len() < BATCH {
                break;
            }
            if attempt == DELETIONS {
                let codes = Vec::from_iter(codes).join(", ");
                let message = format!("SQS does not delete what has been redriven: {codes}");
                return Err(ToolError::Failed(message));
            }
            tokio::time::sleep(wait).await;
            wait *= 2;
        }
        Ok(())
    }

    /// Returns SQS's codes of the failures.
    async fn delete_once(&mut self) -> Result<BTreeSet<String>, ToolError> {
        let mut ids: BTreeSet<String> = self.undeleted.iter().cloned().collect();
        ids.extend(self.walk.back().map(str::to_owned));
        let ids: Vec<String> = ids.into_iter().collect();
        let mut codes = BTreeSet::new();
        for batch in ids.chunks(BATCH) {
            let messages = batch.iter().filter_map(|id| {
                let receipt_handle = self.walk.receipt_handle(id)?;
                Some((id.as_str(), receipt_handle))
            });
            let messages: Vec<(&str, &str)> = messages.collect();
            let failed = self.from.delete(&messages).await?;
            for id in batch {
                if let Some(code) = failed.get(id) {
                    codes.insert(printable(code));
                    self.undeleted.insert(id.clone());
                } else {
                    self.undeleted.remove(id);
                    self.walk.deleted(id);
                }
            }
        }
        Ok(codes)
    }

    /// Ends the run, and returns the report.
    pub async fn end(mut self) -> Redriven {
        if !self.undeleted.is_empty() || self.walk.back().next().is_some() {
            // the report says what is left
            let _ = self.delete().await;
        }
        let mut report = self.report;
        let repeated = &mut report.may_be_repeated;
        repeated.not_deleted = self.undeleted.len();
        repeated.without_answer = self.unsure.difference(&self.undeleted).count();
        repeated.received_before(self.received_before);
        report.ended(&self.walk.end().await);
        report
    }
}
