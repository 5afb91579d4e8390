//! The metrics that the functions emit, the table of them in the docs, the alarms, the runbook and the dashboard fit together.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use alarms::{MetricId, Stack};
use serde_json::{Value, json};
use template::{Template, checkout};
use whoop_partner::lambda::metrics::{DIMENSION, Metric, NAMESPACE};

/// The name of the stack in these tests.
const STACK: &str = "my-stack";

/// AWS's own metrics that the alarms and the dashboard use, with the dimension that tells them apart. The names are those of the
/// services' documentation.
const OF_AWS: [(&str, &str, &[&str]); 3] = [
    ("AWS/ApiGateway", "ApiId", &["5xx", "Latency"]),
    (
        "AWS/Lambda",
        "FunctionName",
        &["Duration", "Errors", "Throttles"],
    ),
    (
        "AWS/SQS",
        "QueueName",
        &[
            "ApproximateAgeOfOldestMessage",
            "ApproximateNumberOfMessagesNotVisible",
            "ApproximateNumberOfMessagesVisible",
        ],
    ),
];

/// The template as it is deployed on AWS with these values of parameters.
fn template(parameters: &[(&str, &str)]) -> Template {
    let template = Template::transformed(&checkout().join("template.yaml"));
    let mut template = template.expect("the template transforms");
    for (name, value) in parameters {
        template.0["Parameters"][name]["Default"] = json!(value);
    }
    template.deployed_with(&[])
}

/// The metrics that the functions emit, and those that the template's metric filters make.
fn emitted(template: &Template) -> BTreeSet<String> {
    let ours = Metric::ALL.iter().map(|metric| metric.name().to_owned());
    let filters = template.of_type("AWS::Logs::MetricFilter");
    let filtered = filters.map(|filter| {
        let transformation = filter.property("/MetricTransformations/0");
        assert_eq!(transformation["MetricNamespace"], NAMESPACE);
        assert_eq!(transformation["Dimensions"][0]["Key"], DIMENSION);
        let name = transformation["MetricName"].as_str();
        name.expect("the metric has a name").to_owned()
    });
    ours.chain(filtered).collect()
}

/// What is wrong with a metric that is watched or shown: it is neither emitted by us nor one of AWS's.
fn complaint(metric: &MetricId, emitted: &BTreeSet<String>) -> Option<String> {
    let is_known = if metric.namespace == NAMESPACE {
        let dimensions = BTreeMap::from([(DIMENSION.to_owned(), STACK.to_owned())]);
        emitted.contains(&metric.name) && metric.dimensions == dimensions
    } else {
        OF_AWS.iter().any(|(namespace, dimension, names)| {
            metric.namespace == *namespace
                && names.contains(&metric.name.as_str())
                && metric.dimensions.keys().eq([*dimension])
        })
    };
    (!is_known).then(|| format!("{metric} is not known"))
}

