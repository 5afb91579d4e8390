//! `whoop-partner dlq`.

mod crash;
mod faults;
mod list;
mod redrive;

use std::sync::Arc;

use libtest_mimic::Trial;

use crate::harness::Harness;

/// The trials of these commands.
pub fn trials(harness: &Arc<Harness>) -> Vec<Trial> {
    let areas = [
        list::trials(harness),
        redrive::trials(harness),
        faults::trials(harness),
        crash::trials(harness),
    ];
    areas.into_iter().flatten().collect()
}
