use std::collections::BTreeMap;

use super::*;
use crate::assumptions::{FillOfNothing, OneSided};

/// Reads a series as the documentation writes it: `30, -, 0`. A `-` is a missing value.
fn series(text: &str) -> Series {
    let values = text.split(',').map(str::trim);
    values
        .map(|value| (value != "-").then(|| value.parse().unwrap()))
        .collect()
}

/// Evaluates the expression over series `m1`, `m2` and so on.
fn evaluate(text: &str, given: &[&str], assumptions: Assumptions) -> Result<Series, MathError> {
    let given = given.iter().zip(1..);
    let given: BTreeMap<_, _> = given
        .map(|(values, index)| (format!("m{index}"), series(values)))
        .collect();
    let periods = given.values().next().map_or(3, Vec::len);
    Expression::parse(text)?.evaluate(&|id| given.get(id).cloned(), periods, assumptions)
}

#[track_caller]
fn check(text: &str, given: &[&str], expected: &str) {
    let result = evaluate(text, given, Assumptions::default());
    assert_eq!(result, Ok(series(expected)), "{text}");
}

#[track_caller]
fn rejected(text: &str, message: &str) {
    let error = evaluate(text, &["1, 2", "3, 4"], Assumptions::default()).unwrap_err();
    assert_eq!(error.to_string(), message, "{text}");
}

#[test]
fn operators_bind_as_usual() {
    check("m1 + 2 * 3 - 4 / 2", &["1"], "5");
    check("(m1 + 2) * 3", &["1"], "9");
    check("m1 - 1 - 1", &["1"], "-1");
    check("-m1 * -2", &["3"], "6");
    check("2 - -m1", &["3"], "5");
    check("m1 + 1 > 1 && m1 < 1 || m1 == 5", &["1, 5, 0"], "0, 1, 0");
    check("m1 == 1 OR m1 == 2 AND m1 == 3", &["1, 2"], "1, 0");
    check(".5*m1+1.25", &["1"], "1.75");
}

#[test]
fn comparisons_yield_one_or_zero() {
    for (operator, expected) in [
        ("<", "1, 0, 0"),
        (">", "0, 0, 1"),
        ("<=", "1, 1, 0"),
        (">=", "0, 1, 1"),
        ("==", "0, 1, 0"),
        ("!=", "1, 0, 1"),
    ] {
        check(&format!("m1 {operator} 2"), &["1, 2, 3"], expected);
        check(
            &format!("m1 {operator} m2"),
            &["1, 2, 3", "2, 2, 2"],
            expected,
        );
    }
}

#[test]
fn any_number_but_zero_is_true() {
    check("m1 AND m2", &["0, -1, 2, 0", "0, 3, 0, 1"], "0, 1, 0, 0");
    check("m1 || m2", &["0, -1, 2, 0", "0, 3, 0, 1"], "0, 1, 1, 1");
}

#[test]
fn a_number_applies_where_the_series_has_a_value() {
    check("m1 + 1", &["1, -, 3"], "2, -, 4");
    check("1 - m1", &["1, -, 3"], "0, -, -2");
    check("m1 > 1", &["1, -, 3"], "0, -, 1");
    check("-m1", &["1, -, 3"], "-1, -, -3");
}

#[test]
fn the_documented_comparisons_take_a_missing_value_as_zero() {
    let metrics = ["30, 20, 0, 0", "20, -, 20, -"];
    check("m1 < m2", &metrics, "0, 0, 1, 0");
    check("m1 >= 30", &metrics, "1, 0, 0, 0");
    check("m1 > 15 AND m2 > 15", &metrics, "1, 0, 0, 0");
}

#[test]
fn an_operator_between_series_depends_on_the_assumption_where_one_is_missing() {
    let metrics = ["1, 2, -, -", "10, -, 30, -"];
    for (text, zero, missing) in [
        ("m1 + m2", "11, 2, 30, -", "11, -, -, -"),
        ("m1 - m2", "-9, 2, -30, -", "-9, -, -, -"),
        ("m1 * m2", "10, 0, 0, -", "10, -, -, -"),
        ("m1 / m2", "0.1, -, 0, -", "0.1, -, -, -"),
        ("m1 < m2", "1, 0, 1, -", "1, -, -, -"),
        ("m1 OR m2", "1, 1, 1, -", "1, -, -, -"),
    ] {
        for (one_sided, expected) in [(OneSided::Zero, zero), (OneSided::Missing, missing)] {
            let assumptions = Assumptions {
                one_sided,
                ..Assumptions::default()
            };
            let result = evaluate(text, &metrics, assumptions);
            assert_eq!(result, Ok(series(expected)), "{text} with {one_sided:?}");
        }
    }
}

#[test]
fn a_division_by_zero_has_no_value() {
    check("m1 / m2", &["1, 1", "0, 2"], "-, 0.5");
    check("m1 / 0", &["1, 1"], "-, -");
    check("m1 * (1 / 0)", &["1, 1"], "-, -");
}

#[test]
fn fill_replaces_missing_values() {
    check("FILL(m1, 0)", &["1, -, 3, -"], "1, 0, 3, 0");
    check("FILL(m1, -1 * 2)", &["-, 2"], "-2, 2");
    check("FILL(m1, MAX(m1))", &["1, -, 3"], "1, 3, 3");
    check(
        "FILL(m1, REPEAT)",
        &["-, 1, -, -, 2, -"],
        "-, 1, 1, 1, 2, 2",
    );
    check("SUM(FILL([m1, m2], 1))", &["1, -, 3", "-, -, 4"], "2, 2, 7");
}

