//! What a redrive has done.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::super::list::listing::write_still_hidden;
use super::super::queue::{BATCH, Depth};
use super::super::walk::{Ended, Stopped};

/// What a redrive has done, or, if it is only a trial run, what it would do.
#[derive(Default, Serialize)]
pub struct Redriven {
    pub from: String,
    pub to: String,
    pub dry_run: bool,
    /// How many messages are in the webhook's queue now.
    pub redriven: usize,
    pub by_reason: BTreeMap<String, usize>,
    pub left: Left,
    pub may_be_repeated: MayBeRepeated,
    /// SQS's codes of the failures to send a message, and how often each came.
    pub failures: BTreeMap<String, usize>,
    /// The ids of messages that are too large.
    pub too_large: Vec<String>,
    /// The ids that were asked for and are not in the queue.
    pub not_found: Vec<String>,
    /// How many messages the source still holds, as far as SQS knows. `None` if it does not say.
    pub about_in_source: Option<usize>,
    /// How many of these somebody has received and not yet deleted.
    pub about_in_flight: Option<usize>,
    /// How many messages stay hidden, because they could not be given back.
    pub still_hidden: usize,
    pub stopped: Option<Stopped>,
}

/// How many messages the redrive has seen and left where they were.
#[derive(Default, Serialize)]
pub struct Left {
    /// They have another reason or id, or come after the limit.
    pub not_selected: usize,
    /// They arrived after the redrive began. It may have caused that.
    pub arrived_later: usize,
    pub too_large: usize,
    pub not_sent: usize,
}

/// How many messages may be in the webhook's queue twice, or come there a second time with the next redrive.
#[derive(Default, Serialize)]
pub struct MayBeRepeated {
    /// SQS did not answer when they were sent.
    pub without_answer: usize,
    /// They were sent, but not deleted.
    pub not_deleted: usize,
    /// If an earlier redrive was killed, it may have sent its last batch without deleting it. Only messages that had been
    /// received before can be of that batch.
    pub if_an_earlier_redrive_was_killed: usize,
}

impl MayBeRepeated {
    /// Notes how many of the messages that were redriven had been received before.
    pub fn received_before(&mut self, messages: usize) {
        self.if_an_earlier_redrive_was_killed = messages.min(BATCH);
    }
}

impl Redriven {
    /// Takes in how the walk through the source ended.
    pub fn ended(&mut self, ended: &Ended) {
        self.about_in_source = ended.depth.map(Depth::total);
        self.about_in_flight = ended.depth.map(|depth| depth.in_flight);
        self.still_hidden = ended.still_hidden;
        self.stopped = ended.stopped;
    }

    /// Whether everything that was asked for is done.
    pub fn is_complete(&self) -> bool {
        self.left.not_sent + self.left.too_large + self.may_be_repeated.not_deleted == 0
            && self.not_found.is_empty()
            && self.stopped.is_none()
    }
}

impl fmt::Display for Redriven {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reasons = self.by_reason.iter();
        let reasons: Vec<_> = reasons.map(|(reason, n)| format!("{reason} {n}")).collect();
        let reasons = match reasons.as_slice() {
            [] => String::new(),
            _ => format!(" ({})", reasons.join(", ")),
        };
        let n = self.redriven;
        if self.dry_run {
            writeln!(
                f,
                "{n} messages would be redriven{reasons}. Nothing was changed."
            )?;
        } else {
            writeln!(f, "{n} messages redriven{reasons}.")?;
        }
        self.write_left(f)?;
        self.write_repetitions(f)?;
        match (self.about_in_source, self.about_in_flight) {
            (Some(0), _) => writeln!(f, "The source is empty.")?,
            (Some(n), Some(0)) => writeln!(f, "About {n} messages are in the source.")?,
            (Some(n), Some(in_flight)) => writeln!(
                f,
                "About {n} messages are in the source. {in_flight} of them are hidden, because somebody has just received them, or \
                 a redrive was killed. They come back by themselves."
            )?,
            _ => writeln!(f, "How many messages are in the source: unknown.")?,
        }
        write_still_hidden(f, self.still_hidden)?;
        match self.stopped {
            Some(stopped) => writeln!(f, "{stopped}"),
            None => Ok(()),
        }
    }
}

impl Redriven {
    fn write_left(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let left = &self.left;
        for (n, why) in [
            (left.not_selected, "not selected"),
            (left.arrived_later, "arrived after the beginning"),
            (left.too_large, "too large for the webhook's queue"),
            (left.not_sent, "not sent"),
        ] {
            if n > 0 {
                writeln!(f, "{n} messages left: {why}.")?;
            }
        }
        for id in &self.too_large {
            writeln!(f, "  too large: {id}")?;
        }
        for (code, n) in &self.failures {
            writeln!(f, "  not sent: {code}, {n} times")?;
        }
        for id in &self.not_found {
            writeln!(f, "  not found: {id}")?;
        }
        Ok(())
    }

    fn write_repetitions(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let repeated = &self.may_be_repeated;
        if repeated.without_answer > 0 {
            writeln!(
                f,
                "{} messages may be repeated: SQS did not answer when they were sent.",
                repeated.without_answer
            )?;
        }
        if repeated.not_deleted > 0 {
            writeln!(
                f,
                "{} messages may be repeated: they were sent, but could not be deleted from the source.",
                repeated.not_deleted
            )?;
        }
        if repeated.if_an_earlier_redrive_was_killed > 0 && !self.dry_run {
            writeln!(
                f,
                "If an earlier redrive was killed, up to {} messages, its last batch, may be repeated.",
                repeated.if_an_earlier_redrive_was_killed
            )?;
        }
        Ok(())
    }
}