fn page(name: &str) -> String {
    let path = checkout().join("docs").join(name);
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The names in the first column of the tables of a page, in backticks.
fn first_column(page: &str) -> Vec<&str> {
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.filter_map(|row| Some(row.split_once("` |")?.0))
        .collect()
}

#[test]
fn the_docs_list_each_metric_once() {
    let page = page("metrics.md");
    let listed = first_column(&page);
    let names: BTreeSet<String> = listed.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(names, emitted(&template(&[])));
    assert_eq!(listed.len(), names.len(), "a metric is listed twice");
}

#[test]
fn each_alarm_watches_metrics_that_exist() {
    let template = template(&[("SilenceAlarmHours", "12")]);
    let emitted = emitted(&template);
    let stack = Stack::new(&template, STACK, &[]).unwrap();
    let alarms = stack.alarms().unwrap();
    assert_eq!(
        alarms.len(),
        template.of_type("AWS::CloudWatch::Alarm").count()
    );
    for (id, alarm) in alarms {
        for metric in alarm.metrics() {
            assert_eq!(complaint(metric, &emitted), None, "{id}");
        }
    }
}

#[test]
fn each_alarm_tells_its_beginning_and_its_end_and_names_its_section_of_the_runbook() {
    let template = template(&[]);
    let runbook = page("runbook.md");
    let headings = runbook.lines().filter_map(|line| line.strip_prefix("## "));
    let sections: BTreeSet<String> = headings.map(str::to_lowercase).collect();
    let topic = json!([{"Ref": "AlarmTopic"}]);
    let mut named = BTreeSet::new();
    for alarm in template.of_type("AWS::CloudWatch::Alarm") {
        assert_eq!(*alarm.property("/AlarmActions"), topic, "{}", alarm.id);
        assert_eq!(*alarm.property("/OKActions"), topic, "{}", alarm.id);
        let description = alarm.property("/AlarmDescription").as_str().unwrap();
        let (_, section) = description.split_once("docs/runbook.md#").unwrap();
        assert!(sections.contains(section), "there is no section {section}");
        named.insert(section.to_owned());
        // DeadLetterOldAgeAlarm belongs to the section DeadLetterOld, WebhookCrashAlarm to Crash
        assert!(
            alarm.id.to_lowercase().contains(section),
            "{}: {section}",
            alarm.id
        );
    }
    assert!(named.len() >= 16, "{named:?}");
    let topics: Vec<_> = template.of_type("AWS::SNS::Topic").collect();
    assert_eq!(topics.len(), 1);
    // the stack's key admits no CloudWatch, and a broken key must not silence the alarm about it
    assert!(topics[0].property("/KmsMasterKeyId").is_null());
}

/// The widgets of the dashboard.
fn widgets(template: &Template) -> Vec<Value> {
    let stack = Stack::new(template, STACK, &[]).unwrap();
    let body = stack.resolve(template.property("Dashboard", "/DashboardBody"));
    let body = body.expect("the body resolves");
    let body: Value = serde_json::from_str(body.as_str().unwrap()).expect("the body is JSON");
    assert_eq!(body.as_object().unwrap().len(), 1);
    body["widgets"].as_array().unwrap().clone()
}

/// The metric in a row of a widget: namespace, name, and pairs of dimensions; options at the end.
fn shown(row: &Value) -> MetricId {
    let row = row.as_array().unwrap().iter();
    let texts: Vec<&str> = row.filter_map(Value::as_str).collect();
    let dimensions: Vec<(&str, &str)> = texts[2..]
        .chunks(2)
        .map(|pair| (pair[0], pair[1]))
        .collect();
    MetricId::new(texts[0], texts[1], &dimensions)
}

#[test]
fn the_dashboard_shows_every_metric_of_ours_and_none_that_does_not_exist() {
    let whole = template(&[]);
    let emitted = emitted(&whole);
    let mut ours = BTreeSet::new();
    for widget in widgets(&whole) {
        for row in widget["properties"]["metrics"].as_array().unwrap() {
            let metric = shown(row);
            assert_eq!(complaint(&metric, &emitted), None);
            if metric.namespace == NAMESPACE {
                ours.insert(metric.name);
            }
        }
    }
    assert_eq!(ours, emitted);
}

#[test]
fn the_dashboard_is_valid_with_and_without_the_event_processor() {
    for deployed in ["true", "false"] {
        let template = template(&[("DeployEventProcessor", deployed)]);
        let mut taken = BTreeSet::new();
        for widget in widgets(&template) {
            let properties = &widget["properties"];
            assert_eq!(widget["type"], "metric");
            assert!(properties["title"].is_string() && properties["region"].is_string());
            assert!(!properties["metrics"].as_array().unwrap().is_empty());
            let number = |name: &str| widget[name].as_u64().unwrap();
            assert!(number("x") + number("width") <= 24, "{widget}");
            for x in number("x")..number("x") + number("width") {
                for y in number("y")..number("y") + number("height") {
                    assert!(taken.insert((x, y)), "widgets overlap at {x}, {y}");
                }
            }
        }
        assert!(!taken.is_empty());
    }
}

#[test]
fn a_metric_that_does_not_exist_is_noticed() {
    let emitted = emitted(&template(&[]));
    for (namespace, name, dimension, value) in [
        (NAMESPACE, "Acepted", DIMENSION, STACK),
        (NAMESPACE, "Accepted", DIMENSION, "another stack"),
        (NAMESPACE, "Accepted", "Function", STACK),
        ("AWS/SQS", "ApproximateAge", "QueueName", "q"),
        ("AWS/SQS", "ApproximateAgeOfOldestMessage", "Queue", "q"),
        ("Whoop", "Accepted", DIMENSION, STACK),
    ] {
        let metric = MetricId::new(namespace, name, &[(dimension, value)]);
        assert!(complaint(&metric, &emitted).is_some(), "{metric}");
    }
    assert_eq!(first_column("| `A` | x |\n| b | `C` |\n`D` |\n"), ["A"]);
}
