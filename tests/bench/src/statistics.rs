//! Medians and percentiles.

use std::time::Duration;

/// The middle one, or the mean of the two in the middle.
///
/// # Panics
///
/// When there are none.
pub fn median(times: impl Iterator<Item = Duration>) -> Duration {
    let mut sorted: Vec<_> = times.collect();
    sorted.sort_unstable();
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 {
        sorted[middle]
    } else {
        (sorted[middle - 1] + sorted[middle]) / 2
    }
}

/// The least of them that at least `percent` of a hundred do not exceed (nearest rank).
///
/// # Panics
///
/// When there are none.
pub fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted[rank - 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(times: &[u64]) -> Vec<Duration> {
        times.iter().copied().map(Duration::from_millis).collect()
    }

    #[test]
    fn the_median_is_in_the_middle() {
        let median_of = |times| median(ms(times).into_iter()).as_millis();
        assert_eq!(median_of(&[7]), 7);
        assert_eq!(median_of(&[9, 1, 2]), 2);
        assert_eq!(median_of(&[9, 1, 4, 2]), 3);
    }

    #[test]
    fn a_percentile_is_one_of_the_times() {
        let times: Vec<u64> = (1..=200).collect();
        let times = ms(&times);
        assert_eq!(percentile(&times, 50).as_millis(), 100);
        assert_eq!(percentile(&times, 99).as_millis(), 198);
        assert_eq!(percentile(&times[..1], 99).as_millis(), 1);
        assert_eq!(percentile(&times[..3], 99).as_millis(), 3);
    }
}
