//! Each alarm of the template goes off when it should, and is quiet otherwise.
//!
//! The functions' lines are recorded on the deployed stack, once. The package `alarms` then evaluates the template's alarms
//! over simulated hours, in which these lines and AWS's own metrics occur.

mod access_log;
mod answers;
mod functions;
mod good_day;
mod heartbeat;
mod line;
mod queues;
mod recorded;
mod recording;
mod repair;
mod rows;
mod silence;
mod simulation;
mod stage;
mod token;
mod topic;

use std::collections::BTreeSet;
use std::sync::Arc;

use libtest_mimic::Trial;

use crate::harness::{Harness, Outcome, trials};
use recorded::Recorded;
use recording::Recording;
use rows::Row;
use stage::Stage;

/// The trials of this area.
pub fn trials(harness: &Arc<Harness>) -> Vec<Trial> {
    let recorded = Recorded::on(harness);
    let mut trials = trials![recorded.simulated; every_alarm_of_the_template_has_a_scenario];
    for Row { alarm, name, play } in rows() {
        trials.push(recorded.simulated(name, move |recording| {
            play(&Stage::new(recording, alarm));
            Ok(())
        }));
    }
    trials.extend(good_day::trials(&recorded));
    trials.extend(heartbeat::trials(harness, &recorded));
    trials.extend(topic::trials(harness));
    trials
}

fn rows() -> Vec<Row> {
    let areas = [
        queues::rows(),
        answers::rows(),
        functions::rows(),
        token::rows(),
        silence::rows(),
    ];
    areas.into_iter().flatten().collect()
}

fn every_alarm_of_the_template_has_a_scenario(recording: &Recording) -> Outcome {
    let rows: BTreeSet<_> = rows().iter().map(|row| row.alarm.to_owned()).collect();
    let all = |kind| {
        let resources = recording.template.of_type(kind);
        resources.map(|alarm| alarm.id.to_owned())
    };
    let alarms: BTreeSet<_> = all("AWS::CloudWatch::Alarm").collect();
    assert_eq!(alarms, rows);
    // of these, the evaluation knows nothing
    assert_eq!(all("AWS::CloudWatch::CompositeAlarm").next(), None);
    assert_eq!(all("AWS::CloudWatch::AnomalyDetector").next(), None);
    // no condition leaves one out
    let stack = stage::stack(recording, &[]);
    assert!(stack.alarms()?.keys().eq(&alarms));
    Ok(())
}
