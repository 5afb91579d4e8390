use serde_json::{Value, json};

use super::super::example::EXAMPLE;
use super::*;

/// A good file.
fn good() -> Value {
    json!({
        "service_request_id": "s-1",
        "status": "final",
        "observations": [
            {"code": "2093-3", "value_numeric": 4.9, "unit": "mmol/L", "status": "final"},
            {"code": "CULTURE", "value_text": "no growth"},
        ],
    })
}

fn read_text(file: &str) -> Result<ResultsFile, Vec<Complaint>> {
    ResultsFile::read(file.as_bytes(), None)
}

/// Checks that a file meets these complaints, each given as it is printed, and no other.
#[track_caller]
fn assert_complaints(file: &str, expected: &[&str]) {
    let complaints = read_text(file).expect_err("the file is bad");
    let complaints: Vec<_> = complaints.iter().map(ToString::to_string).collect();
    assert_eq!(complaints.len(), expected.len(), "{complaints:#?}");
    for (complaint, expected) in complaints.iter().zip(expected) {
        assert!(complaint.starts_with(expected), "{complaints:#?}");
    }
}

/// Checks the complaints about a good file after one change.
#[track_caller]
fn assert_change(at: &str, value: Value, expected: &[&str]) {
    let mut file = good();
    let (object, name) = at.rsplit_once('/').expect("it is a pointer");
    let object = file.pointer_mut(object).expect("it is there");
    match name.parse::<usize>() {
        Ok(index) => object[index] = value,
        Err(_) => object[name] = value,
    }
    assert_complaints(&file.to_string(), expected);
}

#[test]
fn the_example_is_a_good_file() {
    let file = read_text(EXAMPLE).unwrap();
    assert_eq!(file.warnings, []);
    assert_eq!(file.report.observations.len(), 3);
    let sent = serde_json::to_value(&file.report).unwrap();
    let mut example: Value = serde_json::from_str(EXAMPLE).unwrap();
    let id = example
        .as_object_mut()
        .unwrap()
        .remove("service_request_id");
    assert_eq!(id.unwrap(), file.service_request_id.as_str());
    example["observations"][1]["value_numeric"] = json!(5.0);
    assert_eq!(sent, example);
}

#[test]
fn a_good_file_is_sent_as_it_is() {
    let file = read_text(&good().to_string()).unwrap();
    let sent = serde_json::to_value(&file.report).unwrap();
    assert_eq!(sent["status"], good()["status"]);
    assert_eq!(sent["observations"], good()["observations"]);
}

#[test]
fn a_file_that_is_no_json_is_refused_by_its_place() {
    assert_complaints("", &["the file: the JSON ends too early: line 1, column 0"]);
    assert_complaints("{", &["the file: the JSON ends too early"]);
    assert_complaints(
        "{\n  status: 1}",
        &["the file: this is not JSON, or a number is too large: line 2, column 3"],
    );
    assert_complaints(
        r#"{"status": 1e999}"#,
        &["the file: this is not JSON, or a number is too large: line 1"],
    );
    assert_complaints(r#"{"status": NaN}"#, &["the file: this is not JSON"]);
    assert_complaints(&"[".repeat(1000), &["the file: this is not JSON"]);
    assert_complaints("{} {}", &["the file: this is not JSON"]);
    assert_complaints("[]", &["the file: this is a list, but must be an object"]);
    assert_complaints("null", &["the file: this is null, but must be an object"]);
}

#[test]
fn what_is_missing_is_named() {
    assert_complaints(
        "{}",
        &[
            "/service_request_id: missing: add it, or give --service-request",
            "/status: missing",
            "/observations: missing",
        ],
    );
    assert_change(
        "/observations",
        json!([]),
        &["/observations: there is no observation"],
    );
    assert_change(
        "/observations",
        json!({}),
        &["/observations: this is an object, but must be a list"],
    );
    assert_change(
        "/observations/0",
        json!([1]),
        &["/observations/0: this is a list, but must be an object"],
    );
    assert_change(
        "/observations/0/code",
        json!(null),
        &["/observations/0/code: missing"],
    );
    assert_change(
        "/observations/0",
        json!({"code": "c", "value_numeric": null}),
        &["/observations/0: there is neither value_numeric nor value_text"],
    );
}

#[test]
fn a_typo_in_a_name_is_refused() {
    assert_change(
        "/state",
        json!("final"),
        &["/state: unknown field; known are service_request_id, status"],
    );
    assert_change(
        "/observations/1/valueText",
        json!("x"),
        &["/observations/1/valueText: unknown field; known are code, value_numeric"],
    );
    assert_change(
        "/observations/1/a~b",
        json!(1),
        &["/observations/1/a~0b: unknown field"],
    );
    assert_change("/a\u{1b}[2J", json!(1), &[r"/a\u{1b}[2J: unknown field"]);
}

#[test]
fn a_field_that_is_there_twice_is_refused() {
    assert_complaints(
        r#"{"service_request_id": "s", "status": "final",
            "observations": [{"code": "c", "value_numeric": 1, "value_numeric": 2}]}"#,
        &["/observations/0/value_numeric: the field is there twice"],
    );
}

