//! An alarm over time.

use crate::alarm::Alarm;
use crate::metrics::Metrics;
use crate::state::State;

/// A change of an alarm's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transition {
    /// When it happened, in Unix seconds.
    pub at: u64,
    /// The new state.
    pub state: State,
}

/// Follows the state of an alarm through its evaluations.
///
/// Alarms with periods of a minute or longer are evaluated every minute, over windows that end then ("Alarm evaluation"). So an
/// alarm with a period of an hour sees an event within a minute, and for an hour. An alarm whose periods together exceed one
/// day is evaluated every hour. CloudWatch does so some minutes later, with the data up to the full hour; here it happens at
/// the full hour.
///
/// Data counts from the first evaluation after its time. In AWS metrics arrive with a delay, which a test can put into the times.
#[derive(Debug, Clone)]
pub struct Watch<'a> {
    alarm: &'a Alarm,
    state: State,
}

impl<'a> Watch<'a> {
    /// Watches a new alarm, whose state is `INSUFFICIENT_DATA`.
    #[must_use]
    pub fn new(alarm: &'a Alarm) -> Self {
        Self::from_state(alarm, State::InsufficientData)
    }

    /// Watches an alarm that is in this state.
    #[must_use]
    pub fn from_state(alarm: &'a Alarm, state: State) -> Self {
        Self { alarm, state }
    }

