//! EventBridge Scheduler and the token refresh: every five minutes.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use token_refresh::{Config, RefreshRequest, TokenRefresh};
use tokio::time::sleep;

use super::{Crashed, execute};
use crate::aws::http_clients;
use crate::chance::{between, chance, minutes, seconds};
use crate::process::Process;
use crate::whoop::transport::http_client;
use crate::world::World;

/// The template's time limit and schedule.
const TIME_LIMIT: Duration = seconds(30);
const INTERVAL: Duration = minutes(5);

/// Invokes the function, for ever.
pub(crate) async fn run(world: Arc<World>) {
    let mut instance = start(&world);
    loop {
        let (process, function) = &instance;
        process.begin(Vec::new());
        // an execution may call at once, whatever an earlier one was told
        process.state().limited_until = None;
        let request = json!({"force": !world.is_calm() && chance(0.01)});
        let request: RefreshRequest = serde_json::from_value(request).expect("any JSON will do");
        match execute(&world, process, TIME_LIMIT, function.handle(request)).await {
            Ok(Ok(outcome)) => crate::note!(world, &process.name, "{outcome:?}"),
            Ok(Err(error)) => crate::note!(world, &process.name, "fails: {}", error.error_type()),
            Err(Crashed) => instance = start(&world),
        }
        if chance(0.02) {
            instance = start(&world);
        }
        world.token_table.expire(&world);
        sleep(INTERVAL - between(Duration::ZERO, seconds(2))).await;
    }
}

fn start(world: &Arc<World>) -> (Arc<Process>, TokenRefresh) {
    let process = Process::start(world, "refresh");
    let config = Config::from_env().expect("the variables are set");
    let (aws, http) = (http_clients(world, &process), http_client(world, &process));
    let function = TokenRefresh::connect(config, aws, http, process.clock(world));
    (process, function.expect("the variables are set"))
}
