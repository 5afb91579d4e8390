//! How much memory the event processor needs at its worst.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use libtest_mimic::{Failed, Trial};
use local_aws::world::World;
use serde_json::json;
use uuid::Uuid;

use super::order::Order;
use super::processor::Processor;
use crate::harness::{Harness, Outcome, trials};

/// The size of a requisition as JSON, in bytes.
const SIZE: usize = 900_000;

/// The process's greatest memory at any time, in KiB.
const MAX_PEAK: u64 = 40 * 1024;

/// The trials of this area.
pub fn trials(harness: &Arc<Harness>) -> Vec<Trial> {
    trials![harness.on_whole_stack; ten_orders_of_900_kb_in_one_batch_take_less_than_40_mib]
}

/// An order of very many service requests that all have a status: confirming reads them all and changes none.
fn large_order(processor: &Processor<'_>) -> Order {
    let mut order = processor.draft();
    let mut service_requests = Vec::new();
    let mut size = order.requisition.to_string().len();
    loop {
        let one = json!({
            "id": Uuid::new_v4(),
            "status": "active",
            "intent": "order",
            "code": "2093-3",
            "task_business_status": "APPOINTMENT_ATTENDED",
            "task_description": "Total cholesterol in serum",
        });
        size += one.to_string().len() + 1;
        if size > SIZE {
            break;
        }
        service_requests.push(one);
    }
    order.requisition["service_requests"] = service_requests.into();
    let rest = SIZE - order.requisition.to_string().len();
    order.requisition["note"] = json!("x".repeat(rest - r#","note":"""#.len()));
    assert_eq!(order.requisition.to_string().len(), SIZE);
    processor.serve(&order);
    order
}

async fn ten_orders_of_900_kb_in_one_batch_take_less_than_40_mib(world: &World) -> Outcome {
    let confirming = [("AUTO_CONFIRM_ORDERS", Some("true"))];
    let processor = Processor::with(world, &confirming).await?;
    processor.one_execution_at_a_time().await?;
    let orders: Vec<Order> = (0..10).map(|_| large_order(&processor)).collect();
    let webhooks: Vec<String> = orders.iter().map(Order::webhook).collect();
    processor.queue(&webhooks).await?;
    let events = processor.published().await?;
    assert_eq!(events.len(), 10);
    for order in &orders {
        let event = events.iter().find(|event| event.resource_id() == order.id);
        order.assert_whole(event.ok_or("an order is not published")?);
    }

    let processes = processor.processes();
    assert_eq!(processes.len(), 1, "{processes:?}");
    let peak = peak_kib(&processes[0])?;
    println!("peak of the event processor: {peak} KiB");
    assert!(peak > 1024, "too little for a process: {peak} KiB");
    assert!(peak < MAX_PEAK, "{peak} KiB");
    Ok(())
}

/// The greatest resident memory that a process has had.
fn peak_kib(process: &Path) -> Result<u64, Failed> {
    let status = fs::read_to_string(process.join("status"))?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.ok_or("the kernel tells no peak")?;
    Ok(peak.trim().trim_end_matches(" kB").parse()?)
}