    /// The state after the last evaluation.
    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }

    /// Evaluates the alarm if it is due at `now`, and returns the transition if its state changes.
    pub fn step(&mut self, metrics: &Metrics, now: u64) -> Option<Transition> {
        if !now.is_multiple_of(self.alarm.evaluation_interval()) {
            return None;
        }
        let state = self.alarm.state_at(metrics, now, self.state);
        let changes = state != self.state;
        self.state = state;
        changes.then_some(Transition { at: now, state })
    }

    /// Evaluates the alarm at every full minute from `start` to `end`, both included, and returns the transitions.
    pub fn run(&mut self, metrics: &Metrics, start: u64, end: u64) -> Vec<Transition> {
        let minutes = (start.div_ceil(60)..=end / 60).map(|minute| minute * 60);
        minutes.filter_map(|now| self.step(metrics, now)).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::assumptions::Assumptions;

    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;

    /// A full day on which the simulations start.
    const START: u64 = 20_000 * DAY;

    fn alarm(properties: Value) -> Alarm {
        let mut all = json!({
            "Namespace": "Shop",
            "MetricName": "Orders",
            "Statistic": "Sum",
            "Period": 60,
            "EvaluationPeriods": 1,
            "Threshold": 1,
            "ComparisonOperator": "GreaterThanOrEqualToThreshold",
            "TreatMissingData": "notBreaching",
        });
        let properties = properties.as_object().unwrap().clone();
        all.as_object_mut().unwrap().extend(properties);
        Alarm::from_properties(&all).unwrap()
    }

    fn metrics(times: impl IntoIterator<Item = u64>) -> Metrics {
        let mut metrics = Metrics::new();
        for time in times {
            metrics.put("Shop", "Orders", &[], START + time, 1.0);
        }
        metrics
    }

    /// The transitions of a day, in seconds since its start.
    #[track_caller]
    fn check(properties: Value, metrics: &Metrics, end: u64, expected: &[(u64, State)]) {
        let alarm = alarm(properties);
        let transitions = Watch::new(&alarm).run(metrics, START, START + end);
        let transitions: Vec<_> = transitions
            .into_iter()
            .map(|transition| (transition.at - START, transition.state))
            .collect();
        assert_eq!(transitions, expected);
    }

    #[test]
    fn an_event_counts_for_one_period_from_the_next_minute_on() {
        let noon = 12 * HOUR;
        let metrics = filled(&metrics([noon + 30]));
        let expected = |period| {
            [
                (0, State::Ok),
                (noon + MINUTE, State::Alarm),
                // The window slides on, and its sum is zero again.
                (noon + MINUTE + period, State::Ok),
            ]
        };
        for period in [MINUTE, 5 * MINUTE, HOUR] {
            let properties = json!({"Period": period});
            check(properties, &metrics, DAY, &expected(period));
        }
    }

    /// The same metrics, and a zero every minute.
    fn filled(metrics: &Metrics) -> Metrics {
        let mut metrics = metrics.clone();
        for time in (0..2 * DAY).step_by(60) {
            metrics.put("Shop", "Orders", &[], START - DAY + time, 0.0);
        }
        metrics
    }

    #[test]
    fn a_lone_event_counts_as_long_as_it_is_in_the_evaluation_range() {
        let noon = 12 * HOUR;
        let expected = [
            (0, State::Ok),
            (noon + MINUTE, State::Alarm),
            // One evaluation period and two more.
            (noon + MINUTE + 3 * 5 * MINUTE, State::Ok),
        ];
        check(
            json!({"Period": 300}),
            &metrics([noon + 30]),
            DAY,
            &expected,
        );
    }

    #[test]
    fn a_heartbeat_is_missed_after_the_evaluation_range() {
        let beats = (0..12 * HOUR).step_by(300);
        let last = 12 * HOUR - 300;
        let heartbeat = json!({
            "Period": 300,
            "ComparisonOperator": "LessThanThreshold",
            "TreatMissingData": "breaching",
        });
        let expected = [
            (0, State::Alarm),
            (MINUTE, State::Ok),
            (last + MINUTE + 3 * 300, State::Alarm),
        ];
        check(heartbeat, &metrics(beats), DAY, &expected);
    }

    #[test]
    fn missing_data_that_is_just_missing_leads_to_insufficient_data() {
        let expected = [
            (6 * HOUR + MINUTE, State::Alarm),
            (6 * HOUR + 4 * MINUTE, State::InsufficientData),
        ];
        let missing = json!({"TreatMissingData": "missing"});
        check(missing, &metrics([6 * HOUR]), DAY, &expected);
        let expected = &expected[..1];
        let ignore = json!({"TreatMissingData": "ignore"});
        check(ignore, &metrics([6 * HOUR]), DAY, expected);
    }

    #[test]
    fn two_out_of_three_survive_a_gap() {
        let metrics = filled(&metrics([
            10 * MINUTE,
            12 * MINUTE,
            13 * MINUTE,
            20 * MINUTE,
        ]));
        let expected = [
            (0, State::Ok),
            (13 * MINUTE, State::Alarm),
            (16 * MINUTE, State::Ok),
        ];
        let properties = json!({"EvaluationPeriods": 3, "DatapointsToAlarm": 2});
        check(properties, &metrics, DAY, &expected);
    }

    #[test]
    fn an_alarm_of_more_than_a_day_is_evaluated_every_hour() {
        let metrics = metrics([2 * MINUTE]);
        let properties = json!({"Period": 43200, "EvaluationPeriods": 3, "DatapointsToAlarm": 1});
        let expected = [
            (0, State::Ok),
            (HOUR, State::Alarm),
            (HOUR + 5 * DAY / 2, State::Ok),
        ];
        check(properties, &metrics, 4 * DAY, &expected);
    }

    #[test]
    fn data_can_arrive_between_the_steps() {
        let alarm = alarm(json!({"TreatMissingData": "missing"}));
        let mut watch = Watch::from_state(&alarm, State::Ok);
        let mut metrics = Metrics::new();
        metrics.put("Shop", "Orders", &[], START, 1.0);
        let transition = watch.step(&metrics, START).unwrap();
        assert_eq!(transition.state, State::InsufficientData);
        assert_eq!(watch.state(), State::InsufficientData);
        assert_eq!(watch.step(&metrics, START + 59), None);
        let transition = Transition {
            at: START + 60,
            state: State::Alarm,
        };
        assert_eq!(watch.step(&metrics, START + 60), Some(transition));
        assert_eq!(watch.step(&metrics, START + 120), None);
    }

    #[test]
    fn fewer_extra_periods_forget_an_event_earlier() {
        let metrics = metrics([30]);
        for extra_periods in 0..4 {
            let assumptions = Assumptions {
                extra_periods,
                ..Assumptions::default()
            };
            let alarm = alarm(json!({})).assuming(assumptions);
            let transitions = Watch::new(&alarm).run(&metrics, START + 60, START + HOUR);
            let last = transitions.last().unwrap();
            assert_eq!(last.state, State::Ok);
            assert_eq!(last.at, START + 120 + 60 * extra_periods as u64);
        }
    }
}
