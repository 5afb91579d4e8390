//! From data points to the state of an alarm.
//!
//! Follows AWS's page "Configuring how CloudWatch alarms treat missing data", with its section "Avoiding premature transitions
//! to alarm state". Real data points count first; missing ones only make up for as many as lack.

use std::fmt;

/// The state of an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// The metric is within the threshold.
    Ok,
    /// The metric is outside the threshold.
    Alarm,
    /// There is too little data.
    InsufficientData,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ok => "OK",
            Self::Alarm => "ALARM",
            Self::InsufficientData => "INSUFFICIENT_DATA",
        })
    }
}

/// How an alarm treats missing data points (`TreatMissingData`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MissingData {
    /// They breach the threshold.
    Breaching,
    /// They are within the threshold.
    NotBreaching,
    /// The alarm keeps its state.
    Ignore,
    /// They are just missing: without any data point the state is `INSUFFICIENT_DATA`.
    Missing,
}

impl MissingData {
    /// The treatment that CloudFormation calls `name`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "breaching" => Some(Self::Breaching),
            "notBreaching" => Some(Self::NotBreaching),
            "ignore" => Some(Self::Ignore),
            "missing" => Some(Self::Missing),
            _ => None,
        }
    }
}

/// How many data points must breach the threshold: M out of N.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rule {
    /// M, `DatapointsToAlarm`.
    pub(crate) to_alarm: usize,
    /// N, `EvaluationPeriods`.
    pub(crate) periods: usize,
    pub(crate) missing_data: MissingData,
}

impl Rule {
    /// The state after an evaluation. `points` are those of the evaluation range, the oldest first, and say whether they
    /// breach the threshold; none is a missing point.
    pub(crate) fn state(self, points: &[Option<bool>], previous: State) -> State {
        let most_recent_first = points.iter().rev().copied();
        let real: Vec<bool> = most_recent_first.flatten().take(self.periods).collect();
        let breaching = real.iter().filter(|breaches| **breaches).count();
        let lacking = self.periods - real.len();
        let state = |breaching| {
            if breaching >= self.to_alarm {
                State::Alarm
            } else {
                State::Ok
            }
        };
        // If a real point is within the threshold, or enough of them breach it, the real points decide.
        let decided = lacking == 0 || breaching < real.len() || breaching >= self.to_alarm;
        match self.missing_data {
            MissingData::Breaching => state(breaching + lacking),
            MissingData::NotBreaching | MissingData::Ignore | MissingData::Missing if decided => {
                state(breaching)
            }
            MissingData::NotBreaching => State::Ok,
            MissingData::Ignore => previous,
            MissingData::Missing if is_premature_alarm(points, self.to_alarm) => State::Alarm,
            MissingData::Missing => State::InsufficientData,
        }
    }
}

/// Whether the oldest breaching point is at least `age` periods old. The caller has seen that no point is within the threshold.
///
/// The text of the page mentions only more recent points. But in its second table `0 - X - -` is OK, although the breaching
/// point is old enough: an older point within the threshold counts as well.
fn is_premature_alarm(points: &[Option<bool>], age: usize) -> bool {
    let oldest = points.iter().position(Option::is_some);
    oldest.is_some_and(|index| points.len() - index >= age)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OK: Option<State> = Some(State::Ok);
    const ALARM: Option<State> = Some(State::Alarm);
    const INSUFFICIENT: Option<State> = Some(State::InsufficientData);
    /// "Retain current state"
    const RETAIN: Option<State> = None;

    const TREATMENTS: [MissingData; 4] = [
        MissingData::Missing,
        MissingData::Ignore,
        MissingData::Breaching,
        MissingData::NotBreaching,
    ];

    /// Reads points as the documentation writes them: `0 - X - X`, the oldest first.
    fn points(text: &str) -> Vec<Option<bool>> {
        let point = |point| match point {
            "0" => Some(false),
            "X" => Some(true),
            "-" => None,
            _ => panic!("{point} is no point"),
        };
        text.split(' ').map(point).collect()
    }

    /// One row of a table: the states with missing data as missing, ignored, breaching and not breaching.
    #[track_caller]
    fn row(to_alarm: usize, text: &str, expected: [Option<State>; 4]) {
        for (missing_data, expected) in TREATMENTS.into_iter().zip(expected) {
            for previous in [State::Ok, State::Alarm, State::InsufficientData] {
                let rule = Rule {
                    to_alarm,
                    periods: 3,
                    missing_data,
                };
                let state = rule.state(&points(text), previous);
                let expected = expected.unwrap_or(previous);
                assert_eq!(
                    state, expected,
                    "{text} as {missing_data:?} after {previous}"
                );
            }
        }
    }

    #[test]
    fn the_documented_table_for_three_out_of_three() {
        row(3, "0 - X - X", [OK, OK, OK, OK]);
        row(3, "0 - - - -", [OK, OK, OK, OK]);
        row(3, "- - - - -", [INSUFFICIENT, RETAIN, ALARM, OK]);
        row(3, "0 X X - X", [ALARM, ALARM, ALARM, ALARM]);
        row(3, "- - X - -", [ALARM, RETAIN, ALARM, OK]);
    }

    #[test]
    fn the_documented_table_for_two_out_of_three() {
        row(2, "0 - X - X", [ALARM, ALARM, ALARM, ALARM]);
        row(2, "0 0 X 0 X", [ALARM, ALARM, ALARM, ALARM]);
        row(2, "0 - X - -", [OK, OK, ALARM, OK]);
        row(2, "- - - - 0", [OK, OK, ALARM, OK]);
        row(2, "- - - X -", [ALARM, RETAIN, ALARM, OK]);
    }

    /// An older edition of the page had these rows. The current page says of the first two only that they are not ALARM.
    #[test]
    fn the_rows_of_an_older_edition() {
        row(3, "- - - - X", [INSUFFICIENT, RETAIN, ALARM, OK]);
        row(2, "- - - - X", [INSUFFICIENT, RETAIN, ALARM, OK]);
        row(3, "X - - - -", [ALARM, RETAIN, ALARM, OK]);
    }

    #[test]
    fn an_alarm_is_not_premature_before_its_oldest_point_is_old_enough() {
        row(3, "- - - X -", [INSUFFICIENT, RETAIN, ALARM, OK]);
        row(3, "- - - X 0", [OK, OK, OK, OK]);
        row(3, "- - X - 0", [OK, OK, OK, OK]);
    }

    #[test]
    fn enough_real_points_need_no_missing_ones() {
        row(1, "- - - - X", [ALARM, ALARM, ALARM, ALARM]);
        row(2, "- - - X X", [ALARM, ALARM, ALARM, ALARM]);
        row(2, "X X 0 0 X", [OK, OK, OK, OK]);
        row(2, "X - 0 - X", [ALARM, ALARM, ALARM, ALARM]);
    }
}
