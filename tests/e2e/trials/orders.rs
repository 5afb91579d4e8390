//! From a webhook to the full order on the bus: WHOOP, the webhook's URL, the queue, the event processor, the bus, a
//! rule, and a consumer's queue.

mod confirmation;
mod crash;
mod events;
mod expiry;
mod failures;
mod hurry;
mod long_outages;
mod memory;
mod odd_items;
pub mod order;
pub mod processor;
mod rate_limit;
mod refusals;
mod whole_day;

use std::sync::Arc;

use libtest_mimic::Trial;

use crate::harness::Harness;

/// The trials of the deployed event processor.
pub fn trials(harness: &Arc<Harness>) -> Vec<Trial> {
    let areas = [
        events::trials(harness),
        failures::trials(harness),
        crash::trials(harness),
        confirmation::trials(harness),
        memory::trials(harness),
        expiry::trials(harness),
        whole_day::trials(harness),
        rate_limit::trials(harness),
    ];
    areas.into_iter().flatten().collect()
}

/// The trials that hand messages to the event processor's binary.
pub fn by_hand_trials(harness: &Arc<Harness>) -> Vec<Trial> {
    let areas = [
        long_outages::trials(harness),
        refusals::trials(harness),
        odd_items::trials(harness),
    ];
    areas.into_iter().flatten().collect()
}
