//! WHOOP's deliveries of webhooks: up to five attempts within an hour, until one is answered with 204 within a second.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, timeout};
use whoop_partner::signature;

use crate::chance::{between, minutes, seconds};
use crate::lambda::webhook::WebhookFunction;
use crate::plan::{Kind, Order};
use crate::world::World;

/// How long WHOOP waits for an answer.
const PATIENCE: Duration = seconds(1);

/// Creates an order, changes it, and announces both.
pub(crate) async fn place(world: Arc<World>, function: Rc<WebhookFunction>, index: usize) {
    let Order { at, kind, updates } = &world.plan.orders[index];
    world.until(*at).await;
    let (requisition, id) = match kind {
        Kind::Plain | Kind::Undecodable | Kind::Forged => (None, format!("e{index}")),
        _ => {
            let (requisition, id) = world.whoop.create(&world, *kind);
            (Some(requisition), id)
        }
    };
    announce(&world, &function, *kind, &id);
    let Some(requisition) = requisition else {
        return;
    };
    for (at, announced) in updates {
        world.until(*at).await;
        world.whoop.update(&world, requisition);
        if *announced {
            announce(&world, &function, *kind, &id);
        }
    }
}

/// Delivers a webhook, in a task of its own.
fn announce(world: &Arc<World>, function: &Rc<WebhookFunction>, kind: Kind, id: &str) {
    let number = world.next_number();
    let body = match kind {
        Kind::Undecodable => format!("{number} is no event"),
        Kind::Plain => {
            format!(r#"{{"event_type":"another.event","resource_id":"{id}","n":{number}}}"#)
        }
        _ => format!(
            r#"{{"event_type":"lab_requisition.created","resource_id":"{id}","n":{number}}}"#
        ),
    };
    world.ledger.announce(&body, kind, id);
    tokio::task::spawn_local(deliver(world.clone(), function.clone(), kind, body));
}

async fn deliver(world: Arc<World>, function: Rc<WebhookFunction>, kind: Kind, body: String) {
    let pauses = [seconds(60), minutes(4), minutes(10), minutes(40)];
    for attempt in 0..5 {
        if attempt > 0 {
            sleep(between(pauses[attempt - 1] / 2, pauses[attempt - 1])).await;
        }
        let key = match kind {
            Kind::Forged => "a key of somebody else".to_owned(),
            _ => world.whoop.signing_key(),
        };
        let signature = signature::sign(body.as_bytes(), key.as_bytes());
        let answer = function.clone().post(body.clone(), signature);
        let status = timeout(PATIENCE, answer).await;
        crate::note!(world, "WHOOP", "delivers {body}: {status:?}");
        if status.is_ok_and(|status| status == 204) {
            return world.ledger.delivered();
        }
    }
    crate::note!(world, "WHOOP", "gives up {body}");
    world.ledger.given_up();
}
