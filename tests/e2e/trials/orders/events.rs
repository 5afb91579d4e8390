//! Which webhook leads to which event on the bus.

use std::sync::Arc;

use jiff::{Timestamp, ToSpan};
use libtest_mimic::{Failed, Trial};
use local_aws::aws_proxy::Behaviour;
use local_aws::released_event_processor::{Fate, Message, ReleasedEventProcessor};
use local_aws::world::World;
use serde_json::{Value, json};
use uuid::Uuid;
use whoop_simulator::Fault;

use super::order::ORDERED;
use super::processor::{Processor, REQUISITIONS};
use crate::harness::{Harness, Outcome, soon, trials};

/// The largest event, in bytes, that carries its resource.
const MAX_ENTRY_SIZE: usize = 1_000_000;

/// The trials of this area.
pub fn trials(harness: &Arc<Harness>) -> Vec<Trial> {
    trials![harness.on_whole_stack;
        the_order_behind_a_webhook_is_on_the_bus_whole,
        a_body_that_is_queued_in_base64_is_published_like_any_other,
        an_event_that_no_endpoint_serves_is_published_without_a_resource_each_time,
        an_order_too_large_for_an_event_is_published_by_its_path,
        the_same_state_is_published_once_a_changed_one_again_an_older_one_never,
        an_event_near_the_limit_of_the_region_is_published_by_its_path,
        one_delivery_can_be_followed_through_both_functions,
        a_missing_or_malformed_variable_is_named_at_start_up,
    ]
}

async fn the_order_behind_a_webhook_is_on_the_bus_whole(world: &World) -> Outcome {
    let processor = Processor::as_deployed(world).await?;
    let order = processor.place();
    let before = Timestamp::now();
    processor.deliver(order.webhook()).await?;
    let events = processor.published().await?;
    assert_eq!(events.len(), 1);
    order.assert_whole(&events[0]);
    let received_at = events[0].detail["received_at"].as_str();
    let received_at: Timestamp = received_at.unwrap_or_default().parse()?;
    assert!((before - 1.second()..=Timestamp::now()).contains(&received_at));
    // confirmations are off
    let calls = processor.whoop.calls();
    assert_eq!(calls.len(), 2, "more than a token and the order: {calls:?}");
    assert!(calls.iter().all(|call| {
        let user_agent = call.user_agent.as_deref().unwrap_or_default();
        user_agent.contains(env!("CARGO_PKG_VERSION"))
    }));
    processor.assert_nothing_set_aside().await
}

async fn a_body_that_is_queued_in_base64_is_published_like_any_other(world: &World) -> Outcome {
    let processor = Processor::as_deployed(world).await?;
    let order = processor.place();
    // this is JSON, but SQS does not take it as text
    let body = format!(
        "{{\"event_type\":\"{ORDERED}\",\"note\":\"\u{ffff}\",\"resource_id\":\"{}\"}}",
        order.id
    );
    processor.deliver(body).await?;
    let events = processor.published().await?;
    assert_eq!(events.len(), 1);
    order.assert_whole(&events[0]);
    processor.assert_nothing_set_aside().await
}

async fn an_event_that_no_endpoint_serves_is_published_without_a_resource_each_time(
    world: &World,
) -> Outcome {
    let processor = Processor::as_deployed(world).await?;
    let long = format!("new.{}", "ñ".repeat(200));
    for event_type in ["clinical_report_review.requested", "moon.risen", &long] {
        let id = Uuid::new_v4().to_string();
        let body = json!({"event_type": event_type, "resource_id": id}).to_string();
        for _ in 0..2 {
            processor.deliver(body.clone()).await?;
        }
        let events = processor.published().await?;
        assert_eq!(events.len(), 2, "{event_type}");
        for event in events {
            assert_eq!(event.detail["event_type"], event_type);
            assert!(event.resource_id() == id, "another resource");
            assert_eq!(event.detail["resource"], Value::Null);
            assert!(event.detail.get("resource_url").is_none());
        }
    }
    assert_eq!(processor.whoop.calls().len(), 0);
    processor.assert_nothing_set_aside().await
}

async fn an_order_too_large_for_an_event_is_published_by_its_path(world: &World) -> Outcome {
    let processor = Processor::as_deployed(world).await?;
    let mut order = processor.draft();
    order.requisition["added_by_whoop_later"] = json!("x".repeat(MAX_ENTRY_SIZE));
    processor.serve(&order);
    processor.deliver(order.webhook()).await?;
    let events = processor.published().await?;
    assert_eq!(events.len(), 1);
    assert!(events[0].resource_id() == order.id, "another order");
    assert_eq!(events[0].detail["resource"], Value::Null);
    let path = format!("{REQUISITIONS}{}", order.id);
    assert!(events[0].detail["resource_url"] == path, "another path");
    processor.assert_nothing_set_aside().await
}

async fn the_same_state_is_published_once_a_changed_one_again_an_older_one_never(
    world: &World,
) -> Outcome {
    let processor = Processor::as_deployed(world).await?;
    let mut order = processor.draft();
    let now = Timestamp::now();
    let mut expect = async |updated_at: Timestamp, note: &str, published: bool| -> Outcome {
        order.requisition["updated_at"] = json!(updated_at);
        order.requisition["note"] = json!(note);
        processor.serve(&order);
        let calls = processor.whoop.calls_to(REQUISITIONS).len();
        processor.deliver(order.webhook()).await?;
        let events = processor.published().await?;
        assert_eq!(processor.whoop.calls_to(REQUISITIONS).len(), calls + 1);
        let message = format!("{updated_at} {note}");
        assert_eq!(events.len(), usize::from(published), "{message}");
        events.iter().for_each(|event| order.assert_whole(event));
        Ok(())
    };
    expect(now, "first", true).await?;
    expect(now, "first", false).await?;
    expect(now - 1.second(), "older", false).await?;
    expect(now + 1.second(), "newer", true).await?;
    expect(now + 1.second(), "newer", false).await?;
    expect(now + 1.second(), "changed without a later time", true).await?;
    expect(now, "first", false).await?;
    processor.assert_nothing_set_aside().await
}

