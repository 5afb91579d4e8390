//! WHOOP refuses the credentials, or every token. The function remembers that until something changes that may help.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use libtest_mimic::{Failed, Trial};
use local_aws::released_event_processor::{Fate, Message, ReleasedEventProcessor};
use local_aws::stack::TokenItem;
use local_aws::world::World;
use serde_json::{Value, json};
use whoop_simulator::Fault;

use super::processor::{Processor, REQUISITIONS};
use crate::harness::{Harness, Outcome, trials};

const TOKEN: &str = "/v2/partner/token";

/// The trials of this area.
pub fn trials(harness: &Arc<Harness>) -> Vec<Trial> {
    trials![harness.by_hand;
        ten_messages_with_a_wrong_client_secret_cost_one_request_one_fetch_and_two_reads,
        ten_messages_while_every_token_is_refused_cost_one_request,
        other_credentials_lift_a_refusal,
        another_stored_token_lifts_a_refusal,
    ]
}

fn ten_messages(processor: &Processor<'_>) -> Vec<Message> {
    (0..10)
        .map(|_| Message::new(processor.place().webhook()))
        .collect()
}

/// Hands messages over one at a time, as SQS does when few are queued, and checks that all return.
async fn all_return(by_hand: &mut ReleasedEventProcessor, messages: &[Message]) -> Outcome {
    for message in messages {
        let fate = by_hand.one(message).await?;
        assert!(matches!(fate, Fate::Returns(_)), "{fate:?}");
    }
    Ok(())
}

async fn put_credentials(processor: &Processor<'_>, client_secret: &str) -> Outcome {
    let client_id = &processor.world.client_id;
    let put = processor
        .stack
        .put_partner_credentials(client_id, client_secret);
    Ok(put.await?)
}

/// WHOOP refuses every call for an order, whichever token it carries.
fn refuse_all_tokens(processor: &Processor<'_>) {
    processor
        .whoop
        .fault(Fault::status(REQUISITIONS, 401).times(1_000_000));
}

async fn ten_messages_with_a_wrong_client_secret_cost_one_request_one_fetch_and_two_reads(
    world: &World,
) -> Outcome {
    let processor = Processor::as_deployed(world).await?;
    put_credentials(&processor, "a-client-secret-that-whoop-does-not-know").await?;
    let mut by_hand = ReleasedEventProcessor::start(world, &[]).await?;
    let returned = all_return(&mut by_hand, &ten_messages(&processor)).await;
    put_credentials(&processor, &world.client_secret).await?;
    returned?;
    assert_eq!(processor.whoop.calls_to(TOKEN).len(), 1);
    assert_eq!(by_hand.proxy.calls("GetSecretValue"), 1);
    // one at the start of the function, and one before the request
    assert_eq!(by_hand.proxy.calls("GetItem"), 2);
    Ok(())
}

async fn ten_messages_while_every_token_is_refused_cost_one_request(world: &World) -> Outcome {
    let processor = Processor::as_deployed(world).await?;
    store_token(&processor, "a-stored-token-that-whoop-has-revoked").await?;
    refuse_all_tokens(&processor);
    let mut by_hand = ReleasedEventProcessor::start(world, &[]).await?;
    all_return(&mut by_hand, &ten_messages(&processor)).await?;
    assert_eq!(processor.whoop.calls_to(TOKEN).len(), 1);
    assert_eq!(by_hand.proxy.calls("GetSecretValue"), 1);
    // one at the start, and one when the stored token was refused
    assert_eq!(by_hand.proxy.calls("GetItem"), 2);
    // each message tries whether WHOOP accepts the token by now, so that nothing is lost when it does
    processor.whoop.clear_faults();
    let message = Message::new(processor.place().webhook());
    assert_eq!(by_hand.one(&message).await?, Fate::Done);
    Ok(())
}

async fn other_credentials_lift_a_refusal(world: &World) -> Outcome {
    let processor = Processor::as_deployed(world).await?;
    put_credentials(&processor, "a-client-secret-that-whoop-does-not-know").await?;
    let mut by_hand = ReleasedEventProcessor::start(world, &[]).await?;
    let message = Message::new(processor.place().webhook());
    let returned = all_return(&mut by_hand, std::slice::from_ref(&message)).await;
    put_credentials(&processor, &world.client_secret).await?;
    returned?;
    assert_a_look_in_10_seconds(done_after(&mut by_hand, &message).await?);
    Ok(())
}

async fn another_stored_token_lifts_a_refusal(world: &World) -> Outcome {
    let processor = Processor::as_deployed(world).await?;
    put_credentials(&processor, "a-client-secret-that-whoop-does-not-know").await?;
    let outcome = refused_until_stored(&processor).await;
    put_credentials(&processor, &world.client_secret).await?;
    outcome
}

async fn refused_until_stored(processor: &Processor<'_>) -> Outcome {
    let mut by_hand = ReleasedEventProcessor::start(processor.world, &[]).await?;
    let message = Message::new(processor.place().webhook());
    all_return(&mut by_hand, std::slice::from_ref(&message)).await?;
    // as the token function does, which knows the new credentials
    let token = a_good_token(processor).await?;
    store_token(processor, &token).await?;
    assert_a_look_in_10_seconds(done_after(&mut by_hand, &message).await?);
    match processor.whoop.calls_to(TOKEN).len() {
        2 => Ok(()),
        calls => Err(format!("{calls} requests for a token").into()),
    }
}

/// Stores a token as if it had been obtained half an hour ago.
async fn store_token(processor: &Processor<'_>, token: &str) -> Outcome {
    let now = Timestamp::now().as_second();
    processor.stack.recorder.forbid("access token", token);
    let item = TokenItem {
        access_token: token.into(),
        token_type: "bearer".into(),
        expires_at: now + 1800,
        obtained_at: now - 1800,
    };
    Ok(processor.stack.put_token_item(&item).await?)
}

/// A token that WHOOP accepts.
async fn a_good_token(processor: &Processor<'_>) -> Result<String, Failed> {
    let url = format!("{}{TOKEN}", processor.whoop.base_url());
    let request = json!({
        "grant_type": "client_credentials",
        "client_id": processor.world.client_id,
        "client_secret": processor.world.client_secret,
        "scope": "whoop-partner/token",
    });
    let answer = processor.stack.http.post(url).json(&request).send().await?;
    let answer: Value = answer.error_for_status()?.json().await?;
    let token = answer["access_token"].as_str();
    Ok(token.ok_or("no token")?.to_owned())
}

#[track_caller]
fn assert_a_look_in_10_seconds(elapsed: Duration) {
    assert!((9..=11).contains(&elapsed.as_secs()), "{elapsed:?}");
}

/// The time after which a message is finished.
async fn done_after(
    by_hand: &mut ReleasedEventProcessor,
    message: &Message,
) -> Result<Duration, Failed> {
    let started = std::time::Instant::now();
    while by_hand.one(message).await? != Fate::Done {
        assert!(
            started.elapsed() < Duration::from_secs(15),
            "it still returns"
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Ok(started.elapsed())
}
