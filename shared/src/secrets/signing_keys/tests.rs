use super::super::canned::{Canned, Fault, Versions, start};
use super::super::signing_secret::PREVIOUS_KEY_VALID;
use super::*;
use crate::signature;
use std::sync::atomic::{AtomicU32, Ordering};

const OLD: &str = r#"{"signing_secret": "old"}"#;
const NEW: &str = r#"{"signing_secret": "new"}"#;

const MS: Duration = Duration::from_millis(1);

/// Secrets Manager with canned answers, and the keys that come from it.
struct Keys {
    canned: Canned,
    keys: SigningKeys,
}

impl Keys {
    fn of(versions: Versions) -> Self {
        Self::with_clock(versions, Canned::clock)
    }

    fn with_clock(versions: Versions, clock: impl FnOnce(&Canned) -> Clock) -> Self {
        let canned = Canned::new(versions);
        let hedge = Hedge {
            patience: 320 * MS,
            http_client: canned.http_client(),
        };
        let keys = SigningKeys::new(
            canned.client(),
            "signing-secret".into(),
            hedge,
            clock(&canned),
        );
        Self { canned, keys }
    }

    /// A process that has started with `versions`.
    async fn started(versions: Versions) -> Self {
        let keys = Self::of(versions);
        keys.prefetch().await.unwrap();
        keys
    }

    /// As the webhook does at its start.
    async fn prefetch(&self) -> Result<(), SecretError> {
        self.keys.prefetch(Instant::now() + 150 * MS).await
    }

    /// The keys that a request gets.
    async fn get(&self) -> Result<Vec<String>, SecretError> {
        let set = self.keys.get(Instant::now() + 800 * MS).await?;
        Ok(self.of_set(&set, self.now()))
    }

    fn of_set(&self, set: &KeySet, now: SystemTime) -> Vec<String> {
        let keys = set.valid_at(now);
        let keys = [Some(keys.current), keys.previous].into_iter().flatten();
        keys.map(|key| String::from_utf8(key.into()).unwrap())
            .collect()
    }

    /// Whether a signature made with `key` matches; none if that remains open.
    async fn accepts(&self, key: &str) -> Option<bool> {
        let deadline = Instant::now() + 800 * MS;
        let matches = |keys: signature::Keys<'_>| {
            let key = Some(key.as_bytes());
            (key == Some(keys.current) || key == keys.previous).then_some(())
        };
        match self.keys.find(deadline, matches).await {
            Ok(found) => Some(found.is_some()),
            Err(error) => {
                assert!(error.is_no_answer(), "{error}");
                None
            }
        }
    }

    fn now(&self) -> SystemTime {
        self.canned.clock.now()
    }

    /// Lets the time pass while the process is frozen.
    fn frozen_for(&self, time: Duration) {
        self.canned.clock.advance(time);
    }

    fn change(&self, change: impl FnOnce(&mut Versions)) {
        change(&mut self.canned.versions.lock().unwrap());
    }

    /// The secret is rotated from `OLD` to `NEW`, now.
    fn rotate(&self) {
        let now = self.now();
        self.change(|versions| {
            versions.previous = versions.current.replace(NEW);
            versions.created = Some(now);
        });
    }

    fn calls(&self) -> usize {
        self.canned.calls()
    }
}

fn with_current(current: &'static str) -> Versions {
    Versions {
        current: Some(current),
        created: Some(start()),
        ..Versions::default()
    }
}

fn rotated() -> Versions {
    Versions {
        previous: Some(OLD),
        ..with_current(NEW)
    }
}

