//! The process that decides.

use std::io::{self, BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use template::checkout;

/// Where cfn-lint keeps the list of all actions, in a virtual environment.
const ACTIONS: &str = "site-packages/cfnlint/data/AdditionalSpecs/Policies.json";

/// A running `decide.py`, which ends when this is dropped.
pub struct Evaluator {
    child: Child,
    questions: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

/// In what decisions differ from what is expected.
#[derive(Debug, Deserialize)]
pub struct Decisions {
    /// How many requests were decided.
    pub asked: usize,
    /// How many of them are expected to be allowed.
    pub allowed: usize,
    /// Those of them that nobody has made: asker, action, resource, context.
    pub unasked: Vec<[String; 4]>,
    /// The requests that were decided otherwise than expected.
    pub differences: Vec<Difference>,
}

/// A request that is allowed and should not be, or the other way round.
#[derive(Debug, Deserialize)]
pub struct Difference {
    /// Who makes it.
    pub asker: String,
    /// The action, in small letters.
    pub action: String,
    /// The ARN.
    pub resource: String,
    /// The name of the context.
    pub context: String,
    /// How it was decided.
    pub allowed: bool,
}

/// A method of AWS's SDK.
#[derive(Debug, Deserialize)]
pub struct Operation {
    /// Its name in Rust.
    pub method: String,
    /// The action of the same name.
    pub action: String,
    /// Whether IAM knows this action. `SendMessageBatch`, for one, is authorized as another.
    pub has_action: bool,
}

impl Evaluator {
    /// Starts the process.
    ///
    /// # Errors
    ///
    /// If a virtual environment is missing.
    pub fn start() -> io::Result<Self> {
        let python = checkout().join(".venv/local-aws/bin/python");
        let mut child = Command::new(python)
            .arg(checkout().join("tests/iam/decide.py"))
            .arg(list_of_actions()?)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let questions = child.stdin.take();
        let answers = child.stdout.take().expect("the output is piped");
        Ok(Self {
            child,
            questions,
            answers: BufReader::new(answers),
        })
    }

    /// In what the decisions differ from what is expected.
    ///
    /// # Errors
    ///
    /// If the process fails; it then says why on standard error.
    pub fn decide(&mut self, question: &Value) -> io::Result<Decisions> {
        self.ask(question)
    }

    /// The operations of these services.
    ///
    /// # Errors
    ///
    /// If the process fails; it then says why on standard error.
    pub fn operations(&mut self, services: &[&str]) -> io::Result<Vec<Operation>> {
        self.ask(&json!({"operations": services}))
    }

    fn ask<T: DeserializeOwned>(&mut self, question: &Value) -> io::Result<T> {
        let questions = self.questions.as_mut().expect("the input is piped");
        let mut line = serde_json::to_vec(question)?;
        line.push(b'\n');
        questions.write_all(&line)?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer)?;
        Ok(serde_json::from_str(&answer)?)
    }
}

impl Drop for Evaluator {
    fn drop(&mut self) {
        // it ends when its input is closed
        self.questions.take();
        let _ = self.child.wait();
    }
}

/// The file in which cfn-lint lists all actions; the version of Python is part of its path.
fn list_of_actions() -> io::Result<PathBuf> {
    let library = checkout().join(".venv/sam/lib");
    for version in std::fs::read_dir(&library)? {
        let file = version?.path().join(ACTIONS);
        if file.exists() {
            return Ok(file);
        }
    }
    let text = format!(
        "{ACTIONS} is missing in {}: run `make setup`",
        library.display()
    );
    Err(io::Error::new(io::ErrorKind::NotFound, text))
}
