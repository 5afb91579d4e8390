//! A rotation of the signing secret under traffic. WHOOP signs with the old key or with the new one; the new one is used only
//! after it is stored. No delivery may be refused.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Result, ensure};
use futures_util::future::try_join_all;
use local_aws::aws_proxy::Behaviour;
use local_aws::released_webhook::{Answered, ReleasedWebhook, WHOOP_LIMIT};
use local_aws::world::World;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, sleep_until};

use crate::figure::Figure;
use crate::size::Rotation;

/// How long deliveries that are under way may take, before a key stops being valid.
const UNDER_WAY: Duration = Duration::from_secs(1);

/// How long a previous key is valid after the rotation, in seconds.
const OVERLAP: f64 = 24.0 * 60.0 * 60.0;

/// The keys that WHOOP signs with.
struct Keys {
    newest: String,
    /// While both are in use.
    older: Option<String>,
}

/// Rotates the secret, and gives the stack its own secret back.
pub async fn run(world: &World, rotation: Rotation) -> Result<Vec<Figure>> {
    let figures = rotate(world, rotation).await;
    world
        .stack
        .put_signing_secret(&world.signing_secret)
        .await?;
    world
        .stack
        .purge(world.stack.output("WebhookQueueUrl"))
        .await?;
    figures
}

async fn rotate(world: &World, rotation: Rotation) -> Result<Vec<Figure>> {
    let keys = Mutex::new(Keys {
        newest: world.signing_secret.clone(),
        older: None,
    });
    let over = AtomicBool::new(false);
    let traffic = (0..rotation.environments).map(|_| deliver(world, rotation, &keys, &over));
    let (answers, moved) = tokio::join!(try_join_all(traffic), async {
        let moved = move_the_secret(world, rotation, &keys).await;
        over.store(true, Ordering::SeqCst);
        moved
    });
    moved?;
    let answers: Vec<(bool, Answered)> = answers?.into_iter().flatten().collect();
    let of_older = answers.iter().filter(|(is_older, _)| *is_older).count();
    ensure!(of_older > 0, "the older key was never used");
    let refused = answers.iter().filter(|(_, (status, _))| *status != 204);
    let late = answers.iter().filter(|(_, (_, time))| *time >= WHOOP_LIMIT);
    let slowest = answers.iter().map(|(_, (_, time))| *time).max();
    let [within, after, newest] = at_the_end_of_the_overlap(world, &keys).await?;
    Ok(vec![
        Figure::new("moves of the secret", rotation.moves),
        Figure::new("deliveries", answers.len()),
        Figure::new("of them signed with the older key", of_older),
        Figure::none_of("deliveries not answered 204", refused.count()),
        Figure::none_of("deliveries answered too late", late.count()),
        Figure::new("slowest answer, ms", slowest.unwrap_or_default()).at_most(1000.0),
        Figure::none_of(
            "older key refused a minute before its 24 h are over",
            usize::from(within != 204),
        ),
        Figure::none_of(
            "older key accepted a minute after its 24 h",
            usize::from(after != 401),
        ),
        Figure::none_of("newest key refused by then", usize::from(newest != 204)),
    ])
}

/// Delivers to one environment until the traffic is over. Tells of each delivery whether the older key signed it.
async fn deliver(
    world: &World,
    rotation: Rotation,
    keys: &Mutex<Keys>,
    over: &AtomicBool,
) -> Result<Vec<(bool, Answered)>> {
    let webhook = ReleasedWebhook::new(world).await?;
    let mut function = webhook.start_warm().await?;
    let pause = Duration::from_secs_f64(rotation.environments as f64 / rotation.per_second);
    let began = Instant::now();
    let mut answers = Vec::new();
    while !over.load(Ordering::SeqCst) {
        sleep_until(began + pause * answers.len() as u32).await;
        let (key, is_older) = keys.lock().expect("nobody panics with it").any();
        let answered = webhook.deliver_signed(&mut function, &key).await?;
        answers.push((is_older, answered));
    }
    Ok(answers)
}

async fn move_the_secret(world: &World, rotation: Rotation, keys: &Mutex<Keys>) -> Result<()> {
    for number in 1..=rotation.moves {
        sleep(rotation.apart - UNDER_WAY).await;
        keys.lock().expect("nobody panics with it").older = None;
        sleep(UNDER_WAY).await;
        let next = format!("whsec_of-move-{number}-{:016x}", fastrand::u64(..));
        world.stack.put_signing_secret(&next).await?;
        let mut keys = keys.lock().expect("nobody panics with it");
        keys.older = Some(std::mem::replace(&mut keys.newest, next));
    }
    sleep(rotation.apart).await;
    Ok(())
}

impl Keys {
    /// One of those in use, and whether it is the older one.
    fn any(&self) -> (String, bool) {
        match &self.older {
            Some(older) if fastrand::bool() => (older.clone(), true),
            _ => (self.newest.clone(), false),
        }
    }
}

/// How functions answer that believe the last rotation to have been almost a day ago, and a bit more than a day ago: the older
/// key in time, the older key too late, and the newest key then.
async fn at_the_end_of_the_overlap(world: &World, keys: &Mutex<Keys>) -> Result<[u64; 3]> {
    let (newest, older) = {
        let keys = keys.lock().expect("nobody panics with it");
        (keys.newest.clone(), keys.older.clone().unwrap_or_default())
    };
    let ask = async |age: f64, key: &str| {
        let webhook = ReleasedWebhook::new(world).await?;
        let earlier = move |answer: &mut Value| {
            let created = answer["CreatedDate"].as_f64().unwrap_or_default();
            answer["CreatedDate"] = json!(created - age);
        };
        let earlier = Behaviour::rewrite(earlier);
        webhook.secrets.set("GetSecretValue", earlier);
        let mut function = webhook.start().await?;
        let (status, _) = webhook.deliver_signed(&mut function, key).await?;
        anyhow::Ok(status)
    };
    Ok([
        ask(OVERLAP - 60.0, &older).await?,
        ask(OVERLAP + 60.0, &older).await?,
        ask(OVERLAP + 60.0, &newest).await?,
    ])
}
