//! Runs the stack on the local AWS, with the WHOOP simulator beside it. `demo` shows what the stack does and ends; `up`
//! keeps it running; `dashboard` draws the stack's dashboard.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand};
use local_aws::checkout;
use local_aws::environment_file::EnvironmentFile;
use local_aws::stack::signed;
use local_aws::steps::Steps;
use local_aws::world::World;
use local_aws::{dashboard, demo};
use serde_json::json;
use uuid::Uuid;
use whoop_simulator::signals::asked_to_end;

/// The stack on this machine. Use `make demo` and `make up`, which first build what this program deploys.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Deploy, play WHOOP against the stack, show what happens, end
    Demo,
    /// The same, and then keep everything running until Ctrl-C or SIGTERM
    Up,
    /// Deploy, use the stack for two minutes, draw its dashboard with the figures of that time, end
    Dashboard {
        /// The SVG file
        picture: PathBuf,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(&Arguments::parse().command).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("✗ {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: &Command) -> Result<(), Box<dyn Error>> {
    let steps = Steps::shown();
    let mut end = pin!(asked_to_end());
    // if the user ends it halfway, the future is dropped, and with it everything that it has started
    let world = tokio::select! {
        world = set_up_and_use(command, &steps) => world?,
        () = &mut end => return Err("ended before it was done".into()),
    };
    if let Command::Up = command {
        print_variables(&world);
        let file = EnvironmentFile::write(&world, &checkout().join(".local-aws"))?;
        steps.done(format!(
            "another terminal can use it: source {}",
            file.path().display()
        ));
        steps.done("everything runs until Ctrl-C");
        end.await;
    }
    drop(world);
    steps.done("everything has ended, and nothing is left behind");
    Ok(())
}

async fn set_up_and_use(command: &Command, steps: &Steps) -> Result<Arc<World>, Box<dyn Error>> {
    let world = Arc::new(World::set_up("INFO", steps).await?);
    match command {
        Command::Demo | Command::Up => demo::play(&world, steps).await?,
        Command::Dashboard { picture } => draw_dashboard(&world, picture, steps).await?,
    }
    Ok(world)
}

async fn draw_dashboard(
    world: &Arc<World>,
    file: &Path,
    steps: &Steps,
) -> Result<(), Box<dyn Error>> {
    let picture = dashboard::picture(world, steps).await?;
    std::fs::write(file, &picture)?;
    let size = picture.len().div_ceil(1000);
    steps.done(format!("{} is drawn ({size} kB)", file.display()));
    Ok(())
}

/// Prints the variables for using the stack from elsewhere, one `NAME=value` a line.
fn print_variables(world: &World) {
    for (name, value) in world.aws.environment() {
        println!("{name}={value}");
    }
    // the tool `whoop-partner` takes the stack's name from it
    println!("{}={}", demo::STACK_VARIABLE, world.stack.name);
    for (name, value) in world.stack.outputs() {
        println!("{name}={value}");
    }
    println!("WHOOP_SIMULATOR_URL={}", world.simulator.url());
    println!("CURL={}", signed_curl(world));
}

/// A command that delivers a signed webhook. No endpoint serves its event type, so that the event reaches the bus
/// whatever WHOOP knows.
fn signed_curl(world: &World) -> String {
    let event = json!({
        "event_type": "clinical_report_review.requested",
        "resource_id": Uuid::new_v4().to_string(),
    });
    let body = event.to_string();
    let mut command = format!("curl -sS -i '{}'", world.stack.output("WebhookUrl"));
    for (name, value) in &signed(body.as_bytes(), &world.signing_secret) {
        let value = value.to_str().expect("both headers are ASCII");
        command += &format!(" -H '{name}: {value}'");
    }
    command + &format!(" -d '{body}'")
}
