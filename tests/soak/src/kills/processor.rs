//! The event processor is killed before and after each call that an order takes, and at moments between. Afterwards the queue
//! hands the same messages over again, and WHOOP may show another state by then.

mod moment;
mod overdue;
mod recorder;

use std::collections::HashSet;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use local_aws::aws_proxy::AwsProxy;
use local_aws::released_event_processor::{Fate, Message, ReleasedEventProcessor};
use local_aws::world::World;
use tokio::time::{Instant, sleep, sleep_until};

use self::moment::Moment;
use self::recorder::Recorder;
use super::GRACE;
use crate::figure::Figure;
use crate::order::Order;
use crate::size::Size;

/// How long a lease lasts.
const LEASE: Duration = Duration::from_secs(45);

/// Confirming makes calls too.
const CONFIRMING: (&str, Option<&str>) = ("AUTO_CONFIRM_ORDERS", Some("true"));

/// The function's time for a batch of ten.
const BATCH_LIMIT: Duration = Duration::from_secs(60);

/// What WHOOP shows at the second try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Later {
    Same,
    Newer,
    /// A read that lags: an older state than at the first try.
    Older,
}

/// An order, and the message about it.
struct Killed {
    order: Order,
    message: Message,
    later: Later,
}

/// The newest state of an order; the one before is 1.
const NEWEST: u8 = 2;

/// Kills processes.
pub async fn run(world: &World, size: &Size) -> Result<Vec<Figure>> {
    world.stack.enable_event_processor(false).await?;
    world.simulator.reset();
    world.simulator.set_rate_limits(Vec::new());
    let figures = kill_and_repeat(world, size).await;
    world.stack.enable_event_processor(true).await?;
    figures
}

async fn kill_and_repeat(world: &World, size: &Size) -> Result<Vec<Figure>> {
    let kills = size.kills;
    let subscription = world.stack.subscribe().await?;
    let recorder = Recorder::new();
    let course = moment::healthy(world, &recorder).await?;
    let mut orders = Vec::new();
    let (mut answered, mut after_calls) = (0, HashSet::new());
    for turn in 0..kills {
        let moment = course.moment(turn, kills);
        after_calls.extend(moment.call());
        let order = killed_order(world, turn);
        answered += usize::from(kill(world, &recorder, &order, moment).await?);
        orders.push(order);
    }
    ensure!(
        after_calls.len() == course.calls(),
        "not every call had its turn"
    );

    // at once: whoever finds a lease has to wait
    show_later_states(world, &orders);
    let held = hand_over(world, &recorder, orders.iter().collect()).await?;
    let leases = leases(world).await?;
    let longest = leases.iter().max().copied().unwrap_or_default();
    let over = Instant::now() + longest + Duration::from_secs(2);
    let overdue =
        overdue::run(world, &recorder, kills.div_ceil(100), size.waits_for_leases).await?;
    if size.waits_for_leases {
        sleep_until(over).await;
    } else {
        overdue::end_leases(world).await?;
    }
    // nothing holds a lease any more; what lags at WHOOP still does
    let waiting = hand_over(world, &recorder, held.clone()).await?;
    let lagging = |order: &&&Killed| order.later == Later::Older;
    let blocked = waiting.iter().filter(|order| !lagging(order)).count();
    for order in &orders {
        order.order.serve(world, NEWEST);
    }
    let left = hand_over(world, &recorder, waiting).await?;

    let mut arrived = HashSet::new();
    let mut events = 0;
    for event in world.stack.arrived_events(&subscription).await? {
        arrived.insert(event.resource_id().to_owned());
        events += 1;
    }
    let missing = orders
        .iter()
        .filter(|order| !arrived.contains(&order.order.id));
    let mut figures = vec![
        Figure::new("processes killed", kills),
        Figure::new(
            "calls that an order takes, each killed before and after",
            course.calls(),
        ),
        Figure::new("batches answered before the kill", answered),
        Figure::new("orders that found a lease and had to wait", held.len()),
        Figure::new("longest lease left, s", longest.as_secs_f64()).at_most(LEASE.as_secs_f64()),
        Figure::none_of("orders blocked after their lease", blocked),
        Figure::none_of("orders that never came to an end", left.len()),
        Figure::none_of("orders not on the bus", missing.count()),
        Figure::new("events on the bus for these orders", events),
        Figure::none_of(
            "older states published after newer ones",
            recorder.older_after_newer(orders.iter().map(|order| &*order.order.id)),
        ),
    ];
    figures.extend(overdue);
    Ok(figures)
}

