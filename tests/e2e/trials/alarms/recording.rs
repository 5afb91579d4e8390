//! The lines that the deployed functions write at each of their decisions, as they are written. Simulations repeat them at
//! simulated times.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use jiff::{Timestamp, ToSpan};
use libtest_mimic::Failed;
use local_aws::checkout;
use local_aws::stack::{Stack, TokenItem};
use local_aws::world::World;
use serde_json::json;
use template::Template;
use uuid::Uuid;
use whoop_partner::heartbeat;
use whoop_partner::lambda::metrics::Metric;
use whoop_simulator::Fault;

use super::line::{self, Line};
use super::repair::repaired;
use crate::harness::{Outcome, soon};
use crate::orders::order::ORDERED;
use crate::orders::processor::{Processor, REQUISITIONS};

/// A key that the signing secret is rotated to.
const NEXT_KEY: &str = "whsec_the-key-after-the-next-one";

/// One line of each kind, and the template whose alarms they concern.
pub struct Recording {
    lines: BTreeMap<Line, String>,
    pub template: Template,
    /// The name of the stack, which the lines contain.
    pub stack: String,
}

impl Recording {
    /// Causes every kind of line on the deployed stack.
    pub async fn make(world: &World) -> Result<Self, Failed> {
        repaired(world, async || {
            let mut recording = Self {
                lines: BTreeMap::new(),
                template: Template::transformed(&checkout().join("template.yaml"))?,
                stack: world.stack.name.clone(),
            };
            let processor = Processor::as_deployed(world).await?;
            recording.record_orders(&processor).await?;
            recording.record_heartbeats(world).await?;
            recording.record_refusals(world).await?;
            recording.record_token_refresh(world).await?;
            Ok(recording)
        })
        .await
    }

    /// The line, as the function wrote it.
    pub fn line(&self, line: Line) -> &str {
        &self.lines[&line]
    }

    async fn record_orders(&mut self, processor: &Processor<'_>) -> Outcome {
        let stack = processor.stack;
        let order = processor.place();
        let lines = [Line::Accepted, Line::Published];
        let deliver = async || processor.deliver(order.webhook()).await;
        self.take(stack, &lines, deliver).await?;
        self.take(stack, &[Line::AlreadyPublished], deliver).await?;
        let undecodable = async || processor.deliver("this is no JSON").await;
        self.take(stack, &[Line::SetAside], undecodable).await?;

        let order = processor.place();
        let down = Fault::status(REQUISITIONS, 503).times(1000);
        processor.whoop.fault(down);
        for (line, minutes) in [
            (Line::Returned, 0),
            (Line::ReturnedYounger, 6 * 60 - 1),
            (Line::ReturnedOlder, 6 * 60 + 1),
        ] {
            let sent_at = (Timestamp::now() - minutes.minutes()).as_millisecond();
            let batch = json!({"Records": [{
                "messageId": Uuid::new_v4(),
                "receiptHandle": "of-nobody",
                "body": order.webhook(),
                "attributes": {
                    "ApproximateReceiveCount": "7",
                    "SentTimestamp": sent_at.to_string(),
                },
                "messageAttributes": {
                    "event_type": {"stringValue": ORDERED, "dataType": "String"},
                },
            }]});
            let hand_over = async || {
                stack.invoke(processor.function(), &batch).await?;
                Ok(())
            };
            self.take(stack, &[line], hand_over).await?;
        }
        processor.whoop.reset();
        Ok(())
    }

    async fn record_heartbeats(&mut self, world: &World) -> Outcome {
        let stack = &world.stack;
        let function = stack.output("HeartbeatFunctionName");
        let beat = async || {
            stack.invoke(function, &json!({})).await?;
            Ok(())
        };
        let lines = [Line::HeartbeatAccepted, Line::HeartbeatArrived];
        self.take(stack, &lines, beat).await?;
        let replay = async || {
            let replayed = heartbeat::body(SystemTime::now() - Duration::from_secs(3600));
            assert_status(world, replayed, &world.signing_secret, 204).await
        };
        self.take(stack, &[Line::HeartbeatDropped], replay).await
    }

