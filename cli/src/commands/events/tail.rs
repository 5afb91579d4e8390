//! `events tail`: prints events as they are published.
//!
//! A bus can't be read. So this makes a rule and a queue for a while, and removes them at the end.

mod event;
mod leftovers;
mod rule;
mod subscription;

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use tokio::time::{Instant, sleep_until};

use super::bus::Bus;
use crate::error::ToolError;
use crate::interrupt::Interrupt;
use crate::moment;
use crate::report::Output;
use crate::session::Session;
use event::Event;
use subscription::Subscription;

/// Longer than any run, but not too long for the clock.
const FOREVER: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// Print each event as it is published, until Ctrl-C
///
/// This makes a rule and a queue for a while, and removes them at the end. If the command is killed, the next `events tail` of
/// the stack removes them.
#[derive(Debug, Args)]
pub(crate) struct Tail {
    /// Only events of this type, such as lab_requisition.created; may be given several times
    #[arg(long, value_name = "TYPE")]
    event_type: Vec<String>,
    /// Show the resource and its id; they are a patient's data
    #[arg(long)]
    show_phi: bool,
    /// End after this time, such as 10m
    #[arg(long = "for", value_name = "SPAN", value_parser = moment::span)]
    span: Option<Duration>,
    /// End after so many events
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
}

impl Tail {
    pub async fn run(self, session: &Session, output: &Output) -> Result<ExitCode, ToolError> {
        let bus = Bus::of(session).await?;
        let interrupt = Interrupt::listen()?;
        let sqs = aws_sdk_sqs::Client::new(session.config());
        let removed = leftovers::remove(&bus, &sqs).await;
        if !output.is_json() {
            eprint!("{removed}");
        }
        let mut subscription = Subscription::new(&bus, sqs);
        let outcome = self.follow(&mut subscription, interrupt, output).await;
        let removed = subscription.remove().await;
        match (outcome, removed) {
            (Ok(()), removed) => removed.map(|()| ExitCode::SUCCESS),
            (Err(error), removed) => {
                if let Err(left) = removed {
                    output.error(&left);
                }
                Err(error)
            }
        }
    }

    async fn follow(
        &self,
        subscription: &mut Subscription<'_>,
        mut interrupt: Interrupt,
        output: &Output,
    ) -> Result<(), ToolError> {
        subscription.make(&self.event_type).await?;
        if !output.is_json() {
            eprintln!(
                "Waiting for events. A new rule may take some seconds to work. Ctrl-C ends this."
            );
        }
        let now = Instant::now();
        let end = self.span.and_then(|span| now.checked_add(span));
        let end = end.unwrap_or(now + FOREVER);
        let mut left = self.limit.unwrap_or(u32::MAX);
        loop {
            let messages = tokio::select! {
                () = interrupt.wait() => return Ok(()),
                () = sleep_until(end) => return Ok(()),
                messages = subscription.receive() => messages?,
            };
            for message in &messages {
                let body = message.body().unwrap_or_default();
                output.line(&Event::read(body, self.show_phi))?;
                left -= 1;
                if left == 0 {
                    return Ok(());
                }
            }
            subscription.delete(&messages).await?;
            subscription.keep_alive().await?;
        }
    }
}