#[test]
fn values_of_another_type_are_refused() {
    assert_change(
        "/service_request_id",
        json!(7),
        &["/service_request_id: this is a number, but must be a text"],
    );
    assert_change(
        "/service_request_id",
        json!("a/b"),
        &["/service_request_id: not an identifier"],
    );
    assert_change(
        "/status",
        json!(true),
        &["/status: this is true or false, but must be a text"],
    );
    assert_change(
        "/observations/0/code",
        json!(2093),
        &["/observations/0/code: this is a number, but must be a text"],
    );
    assert_change(
        "/observations/0/value_numeric",
        json!("4.9"),
        &["/observations/0/value_numeric: this is a text, but must be a number"],
    );
    assert_change(
        "/observations/0/value_text",
        json!(4.9),
        &["/observations/0/value_text: this is a number"],
    );
    assert_change(
        "/observations/0/unit",
        json!([]),
        &["/observations/0/unit: this is a list"],
    );
    assert_change(
        "/observations/0/bundle_id",
        json!(1),
        &["/observations/0/bundle_id: this is a number"],
    );
}

#[test]
fn blank_texts_and_spaces_around_texts_are_refused() {
    assert_change(
        "/observations/0/code",
        json!(" "),
        &["/observations/0/code: the text is blank"],
    );
    assert_change(
        "/observations/0/code",
        json!("2093-3 "),
        &["/observations/0/code: the text begins or ends"],
    );
    assert_change(
        "/observations/0/unit",
        json!(""),
        &["/observations/0/unit: the text is blank"],
    );
    assert_change(
        "/observations/1/value_text",
        json!("\n"),
        &["/observations/1/value_text: the text is blank"],
    );
}

#[test]
fn unknown_statuses_and_odd_groups_are_refused() {
    assert_change(
        "/status",
        json!("Final"),
        &["/status: unknown status; known are final, partial, preliminary"],
    );
    assert_change(
        "/observations/0/status",
        json!("partial"),
        &["/observations/0/status: unknown status; known are registered, preliminary, final"],
    );
    let group = "0b8f6a3e52c14d0e8a573f1d9c2b7e64";
    assert_change(
        "/observations/0/bundle_id",
        json!(group),
        &["/observations/0/bundle_id: this is not a UUID"],
    );
}

#[test]
fn all_complaints_are_made_at_once_and_quote_no_value() {
    let file = json!({
        "service_request_id": "seeded id",
        "status": "seeded-status",
        "observations": [
            {"code": " seeded-code", "value_numeric": "seeded-number", "unit": ["seeded-unit"]},
            {"value_text": " ", "status": "seeded-status", "bundle_id": "seeded-bundle"},
            "seeded-observation",
        ],
    });
    assert_complaints(
        &file.to_string(),
        &[
            "/service_request_id: ",
            "/status: ",
            "/observations/0/code: ",
            "/observations/0/value_numeric: ",
            "/observations/0/unit: ",
            "/observations/1/code: missing",
            "/observations/1/value_text: ",
            "/observations/1/status: ",
            "/observations/1/bundle_id: ",
            "/observations/2: ",
        ],
    );
    for complaint in read_text(&file.to_string()).unwrap_err() {
        assert!(!complaint.to_string().contains("seeded"), "{complaint}");
    }
    let broken = read_text("{\"status\": seeded}").unwrap_err();
    assert!(!format!("{broken:?}").contains("seeded"), "{broken:?}");
}

#[test]
fn a_code_that_is_there_twice_in_a_group_is_a_warning() {
    let mut file = good();
    file["observations"][1]["code"] = json!("2093-3");
    let warnings = read_text(&file.to_string()).unwrap().warnings;
    let warnings: Vec<_> = warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        ["/observations/1/code: the code is that of /observations/0, in the same bundle"]
    );
    file["observations"][1]["bundle_id"] = json!("0b8f6a3e-52c1-4d0e-8a57-3f1d9c2b7e64");
    assert_eq!(read_text(&file.to_string()).unwrap().warnings, []);
}

#[test]
fn the_service_request_may_come_from_the_command_line() {
    let given: ServiceRequestId = "s-1".parse().unwrap();
    let other: ServiceRequestId = "s-2".parse().unwrap();
    let mut file = good();
    let read = |file: &Value, given| ResultsFile::read(file.to_string().as_bytes(), Some(given));
    assert_eq!(read(&file, &given).unwrap().service_request_id, given);
    let complaints = read(&file, &other).unwrap_err();
    assert_eq!(complaints[0].at, "/service_request_id");
    file.as_object_mut().unwrap().remove("service_request_id");
    assert_eq!(read(&file, &other).unwrap().service_request_id, other);
}

#[test]
fn a_byte_order_mark_is_no_fault() {
    assert!(read_text(&format!("\u{feff}{}", good())).is_ok());
}
