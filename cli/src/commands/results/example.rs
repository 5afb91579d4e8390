//! `results example`: a results file to begin with.

use std::fmt;
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::error::ToolError;
use crate::report::Output;

/// A results file with invented values.
pub(super) const EXAMPLE: &str = r#"{
  "service_request_id": "8d1e6f0a-3b52-4c7d-9a46-2f4be1c0d9a7",
  "status": "final",
  "observations": [
    {
      "code": "TOTAL_CHOLESTEROL",
      "value_numeric": 4.9,
      "unit": "mmol/L",
      "status": "final",
      "bundle_id": "0b8f6a3e-52c1-4d0e-8a57-3f1d9c2b7e64"
    },
    {
      "code": "FERRITIN",
      "value_numeric": 5,
      "value_text": "<5",
      "unit": "ng/mL",
      "status": "final"
    },
    {
      "code": "HBSAG",
      "value_text": "negative",
      "status": "final"
    }
  ]
}"#;

/// Print an example of a results file, with invented values
///
/// For example: `whoop-partner results example > results.json`
#[derive(Debug, Args)]
pub(crate) struct Example {}

#[derive(Serialize)]
#[serde(transparent)]
struct File(&'static RawValue);

impl Example {
    pub fn run(self, output: &Output) -> Result<ExitCode, ToolError> {
        let file = serde_json::from_str(EXAMPLE).expect("the example is JSON");
        output.report(&File(file))?;
        Ok(ExitCode::SUCCESS)
    }
}

impl fmt::Display for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.get())
    }
}
