//! Ctrl-C and the other signals that ask a program to end.

use std::io;

use tokio::sync::watch;

use crate::error::ToolError;

/// Tells whether the user, or the system, has asked the program to end. A second signal ends it at once.
#[derive(Clone)]
pub(crate) struct Interrupt(watch::Receiver<bool>);

impl Interrupt {
    /// Listens from now on. The signals no longer end the program by themselves.
    ///
    /// # Errors
    ///
    /// If the system does not let the program listen.
    pub fn listen() -> Result<Self, ToolError> {
        let mut signals = signals().map_err(|error| {
            ToolError::Failed(format!("can't listen to signals such as Ctrl-C: {error}"))
        })?;
        let (sender, receiver) = watch::channel(false);
        tokio::spawn(async move {
            signals.next().await;
            // nobody listens any more
            let _ = sender.send(true);
            signals.next().await;
            std::process::exit(1);
        });
        Ok(Self(receiver))
    }

    /// Listens to nothing: signals end the program by themselves.
    pub fn none() -> Self {
        Self(watch::channel(false).1)
    }

    /// Whether a signal has come.
    pub fn came(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until a signal comes.
    pub async fn wait(&mut self) {
        if self.0.wait_for(|came| *came).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    hang_up: tokio::signal::unix::Signal,
}

#[cfg(unix)]
fn signals() -> io::Result<Signals> {
    use tokio::signal::unix::{SignalKind, signal};
    Ok(Signals {
        interrupt: signal(SignalKind::interrupt())?,
        terminate: signal(SignalKind::terminate())?,
        hang_up: signal(SignalKind::hangup())?,
    })
}

#[cfg(unix)]
impl Signals {
    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hang_up.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
fn signals() -> io::Result<Signals> {
    Ok(Signals)
}

#[cfg(not(unix))]
impl Signals {
    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
