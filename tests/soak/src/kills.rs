//! Kills: a process ends without a word, at any moment.

pub mod processor;
pub mod webhook;

use std::time::Duration;

/// How long what a process has sent may take to arrive here after its end.
const GRACE: Duration = Duration::from_millis(50);