#[tokio::test(start_paused = true)]
async fn a_prefetch_takes_one_call_and_the_requests_after_it_none() {
    let keys = Keys::started(with_current(NEW)).await;
    for _ in 0..3 {
        assert_eq!(keys.accepts("new").await, Some(true));
    }
    assert_eq!(keys.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_key_is_the_value_neither_decoded_nor_trimmed() {
    let value = r#"{"signing_secret": " a2V5\u00e9\n", "note": 1}"#;
    let keys = Keys::of(with_current(value));
    assert_eq!(keys.get().await.unwrap(), [" a2V5\u{e9}\n"]);
}

#[tokio::test(start_paused = true)]
async fn a_slow_answer_begun_at_the_start_serves_the_first_request() {
    for delay in [200, 400, 700] {
        let keys = Keys::of(Versions {
            current_delay: delay * MS,
            ..with_current(NEW)
        });
        let begun = Instant::now();
        assert!(keys.prefetch().await.is_err());
        assert_eq!(begun.elapsed(), 150 * MS, "{delay} ms");
        assert_eq!(keys.accepts("new").await, Some(true), "{delay} ms");
        assert_eq!(begun.elapsed(), delay * MS);
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_too_slow_for_one_request_serves_the_next() {
    let keys = Keys::of(Versions {
        current_delay: 1500 * MS,
        ..with_current(NEW)
    });
    assert_eq!(keys.accepts("new").await, None);
    keys.frozen_for(199 * MS);
    assert_eq!(keys.accepts("new").await, Some(true));
    // two tries for the current version, one for the previous
    assert_eq!(keys.calls(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_read_that_is_a_second_old_when_a_request_arrives_is_begun_anew() {
    let keys = Keys::of(Versions {
        current_delay: 10_000 * MS,
        ..with_current(NEW)
    });
    assert_eq!(keys.accepts("new").await, None);
    keys.change(|versions| versions.current_delay = Duration::ZERO);
    keys.frozen_for(200 * MS);
    assert_eq!(keys.accepts("new").await, Some(true));
}

#[tokio::test(start_paused = true)]
async fn a_read_that_was_given_up_does_not_bring_the_old_key_back() {
    let keys = Keys::of(Versions {
        current_delay: 2000 * MS,
        ..with_current(OLD)
    });
    assert_eq!(keys.accepts("old").await, None);
    keys.frozen_for(200 * MS);
    keys.rotate();
    keys.change(|versions| versions.current_delay = Duration::ZERO);
    assert_eq!(keys.accepts("new").await, Some(true));
    // by now the first read would have its answer
    tokio::time::sleep(2000 * MS).await;
    assert_eq!(keys.get().await.unwrap(), ["new", "old"]);
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_the_previous_key_without_need() {
    let keys = Keys::of(Versions {
        previous_delay: 10_000 * MS,
        ..rotated()
    });
    let begun = Instant::now();
    assert_eq!(keys.accepts("new").await, Some(true));
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_signature_by_the_previous_key_waits_for_it_until_the_deadline() {
    for delay in [0, 250, 790] {
        let keys = Keys::started(Versions {
            previous_delay: delay * MS,
            ..rotated()
        })
        .await;
        assert_eq!(keys.accepts("old").await, Some(true), "{delay} ms");
    }
    let keys = Keys::started(Versions {
        previous_delay: 1200 * MS,
        ..rotated()
    })
    .await;
    let begun = Instant::now();
    assert_eq!(keys.accepts("old").await, None);
    assert_eq!(begun.elapsed(), 800 * MS);
    // for a second nothing is waited for
    assert_eq!(keys.accepts("old").await, None);
    assert_eq!(begun.elapsed(), 800 * MS);
    // the read goes on meanwhile
    tokio::time::sleep(401 * MS).await;
    assert_eq!(keys.accepts("old").await, Some(true));
    assert_eq!(begun.elapsed(), 1201 * MS);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_answer_leaves_a_signature_open_and_is_asked_again_after_a_second() {
    for fault in [Fault::Internal, Fault::Throttled] {
        let keys = Keys::started(rotated()).await;
        keys.change(|versions| versions.previous_fault = Some(fault));
        assert_eq!(keys.accepts("old").await, None, "{fault:?}");
        let calls = keys.calls();
        keys.change(|versions| versions.previous_fault = None);
        assert_eq!(keys.accepts("old").await, None, "{fault:?}");
        keys.frozen_for(FAILURE_REMEMBERED - 100 * MS);
        assert_eq!(keys.accepts("old").await, None, "{fault:?}");
        assert_eq!(keys.calls(), calls);
        keys.frozen_for(100 * MS);
        assert_eq!(keys.accepts("old").await, Some(true), "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_signature_is_left_open_even_if_the_process_is_frozen_right_after_a_look_without_an_answer()
 {
    let faulty = Versions {
        previous_fault: Some(Fault::Internal),
        ..rotated()
    };
    // as if the process were frozen before each reading of the clock
    let seconds = AtomicU32::new(0);
    let clock =
        Clock::new(move || start() + FAILURE_REMEMBERED * seconds.fetch_add(1, Ordering::Relaxed));
    let keys = Keys::with_clock(faulty, |_| clock);
    keys.prefetch().await.unwrap();
    assert_eq!(keys.accepts("old").await, None);
}

#[tokio::test(start_paused = true)]
async fn a_look_without_an_answer_is_not_used_up() {
    let keys = Keys::started(rotated()).await;
    keys.change(|versions| versions.fail(Some(Fault::Internal)));
    for _ in 0..10 {
        assert_eq!(keys.accepts("forged").await, None);
        keys.frozen_for(FAILURE_REMEMBERED);
    }
    keys.change(|versions| versions.fail(None));
    assert_eq!(keys.accepts("old").await, Some(true));
}

#[tokio::test(start_paused = true)]
async fn a_version_that_is_missing_malformed_denied_or_undecryptable_is_an_answer() {
    for previous in [
        None,
        Some(""),
        Some("{}"),
        Some(r#"{"signing_secret": ""}"#),
        Some(r#"{"signing_secret": 7}"#),
    ] {
        let keys = Keys::started(Versions {
            previous,
            ..with_current(NEW)
        })
        .await;
        assert_eq!(keys.accepts("old").await, Some(false), "{previous:?}");
        assert_eq!(keys.accepts("new").await, Some(true), "{previous:?}");
    }
    for fault in [Fault::Denied, Fault::Undecryptable] {
        let keys = Keys::started(rotated()).await;
        keys.change(|versions| versions.previous_fault = Some(fault));
        assert_eq!(keys.accepts("old").await, Some(false), "{fault:?}");
        // the same for both versions
        let keys = Keys::started(rotated()).await;
        keys.change(|versions| versions.fail(Some(fault)));
        assert_eq!(keys.accepts("old").await, Some(false), "{fault:?}");
        assert_eq!(keys.accepts("new").await, Some(true), "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stray_forgery_does_not_delay_a_new_key() {
    let keys = Keys::started(with_current(OLD)).await;
    assert_eq!(keys.accepts("forged").await, Some(false));
    keys.rotate();
    assert_eq!(keys.accepts("new").await, Some(true));
    assert_eq!(keys.accepts("old").await, Some(true));
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_forgeries_causes_two_looks_and_one_more_every_30_seconds() {
    let keys = Keys::started(with_current(OLD)).await;
    for _ in 0..100 {
        assert_eq!(keys.accepts("forged").await, Some(false));
    }
    assert_eq!(keys.calls(), 1 + 2 * 2);
    keys.rotate();
    assert_eq!(keys.accepts("new").await, Some(false));
    keys.frozen_for(Duration::from_secs(30));
    assert_eq!(keys.accepts("new").await, Some(true));
    for _ in 0..100 {
        assert_eq!(keys.accepts("forged").await, Some(false));
    }
    assert_eq!(keys.calls(), 1 + 3 * 2);
}

#[tokio::test(start_paused = true)]
async fn the_previous_key_is_good_for_24_hours_after_the_current_ones_creation() {
    let keys = Keys::started(rotated()).await;
    assert_eq!(keys.accepts("old").await, Some(true));
    let set = keys.keys.get(Instant::now()).await.unwrap();
    let end = start() + PREVIOUS_KEY_VALID;
    assert_eq!(keys.of_set(&set, end - MS), ["new", "old"]);
    assert_eq!(keys.of_set(&set, end), ["new"]);
}

#[tokio::test(start_paused = true)]
async fn a_previous_version_without_an_end_is_not_used() {
    let keys = Keys::started(Versions {
        created: None,
        ..rotated()
    })
    .await;
    assert_eq!(keys.accepts("old").await, Some(false));
}

#[tokio::test(start_paused = true)]
async fn a_previous_version_that_can_not_be_read_is_what_it_was_known_to_be() {
    let keys = Keys::started(with_current(OLD)).await;
    keys.rotate();
    keys.change(|versions| versions.previous_fault = Some(Fault::Internal));
    assert_eq!(keys.accepts("new").await, Some(true));
    assert_eq!(keys.accepts("old").await, Some(true));
    // it remains open whether there is yet another one
    assert_eq!(keys.accepts("forged").await, None);

    keys.frozen_for(REFRESH_AFTER);
    assert_eq!(keys.accepts("old").await, Some(true));
    let set = keys.keys.get(Instant::now()).await.unwrap();
    assert_eq!(keys.of_set(&set, start() + PREVIOUS_KEY_VALID), ["new"]);
}

#[tokio::test(start_paused = true)]
async fn a_missing_or_malformed_secret_fails_closed_and_is_named_without_its_value() {
    for (current, problem) in [
        (None, "secret signing-secret has no version AWSCURRENT"),
        (Some(r#"{"signing_secret": ""}"#), "signing_secret is empty"),
        (
            Some(r#"{"signing_secret": ["the-value-that-nobody-may-see"]}"#),
            "Data error in line 1, column 19",
        ),
        (
            Some("the-value-that-nobody-may-see"),
            "Syntax error in line 1, column 2",
        ),
        (
            Some(r#"{"secret": "the-value-that-nobody-may-see"}"#),
            "Data error in line 1, column 43",
        ),
        (Some(""), "Eof error in line 1, column 0"),
    ] {
        let keys = Keys::of(Versions {
            current,
            ..Versions::default()
        });
        let error = keys.get().await.unwrap_err().to_string();
        assert!(error.starts_with("secret signing-secret"), "{error}");
        assert!(error.ends_with(problem), "{error}");
        assert!(!error.contains("the-value-that-nobody-may-see"), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_keys_a_failure_is_remembered_for_a_second() {
    let keys = Keys::of(with_current(NEW));
    keys.change(|versions| versions.fail(Some(Fault::Denied)));
    assert!(keys.get().await.is_err());
    let calls = keys.calls();
    keys.change(|versions| versions.fail(None));
    keys.frozen_for(FAILURE_REMEMBERED - MS);
    assert!(keys.get().await.is_err());
    assert_eq!(keys.calls(), calls);
    keys.frozen_for(MS);
    assert_eq!(keys.get().await.unwrap(), ["new"]);
}

#[tokio::test(start_paused = true)]
async fn a_failed_prefetch_is_made_up_for_by_the_first_request() {
    for fault in [Fault::Internal, Fault::Denied] {
        let keys = Keys::of(Versions {
            previous_delay: 100 * MS,
            ..rotated()
        });
        keys.change(|versions| versions.fail(Some(fault)));
        assert!(keys.prefetch().await.is_err());
        keys.change(|versions| versions.fail(None));
        assert_eq!(keys.accepts("old").await, Some(true), "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn old_keys_are_read_anew_beside_the_request_that_finds_them() {
    let keys = Keys::started(with_current(OLD)).await;
    keys.rotate();
    keys.change(|versions| versions.current_delay = 50 * MS);
    keys.frozen_for(REFRESH_AFTER - MS);
    assert_eq!(keys.get().await.unwrap(), ["old"]);
    assert_eq!(keys.calls(), 1);
    keys.frozen_for(MS);
    let begun = Instant::now();
    assert_eq!(keys.get().await.unwrap(), ["old"]);
    assert_eq!(begun.elapsed(), Duration::ZERO);
    // the request goes on for a while, and so does the read
    tokio::time::sleep(51 * MS).await;
    assert_eq!(keys.get().await.unwrap(), ["new", "old"]);
    assert_eq!(keys.calls(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_reload_cut_short_by_a_freeze_is_begun_anew() {
    let keys = Keys::started(with_current(OLD)).await;
    keys.rotate();
    keys.change(|versions| versions.current_delay = 10_000 * MS);
    keys.frozen_for(REFRESH_AFTER);
    assert_eq!(keys.get().await.unwrap(), ["old"]);
    keys.frozen_for(Duration::from_secs(60));
    keys.change(|versions| versions.current_delay = 10 * MS);
    assert_eq!(keys.get().await.unwrap(), ["old"]);
    tokio::time::sleep(11 * MS).await;
    assert_eq!(keys.get().await.unwrap(), ["new", "old"]);
}

#[tokio::test(start_paused = true)]
async fn a_failed_reload_is_repeated_after_half_a_minute() {
    let keys = Keys::started(with_current(NEW)).await;
    keys.change(|versions| versions.fail(Some(Fault::Denied)));
    keys.frozen_for(REFRESH_AFTER);
    for _ in 0..10 {
        assert_eq!(keys.get().await.unwrap(), ["new"]);
        tokio::time::sleep(MS).await;
    }
    let calls = keys.calls();
    keys.frozen_for(RELOAD_PAUSE - 11 * MS);
    assert_eq!(keys.get().await.unwrap(), ["new"]);
    tokio::time::sleep(MS).await;
    assert_eq!(keys.calls(), calls);
    keys.frozen_for(11 * MS);
    assert_eq!(keys.get().await.unwrap(), ["new"]);
    tokio::time::sleep(MS).await;
    assert!(keys.calls() > calls);
}

#[tokio::test(start_paused = true)]
async fn keys_that_are_15_minutes_old_are_never_used() {
    let keys = Keys::started(with_current(NEW)).await;
    keys.frozen_for(EXPIRE_AFTER - MS);
    keys.change(|versions| versions.current_delay = 10_000 * MS);
    assert_eq!(keys.get().await.unwrap(), ["new"]);
    keys.frozen_for(MS);
    // the request waits for new ones
    let begun = Instant::now();
    assert!(keys.get().await.is_err());
    assert_eq!(begun.elapsed(), 800 * MS);
    keys.frozen_for(Duration::from_secs(60));
    keys.change(|versions| versions.current_delay = 700 * MS);
    assert_eq!(keys.get().await.unwrap(), ["new"]);
}

#[tokio::test(start_paused = true)]
async fn a_slow_read_is_tried_a_second_time_beside_the_first() {
    let keys = Keys::of(Versions {
        current_delay: 10_000 * MS,
        ..with_current(NEW)
    });
    let begun = Instant::now();
    let first = async {
        tokio::time::sleep(300 * MS).await;
        // from now on Secrets Manager is well again
        keys.change(|versions| versions.current_delay = 10 * MS);
    };
    let (accepted, ()) = tokio::join!(keys.accepts("new"), first);
    assert_eq!(accepted, Some(true));
    assert_eq!(begun.elapsed(), 330 * MS);
}

#[tokio::test(start_paused = true)]
async fn requests_at_the_same_time_share_one_read() {
    let keys = Keys::of(Versions {
        current_delay: 100 * MS,
        previous_delay: 200 * MS,
        ..rotated()
    });
    let ends = tokio::join!(
        keys.accepts("new"),
        keys.accepts("old"),
        keys.accepts("new")
    );
    assert_eq!(ends, (Some(true), Some(true), Some(true)));
    assert_eq!(keys.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn debug_shows_no_key() {
    let marker = "the-signing-key-that-nobody-may-see";
    let keys = Keys::started(with_current(
        r#"{"signing_secret": "the-signing-key-that-nobody-may-see"}"#,
    ))
    .await;
    assert_eq!(keys.accepts(marker).await, Some(true));
    let set = keys.keys.get(Instant::now()).await.unwrap();
    assert!(!format!("{set:?}").contains(marker));
    assert_eq!(
        format!("{:?}", keys.keys),
        r#"SigningKeys { reader: SecretReader { secret_id: "signing-secret", .. }, .. }"#
    );
}
