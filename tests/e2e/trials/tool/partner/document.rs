//! `whoop-partner document`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use libtest_mimic::{Failed, Trial};
use local_aws::world::World;
use serde_json::json;
use tempfile::TempDir;
use uuid::Uuid;
use whoop_simulator::Fault;

use super::Lab;
use crate::harness::{Harness, Outcome, soon, trials};

/// The beginning of the content of each document here.
const CONTENT: &[u8] = b"%PDF of an invented order\n";

/// The trials of this command.
pub fn trials(harness: &Arc<Harness>) -> Vec<Trial> {
    trials![harness.on_second_operated_stack;
        a_document_is_described_without_its_link,
        a_document_is_downloaded_into_a_file_of_its_owner,
        a_file_is_overwritten_by_force_only,
        a_document_that_is_only_a_link_has_no_content,
        of_a_broken_download_nothing_is_left,
        of_an_interrupted_download_nothing_is_left,
        a_document_goes_to_standard_output,
        a_reader_that_goes_away_makes_the_download_fail,
    ]
}

/// A document at WHOOP, and a folder for it.
struct Case<'w> {
    lab: Lab<'w>,
    id: String,
    link: String,
    folder: TempDir,
}

impl<'w> Case<'w> {
    fn new(world: &'w World, content: Option<Vec<u8>>) -> Result<Self, Failed> {
        let mut lab = Lab::with(world, &[]);
        let id = Uuid::new_v4().to_string();
        let link = format!("https://whoop.example/{}", lab.private("key"));
        let mut document = json!({
            "id": id,
            "document_type": "LAB_FORM",
            "created_at": "2026-11-23T09:30:00Z",
            "updated_at": "2026-11-23T09:31:00Z",
            "bundle_id": "0b8f6a3e-52c1-4d0e-8a57-3f1d9c2b7e64",
            "added_later": lab.private("for Layla"),
        });
        if content.is_none() {
            document["url"] = json!(link);
        }
        lab.whoop.put_document(document, content);
        let folder = tempfile::tempdir()?;
        Ok(Self {
            lab,
            id,
            link,
            folder,
        })
    }

    fn downloads(&self) -> usize {
        let path = format!("/v2/partner/document/{}/content", self.id);
        self.lab.whoop.calls_to(&path).len()
    }

    /// A path in the folder.
    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_string_lossy().into_owned()
    }

    fn fault(&self) -> Fault {
        Fault {
            path: format!("/v2/partner/document/{}/content", self.id),
            ..Fault::default()
        }
    }
}

fn names(folder: &Path) -> Result<Vec<String>, Failed> {
    let entries: Result<Vec<_>, _> = fs::read_dir(folder)?.collect();
    let names = entries?.into_iter().map(|entry| entry.file_name());
    Ok(names
        .map(|name| name.to_string_lossy().into_owned())
        .collect())
}

