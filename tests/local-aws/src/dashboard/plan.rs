//! What happens in a run, and when: the same each time.

use std::f64::consts::TAU;
use std::ops::Range;
use std::time::Duration;

/// The length of a run: two hours of AWS.
pub(super) const RUN: Duration = Duration::from_secs(120);

/// No webhook is sent in the last part of a run, so that all are processed before its end.
const LAST_WEBHOOK: Duration = Duration::from_secs(118);

/// What one period of five minutes lasts. Both schedules of the template invoke their functions once in it.
const TICK: Duration = Duration::from_secs(5);

/// WHOOP answers 503 meanwhile.
pub(super) const OUTAGE: Range<Duration> = Duration::from_secs(62)..Duration::from_secs(77);

/// From the first moment on, the new signing secret is in Secrets Manager. At the second one, WHOOP begins to sign with it.
pub(super) const ROTATION: Range<Duration> = Duration::from_secs(40)..Duration::from_secs(52);

/// Somebody tries out what is behind the URL.
const SCAN: Range<Duration> = Duration::from_secs(21)..Duration::from_secs(24);

/// Makes the same random numbers in each run.
const SEED: u64 = 7;

/// Something that happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// WHOOP creates an order and delivers its webhook.
    Order,
    /// WHOOP delivers an earlier webhook once more.
    Repeat,
    /// The heartbeat function is invoked.
    Heartbeat,
    /// The token-refresh function is invoked.
    RefreshToken,
    /// A stranger posts something without a signature.
    Scan,
    /// A stranger posts a webhook with a signature of their own.
    Forge,
    /// The new signing secret is stored.
    StoreNewSecret,
    /// WHOOP signs with the new secret from now on.
    SignWithNewSecret,
    /// WHOOP answers 503 from now on.
    BeginOutage,
    /// WHOOP answers again.
    EndOutage,
    /// Somebody puts a message into the queue that is no webhook.
    SendNoWebhook,
}

/// Everything that happens in a run, in the order of time.
pub(super) fn plan() -> Vec<(Duration, Action)> {
    let mut random = fastrand::Rng::with_seed(SEED);
    let once = [
        (22, Action::SendNoWebhook),
        (33, Action::Forge),
        (85, Action::Forge),
    ];
    let once = once.map(|(second, action)| (Duration::from_secs(second), action));
    let mut plan: Vec<_> = once.into();
    plan.extend([
        (ROTATION.start, Action::StoreNewSecret),
        (ROTATION.end, Action::SignWithNewSecret),
        (OUTAGE.start, Action::BeginOutage),
        (OUTAGE.end, Action::EndOutage),
    ]);
    for tick in 0..RUN.div_duration_f64(TICK) as u32 {
        let at = TICK * tick;
        plan.push((at + Duration::from_secs(1), Action::RefreshToken));
        plan.push((at + Duration::from_secs(2), Action::Heartbeat));
    }
    let orders = |at: Duration| orders_a_second(at);
    plan.extend(arrivals(&mut random, orders).map(|at| (at, Action::Order)));
    plan.extend(arrivals(&mut random, |_| 0.15).map(|at| (at, Action::Repeat)));
    let scans = |at| if SCAN.contains(&at) { 6.0 } else { 0.4 };
    plan.extend(arrivals(&mut random, scans).map(|at| (at, Action::Scan)));
    plan.sort_by_key(|(at, _)| *at);
    plan
}

/// Two waves, from one order a second to five and back.
fn orders_a_second(at: Duration) -> f64 {
    3.0 - 2.0 * (TAU * at.as_secs_f64() / 60.0).cos()
}

/// Moments of which `rate` come each second: as evenly as the rate allows, each a little early or late.
fn arrivals(
    random: &mut fastrand::Rng,
    rate: impl Fn(Duration) -> f64,
) -> impl Iterator<Item = Duration> {
    const STEP: Duration = Duration::from_millis(10);
    let steps = LAST_WEBHOOK.div_duration_f64(STEP) as u32;
    let mut due = 0.0;
    let mut arrived = 0.0;
    let mut next = random.f64();
    (0..steps).map(|step| STEP * step).filter(move |at| {
        due += rate(*at) * STEP.as_secs_f64();
        let arrives = due >= next;
        if arrives {
            arrived += 1.0;
            next = arrived + random.f64();
        }
        arrives
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(action: Action, seconds: Range<u64>) -> usize {
        let seconds = Duration::from_secs(seconds.start)..Duration::from_secs(seconds.end);
        let plan = plan().into_iter();
        plan.filter(|(at, planned)| *planned == action && seconds.contains(at))
            .count()
    }

    #[test]
    fn every_run_is_the_same() {
        assert_eq!(plan(), plan());
        assert!(plan().is_sorted_by_key(|(at, _)| *at));
    }

    #[test]
    fn orders_come_in_two_waves() {
        for crest in [25..35, 85..95] {
            let orders = count(Action::Order, crest);
            assert!((40..=60).contains(&orders), "{orders}");
        }
        for trough in [0..5, 55..65] {
            let a_second = count(Action::Order, trough.clone()) as f64 / trough.count() as f64;
            assert!((0.5..2.5).contains(&a_second), "{a_second}");
        }
    }

    #[test]
    fn each_period_has_a_heartbeat_and_a_look_at_the_token() {
        for period in (0..120).step_by(5) {
            for action in [Action::Heartbeat, Action::RefreshToken] {
                assert_eq!(count(action, period..period + 5), 1);
            }
        }
    }

    #[test]
    fn everything_happens() {
        for action in [
            Action::Repeat,
            Action::Scan,
            Action::Forge,
            Action::SendNoWebhook,
        ] {
            assert!(count(action, 0..120) > 0, "{action:?}");
        }
    }
}
