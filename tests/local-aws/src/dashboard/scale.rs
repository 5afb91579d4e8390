//! The scale of a vertical axis, and its ticks at round values.

/// About how many steps a scale has.
const STEPS: f64 = 4.0;

/// A scale from one round value to another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scale {
    min: f64,
    max: f64,
    step: f64,
}

impl Scale {
    /// A scale that reaches from `min` over all values. Without a `min` it begins at zero, or at the smallest value below.
    pub(super) fn over(values: &[f64], min: Option<f64>) -> Self {
        let smallest = values.iter().copied().fold(0.0, f64::min);
        let min = min.unwrap_or(smallest);
        let largest = values.iter().copied().fold(min, f64::max);
        let mut step = round_up((largest - min) / STEPS);
        if values.iter().all(|value| value.fract() == 0.0) {
            // nothing happens half a time
            step = step.max(1.0);
        }
        let min = (min / step).floor() * step;
        let steps = ((largest - min) / step).ceil().max(1.0);
        Self {
            min,
            max: min + steps * step,
            step,
        }
    }

    /// Where a value is: 0 at the lower end, 1 at the upper one.
    pub(super) fn part(&self, value: f64) -> f64 {
        (value - self.min) / (self.max - self.min)
    }

    /// The values that have a tick, both ends among them.
    pub(super) fn ticks(&self) -> impl Iterator<Item = f64> {
        let steps = ((self.max - self.min) / self.step).round() as u32;
        (0..=steps).map(|step| self.min + f64::from(step) * self.step)
    }

    /// A value as a tick shows it.
    pub(super) fn label(&self, value: f64) -> String {
        let decimals = (-self.step.log10()).ceil().max(0.0) as usize;
        format!("{value:.decimals$}")
    }
}

/// The next value that is 1, 2 or 5 times a power of ten.
fn round_up(value: f64) -> f64 {
    if value <= 0.0 {
        return 1.0;
    }
    let power = 10f64.powf(value.log10().floor());
    let factors = [1.0, 2.0, 5.0].into_iter();
    // a little more, because dividing may have lost a bit
    let factor = factors
        .clone()
        .find(|factor| factor * power * 1.000_001 >= value);
    factor.unwrap_or(10.0) * power
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(values: &[f64], min: Option<f64>, expected: &[&str]) {
        let scale = Scale::over(values, min);
        let ticks: Vec<_> = scale.ticks().map(|tick| scale.label(tick)).collect();
        assert_eq!(ticks, expected);
    }

    #[test]
    fn ticks_are_at_round_values_and_reach_over_all_values() {
        check(&[3.0, 17.0], None, &["0", "5", "10", "15", "20"]);
        check(&[1000.0, 12.0], Some(0.0), &["0", "500", "1000"]);
        check(&[3599.0], Some(0.0), &["0", "1000", "2000", "3000", "4000"]);
        check(&[0.31], None, &["0.0", "0.1", "0.2", "0.3", "0.4"]);
        check(&[0.04], None, &["0.00", "0.01", "0.02", "0.03", "0.04"]);
        check(&[-3.5, 3.0], None, &["-4", "-2", "0", "2", "4"]);
        check(&[95.0, 102.5], Some(90.0), &["90", "95", "100", "105"]);
    }

    #[test]
    fn numbers_of_events_have_whole_ticks() {
        check(&[1.0, 0.0], None, &["0", "1"]);
        check(&[2.0], None, &["0", "1", "2"]);
    }

    #[test]
    fn a_scale_without_extent_has_one_step() {
        check(&[], None, &["0", "1"]);
        check(&[0.0, 0.0], Some(0.0), &["0", "1"]);
    }

    #[test]
    fn a_value_is_where_it_belongs() {
        let scale = Scale::over(&[40.0], None);
        let parts = [0.0, 10.0, 40.0].map(|value| scale.part(value));
        assert_eq!(parts, [0.0, 0.25, 1.0]);
    }
}
