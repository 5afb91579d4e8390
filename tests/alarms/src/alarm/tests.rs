use serde_json::json;

use super::*;
use crate::assumptions::{FillOfNothing, OneSided};

fn on_a_metric() -> Value {
    json!({
        "Namespace": "Shop",
        "MetricName": "Orders",
        "Dimensions": [{"Name": "Store", "Value": "1"}],
        "Statistic": "Sum",
        "Period": 300,
        "EvaluationPeriods": 3,
        "DatapointsToAlarm": 2,
        "Threshold": 10,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "breaching",
    })
}

fn metric(id: &str, name: &str) -> Value {
    json!({
        "Id": id,
        "ReturnData": false,
        "MetricStat": {
            "Metric": {"Namespace": "Shop", "MetricName": name},
            "Period": 60,
            "Stat": "Sum",
        },
    })
}

fn on_an_expression() -> Value {
    json!({
        "Metrics": [
            {"Id": "rate", "Expression": "percent / 100", "ReturnData": true},
            {"Id": "percent", "Expression": "errors / orders * 100", "ReturnData": false},
            metric("errors", "Errors"),
            metric("orders", "Orders"),
        ],
        "EvaluationPeriods": 1,
        "Threshold": 0.5,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
    })
}

fn with(mut properties: Value, pointer: &str, value: Value) -> Value {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let parent = properties.pointer_mut(parent).unwrap();
    match parent {
        Value::Array(list) => list[name.parse::<usize>().unwrap()] = value,
        parent => parent[name] = value,
    }
    properties
}

#[track_caller]
fn state(properties: &Value, metrics: &Metrics, now: u64) -> State {
    let alarm = Alarm::from_properties(properties).unwrap();
    alarm.state_at(metrics, now, State::InsufficientData)
}

#[test]
fn reads_an_alarm_on_a_metric() {
    let alarm = Alarm::from_properties(&on_a_metric()).unwrap();
    let metric = MetricId::new("Shop", "Orders", &[("Store", "1")]);
    assert_eq!(alarm.metrics().collect::<Vec<_>>(), [&metric]);
    assert_eq!((alarm.period(), alarm.evaluation_interval()), (300, 60));
    let rule = Rule {
        to_alarm: 2,
        periods: 3,
        missing_data: MissingData::Breaching,
    };
    assert_eq!(alarm.rule, rule);
}

#[test]
fn numbers_may_be_text() {
    let mut properties = on_a_metric();
    for name in [
        "Period",
        "EvaluationPeriods",
        "DatapointsToAlarm",
        "Threshold",
    ] {
        properties[name] = properties[name].to_string().into();
    }
    assert_eq!(
        Alarm::from_properties(&properties),
        Alarm::from_properties(&on_a_metric())
    );
}

#[test]
fn all_data_points_count_and_missing_data_is_missing_unless_the_alarm_says_otherwise() {
    let mut properties = on_a_metric();
    for name in ["DatapointsToAlarm", "TreatMissingData"] {
        properties.as_object_mut().unwrap().remove(name);
    }
    let rule = |properties: &Value| Alarm::from_properties(properties).unwrap().rule;
    let expected = Rule {
        to_alarm: 3,
        periods: 3,
        missing_data: MissingData::Missing,
    };
    assert_eq!(rule(&properties), expected);
    properties["Namespace"] = "AWS/DynamoDB".into();
    assert_eq!(rule(&properties).missing_data, MissingData::Ignore);
    properties["TreatMissingData"] = "notBreaching".into();
    assert_eq!(rule(&properties).missing_data, MissingData::NotBreaching);
}

#[test]
fn each_operator_breaches_on_its_side_of_the_threshold() {
    for (operator, below, at, above) in [
        ("GreaterThanThreshold", false, false, true),
        ("GreaterThanOrEqualToThreshold", false, true, true),
        ("LessThanThreshold", true, false, false),
        ("LessThanOrEqualToThreshold", true, true, false),
    ] {
        let properties = with(on_a_metric(), "/ComparisonOperator", json!(operator));
        let properties = with(properties, "/EvaluationPeriods", json!(1));
        let properties = with(properties, "/DatapointsToAlarm", json!(1));
        for (value, breaches) in [(9.0, below), (10.0, at), (11.0, above)] {
            let mut metrics = Metrics::new();
            metrics.put("Shop", "Orders", &[("Store", "1")], 0, value);
            let expected = if breaches { State::Alarm } else { State::Ok };
            assert_eq!(
                state(&properties, &metrics, 60),
                expected,
                "{value} {operator}"
            );
        }
    }
}

