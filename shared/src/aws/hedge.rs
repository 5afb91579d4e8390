//! A second try beside a slow first one.
//!
//! If a try takes long, the service may be slow, or the connection may have died while Lambda had frozen the function. A
//! slow service will answer; a dead connection never will. Nobody can tell the two apart. So the first try continues while
//! the second one runs, on a connection of its own.

use std::pin::pin;
use std::time::Duration;

use aws_smithy_runtime_api::client::http::SharedHttpClient;

/// The longest wait before the second try if the first one has failed. The actual wait is random, up to this.
const BACKOFF: Duration = Duration::from_millis(25);

/// When a call gets its second try, and how.
#[derive(Clone)]
pub struct Hedge {
    /// How long the first try runs before the second one begins.
    pub patience: Duration,
    /// The HTTP client for second tries. It must open a connection for each: see [`AwsHttpClients`](super::AwsHttpClients).
    pub http_client: SharedHttpClient,
}

impl Hedge {
    /// Runs `first`, and `second` beside it if `first` has not ended in time. The first success counts.
    ///
    /// If `first` fails earlier, `second` runs only if `may_pass` returns true for the failure. There are two tries at most.
    ///
    /// # Errors
    ///
    /// The failure of `first` if there is no second try, or else the failure of the try that ended last.
    pub async fn run<T, E>(
        &self,
        first: impl Future<Output = Result<T, E>>,
        second: impl Future<Output = Result<T, E>>,
        may_pass: impl Fn(&E) -> bool,
    ) -> Result<T, E> {
        let mut first = pin!(first);
        match tokio::time::timeout(self.patience, &mut first).await {
            Ok(Err(failure)) if may_pass(&failure) => {
                tokio::time::sleep(BACKOFF.mul_f64(fastrand::f64())).await;
                return second.await;
            }
            Ok(ended) => return ended,
            Err(_) => {}
        }
        let mut second = pin!(second);
        tokio::select! {
            biased;
            ended = &mut first => match ended {
                Ok(value) => Ok(value),
                Err(_) => second.await,
            },
            ended = &mut second => match ended {
                Ok(value) => Ok(value),
                Err(_) => first.await,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    use aws_smithy_runtime_api::client::http::http_client_fn;
    use tokio::time::{Instant, sleep};

    type End = Result<&'static str, &'static str>;

    async fn ends_after(ms: u64, end: End) -> End {
        sleep(Duration::from_millis(ms)).await;
        end
    }

    /// What comes of two tries, whether the second one was made, and after how many milliseconds all was over.
    async fn tries(first: (u64, End), second: (u64, End)) -> (End, bool, u128) {
        let hedge = Hedge {
            patience: Duration::from_millis(320),
            http_client: http_client_fn(|_, _| unreachable!("the tries make no calls")),
        };
        let start = Instant::now();
        let tried_twice = Cell::new(false);
        let second = async {
            tried_twice.set(true);
            ends_after(second.0, second.1).await
        };
        let first = ends_after(first.0, first.1);
        let may_pass = |failure: &&str| *failure != "final";
        let end = hedge.run(first, second, may_pass).await;
        (end, tried_twice.get(), start.elapsed().as_millis())
    }

    #[tokio::test(start_paused = true)]
    async fn a_first_try_in_good_time_is_the_only_one() {
        let end = tries((319, Ok("first")), (0, Ok("second"))).await;
        assert_eq!(end, (Ok("first"), false, 319));
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_first_try_goes_on_beside_the_second() {
        let end = tries((450, Ok("first")), (450, Ok("second"))).await;
        assert_eq!(end, (Ok("first"), true, 450));
        let end = tries((9999, Ok("first")), (20, Ok("second"))).await;
        assert_eq!(end, (Ok("second"), true, 340));
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_never_ends_the_other_try() {
        let end = tries((450, Err("first")), (400, Ok("second"))).await;
        assert_eq!(end, (Ok("second"), true, 720));
        let end = tries((450, Ok("first")), (10, Err("final"))).await;
        assert_eq!(end, (Ok("first"), true, 450));
        let end = tries((450, Err("first")), (10, Err("second"))).await;
        assert_eq!(end, (Err("first"), true, 450));
    }

    #[tokio::test(start_paused = true)]
    async fn a_fast_failure_is_followed_by_the_second_try_unless_it_is_final() {
        let (end, tried_twice, ms) = tries((10, Err("first")), (20, Ok("second"))).await;
        assert_eq!((end, tried_twice), (Ok("second"), true));
        assert!((30..=56).contains(&ms), "{ms}");
        let end = tries((10, Err("final")), (20, Ok("second"))).await;
        assert_eq!(end, (Err("final"), false, 10));
    }
}
