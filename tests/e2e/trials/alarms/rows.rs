//! The list of scenarios. Each row is a trial about one alarm.

use super::stage::Stage;

/// An alarm of the template, and a scenario that makes it go off and end, or shows when it stays quiet.
pub struct Row {
    /// The alarm's logical id.
    pub alarm: &'static str,
    /// The trial's name.
    pub name: String,
    pub play: fn(&Stage<'_>),
}

/// Makes a row of each scenario.
macro_rules! rows {
    ($($alarm:ident: $scenario:ident),+ $(,)?) => {
        vec![$($crate::alarms::rows::Row {
            alarm: stringify!($alarm),
            name: $crate::harness::name(module_path!(), stringify!($scenario)),
            play: $scenario,
        }),+]
    };
}
pub(crate) use rows;