async fn a_document_is_described_without_its_link(world: &World) -> Outcome {
    let Case { lab, id, link, .. } = &Case::new(world, None)?;
    let said = lab.succeeds(&["document", "get", id]).await?;
    lab.assert_private(&said);
    for shown in [
        id.as_str(),
        "LAB_FORM",
        "09:31:00",
        "0b8f6a3e",
        "only a link",
    ] {
        assert!(said.stdout.contains(shown), "{shown} is not in {said:?}");
    }
    let said = lab.succeeds(&["--json", "document", "get", id]).await?;
    lab.assert_private(&said);
    assert!(said.stdout.contains(r#""url": "hidden""#), "{said:?}");
    let show = ["document", "get", id, "--show-phi"];
    assert!(lab.succeeds(&show).await?.stdout.contains(link));
    let whole = lab.tool.json(&show).await?;
    assert_eq!(whole["url"], json!(link));
    assert!(
        whole["added_later"]
            .as_str()
            .is_some_and(|added| added.starts_with("for Layla"))
    );
    Ok(())
}

async fn a_document_is_downloaded_into_a_file_of_its_owner(world: &World) -> Outcome {
    let content = [CONTENT, &vec![7; 3_000_000]].concat();
    let case = Case::new(world, Some(content.clone()))?;
    let path = case.path("form.pdf");
    let report = case
        .lab
        .tool
        .json(&["document", "download", &case.id, "--output", &path])
        .await?;
    assert!(fs::read(&path)? == content, "another content");
    assert_eq!(fs::metadata(&path)?.permissions().mode() & 0o777, 0o600);
    assert_eq!(report["bytes"], json!(content.len()));
    assert_eq!(report["file"], json!(path));
    let sum = tokio::process::Command::new("sha256sum")
        .arg(&path)
        .output()
        .await?;
    let sum = String::from_utf8(sum.stdout)?;
    let sha256 = report["sha256"].as_str().ok_or("there is a checksum")?;
    assert!(sum.starts_with(sha256) && sha256.len() == 64, "{sum}");

    // without a name, into the current folder
    let output = case
        .lab
        .tool
        .command(&["document", "download", &case.id])
        .current_dir(case.folder.path())
        .output()
        .await?;
    assert!(output.status.success(), "{output:?}");
    let name = format!("document-{}.bin", case.id);
    assert!(String::from_utf8(output.stdout)?.contains(&name));
    assert!(fs::read(case.path(&name))? == content, "another content");
    assert_eq!(names(case.folder.path())?.len(), 2);
    Ok(())
}

async fn a_file_is_overwritten_by_force_only(world: &World) -> Outcome {
    let case = Case::new(world, Some(CONTENT.into()))?;
    let path = case.path("form.pdf");
    fs::write(&path, "mine")?;
    let download = ["document", "download", &case.id, "--output", &path];
    case.lab
        .fails(&download, 1, &["is there already", "--force"])
        .await?;
    let nowhere = case.path("nowhere/form.pdf");
    let into_nowhere = ["document", "download", &case.id, "--output", &nowhere];
    case.lab.fails(&into_nowhere, 1, &["nowhere"]).await?;
    assert_eq!(case.downloads(), 0);
    assert_eq!(fs::read(&path)?, b"mine");

    let by_force = [&download[..], &["--force"]].concat();
    // a download that breaks leaves the old file
    case.lab.whoop.fault(Fault {
        disconnect_midway: true,
        ..case.fault()
    });
    case.lab.fails(&by_force, 1, &["broke off"]).await?;
    assert_eq!(fs::read(&path)?, b"mine");
    case.lab.succeeds(&by_force).await?;
    assert_eq!(fs::read(&path)?, CONTENT);
    assert_eq!(fs::metadata(&path)?.permissions().mode() & 0o777, 0o600);
    assert_eq!(names(case.folder.path())?, ["form.pdf"]);
    Ok(())
}

async fn a_document_that_is_only_a_link_has_no_content(world: &World) -> Outcome {
    let case = Case::new(world, None)?;
    let path = case.path("form.pdf");
    let download = ["document", "download", &case.id, "--output", &path];
    let said = case
        .lab
        .fails(&download, 1, &["only a link", "--show-phi"])
        .await?;
    case.lab.assert_private(&said);
    let unknown = ["document", "download", "unknown", "--output", &path];
    case.lab
        .fails(&unknown, 1, &["WHOOP has no such document"])
        .await?;
    assert!(names(case.folder.path())?.is_empty());
    Ok(())
}

async fn of_a_broken_download_nothing_is_left(world: &World) -> Outcome {
    let case = Case::new(world, Some(CONTENT.into()))?;
    let path = case.path("form.pdf");
    let download = ["document", "download", &case.id, "--output", &path];
    case.lab.whoop.fault(Fault {
        disconnect_midway: true,
        ..case.fault()
    });
    case.lab
        .fails(
            &download,
            1,
            &["broke off", "nothing is left", "run the command again"],
        )
        .await?;
    case.lab.whoop.fault(Fault {
        status: Some(500),
        times: 4,
        ..case.fault()
    });
    case.lab.fails(&download, 1, &["status 500"]).await?;
    assert!(names(case.folder.path())?.is_empty());
    // a fault that passes before the content begins does no harm
    case.lab.whoop.fault(Fault {
        status: Some(500),
        ..case.fault()
    });
    case.lab.succeeds(&download).await?;
    assert_eq!(fs::read(&path)?, CONTENT);
    Ok(())
}

async fn of_an_interrupted_download_nothing_is_left(world: &World) -> Outcome {
    let case = Case::new(world, Some(CONTENT.into()))?;
    let path = case.path("form.pdf");
    case.lab.whoop.fault(Fault {
        delay_ms: 60_000,
        ..case.fault()
    });
    let child = case
        .lab
        .tool
        .command(&["document", "download", &case.id, "--output", &path])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let process = child.id().ok_or("the tool has ended")?.to_string();
    soon("WHOOP is called", async || Ok(case.downloads() == 1)).await?;
    assert_eq!(names(case.folder.path())?.len(), 1);
    let killed = tokio::process::Command::new("kill")
        .args(["-INT", &process])
        .status()
        .await?;
    assert!(killed.success());
    let output = tokio::time::timeout(Duration::from_secs(20), child.wait_with_output()).await??;
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(String::from_utf8(output.stderr)?.contains("interrupted"));
    assert!(names(case.folder.path())?.is_empty());
    Ok(())
}

async fn a_document_goes_to_standard_output(world: &World) -> Outcome {
    let case = Case::new(world, Some(CONTENT.into()))?;
    let said = case
        .lab
        .succeeds(&["document", "download", &case.id, "--output", "-"])
        .await?;
    assert_eq!(said.stdout.as_bytes(), CONTENT);
    assert!(said.stderr.contains("SHA-256"), "{said:?}");
    Ok(())
}

async fn a_reader_that_goes_away_makes_the_download_fail(world: &World) -> Outcome {
    let case = Case::new(world, Some(vec![7; 3_000_000]))?;
    let mut child = case
        .lab
        .tool
        .command(&["document", "download", &case.id, "--output", "-"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    drop(child.stdout.take());
    let output = child.wait_with_output().await?;
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let stderr = String::from_utf8(output.stderr)?;
    assert!(stderr.starts_with("error: standard output"), "{stderr}");
    Ok(())
}
