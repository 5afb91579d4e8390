//! `events replay`: publishes events of the archive again.

mod plan;

use std::collections::BTreeSet;
use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::time::Duration;

use aws_sdk_eventbridge::primitives::DateTime;
use aws_sdk_eventbridge::types::{ReplayDestination, ReplayState, Rule};
use clap::Args;
use jiff::Timestamp;
use uuid::Uuid;

use super::archive::{Archive, timestamp};
use super::bus::Bus;
use crate::error::ToolError;
use crate::interrupt::Interrupt;
use crate::moment::{moment, since};
use crate::printable::printable;
use crate::progress::progress;
use crate::question::is_confirmed;
use crate::report::Output;
use crate::session::Session;
use plan::{Plan, RuleOfPlan};

/// How often `--wait` looks.
const LOOK: Duration = Duration::from_secs(2);

/// An event may come into the archive this much later.
const ARCHIVE_DELAY: Duration = Duration::from_secs(10 * 60);

/// Publish events of the archive again
///
/// The consumers behind the bus's rules get these events once more. TIME is such as 2026-11-18T11:06:40Z, or a span before now such
/// as 2h, or `now`.
#[derive(Debug, Args)]
pub(crate) struct Replay {
    /// The beginning of the time in which the events were published
    #[arg(long, value_name = "TIME", value_parser = moment)]
    from: Timestamp,
    /// The end of this time
    #[arg(long, value_name = "TIME", value_parser = moment)]
    to: Timestamp,
    /// Only this rule gets the events; may be given several times
    #[arg(long, value_name = "NAME")]
    rule: Vec<String>,
    /// Wait until all events are published
    #[arg(long)]
    wait: bool,
    /// Say what would happen, and publish nothing
    #[arg(long, conflicts_with = "wait")]
    dry_run: bool,
    /// Do not ask before the replay
    #[arg(long)]
    yes: bool,
}

impl Replay {
    pub async fn run(self, session: &Session, output: &Output) -> Result<ExitCode, ToolError> {
        let now = Timestamp::now();
        if self.from >= self.to {
            let message = "--from has to lie before --to";
            return Err(ToolError::WrongUse(message.into()));
        }
        if self.to > now {
            let message = "--to lies in the future; the last moment is: --to now";
            return Err(ToolError::WrongUse(message.into()));
        }
        let bus = Bus::of(session).await?;
        let archive = Archive::of(&bus, session).await?;
        archive.check_range(self.from, self.to, now)?;
        let rules = self.rules(&bus).await?;
        let mut plan = Plan {
            archive: archive.name.clone(),
            bus: bus.name.clone(),
            from: self.from,
            to: self.to,
            rules: rules.iter().map(RuleOfPlan::of).collect(),
            may_be_incomplete: since(self.to, now) < ARCHIVE_DELAY,
            dry_run: self.dry_run,
            name: None,
            state: None,
            state_reason: None,
        };
        if self.dry_run {
            output.report(&plan)?;
            return Ok(ExitCode::SUCCESS);
        }
        let asks = !self.yes && !output.is_json() && io::stdin().is_terminal();
        if asks && !is_confirmed(&format!("{}\nGo on?", plan.to_string().trim_end()))? {
            return Err(ToolError::Failed("nothing was replayed".into()));
        }
        let interrupt = Interrupt::listen()?;
        let name = self.start(&bus, &archive, &rules).await?;
        plan.state = Some(ReplayState::Starting.as_str().into());
        plan.name = Some(name.clone());
        let mut is_well = true;
        let mut failure = None;
        if self.wait {
            match self.wait(&bus, &name, interrupt, output).await {
                Ok((state, reason)) => {
                    is_well = state == ReplayState::Completed;
                    plan.state = Some(state.as_str().into());
                    plan.state_reason = reason.as_deref().map(printable);
                }
                Err(error) => {
                    plan.state = None;
                    failure = Some(error);
                }
            }
        }
        output.report(&plan)?;
        match failure {
            Some(failure) => Err(failure),
            None if is_well => Ok(ExitCode::SUCCESS),
            None => Ok(ExitCode::FAILURE),
        }
    }

    /// The rules that get the events.
    async fn rules(&self, bus: &Bus) -> Result<Vec<Rule>, ToolError> {
        let mut rules = bus.rules(None).await?;
        if self.rule.is_empty() {
            return Ok(rules);
        }
        let wanted: BTreeSet<&str> = self.rule.iter().map(String::as_str).collect();
        let there: BTreeSet<&str> = rules.iter().filter_map(|rule| rule.name()).collect();
        if let Some(missing) = wanted.difference(&there).next() {
            let there = Vec::from_iter(there.iter().copied()).join(", ");
            let there = if there.is_empty() { "none" } else { &there };
            return Err(ToolError::WrongUse(format!(
                "the bus {} has no rule {}; its rules: {there}",
                bus.name,
                printable(missing)
            )));
        }
        rules.retain(|rule| rule.name().is_some_and(|name| wanted.contains(name)));
        Ok(rules)
    }

    /// Starts the replay, and returns its name.
    async fn start(
        &self,
        bus: &Bus,
        archive: &Archive,
        rules: &[Rule],
    ) -> Result<String, ToolError> {
        let random = Uuid::new_v4().simple().to_string();
        let seconds = Timestamp::now().as_second();
        let name = format!("whoop-partner-replay-{seconds}-{}", &random[..8]);
        let arns = rules.iter().filter_map(|rule| rule.arn.clone());
        let destination = ReplayDestination::builder()
            .arn(&bus.arn)
            .set_filter_arns((!self.rule.is_empty()).then(|| arns.collect()))
            .build()
            .map_err(|error| ToolError::Failed(error.to_string()))?;
        bus.client
            .start_replay()
            .replay_name(&name)
            .description("Started by `whoop-partner events replay`")
            .event_source_arn(&archive.arn)
            .event_start_time(sdk_time(self.from))
            .event_end_time(sdk_time(self.to))
            .destination(destination)
            .send()
            .await
            .map_err(ToolError::aws("StartReplay"))?;
        Ok(name)
    }

    /// Waits for the end of a replay, and returns its state then. Ctrl-C ends the waiting, but not the replay.
    async fn wait(
        &self,
        bus: &Bus,
        name: &str,
        mut interrupt: Interrupt,
        output: &Output,
    ) -> Result<(ReplayState, Option<String>), ToolError> {
        let length = since(self.from, self.to).as_secs();
        let bar = progress(output, "Replaying, in seconds of the time:", Some(length));
        loop {
            let replay = bus.client.describe_replay().replay_name(name).send().await;
            let replay = replay.map_err(ToolError::aws("DescribeReplay"))?;
            let state = replay.state().cloned().unwrap_or(ReplayState::Starting);
            let goes_on = matches!(
                state,
                ReplayState::Starting | ReplayState::Running | ReplayState::Cancelling
            );
            if !goes_on || interrupt.came() {
                bar.finish_and_clear();
                return Ok((state, replay.state_reason));
            }
            if let Some(last) = replay.event_last_replayed_time().and_then(timestamp) {
                bar.set_position(since(self.from, last).as_secs());
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                () = interrupt.wait() => {}
            }
        }
    }
}

fn sdk_time(time: Timestamp) -> DateTime {
    DateTime::from_millis(time.as_millisecond())
}
