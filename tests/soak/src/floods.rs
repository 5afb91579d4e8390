//! Floods: one execution environment gets forged deliveries at a fixed rate, and good ones beside them. A delivery's time counts
//! from the moment when it is due, so a delivery that has to wait for others takes longer.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use local_aws::bootstrap::Bootstrap;
use local_aws::released_webhook::{ReleasedWebhook, WHOOP_LIMIT, hand_over};
use local_aws::world::World;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

use crate::figure::Figure;
use crate::process::peak_memory;
use crate::size::{Flood, FloodKind};

/// How many looks for another key are in hand; each makes two calls.
const LOOKS_IN_HAND: usize = 2;

/// How often another look is added.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// The bytes of a large body. With its event, it fits into Lambda's 6 MB.
const LARGE_BODY: usize = 5_900_000;

/// How many header fields a delivery with many has.
const MANY_HEADERS: usize = 1000;

/// Floods a new environment for each.
pub async fn run(world: &World, floods: &[Flood]) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for flood in floods {
        figures.extend(run_one(world, flood).await?);
        world
            .stack
            .purge(world.stack.output("WebhookQueueUrl"))
            .await?;
    }
    Ok(figures)
}

/// What has happened so far.
#[derive(Default)]
struct Course {
    forged: usize,
    good: Vec<Duration>,
    good_refused: usize,
    forged_accepted: usize,
    slowest_forged: Duration,
    /// How many calls of Secrets Manager were ever too many.
    fetches_too_many: usize,
    /// The peak of memory after the first quarter, in MB.
    quarter: Option<f64>,
}

async fn run_one(world: &World, flood: &Flood) -> Result<Vec<Figure>> {
    let webhook = ReleasedWebhook::new(world).await?;
    let mut function = webhook.start_warm().await?;
    let pid = function.process_id().context("it ended by itself")?;
    let forgery = Forgery::new(flood.kind);
    let before = webhook.secrets.calls("GetSecretValue");
    let fetches = || webhook.secrets.calls("GetSecretValue") - before;
    let began = Instant::now();
    let mut course = Course::default();
    loop {
        let forged_due = due(began, course.forged, flood.forged_per_second);
        let good_due = due(began, course.good.len(), flood.good_per_second);
        if forged_due.min(good_due) >= began + flood.length {
            break;
        }
        if forged_due <= good_due {
            forge(&mut function, &forgery, forged_due, &mut course).await?;
        } else {
            let event = webhook.delivery(&world.signing_secret).event;
            sleep_until(good_due).await;
            let (status, _) = hand_over(&mut function, event.to_string()).await?;
            course.good.push(good_due.elapsed());
            course.good_refused += usize::from(status != 204);
        }
        let allowed = 2 * LOOKS_IN_HAND + 2 * whole(began.elapsed(), LOOK_EVERY);
        course.fetches_too_many = course
            .fetches_too_many
            .max(fetches().saturating_sub(allowed));
        if course.quarter.is_none() && began.elapsed() > flood.length / 4 {
            course.quarter = Some(peak_memory(pid)?);
        }
    }
    let took = began.elapsed();
    let rate = course.forged as f64 / took.as_secs_f64();
    figures(flood, &course, rate, fetches(), peak_memory(pid)?)
}

/// When the delivery with this number is due.
fn due(began: Instant, number: usize, per_second: f64) -> Instant {
    began + Duration::from_secs_f64(number as f64 / per_second)
}

/// How often `step` fits into `time`.
fn whole(time: Duration, step: Duration) -> usize {
    (time.as_secs() / step.as_secs()) as usize
}

async fn forge(
    function: &mut Bootstrap,
    forgery: &Forgery,
    due: Instant,
    course: &mut Course,
) -> Result<()> {
    let event = forgery.event();
    sleep_until(due).await;
    let (status, _) = hand_over(function, event).await?;
    course.forged += 1;
    course.forged_accepted += usize::from(status != 401);
    course.slowest_forged = course.slowest_forged.max(due.elapsed());
    Ok(())
}

fn figures(
    flood: &Flood,
    course: &Course,
    rate: f64,
    fetches: usize,
    peak: f64,
) -> Result<Vec<Figure>> {
    let what = match flood.kind {
        FloodKind::WrongSignatures => "wrong signatures",
        FloodKind::LargeBodies => "6 MB bodies",
        FloodKind::ManyHeaders => "1,000 header fields",
    };
    let named = |text: &str| format!("{what}: {text}");
    let quarter = course.quarter.context("the flood was too short")?;
    ensure!(!course.good.is_empty(), "no good delivery was due");
    let slowest = course.good.iter().max().copied().unwrap_or_default();
    let late = course.good.iter().filter(|time| **time >= WHOOP_LIMIT);
    Ok(vec![
        Figure::new(named("forged deliveries a second"), rate)
            .at_least(flood.forged_per_second * 0.95),
        Figure::new(named("good deliveries beside them"), course.good.len()),
        Figure::none_of(named("good ones not answered 204"), course.good_refused),
        Figure::none_of(named("good ones answered too late"), late.count()),
        Figure::new(named("slowest good one, ms"), slowest).at_most(1000.0),
        Figure::none_of(
            named("forged ones not answered 401"),
            course.forged_accepted,
        ),
        Figure::new(named("slowest forged one, ms"), course.slowest_forged),
        Figure::new(named("reads of the secret"), fetches),
        Figure::none_of(
            named("reads beyond 4, and 2 for each 30 s"),
            course.fetches_too_many,
        ),
        Figure::new(named("peak memory, MB"), peak),
        Figure::new(
            named("growth of the peak after the first quarter, %"),
            100.0 * (peak / quarter - 1.0),
        )
        .at_most(flood.most_growth),
    ])
}

/// A forged delivery whose signature is still missing.
struct Forgery {
    before: String,
    after: String,
}

impl Forgery {
    fn new(kind: FloodKind) -> Self {
        let signature = "the signature goes here";
        let mut headers = json!({"content-type": "application/json", "whoop-signed": signature});
        let mut body = r#"{"event_type":"lab_requisition.created","resource_id":"0"}"#.to_owned();
        match kind {
            FloodKind::WrongSignatures => {}
            FloodKind::LargeBodies => body = "x".repeat(LARGE_BODY),
            FloodKind::ManyHeaders => {
                for number in 0..MANY_HEADERS {
                    headers[format!("x-filler-{number}")] = Value::from("a value of some length");
                }
            }
        }
        let event = json!({
            "version": "2.0",
            "headers": headers,
            "requestContext": {"requestId": "of-a-flood"},
            "body": body,
            "isBase64Encoded": false,
        });
        let event = event.to_string();
        let (before, after) = event.split_once(signature).expect("it is in the headers");
        Self {
            before: before.into(),
            after: after.into(),
        }
    }

    /// The event with a signature of the right form, which is another one each time.
    fn event(&self) -> Bytes {
        let mut event = String::with_capacity(self.before.len() + 64 + self.after.len());
        event.push_str(&self.before);
        for _ in 0..4 {
            event.push_str(&format!("{:016x}", fastrand::u64(..)));
        }
        event.push_str(&self.after);
        event.into()
    }
}
