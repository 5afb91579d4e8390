//! How often a signature that matches no key may cause another read of the keys, called a look here.

use std::time::{Duration, SystemTime};

use super::age;

/// The greatest number of available looks. Each look reads both versions of the secret.
///
/// Two, so that a single forgery does not use up the look that a new key needs.
const MOST: u32 = 2;

/// How long it takes until a look is available again, so that a forger causes few AWS calls.
const INTERVAL: Duration = Duration::from_secs(30);

/// The available looks (a token bucket).
#[derive(Debug)]
pub(super) struct Looks {
    in_hand: u32,
    /// When the wait for the next look began.
    since: Option<SystemTime>,
}

impl Default for Looks {
    fn default() -> Self {
        Self {
            in_hand: MOST,
            since: None,
        }
    }
}

impl Looks {
    /// Takes a look; returns false if none is available.
    pub(super) fn take(&mut self, now: SystemTime) -> bool {
        self.refill(now);
        if self.in_hand == 0 {
            return false;
        }
        self.in_hand -= 1;
        self.since.get_or_insert(now);
        true
    }

    /// Makes a look available again that was taken and got no answer.
    pub(super) fn give_back(&mut self) {
        self.in_hand = MOST.min(self.in_hand + 1);
        if self.in_hand == MOST {
            self.since = None;
        }
    }

    fn refill(&mut self, now: SystemTime) {
        while let Some(since) = self.since
            && age(since, now) >= INTERVAL
        {
            self.in_hand += 1;
            self.since = (self.in_hand < MOST).then(|| since + INTERVAL);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000 + seconds)
    }

    #[test]
    fn two_looks_are_in_hand_and_one_comes_back_every_30_seconds() {
        let mut looks = Looks::default();
        for (seconds, taken) in [
            (0, true),
            (10, true),
            (11, false),
            (29, false),
            (30, true),
            (59, false),
            (60, true),
            (60, false),
            (1000, true),
            (1000, true),
            (1000, false),
            (1029, false),
            (1030, true),
        ] {
            assert_eq!(looks.take(at(seconds)), taken, "after {seconds} s");
        }
    }

    #[test]
    fn a_look_that_is_given_back_can_be_taken_again() {
        let mut looks = Looks::default();
        for _ in 0..10 {
            assert!(looks.take(at(0)));
            looks.give_back();
        }
        assert!(looks.take(at(0)) && looks.take(at(0)));
        assert!(!looks.take(at(0)));
    }

    #[test]
    fn a_clock_that_was_set_back_gives_the_looks_back() {
        let mut looks = Looks::default();
        assert!(looks.take(at(1000)) && looks.take(at(1000)));
        assert!(looks.take(at(0)));
    }
}