/// Plays an EventBridge with this limit, which counts some bytes more than its documentation says.
fn with_limit(bytes: usize) -> Behaviour {
    Behaviour::depending(move |call| {
        let entry = &call["Entries"][0];
        let counted = ["Source", "DetailType", "Detail"]
            .map(|field| entry[field].as_str().unwrap_or_default().len());
        if counted.iter().sum::<usize>() + 2000 <= bytes {
            return Behaviour::Pass;
        }
        Behaviour::Fail {
            status: 400,
            code: "ValidationException",
        }
    })
}

async fn an_event_near_the_limit_of_the_region_is_published_by_its_path(world: &World) -> Outcome {
    let processor = Processor::as_deployed(world).await?;
    let mut by_hand = ReleasedEventProcessor::start(world, &[]).await?;
    for (limit, size, whole) in [
        (256 * 1024, 240_000, true),
        (256 * 1024, 260_500, false),
        (256 * 1024, 500_000, false),
        (1024 * 1024, 500_000, true),
        (1024 * 1024, 995_000, true),
        (1024 * 1024, 1_045_000, false),
    ] {
        by_hand.proxy.set("PutEvents", with_limit(limit));
        let mut order = processor.draft();
        order.requisition["added_by_whoop_later"] = json!("x".repeat(size));
        processor.serve(&order);
        let fate = by_hand.one(&Message::new(order.webhook())).await?;
        assert_eq!(fate, Fate::Done, "{limit} {size}");
        let events = processor.arrived().await?;
        assert_eq!(events.len(), 1, "{limit} {size}");
        assert_eq!(
            events[0].detail["resource"].is_object(),
            whole,
            "{limit} {size}"
        );
        let path = events[0].detail.get("resource_url").is_some();
        assert_eq!(path, !whole, "{limit} {size}");
    }
    processor.assert_nothing_set_aside().await
}

async fn one_delivery_can_be_followed_through_both_functions(world: &World) -> Outcome {
    let processor = Processor::as_deployed(world).await?;
    let stack = processor.stack;
    let webhook = stack.output("WebhookFunctionName");
    let before = (
        stack.logs(webhook)?.len(),
        stack.logs(processor.function())?.len(),
    );
    processor
        .whoop
        .fault(Fault::status(REQUISITIONS, 503).times(1));
    let order = processor.place();
    processor.deliver(order.webhook()).await?;
    let events = processor.published().await?;
    let lines = |function: &str, before: usize| -> Result<Vec<Value>, Failed> {
        let lines = stack.logs(function)?.split_off(before);
        let lines = lines
            .iter()
            .filter_map(|line| serde_json::from_str(line).ok());
        Ok(lines.collect())
    };
    let of_webhook = lines(webhook, before.0)?;
    let queued = of_webhook
        .iter()
        .find(|line| line["message"] == "webhook queued");
    let request_id = &queued.ok_or("the webhook logs nothing")?["request_id"];
    assert!(request_id.is_string());

    let of_processor = lines(processor.function(), before.1)?;
    let said = |message: &str| {
        let line = of_processor.iter().find(|line| line["message"] == message);
        line.ok_or(format!("the processor does not log {message}"))
    };
    let processed = said("message processed")?;
    assert_eq!(processed["request_id"], *request_id);
    assert_eq!(processed["received_at"], events[0].detail["received_at"]);
    // the lines in between carry it too
    assert_eq!(said("call failed")?["span"]["request_id"], *request_id);
    Ok(())
}

async fn a_missing_or_malformed_variable_is_named_at_start_up(world: &World) -> Outcome {
    for (name, value) in [
        ("WEBHOOK_QUEUE_URL", None),
        ("WEBHOOK_DEAD_LETTER_QUEUE_URL", None),
        ("PARTNER_CREDENTIALS_SECRET_ID", None),
        ("PARTNER_API_BASE_URL", Some("http://partner.example")),
        ("TOKEN_TABLE_NAME", Some("")),
        ("EVENT_BUS_NAME", None),
        ("PUBLISHED_TABLE_NAME", None),
        ("WEBHOOK_QUEUE_RETENTION_SECONDS", None),
        ("WEBHOOK_QUEUE_RETENTION_SECONDS", Some("1209601")),
        ("WEBHOOK_QUEUE_MAX_RECEIVE_COUNT", None),
        ("WEBHOOK_QUEUE_MAX_RECEIVE_COUNT", Some("0")),
        ("AUTO_CONFIRM_ORDERS", Some("perhaps")),
    ] {
        let processor = Processor::with(world, &[(name, value)]).await?;
        let before = processor.stack.logs(processor.function())?.len();
        let order = processor.place();
        processor.deliver(order.webhook()).await?;
        let named = async || {
            let lines = processor.stack.logs(processor.function())?;
            Ok(lines[before..].iter().any(|line| line.contains(name)))
        };
        soon(&format!("{name} is named"), named).await?;
        assert_eq!(processor.whoop.calls().len(), 0);
    }
    Ok(())
}
