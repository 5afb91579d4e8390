//! Where a scenario plays: one alarm of the template, evaluated over a simulation.

use std::ops::{Range, RangeInclusive};

use ::alarms::{Alarm, Assumptions, Stack, State, Transition, Watch};

use super::recording::Recording;
use super::simulation::{HOUR, MIDNIGHT, MINUTE, Routine, Simulation};

/// When the condition of a scenario begins.
pub const BEGIN: u64 = 10 * HOUR;

/// When it ends, if the scenario does not need longer.
pub const END: u64 = 12 * HOUR;

/// The hours of a scenario that does not need longer.
pub const SPAN: Range<u64> = 7 * HOUR..15 * HOUR;

/// With the alarm on silence, which a stack does not have by default.
pub const PARAMETERS: &[(&str, &str)] = &[("SilenceAlarmHours", "12")];

/// An alarm of the template, and what the functions write.
pub struct Stage<'r> {
    recording: &'r Recording,
    alarm: &'static str,
    stack: Stack,
}

impl<'r> Stage<'r> {
    pub fn new(recording: &'r Recording, alarm: &'static str) -> Self {
        Self::with(recording, alarm, &[])
    }

    /// The same alarm of a stack with other parameters.
    pub fn with_parameters(&self, parameters: &[(&str, &str)]) -> Self {
        Self::with(self.recording, self.alarm, parameters)
    }

    fn with(recording: &'r Recording, alarm: &'static str, parameters: &[(&str, &str)]) -> Self {
        Self {
            recording,
            alarm,
            stack: stack(recording, parameters),
        }
    }

    /// A healthy stack for the usual hours.
    pub fn healthy(&self) -> Simulation<'r> {
        self.without(&[])
    }

    /// The same without some of its routine.
    pub fn without(&self, lacking: &[(Routine, Range<u64>)]) -> Simulation<'r> {
        self.during(SPAN, lacking)
    }

    /// The same for other hours.
    pub fn during(&self, span: Range<u64>, lacking: &[(Routine, Range<u64>)]) -> Simulation<'r> {
        Simulation::healthy(self.recording, &self.stack, span, lacking)
    }

    /// Checks that the alarm goes off so many minutes after the condition begins, is OK again so many minutes after it ends,
    /// and is OK before and afterwards. This must not depend on what AWS's documentation leaves open.
    #[track_caller]
    pub fn goes_off(
        &self,
        simulation: &Simulation<'_>,
        condition: Range<u64>,
        after: RangeInclusive<u64>,
        ends: RangeInclusive<u64>,
    ) {
        for assumptions in Assumptions::all() {
            self.goes_off_under(assumptions, simulation, &condition, &after, &ends);
        }
    }

    /// The same under these assumptions only.
    #[track_caller]
    pub fn goes_off_under(
        &self,
        assumptions: Assumptions,
        simulation: &Simulation<'_>,
        condition: &Range<u64>,
        after: &RangeInclusive<u64>,
        ends: &RangeInclusive<u64>,
    ) {
        let transitions = self.transitions(assumptions, simulation);
        let alarm = self.alarm;
        let [(_, State::Ok), (goes_off, State::Alarm), (is_ok, State::Ok)] = transitions[..] else {
            panic!("{alarm} under {assumptions:?}: {}", written(&transitions));
        };
        for (what, at, since, expected) in [
            ("goes off", goes_off, condition.start, after),
            ("is OK again", is_ok, condition.end, ends),
        ] {
            let minutes = at
                .checked_sub(since)
                .map(|seconds| seconds.div_ceil(MINUTE));
            assert!(
                minutes.is_some_and(|minutes| expected.contains(&minutes)),
                "{alarm} {what} after {minutes:?} minutes instead of {expected:?}, under {assumptions:?}: {}",
                written(&transitions)
            );
        }
    }

    /// Checks that the alarm is OK all the time.
    #[track_caller]
    pub fn stays_ok(&self, simulation: &Simulation<'_>) {
        for assumptions in Assumptions::all() {
            let transitions = self.transitions(assumptions, simulation);
            assert!(
                matches!(transitions[..], [(_, State::Ok)]),
                "{} under {assumptions:?}: {}",
                self.alarm,
                written(&transitions)
            );
        }
    }

    /// The changes of state, at seconds since midnight.
    fn transitions(
        &self,
        assumptions: Assumptions,
        simulation: &Simulation<'_>,
    ) -> Vec<(u64, State)> {
        let alarms = self.stack.alarms().expect("the alarms are valid");
        let alarm = alarms[self.alarm].clone().assuming(assumptions);
        transitions(&alarm, simulation)
    }
}

/// The stack of a recording with these parameters.
pub fn stack(recording: &Recording, parameters: &[(&str, &str)]) -> Stack {
    let parameters = [PARAMETERS, parameters].concat();
    let stack = Stack::new(&recording.template, &recording.stack, &parameters);
    stack.expect("the template has these parameters")
}

/// The changes of an alarm's state, at seconds since midnight.
pub fn transitions(alarm: &Alarm, simulation: &Simulation<'_>) -> Vec<(u64, State)> {
    let Range { start, end } = simulation.watched;
    let mut watch = Watch::new(alarm);
    let transitions = watch.run(&simulation.metrics, MIDNIGHT + start, MIDNIGHT + end);
    let transitions = transitions.into_iter();
    transitions
        .map(|Transition { at, state }| (at - MIDNIGHT, state))
        .collect()
}

/// The changes, with their times of day.
pub fn written(transitions: &[(u64, State)]) -> String {
    let transitions = transitions.iter().map(|(at, state)| {
        let (hours, minutes) = (at / HOUR, at % HOUR / MINUTE);
        format!("{state} at {hours}:{minutes:02}")
    });
    transitions.collect::<Vec<_>>().join(", ")
}