#[test]
fn fill_of_a_series_without_values_depends_on_the_assumption() {
    for (fill_of_nothing, expected) in [
        (FillOfNothing::Filled, "7, 7, 7"),
        (FillOfNothing::Empty, "-, -, -"),
    ] {
        let assumptions = Assumptions {
            fill_of_nothing,
            ..Assumptions::default()
        };
        let result = evaluate("FILL(m1, 7)", &["-, -, -"], assumptions);
        assert_eq!(result, Ok(series(expected)));
        let repeated = evaluate("FILL(m1, REPEAT)", &["-, -, -"], assumptions);
        assert_eq!(repeated, Ok(series("-, -, -")));
        let partly = evaluate("FILL(m1, 7)", &["-, 1, -"], assumptions);
        assert_eq!(partly, Ok(series("7, 1, 7")));
    }
}

#[test]
fn if_follows_the_documented_examples() {
    let metrics = ["1, 1, 0, 0, -", "30, -, 0, 0, 30", "0, 0, 20, -, 20"];
    check("IF(m1, m2, m3)", &metrics, "30, 0, 20, -, -");
    check("IF(m1, 5, m3)", &metrics, "5, 5, 20, -, -");
    check("IF(m1, m2, 5)", &metrics, "30, 0, 5, 5, -");
    check("IF(m1, m2)", &metrics, "30, 0, -, -, -");
    check("IF(m1 > 0, 1, 2)", &metrics, "1, 1, 2, 2, -");
    check("IF(1, m3, m2)", &metrics, "0, 0, 20, -, 20");
    check("IF(0, m3, m2)", &metrics, "30, -, 0, 0, 30");
    check("IF(0, m3)", &metrics, "-, -, -, -, -");
}

#[test]
fn a_lists_aggregate_skips_missing_values() {
    let metrics = ["1, -, -, 4", "3, 2, -, -5"];
    check("SUM([m1, m2])", &metrics, "4, 2, -, -1");
    check("MAX([m1, m2])", &metrics, "3, 2, -, 4");
    check("MIN([m1, m2])", &metrics, "1, 2, -, -5");
    check("SUM([m1, m1 + m2])", &metrics, "5, 2, -, 3");
}

#[test]
fn the_aggregate_of_one_series_is_a_number() {
    check("m1 + SUM(m1)", &["1, -, 3"], "5, -, 7");
    check("m1 - MIN(m1)", &["1, -, 3"], "0, -, 2");
    check("m1 - MAX(m1)", &["1, -, 3"], "-2, -, 0");
    check("m1 + SUM(m2)", &["1, 2", "-, -"], "-, -");
}

#[test]
fn the_result_must_be_one_series() {
    rejected("1 + 2", "the result is a number instead of one series");
    rejected("SUM(m1)", "the result is a number instead of one series");
    rejected("[m1, m2]", "the result is a list instead of one series");
}

#[test]
fn names_what_it_does_not_support() {
    rejected("RATE(m1)", "RATE is not supported");
    rejected("SUM(METRICS())", "METRICS is not supported");
    rejected("SEARCH('{AWS/SQS}', 'Sum')", "SEARCH is not supported");
    rejected(
        "ANOMALY_DETECTION_BAND(m1)",
        "ANOMALY_DETECTION_BAND is not supported",
    );
    rejected("m1 ^ 2", "operator ^ is not supported");
    rejected("(m1 ^ 2)", "operator ^ is not supported");
    rejected("FILL(m1, LINEAR)", "FILL with LINEAR is not supported");
    rejected("FILL(m1, m2)", "FILL with a series is not supported");
    rejected("FILL(1, 0)", "FILL of a number is not supported");
    rejected("m1 + [m2]", "an operator on a list is not supported");
    rejected("-[m2]", "an operator on a list is not supported");
    rejected("SUM([m1, 1])", "a number in a list is not supported");
    rejected("SUM(1)", "SUM, MAX or MIN of a number is not supported");
    rejected("IF(m1, [m2])", "IF of a list is not supported");
    rejected(
        "IF(1, 2, m1)",
        "IF of a number and a number is not supported",
    );
}

#[test]
fn names_where_it_expected_something_else() {
    rejected("m1 + m9", "no metric or expression has the id m9");
    rejected("m1 +", "expected a number, an id or a function before ``");
    rejected("m1 m2", "expected the end before `m2`");
    rejected("(m1", "expected ) before ``");
    rejected("[m1, m2", "expected ] before ``");
    rejected("FILL(m1)", "expected , before `)`");
    rejected("IF(m1)", "expected , before `)`");
    rejected("IF(m1, m2, m1, m2)", "expected ) before `, m2)`");
    rejected("1.2.3 * m1", "expected a number before `1.2.3 * m1`");
    rejected("fill(m1, 0)", "expected the end before `(m1, 0)`");
    rejected("m1 = 1", "expected the end before `= 1`");
}

#[test]
fn knows_the_ids_it_refers_to() {
    let text = "IF(a > 1, FILL(b, MAX(c)), SUM([d, -e])) + FILL(f, REPEAT)";
    let expression = Expression::parse(text).unwrap();
    let ids: Vec<_> = expression.ids().into_iter().collect();
    assert_eq!(ids, ["a", "b", "c", "d", "e", "f"]);
}
