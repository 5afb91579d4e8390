//! Where AWS's documentation leaves a choice, or where practice may differ from it.

/// How the evaluation fills the gaps of the documentation. A test that holds for [`all`](Self::all) does not depend on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Assumptions {
    /// How many periods more than `EvaluationPeriods` the evaluation range has.
    pub extra_periods: usize,
    /// What an operator between two series does at a time at which only one of them has a value.
    pub one_sided: OneSided,
    /// What `FILL` does with a series without any value in the evaluation range.
    pub fill_of_nothing: FillOfNothing,
}

/// The examples of "Configuring how CloudWatch alarms treat missing data" have a range of 5 for 3 evaluation periods. The page
/// says that the number depends on the alarm's period and on the metric's resolution, and gives no formula.
pub const EXTRA_PERIODS: usize = 2;

/// What an operator between two series does at a time at which only one of them has a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OneSided {
    /// It takes the missing value as 0, as "Using math expressions with CloudWatch metrics" says.
    Zero,
    /// Its result has no value then.
    Missing,
}

/// What `FILL` does with a series without any value in the evaluation range. The documentation does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FillOfNothing {
    /// It fills the whole range.
    Filled,
    /// The series stays empty.
    Empty,
}

impl Default for Assumptions {
    /// What the documentation says, or comes closest to it.
    fn default() -> Self {
        Self {
            extra_periods: EXTRA_PERIODS,
            one_sided: OneSided::Zero,
            fill_of_nothing: FillOfNothing::Filled,
        }
    }
}

impl Assumptions {
    /// Every combination of the choices in metric math, the default first.
    pub fn all() -> impl Iterator<Item = Self> {
        let one_sided = [OneSided::Zero, OneSided::Missing];
        one_sided.into_iter().flat_map(|one_sided| {
            let fill = [FillOfNothing::Filled, FillOfNothing::Empty];
            fill.into_iter().map(move |fill_of_nothing| Self {
                one_sided,
                fill_of_nothing,
                ..Self::default()
            })
        })
    }
}
