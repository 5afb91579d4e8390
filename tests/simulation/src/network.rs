//! One call of a service: its way there, its effect, its way back. The service does its part even if the caller is gone.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::sleep;

use crate::process::Process;
use crate::weather::{End, Service};
use crate::world::World;

/// The connection broke.
#[derive(Debug)]
pub(crate) struct Broken;

/// Why a service does not give its own answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It has a fault.
    Internal,
    /// It gets too many calls.
    Throttled,
}

/// Makes a call. `perform` is what the service does. It runs when the request arrives, if it does, and is not told whether anybody
/// waits for the answer.
pub(crate) async fn call<T: Send + 'static>(
    world: &Arc<World>,
    process: &Arc<Process>,
    service: Service,
    perform: impl FnOnce(&Arc<World>) -> T + Send + 'static,
    fail: impl FnOnce(Fault) -> T + Send + 'static,
) -> Result<T, Broken> {
    let fate = world.fate(service);
    let (answer, arrives) = oneshot::channel();
    let (world, process) = (world.clone(), process.clone());
    tokio::spawn(async move {
        sleep(fate.there).await;
        let performed = fate.takes_effect.then(|| perform(&world));
        process.has_called();
        sleep(fate.back).await;
        let _ = match fate.end {
            End::Answer => answer.send(Ok(performed.expect("an answer needs an effect"))),
            End::Fault => answer.send(Ok(fail(Fault::Internal))),
            End::Throttled => answer.send(Ok(fail(Fault::Throttled))),
            End::Broken => answer.send(Err(Broken)),
            // longer than anybody waits
            End::Silence => {
                sleep(Duration::from_secs(120)).await;
                answer.send(Err(Broken))
            }
        };
    });
    arrives.await.unwrap_or(Err(Broken))
}