#[test]
fn data_points_come_from_windows_that_end_at_the_last_full_minute() {
    let mut metrics = Metrics::new();
    for minute in 0..60 {
        metrics.put("Shop", "Orders", &[("Store", "1")], minute * 60, 1.0);
    }
    let alarm = Alarm::from_properties(&on_a_metric()).unwrap();
    let five = [Some(5.0); 5];
    assert_eq!(alarm.data_points(&metrics, 1500), five);
    assert_eq!(alarm.data_points(&metrics, 1559), five);
    assert_eq!(alarm.data_points(&metrics, 1560), five);
    let until_later = [Some(5.0), Some(5.0), Some(2.0), None, None];
    assert_eq!(alarm.data_points(&metrics, 3600 + 780), until_later);
    let from_earlier = [None, None, None, Some(2.0), Some(5.0)];
    assert_eq!(alarm.data_points(&metrics, 420), from_earlier);
}

#[test]
fn evaluates_expressions_that_refer_to_each_other() {
    let mut metrics = Metrics::new();
    metrics.put("Shop", "Orders", &[], 0, 4.0);
    metrics.put("Shop", "Errors", &[], 0, 1.0);
    assert_eq!(state(&on_an_expression(), &metrics, 60), State::Ok);
    metrics.put("Shop", "Errors", &[], 1, 1.0);
    assert_eq!(state(&on_an_expression(), &metrics, 60), State::Alarm);
}

#[test]
fn expressions_follow_the_assumptions() {
    let properties = with(
        on_an_expression(),
        "/Metrics/1/Expression",
        json!("FILL(errors, 100) + orders"),
    );
    let alarm = Alarm::from_properties(&properties).unwrap();
    let first = |assumptions| {
        let alarm = alarm.clone().assuming(assumptions);
        alarm.data_points(&Metrics::new(), 600)[0]
    };
    let points: Vec<_> = Assumptions::all()
        .map(|all| (all.one_sided, all.fill_of_nothing, first(all)))
        .collect();
    let expected = [
        (OneSided::Zero, FillOfNothing::Filled, Some(1.0)),
        (OneSided::Zero, FillOfNothing::Empty, None),
        (OneSided::Missing, FillOfNothing::Filled, None),
        (OneSided::Missing, FillOfNothing::Empty, None),
    ];
    assert_eq!(points, expected);
}

#[track_caller]
fn rejected(properties: &Value, message: &str) {
    let error = Alarm::from_properties(properties).unwrap_err();
    assert_eq!(error.to_string(), message);
}

#[test]
fn rejects_properties_that_are_missing_or_not_valid() {
    for name in [
        "Namespace",
        "MetricName",
        "Statistic",
        "Period",
        "EvaluationPeriods",
        "Threshold",
        "ComparisonOperator",
    ] {
        let message = format!("property {name} is missing or not valid");
        rejected(
            &with(on_a_metric(), &format!("/{name}"), Value::Null),
            &message,
        );
        rejected(
            &with(on_a_metric(), &format!("/{name}"), json!([])),
            &message,
        );
    }
    for (name, value) in [
        ("Period", json!(90)),
        ("Period", json!(0)),
        ("EvaluationPeriods", json!(0)),
        ("DatapointsToAlarm", json!(0)),
        ("DatapointsToAlarm", json!(4)),
        ("TreatMissingData", json!("Breaching")),
        ("Threshold", json!("inf")),
        ("Dimensions", json!("Store")),
    ] {
        let message = format!("property {name} is missing or not valid");
        rejected(&with(on_a_metric(), &format!("/{name}"), value), &message);
    }
}

