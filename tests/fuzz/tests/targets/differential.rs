//! The signature check beside Python's `hmac` and OpenSSL. Both need to be there.
//!
//! `HMAC_CASES` is the number of cases, 2,000 by default; `HMAC_SEED` chooses them.

use std::collections::HashMap;
use std::env;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};

use fuzz::hmac_cases::{CASES_PER_KEY, Case, Verdict, cases};

/// One process of OpenSSL verifies all bodies of a key, for one key of so many.
const KEYS_PER_PROCESS: usize = 10;

fn chosen_cases() -> Vec<Case> {
    let number = |name, otherwise| match env::var(name) {
        Ok(text) => text.parse().expect("it is a number"),
        Err(_) => otherwise,
    };
    let cases = cases(number("HMAC_CASES", 2000), number("HMAC_SEED", 1) as u64);
    let mut verdicts = HashMap::<_, usize>::new();
    for case in &cases {
        *verdicts.entry(case.verdict()).or_default() += 1;
    }
    for verdict in [Verdict::Right, Verdict::Wrong, Verdict::Malformed] {
        assert!(verdicts[&verdict] > cases.len() / 10, "{verdicts:?}");
    }
    cases
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn the_signature_check_agrees_with_python() {
    let cases = chosen_cases();
    let mut python = Command::new("python3")
        .args(["-c", include_str!("../../src/verify.py")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 is there");
    let mut lines = String::new();
    for Case { key, body, header } in &cases {
        writeln!(lines, "{},{},{}", hex(key), hex(body), hex(header)).expect("a string takes it");
    }
    let mut stdin = python.stdin.take().expect("it is piped");
    // in a thread, because Python answers while it reads
    let writer = std::thread::spawn(move || stdin.write_all(lines.as_bytes()));
    let output = python.wait_with_output().expect("it ends");
    writer.join().expect("no panic").expect("Python reads all");
    assert!(output.status.success());
    let verdicts = String::from_utf8(output.stdout).expect("it is text");
    let verdicts: Vec<&str> = verdicts.lines().collect();
    assert_eq!(verdicts.len(), cases.len());
    for (number, (case, verdict)) in cases.iter().zip(verdicts).enumerate() {
        let Case { key, body, header } = case;
        let shown = format!(
            "key {}, body {}, header {}",
            hex(key),
            hex(body),
            hex(header)
        );
        assert_eq!(
            format!("{:?}", case.verdict()),
            verdict,
            "case {number}: {shown}"
        );
    }
    println!("{} cases agree with Python", cases.len());
}

#[test]
fn signatures_agree_with_openssl() {
    let cases = chosen_cases();
    let folder = env!("CARGO_TARGET_TMPDIR");
    let (mut processes, mut signatures) = (0, 0);
    for cases in cases.chunks(CASES_PER_KEY).step_by(KEYS_PER_PROCESS) {
        let key = &cases[0].key;
        if key.is_empty() {
            // OpenSSL's command takes no empty key
            continue;
        }
        let paths = (0..cases.len()).map(|number| format!("{folder}/body-{number}"));
        let paths: Vec<String> = paths.collect();
        for (path, case) in paths.iter().zip(cases) {
            fs::write(path, &case.body).expect("the folder is writable");
        }
        let output = Command::new("openssl")
            .args(["dgst", "-sha256", "-r", "-mac", "HMAC", "-macopt"])
            .arg(format!("hexkey:{}", hex(key)))
            .args(&paths)
            .output()
            .expect("openssl is there");
        assert!(output.status.success());
        let output = String::from_utf8(output.stdout).expect("it is text");
        assert_eq!(output.lines().count(), cases.len());
        for (case, line) in cases.iter().zip(output.lines()) {
            let signature = line.split(' ').next().unwrap_or_default();
            assert_eq!(whoop_partner::signature::sign(&case.body, key), signature);
            let is_right = case.verdict() == Verdict::Right;
            assert_eq!(is_right, case.header == signature.as_bytes());
        }
        processes += 1;
        signatures += cases.len();
    }
    assert!(processes > 0);
    println!("{signatures} signatures of {processes} keys agree with OpenSSL");
}
