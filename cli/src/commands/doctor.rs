//! `doctor`: checks a deployed stack, from its status in CloudFormation to a heartbeat on the way of WHOOP's webhooks.

mod bus;
mod check;
mod functions;
mod heartbeat;
mod invocation;
mod logs;
mod mapping;
mod queues;
mod secrets;
mod stack;
mod subscriptions;
mod token;
mod webhook;

use std::fmt;
use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use clap::Args;
use futures_util::FutureExt;
use futures_util::future::{LocalBoxFuture, join_all};
use indicatif::ProgressBar;
use serde::Serialize;

pub(super) use self::check::bounded;
use self::check::{CHECKS, Check, check};
pub(super) use self::queues::BACKLOG_SECONDS;
pub(super) use self::stack::judge_status;
pub(super) use self::token::{Stored, judge_stored};
use crate::alarms::Alarms;
use crate::error::ToolError;
use crate::finding::{Finding, Mark, summary};
use crate::report::Output;
use crate::session::Session;
use crate::signals::Signals;
use crate::stack::Stack;

/// Check a deployed stack: status, key, secrets, token, the way in and out, permissions, alarms
///
/// One line for each check says what was found. If it is not good, the line below it says what to do. What can't be found out is
/// unknown, never good.
///
/// What this does to the stack: it invokes token-refresh, which renews the token only if that is due. It invokes heartbeat, which
/// sends the stack's own webhook a signed heartbeat, and once more if the first one is not seen. It posts an unsigned request to the
/// webhook, which refuses it, and fetches from WHOOP an order that does not exist. If WHOOP refuses the stored token, the tool renews
/// it, as the functions do. Nothing else changes.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit status: 0 if no check is bad, 1 if one is, or if nothing could be checked. \
    A check that is unknown alone does not make it 1."
)]
pub(crate) struct Doctor {}

/// All checks, in the order of [`CHECKS`].
#[derive(Serialize)]
#[serde(transparent)]
struct Checks(Vec<Check>);

impl Doctor {
    pub async fn run(self, session: &Session, output: &Output) -> Result<ExitCode, ToolError> {
        let progress = progress(output);
        let checks = match session.stack().await {
            Ok(stack) => all(session, stack).await,
            // nobody knows what to look at
            Err(error @ ToolError::Aws { .. }) => CHECKS
                .iter()
                .map(|(id, _)| Check::new(id, Finding::not_looked(&error)))
                .collect(),
            Err(error) => return Err(error),
        };
        progress.finish_and_clear();
        let checks = Checks(checks);
        output.report(&checks)?;
        let has = |mark| checks.0.iter().any(|check| check.finding.mark == mark);
        Ok(if has(Mark::Bad) || !has(Mark::Good) {
            ExitCode::FAILURE
        } else {
            ExitCode::SUCCESS
        })
    }
}

/// Makes all checks. The heartbeat comes after the others, so that it is not counted among the waiting messages; then come the logs,
/// so that they hold what it has caused.
async fn all(session: &Session, stack: &Stack) -> Vec<Check> {
    let now = SystemTime::now();
    let first: Vec<LocalBoxFuture<'_, Vec<Check>>> = vec![
        one("stack", async { Ok(stack::status(stack)) }),
        one("key", stack::key(session)),
        functions::checks(session).boxed_local(),
        one("signing_secret", secrets::signing(session)),
        one("previous_signing_secret", secrets::previous(session, now)),
        one("client_credentials", secrets::credentials(session)),
        token::checks(session).boxed_local(),
        one("event_source_mapping", mapping::state(session)),
        one("bus_rules", bus::rules(session)),
        one("alarm_subscriptions", subscriptions::confirmed(session)),
        one("webhook_url", webhook::answers(session)),
        one("webhook_public_url", webhook::answers_in_public(session)),
        one("queue", queues::waiting(session, now)),
        one("dead_letters", queues::dead_letters(session)),
        one("bus_dead_letters", queues::bus_dead_letters(session)),
        one("whoop_signature", async {
            Ok(logs::signatures(&Signals::read(session, now).await))
        }),
        one("alarms", async { Ok(Alarms::of(session).await?.judge()) }),
    ];
    let mut checks = join_all(first).await.concat();
    let mapped = checks
        .iter()
        .any(|check| check.id == "event_source_mapping" && check.finding.mark == Mark::Good);
    checks.extend(heartbeat::checks(session, mapped).await);
    checks.extend(one("permissions", logs::permissions(session, SystemTime::now())).await);
    checks.sort_by_key(|check| CHECKS.iter().position(|(id, _)| *id == check.id));
    checks
}

/// A check that stands alone.
fn one<'f>(
    id: &'static str,
    look: impl Future<Output = Result<Finding, ToolError>> + 'f,
) -> LocalBoxFuture<'f, Vec<Check>> {
    async move { vec![check(id, look).await] }.boxed_local()
}

/// Shows a person that the tool is at work.
fn progress(output: &Output) -> ProgressBar {
    if output.is_json() || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let progress = ProgressBar::new_spinner().with_message("checking the stack");
    progress.enable_steady_tick(Duration::from_millis(100));
    progress
}

impl fmt::Display for Checks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.0.iter().map(|check| check.what.len()).max();
        let width = width.unwrap_or_default();
        for check in &self.0 {
            let Finding {
                mark,
                found,
                remedy,
            } = &check.finding;
            writeln!(f, "{mark} {:width$}  {found}", check.what)?;
            if let Some(remedy) = remedy {
                writeln!(f, "  {:width$}  do: {remedy}", "")?;
            }
        }
        let marks = self.0.iter().map(|check| check.finding.mark);
        write!(f, "\n{}", summary(marks))
    }
}