#[test]
fn names_what_it_does_not_support() {
    let unsupported = |name: &str, value: Value, what: &str| {
        let properties = with(on_a_metric(), &format!("/{name}"), value);
        rejected(&properties, &format!("{what} is not supported"));
    };
    unsupported(
        "ExtendedStatistic",
        json!("p99"),
        "property ExtendedStatistic",
    );
    unsupported(
        "ThresholdMetricId",
        json!("band"),
        "property ThresholdMetricId",
    );
    unsupported("Unit", json!("Count"), "property Unit");
    unsupported("Statistic", json!("p99"), "statistic p99");
    unsupported("Period", json!(10), "period 10");
    let operator = "GreaterThanUpperThreshold";
    unsupported(
        "ComparisonOperator",
        json!(operator),
        &format!("operator {operator}"),
    );
    let stat = with(
        on_an_expression(),
        "/Metrics/2/MetricStat/Stat",
        json!("p99"),
    );
    rejected(&stat, "statistic p99 is not supported");
    let account = with(on_an_expression(), "/Metrics/2/AccountId", json!("1"));
    rejected(&account, "property AccountId is not supported");
}

#[test]
fn rejects_evaluation_periods_that_are_too_long() {
    let day = with(on_a_metric(), "/EvaluationPeriods", json!(288));
    assert!(Alarm::from_properties(&day).is_ok());
    let more = with(on_a_metric(), "/EvaluationPeriods", json!(289));
    rejected(&more, "289 periods of 300 s are too long");
    let hours = with(on_a_metric(), "/Period", json!(3600));
    let week = with(hours.clone(), "/EvaluationPeriods", json!(168));
    assert_eq!(
        Alarm::from_properties(&week).unwrap().evaluation_interval(),
        3600
    );
    let more = with(hours, "/EvaluationPeriods", json!(169));
    rejected(&more, "169 periods of 3600 s are too long");
}

#[test]
fn rejects_entries_that_do_not_fit_together() {
    let check = |pointer: &str, value: Value, message: &str| {
        rejected(&with(on_an_expression(), pointer, value), message);
    };
    let one = "exactly one entry of Metrics must return data";
    check("/Metrics/0/ReturnData", json!(false), one);
    check("/Metrics/1/ReturnData", json!(true), one);
    check("/Metrics/1/ReturnData", Value::Null, one);
    check("/Metrics/3/Id", json!("errors"), "id errors is used twice");
    check(
        "/Metrics/3/Id",
        json!("Orders"),
        "property Id is missing or not valid",
    );
    let periods = "all entries of Metrics must have the same period";
    check("/Metrics/3/MetricStat/Period", json!(120), periods);
    check("/Metrics/0/Period", json!(120), periods);
    let either = "percent must have either MetricStat or Expression";
    check("/Metrics/1/Expression", Value::Null, either);
    check(
        "/MetricName",
        json!("Orders"),
        "property MetricName excludes property Metrics",
    );
    let circle = "the expressions refer to each other in a circle";
    check("/Metrics/1/Expression", json!("rate * 100"), circle);
    check("/Metrics/1/Expression", json!("percent * 100"), circle);
    let only_expressions = with(
        on_an_expression(),
        "/Metrics",
        json!([{"Id": "a", "Expression": "1"}]),
    );
    rejected(&only_expressions, "property Period is missing or not valid");
    let mut metrics: Vec<_> = (0..11)
        .map(|index| metric(&format!("m{index}"), "Orders"))
        .collect();
    metrics[0]["ReturnData"] = json!(true);
    check(
        "/Metrics",
        json!(metrics),
        "an alarm has at most 10 metrics",
    );
}

#[test]
fn rejects_an_expression_that_cannot_be_evaluated() {
    let check = |text: &str, message: &str| {
        rejected(
            &with(on_an_expression(), "/Metrics/1/Expression", json!(text)),
            message,
        );
    };
    check(
        "errors +",
        "expression percent: expected a number, an id or a function before ``",
    );
    check("RATE(errors)", "expression percent: RATE is not supported");
    check(
        "SUM(errors)",
        "expression percent: the result is a number instead of one series",
    );
    check(
        "errors / other",
        "expression percent: no metric or expression has the id other",
    );
}
