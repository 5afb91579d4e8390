//! A question to the person at the terminal.

use std::io::{self, BufRead, IsTerminal, Write};

use crate::error::ToolError;
use crate::report::Output;

/// Something that is not done before a person has agreed.
pub(crate) struct Question {
    /// The answer that the command line gave already.
    yes: bool,
}

impl Question {
    /// Prepares a question. `yes` is whether the command line has answered it; `action` says in a few words what it is about.
    ///
    /// # Errors
    ///
    /// [`ToolError::WrongUse`] if nobody can answer.
    pub fn new(action: &str, yes: bool, output: &Output) -> Result<Self, ToolError> {
        let somebody_reads = io::stdin().is_terminal() && io::stderr().is_terminal();
        if yes || (somebody_reads && !output.is_json()) {
            return Ok(Self { yes });
        }
        Err(ToolError::WrongUse(format!(
            "{action} needs your consent, but there is no terminal to ask at: give --yes"
        )))
    }

    /// Asks it, if it is not answered yet.
    ///
    /// # Errors
    ///
    /// [`ToolError::Failed`] if the answer is not yes.
    pub fn ask(self, question: &str) -> Result<(), ToolError> {
        if self.yes {
            return Ok(());
        }
        if is_confirmed(question)? {
            Ok(())
        } else {
            Err(ToolError::Failed("nothing was done".into()))
        }
    }
}

/// Asks a question on the terminal, and returns whether the answer is yes.
///
/// # Errors
///
/// [`ToolError::Failed`] if the terminal can't be read or written.
pub(crate) fn is_confirmed(question: &str) -> Result<bool, ToolError> {
    let mut stderr = io::stderr();
    let mut answer = String::new();
    write!(stderr, "{question} [y/N] ")
        .and_then(|()| stderr.flush())
        .and_then(|()| io::stdin().lock().read_line(&mut answer))
        .map_err(|error| ToolError::Failed(format!("the terminal: {error}")))?;
    if !answer.ends_with('\n') {
        // the input has ended, and the cursor is still behind the question
        eprintln!();
    }
    Ok(is_yes(&answer))
}

fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
}

#[cfg(test)]
mod tests {
    use super::is_yes;

    #[test]
    fn only_a_yes_is_a_yes() {
        for answer in ["y\n", "Y", "yes", " YES \r\n"] {
            assert!(is_yes(answer), "{answer:?}");
        }
        for answer in ["", "\n", "n", "no", "yess", "ja"] {
            assert!(!is_yes(answer), "{answer:?}");
        }
    }
}