    async fn record_refusals(&mut self, world: &World) -> Outcome {
        let stack = &world.stack;
        let function = stack.output("WebhookFunctionName");
        let key = &world.signing_secret;
        let forge = async || assert_status(world, event(), "another key", 401).await;
        self.take(stack, &[Line::Forged], forge).await?;
        let scan = async || {
            let answer = stack.post_webhook("", Default::default()).await?;
            assert_eq!(answer.status, 401);
            Ok(())
        };
        self.take(stack, &[Line::Scanned], scan).await?;
        let rotate = async || {
            stack.put_signing_secret(NEXT_KEY).await?;
            stack.restart(function).await?;
            assert_status(world, event(), key, 204).await
        };
        let previous = Line::AcceptedByPreviousKey;
        self.take(stack, &[previous], rotate).await?;
        stack.put_signing_secret(key).await?;
        // its role does not let it read this secret, nor write to this queue
        let secret = stack.output("PartnerCredentialsSecretArn");
        let queue = stack.output("WebhookDeadLetterQueueUrl");
        for (line, variable, value) in [
            (Line::KeysUnavailable, "WEBHOOK_SIGNING_SECRET_ID", secret),
            (Line::QueueUnavailable, "WEBHOOK_QUEUE_URL", queue),
        ] {
            let fail = async || {
                stack
                    .configure(function, &[(variable, Some(value))])
                    .await?;
                assert_status(world, event(), key, 503).await
            };
            self.take(stack, &[line], fail).await?;
        }
        Ok(())
    }

    async fn record_token_refresh(&mut self, world: &World) -> Outcome {
        let stack = &world.stack;
        let refresh = async || {
            let function = stack.output("TokenRefreshFunctionName");
            stack.invoke(function, &json!({})).await?;
            Ok(())
        };
        stack.delete_token_item().await?;
        self.take(stack, &[Line::TokenRefreshed], refresh).await?;
        let not_found = Fault::status("/v2/partner/token", 404).times(100);
        world.simulator.fault(not_found);
        for (line, minutes) in [(Line::RefreshFailedEarly, 20), (Line::RefreshFailed, 10)] {
            let now = Timestamp::now().as_second();
            let token = TokenItem {
                access_token: format!("stored-token-{}", Uuid::new_v4().simple()),
                token_type: "bearer".into(),
                expires_at: now + minutes * 60,
                obtained_at: now + (minutes - 60) * 60,
            };
            stack.put_token_item(&token).await?;
            self.take(stack, &[line], refresh).await?;
        }
        stack.delete_token_item().await?;
        let without = Line::RefreshFailedWithoutToken;
        self.take(stack, &[without], refresh).await
    }

    /// Does something, and keeps the lines that the functions then write.
    async fn take(
        &mut self,
        stack: &Stack,
        lines: &[Line],
        cause: impl AsyncFnOnce() -> Outcome,
    ) -> Outcome {
        let mut searches = Vec::new();
        for &line in lines {
            let function = stack.output(line.expected().0);
            searches.push((line, function, stack.logs(function)?.len()));
        }
        cause().await?;
        for (line, function, before) in searches {
            let (_, message, metrics) = line.expected();
            let find = || -> Result<Option<String>, Failed> {
                let written = stack.logs(function)?.split_off(before);
                Ok(written.into_iter().find(|line| line::says(line, message)))
            };
            let is_written = format!("the line {line:?} is written");
            soon(&is_written, async || Ok(find()?.is_some())).await?;
            let written = find()?.ok_or("the line is gone")?;
            let mut names = line::metric_names(&written);
            names.remove(Metric::RateLimitRemaining.name());
            let expected: BTreeSet<_> = metrics.iter().map(|metric| metric.name()).collect();
            assert!(names.iter().eq(expected.iter()), "{line:?}: {names:?}");
            self.lines.insert(line, written);
        }
        Ok(())
    }
}

/// A webhook about an event that no endpoint serves.
fn event() -> String {
    json!({"event_type": "moon.risen", "resource_id": Uuid::new_v4()}).to_string()
}

async fn assert_status(world: &World, body: String, key: &str, status: u16) -> Outcome {
    let answer = world.stack.deliver(body, key).await?;
    assert_eq!(answer.status, status, "{answer:?}");
    Ok(())
}