/// An order that WHOOP shows in its first or second state.
fn killed_order(world: &World, turn: usize) -> Killed {
    let order = Order::new(world);
    // each kind of kill, which is `turn % 3`, meets each of them
    let later = [Later::Same, Later::Newer, Later::Older][(turn + turn / 3) % 3];
    let first = match later {
        Later::Same | Later::Newer => 1,
        Later::Older => NEWEST,
    };
    order.serve(world, first);
    Killed {
        message: Message::new(order.webhook()),
        order,
        later,
    }
}

fn show_later_states(world: &World, orders: &[Killed]) {
    for Killed { order, later, .. } in orders {
        match later {
            Later::Same => {}
            Later::Newer => order.serve(world, NEWEST),
            Later::Older => order.serve(world, 1),
        }
    }
}

/// Gives an order to a new process and kills that at the moment. Returns whether it had answered by then.
async fn kill(world: &World, recorder: &Recorder, order: &Killed, moment: Moment) -> Result<bool> {
    let aws = AwsProxy::start(world.aws.endpoint()).await?;
    let whoop = AwsProxy::start(&world.simulator.url()).await?;
    let trap = moment::Trap::new(moment);
    trap.set(&aws, recorder, &moment::AWS_OPERATIONS);
    trap.set(&whoop, recorder, &[moment::WHOOP]);
    let base_url = moment::base_url(world, &whoop);
    let changes = [
        CONFIRMING,
        ("PARTNER_API_BASE_URL", Some(base_url.as_str())),
    ];
    let mut processor = ReleasedEventProcessor::start_behind(aws, world, &changes).await?;
    let pid = processor.process_id().context("it ended by itself")?;
    trap.arm(pid);
    let message = &order.message;
    let killed = async {
        if let Moment::After(time) = moment {
            sleep(time).await;
            trap.spring();
        }
        trap.sprung().await;
        sleep(GRACE).await;
    };
    tokio::select! {
        biased;
        fate = processor.one(message) => match fate {
            Ok(_) => Ok(true),
            // it was not ready for the message yet
            Err(_) if trap.is_sprung() => Ok(false),
            Err(error) => Err(error.into()),
        },
        () = killed => Ok(false),
    }
}

/// Hands messages over again, in batches of ten. Returns those that stay in the queue.
async fn hand_over<'o>(
    world: &World,
    recorder: &Recorder,
    orders: Vec<&'o Killed>,
) -> Result<Vec<&'o Killed>> {
    let mut processor = ReleasedEventProcessor::start(world, &[CONFIRMING]).await?;
    processor.limit = BATCH_LIMIT;
    recorder.watch(&processor.proxy);
    let mut left = Vec::new();
    for orders in orders.chunks(10) {
        let again = |order: &&Killed| order.message.clone().after(Duration::from_secs(1));
        let messages: Vec<Message> = orders.iter().map(again).collect();
        let fates = processor.batch(&messages).await?;
        for (order, fate) in orders.iter().zip(fates) {
            if fate != Fate::Done {
                left.push(*order);
            }
        }
    }
    Ok(left)
}

/// How long each lease in the table still lasts.
async fn leases(world: &World) -> Result<Vec<Duration>> {
    let now = jiff::Timestamp::now().as_second();
    let items = recorder::table(world).await?;
    let until = items.iter().filter_map(|item| item.get("claimed_until"));
    until
        .map(|until| {
            let until = until.as_n().ok().context("a lease without a number")?;
            let left = until.parse::<i64>()? - now;
            Ok(Duration::from_secs(left.try_into().unwrap_or_default()))
        })
        .collect()
}
