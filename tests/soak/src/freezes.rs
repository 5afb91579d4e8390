//! Freezes: Lambda stops a function between two calls and lets it go on with the next event, while its connections may have
//! died.

use std::ops::Range;
use std::time::Duration;

use anyhow::{Context, Result};
use futures_util::future::try_join_all;
use local_aws::released_webhook::{ReleasedWebhook, WHOOP_LIMIT, hand_over};
use local_aws::world::World;
use tokio::time::sleep;

use crate::figure::Figure;
use crate::process::{Signal, signal};

/// How long the function may take to ask for its next event.
const SETTLING: Duration = Duration::from_millis(20);

/// What becomes of the connections meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Connections {
    Alive,
    /// The other side closes them.
    Closed,
    /// The network forgets them: nothing arrives any more, and nobody is told.
    Silent,
}

impl Connections {
    const ALL: [Self; 3] = [Self::Alive, Self::Closed, Self::Silent];
}

/// The delivery after a freeze.
struct Thawed {
    connections: Connections,
    status: u64,
    elapsed: Duration,
}

/// Freezes functions, one for each line, side by side.
pub async fn run(world: &World, freezes: &[(Duration, usize)]) -> Result<Vec<Figure>> {
    let lines = freezes
        .iter()
        .enumerate()
        .map(|(line, (length, times))| freeze(world, *length, line..line + times));
    let deliveries: Vec<Thawed> = try_join_all(lines).await?.into_iter().flatten().collect();
    let longest = freezes.iter().map(|(length, _)| length.as_secs_f64());
    let mut figures = vec![
        Figure::new("freezes", deliveries.len()),
        Figure::new("longest freeze, s", longest.fold(0.0, f64::max)),
    ];
    for (connections, text) in [
        (Connections::Alive, "connections alive"),
        (Connections::Closed, "connections closed meanwhile"),
        (Connections::Silent, "connections silent since"),
    ] {
        let after = deliveries
            .iter()
            .filter(|delivery| delivery.connections == connections);
        let slowest = after.map(|delivery| delivery.elapsed).max();
        let slowest = slowest.unwrap_or_default();
        let text = format!("slowest answer, {text}, ms");
        figures.push(Figure::new(text, slowest).at_most(1000.0));
    }
    let other = deliveries
        .iter()
        .filter(|delivery| delivery.status != 204 || delivery.elapsed >= WHOOP_LIMIT);
    figures.push(Figure::none_of(
        "deliveries not answered 204 within a second",
        other.count(),
    ));
    Ok(figures)
}

/// Freezes a function once for each of `turns`, which choose what becomes of its connections.
async fn freeze(world: &World, length: Duration, turns: Range<usize>) -> Result<Vec<Thawed>> {
    let webhook = ReleasedWebhook::new(world).await?;
    let mut function = webhook.start_warm().await?;
    let pid = function.process_id().context("it ended by itself")?;
    let mut deliveries = Vec::new();
    for turn in turns {
        let connections = Connections::ALL[turn % Connections::ALL.len()];
        sleep(SETTLING).await;
        signal(pid, Signal::SIGSTOP)?;
        for proxy in [&webhook.sqs, &webhook.secrets] {
            match connections {
                Connections::Alive => {}
                Connections::Closed => {
                    proxy.unavailable().await?;
                    proxy.available().await?;
                }
                Connections::Silent => proxy.silence_connections(),
            }
        }
        sleep(length).await;
        let event = webhook.delivery(&world.signing_secret).event.to_string();
        // the event is what wakes it up
        let (answered, woken) = tokio::join!(hand_over(&mut function, event), async {
            signal(pid, Signal::SIGCONT)
        });
        woken?;
        let (status, elapsed) = answered?;
        deliveries.push(Thawed {
            connections,
            status,
            elapsed,
        });
    }
    Ok(deliveries)
}
