//! The released webhook while SQS or Secrets Manager is slow. If the service answers before the deadline, the webhook
//! answers 204.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use libtest_mimic::{Failed, Trial};
use local_aws::aws_proxy::Behaviour;
use local_aws::released_webhook::{Answered, ReleasedWebhook, WHOOP_LIMIT};
use local_aws::world::World;

use super::fresh;
use crate::harness::{Harness, Outcome, trials};

/// How long a service takes: once within the deadline of 800 ms, and once beyond it.
const IN_TIME_MS: [u64; 7] = [100, 200, 300, 400, 500, 600, 700];
const TOO_LATE_MS: [u64; 2] = [1000, 60_000];

const NEXT_KEY: &str = "whsec_the-next-one-9876543210";

/// The trials of this area.
pub(super) fn trials(harness: &Arc<Harness>) -> Vec<Trial> {
    trials![harness.on_webhook_stack;
        a_slow_service_leads_to_204_within_the_deadline_and_to_503_beyond_it,
        two_copies_of_a_delivery_are_sent_at_most,
        a_second_try_takes_no_connection_from_the_pool,
        a_slow_previous_version_is_waited_for,
        an_answer_that_comes_too_late_for_the_first_delivery_serves_the_second,
        a_stray_forgery_does_not_delay_a_new_key,
        a_look_without_an_answer_is_repeated_after_a_second,
        a_healthy_delivery_costs_one_call,
    ]
}

/// The function's surroundings, and what is slow in them.
struct Webhook<'w>(ReleasedWebhook<'w>);

impl<'w> Deref for Webhook<'w> {
    type Target = ReleasedWebhook<'w>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<'w> Webhook<'w> {
    async fn new(world: &'w World) -> Result<Self, Failed> {
        fresh(world).await?;
        Ok(Self(ReleasedWebhook::new(world).await?))
    }

    /// SQS is slow while the function runs.
    async fn sqs_warm(&self, delay: Duration) -> Result<Answered, Failed> {
        let mut webhook = self.start_warm().await?;
        self.sqs.set_all(Behaviour::Delay(delay));
        Ok(self.deliver(&mut webhook).await?)
    }

    /// SQS is slow from the start on, even while the connection is opened.
    async fn sqs_cold(&self, delay: Duration) -> Result<Answered, Failed> {
        self.sqs.set_all(Behaviour::Delay(delay));
        self.cold().await
    }

    /// Secrets Manager is slow from the start on.
    async fn secrets_cold(&self, delay: Duration) -> Result<Answered, Failed> {
        self.secrets.set_all(Behaviour::Delay(delay));
        self.cold().await
    }

    /// Secrets Manager is slow when a running function meets an unknown key.
    async fn secrets_warm(&self, delay: Duration) -> Result<Answered, Failed> {
        let stack = &self.world.stack;
        let mut webhook = self.start_warm().await?;
        stack.put_signing_secret(NEXT_KEY).await?;
        self.secrets.set_all(Behaviour::Delay(delay));
        let answered = self.deliver_signed(&mut webhook, NEXT_KEY).await;
        stack.put_signing_secret(&self.world.signing_secret).await?;
        Ok(answered?)
    }

    /// The first delivery; its time counts from the start of the process.
    async fn cold(&self) -> Result<Answered, Failed> {
        let mut webhook = self.start().await?;
        let (status, _) = self.deliver(&mut webhook).await?;
        Ok((status, webhook.age()))
    }
}

