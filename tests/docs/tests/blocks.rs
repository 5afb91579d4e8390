//! Blocks that are data or commands are well-formed, whether a trial runs them or not.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use docs::{Block, Page};
use serde_json::json;
use template::checkout;

fn blocks() -> impl Iterator<Item = (String, Block)> {
    let pages = Page::all().expect("the pages can be read");
    pages.into_iter().flat_map(|page| {
        let path = page.path;
        page.blocks
            .into_iter()
            .map(move |block| (format!("{path}:{}", block.line), block))
    })
}

/// Runs a program, gives it `input`, and returns what it printed and whether it succeeded.
fn run(command: &mut Command, input: &str) -> (bool, String) {
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.stderr(Stdio::piped()).spawn().expect("it starts");
    let mut stdin = child.stdin.take().expect("standard input is a pipe");
    stdin
        .write_all(input.as_bytes())
        .expect("it reads its input");
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    let printed = [output.stdout, output.stderr].concat();
    let printed = String::from_utf8_lossy(&printed).into_owned();
    (output.status.success(), printed)
}

#[test]
fn data_and_python_parse() {
    let parsed = ["json", "toml", "yaml", "python"];
    let blocks = blocks().filter(|(_, block)| parsed.contains(&block.language.as_str()));
    let blocks: Vec<_> = blocks
        .map(|(place, block)| json!([place, block.language, block.text]))
        .collect();
    assert!(blocks.len() > 5);
    let script = checkout().join("tests/docs/tests/parse_blocks.py");
    let mut python = Command::new(docs::aws_cli().join("python3"));
    let (succeeded, printed) = run(python.arg(script), &json!(blocks).to_string());
    assert!(succeeded && printed.is_empty(), "{printed}");
}

#[test]
fn statements_parse() {
    let prepare = "import sqlite3, sys; database = sqlite3.connect(':memory:'); \
        database.execute('CREATE TABLE orders (id TEXT PRIMARY KEY, updated_at TEXT, body_hash TEXT, body TEXT)'); \
        database.execute('EXPLAIN ' + sys.stdin.read(), (None,) * 4)";
    for (place, block) in blocks().filter(|(_, block)| block.language == "sql") {
        let mut python = Command::new(docs::aws_cli().join("python3"));
        let (succeeded, printed) = run(python.args(["-c", prepare]), &block.text);
        assert!(succeeded, "{place}: {printed}");
    }
}

#[test]
fn commands_parse() {
    for (place, block) in blocks().filter(|(_, block)| block.language == "sh") {
        let (succeeded, printed) = run(Command::new("bash").arg("-n"), &block.text);
        assert!(succeeded, "{place}: {printed}");
    }
}

/// Stands for `aws`: writes down how it is called.
const AWS: &str = r#"#!/bin/bash
printf '%s\0' "$PLACE" "$#" "$@" >> "$CALLS"
echo a-value-that-is-as-long-as-a-version-id
"#;

/// Stands for the tool: has it explain the command, which it does only if it knows the command and its options.
const TOOL: &str = r#"#!/bin/bash
"$TOOL" "$@" --help > /dev/null || echo "whoop-partner $*" >> "$COMPLAINTS"
"#;

/// Stands for programs that are not called.
const NOTHING: &str = "#!/bin/bash\necho a-value\n";

/// The commands of blocks that are not run are called with stand-ins for all programs. They check the parameters.
#[test]
fn commands_that_are_not_run_have_parameters_that_exist() {
    let folder = tempfile::tempdir().expect("there is room");
    let bin = folder.path().join("bin");
    fs::create_dir(&bin).expect("there is room");
    for (name, script) in [("aws", AWS), ("whoop-partner", TOOL)] {
        make_executable(&bin.join(name), script);
    }
    for name in ["make", "cargo", "git", "curl", "python3"] {
        make_executable(&bin.join(name), NOTHING);
    }
    let calls = folder.path().join("calls");
    let complaints = folder.path().join("complaints");
    let not_run = blocks().filter(|(_, block)| block.not_run.is_some());
    for (place, block) in not_run {
        let mut bash = Command::new("/bin/bash");
        bash.env_clear()
            .env("PATH", format!("{}:/usr/bin:/bin", bin.display()))
            .env("LANG", "C.UTF-8")
            .env("PLACE", &place)
            .env("CALLS", &calls)
            .env("TOOL", docs::tool().join("whoop-partner"))
            .env("COMPLAINTS", &complaints)
            .envs(outputs(&block.text).map(|output| (output, "the-value-of-an-output")))
            .current_dir(folder.path())
            .args(["-c", &block.text]);
        let (_, printed) = run(&mut bash, "");
        let complaints = fs::read_to_string(&complaints).unwrap_or_default();
        assert!(complaints.is_empty(), "{place}: {complaints}\n{printed}");
    }
    let mut python = Command::new(docs::aws_cli().join("python3"));
    python
        .arg(checkout().join("tests/docs/tests/check_aws_calls.py"))
        .arg(calls)
        .env("AWS_DEFAULT_REGION", "us-east-1")
        .env("AWS_ACCESS_KEY_ID", "nobody")
        .env("AWS_SECRET_ACCESS_KEY", "nothing")
        .env("AWS_MAX_ATTEMPTS", "1");
    let (succeeded, printed) = run(&mut python, "");
    assert!(succeeded && printed.is_empty(), "{printed}");
}

/// The outputs of the stack that are used as variables.
fn outputs(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split('$').skip(1).filter_map(|rest| {
        let end = rest.find(|char: char| !char.is_ascii_alphanumeric());
        Some(&rest[..end?])
    });
    words.filter(|word| word.starts_with(|char: char| char.is_ascii_uppercase()))
}

fn make_executable(file: &Path, script: &str) {
    fs::write(file, script).expect("there is room");
    let executable = fs::Permissions::from_mode(0o755);
    fs::set_permissions(file, executable).expect("the file is ours");
}
