//! When a message that could not be processed comes back: the visibility timeout it gets.

use std::time::Duration;

/// The longest visibility timeout that is set. SQS keeps a message invisible for 12 hours at most, counted from when it was
/// received; half an hour of that may have passed (the queue's own visibility timeout is shorter).
const LONGEST: Duration = Duration::from_secs(43_200 - 1_800);

/// The wait after the first failure; it doubles with each.
const FIRST: Duration = Duration::from_secs(10);

/// The longest wait between two tries when nobody knows how long it takes. With the 100 receives that the queue allows, a
/// message outlives three and a half days of failures at least, and never the seven days for which the queue keeps it.
const LONGEST_BACKOFF: Duration = Duration::from_secs(2 * 60 * 60);

/// How long a message stays out that has failed for the `receive_count`th time: exponential, random in its upper half.
pub(crate) fn backoff(receive_count: u32) -> Duration {
    let doublings = receive_count.saturating_sub(1).min(16);
    let wait = (FIRST * 2u32.pow(doublings)).min(LONGEST_BACKOFF);
    wait.mul_f64(0.5 + 0.5 * fastrand::f64())
}

/// How long a message stays out that may succeed after `wait`: a little longer, so that not all come back at once.
pub(crate) fn after(wait: Duration) -> Duration {
    let spread = wait / 10 + Duration::from_secs(2);
    (wait + spread.mul_f64(fastrand::f64())).min(LONGEST)
}

/// A wait as SQS takes it, in whole seconds; never shorter than asked for.
pub(crate) fn visibility_timeout(wait: Duration) -> i32 {
    let wait = wait.min(LONGEST);
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    i32::try_from(seconds).expect("the longest wait fits")
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn the_wait_doubles_with_each_failure_up_to_two_hours() {
        for (receive_count, longest) in [
            (0, 10),
            (1, 10),
            (2, 20),
            (5, 160),
            (10, 5120),
            (11, 7200),
            (100, 7200),
            (u32::MAX, 7200),
        ] {
            for _ in 0..200 {
                let wait = backoff(receive_count);
                let longest = Duration::from_secs(longest);
                assert!(
                    wait >= longest / 2 && wait <= longest,
                    "{receive_count}: {wait:?}"
                );
            }
        }
    }

    #[test]
    fn a_hundred_tries_outlast_an_outage_of_days_and_end_before_the_queue_forgets_the_message() {
        let shortest: Duration = (1..100)
            .map(|n| (FIRST * 2u32.pow((n - 1).min(16))).min(LONGEST_BACKOFF) / 2)
            .sum();
        assert!(shortest > 84 * HOUR, "{shortest:?}");
        // each wait is random, so that their sum lies close to its mean
        let mean = shortest.mul_f64(1.5);
        assert!(mean < 150 * HOUR, "{mean:?}");
    }

    #[test]
    fn a_known_wait_is_kept_and_spread() {
        let wait = Duration::from_secs(60);
        let waits: Vec<_> = (0..200).map(|_| after(wait)).collect();
        assert!(
            waits
                .iter()
                .all(|&after| after >= wait && after <= Duration::from_secs(68))
        );
        assert!(waits.iter().max() > waits.iter().min());
    }

    #[test]
    fn no_wait_is_longer_than_sqs_still_allows() {
        assert_eq!(after(24 * HOUR), LONGEST);
        assert_eq!(visibility_timeout(24 * HOUR), 41_400);
        assert_eq!(visibility_timeout(LONGEST), 41_400);
    }

    #[test]
    fn a_visibility_timeout_is_rounded_up() {
        assert_eq!(visibility_timeout(Duration::ZERO), 0);
        assert_eq!(visibility_timeout(Duration::from_millis(1)), 1);
        assert_eq!(visibility_timeout(Duration::from_secs(3)), 3);
        assert_eq!(visibility_timeout(Duration::from_millis(3_001)), 4);
    }
}