async fn a_slow_service_leads_to_204_within_the_deadline_and_to_503_beyond_it(
    world: &World,
) -> Outcome {
    let webhook = Webhook::new(world).await?;
    println!(
        "\n  a service answers after   SQS warm      SQS cold      Secrets warm  Secrets cold"
    );
    let mut wrong = Vec::new();
    let delays = IN_TIME_MS.iter().map(|ms| (ms, 204));
    for (&ms, expected) in delays.chain(TOO_LATE_MS.iter().map(|ms| (ms, 503))) {
        let delay = Duration::from_millis(ms);
        let mut row = format!("  {ms:>6} ms              ");
        for situation in ["SQS warm", "SQS cold", "Secrets warm", "Secrets cold"] {
            let (status, elapsed) = match situation {
                "SQS warm" => webhook.sqs_warm(delay).await?,
                "SQS cold" => webhook.sqs_cold(delay).await?,
                "Secrets warm" => webhook.secrets_warm(delay).await?,
                _ => webhook.secrets_cold(delay).await?,
            };
            webhook.heal();
            row.push_str(&format!("  {status} {:>5} ms ", elapsed.as_millis()));
            if status != expected || elapsed >= WHOOP_LIMIT {
                wrong.push(format!("{situation}, {ms} ms: {status} after {elapsed:?}"));
            }
        }
        println!("{row}");
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    Ok(())
}

async fn two_copies_of_a_delivery_are_sent_at_most(world: &World) -> Outcome {
    let webhook = Webhook::new(world).await?;
    let mut function = webhook.start_warm().await?;
    for behaviour in [
        Behaviour::Hang,
        Behaviour::Delay(Duration::from_millis(900)),
        Behaviour::CloseConnection,
        Behaviour::Fail {
            status: 500,
            code: "InternalFailure",
        },
        Behaviour::Fail {
            status: 400,
            code: "ThrottlingException",
        },
    ] {
        webhook.sqs.reset();
        webhook.sqs.set("SendMessage", behaviour.clone());
        let (status, elapsed) = webhook.deliver(&mut function).await?;
        assert_eq!(status, 503, "{behaviour:?}");
        assert!(elapsed < WHOOP_LIMIT, "{behaviour:?}: {elapsed:?}");
        assert_eq!(webhook.sqs.calls("SendMessage"), 2, "{behaviour:?}");
    }
    Ok(())
}

/// Both connections in the pool may have died in the same freeze.
async fn a_second_try_takes_no_connection_from_the_pool(world: &World) -> Outcome {
    let webhook = Webhook::new(world).await?;
    // the start and the first delivery open a connection each
    let opening = Duration::from_millis(400);
    webhook.sqs.set("", Behaviour::Delay(opening));
    let mut function = webhook.start().await?;
    assert_eq!(webhook.deliver(&mut function).await?.0, 204);
    tokio::time::sleep(opening).await;
    assert_eq!(webhook.deliver(&mut function).await?.0, 204);
    assert_eq!(webhook.sqs.connections(), 2);
    webhook.sqs.next("SendMessage", Behaviour::Hang);
    assert_eq!(webhook.deliver(&mut function).await?.0, 204);
    assert_eq!(webhook.sqs.connections(), 3);
    Ok(())
}

async fn a_slow_previous_version_is_waited_for(world: &World) -> Outcome {
    let webhook = Webhook::new(world).await?;
    let stack = &world.stack;
    stack.put_signing_secret(NEXT_KEY).await?;
    let slow_previous = |time| {
        let delay = Behaviour::depending(move |call| match call["VersionStage"].as_str() {
            Some("AWSPREVIOUS") => Behaviour::Delay(time),
            _ => Behaviour::Pass,
        });
        webhook.secrets.set("GetSecretValue", delay);
    };
    for ms in [250, 600] {
        slow_previous(Duration::from_millis(ms));
        let mut function = webhook.start().await?;
        let (status, elapsed) = webhook.deliver(&mut function).await?;
        assert_eq!(status, 204, "{ms} ms: {elapsed:?}");
        // deliveries that don't need it do not wait for it
        let mut function = webhook.start().await?;
        let (status, elapsed) = webhook.deliver_signed(&mut function, NEXT_KEY).await?;
        assert_eq!(status, 204);
        assert!(elapsed < Duration::from_millis(ms), "{elapsed:?}");
    }
    slow_previous(Duration::from_secs(60));
    let mut function = webhook.start().await?;
    let (status, elapsed) = webhook.deliver(&mut function).await?;
    assert_eq!(status, 503);
    assert!(elapsed < WHOOP_LIMIT, "{elapsed:?}");
    // the next delivery within a second does not wait for the read again
    let (status, elapsed) = webhook.deliver(&mut function).await?;
    assert_eq!(status, 503);
    assert!(elapsed < Duration::from_millis(100), "{elapsed:?}");
    stack.put_signing_secret(&world.signing_secret).await?;
    Ok(())
}

async fn an_answer_that_comes_too_late_for_the_first_delivery_serves_the_second(
    world: &World,
) -> Outcome {
    let webhook = Webhook::new(world).await?;
    webhook
        .secrets
        .set_all(Behaviour::Delay(Duration::from_millis(1300)));
    let mut function = webhook.start().await?;
    assert_eq!(webhook.deliver(&mut function).await?.0, 503);
    assert_eq!(webhook.deliver(&mut function).await?.0, 204);
    Ok(())
}

async fn a_stray_forgery_does_not_delay_a_new_key(world: &World) -> Outcome {
    let webhook = Webhook::new(world).await?;
    let stack = &world.stack;
    let mut function = webhook.start_warm().await?;
    assert_eq!(
        webhook
            .deliver_signed(&mut function, "a forger's key")
            .await?
            .0,
        401
    );
    stack.put_signing_secret(NEXT_KEY).await?;
    assert_eq!(
        webhook.deliver_signed(&mut function, NEXT_KEY).await?.0,
        204
    );
    assert_eq!(webhook.deliver(&mut function).await?.0, 204);
    stack.put_signing_secret(&world.signing_secret).await?;
    Ok(())
}

async fn a_look_without_an_answer_is_repeated_after_a_second(world: &World) -> Outcome {
    let webhook = Webhook::new(world).await?;
    let stack = &world.stack;
    for behaviour in [
        Behaviour::Hang,
        Behaviour::Fail {
            status: 500,
            code: "InternalServiceError",
        },
        Behaviour::Fail {
            status: 400,
            code: "ThrottlingException",
        },
    ] {
        let mut function = webhook.start_warm().await?;
        stack.put_signing_secret(NEXT_KEY).await?;
        webhook.secrets.set("GetSecretValue", behaviour.clone());
        let (status, elapsed) = webhook.deliver_signed(&mut function, NEXT_KEY).await?;
        assert_eq!(status, 503, "{behaviour:?}");
        assert!(elapsed < WHOOP_LIMIT, "{behaviour:?}: {elapsed:?}");
        webhook.heal();
        let (status, elapsed) = webhook.deliver_signed(&mut function, NEXT_KEY).await?;
        assert_eq!(status, 503, "{behaviour:?}: {elapsed:?}");
        tokio::time::sleep(Duration::from_millis(1050)).await;
        assert_eq!(
            webhook.deliver_signed(&mut function, NEXT_KEY).await?.0,
            204
        );
        stack.put_signing_secret(&world.signing_secret).await?;
    }
    // if the answer has come, the result is 401
    for code in ["AccessDeniedException", "DecryptionFailure"] {
        let mut function = webhook.start_warm().await?;
        webhook
            .secrets
            .set("GetSecretValue", Behaviour::Fail { status: 400, code });
        assert_eq!(
            webhook.deliver_signed(&mut function, NEXT_KEY).await?.0,
            401,
            "{code}"
        );
        webhook.heal();
    }
    Ok(())
}

async fn a_healthy_delivery_costs_one_call(world: &World) -> Outcome {
    let webhook = Webhook::new(world).await?;
    let mut function = webhook.start().await?;
    for delivery in 1..=5 {
        assert_eq!(webhook.deliver(&mut function).await?.0, 204);
        assert_eq!(webhook.sqs.calls("SendMessage"), delivery);
    }
    assert_eq!(webhook.secrets.calls("GetSecretValue"), 1);
    // the connection that was opened at the start serves them all
    assert_eq!(webhook.sqs.connections(), 1);
    Ok(())
}
