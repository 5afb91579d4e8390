//! The calls of AWS that the sources of the functions name.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use template::checkout;

use crate::evaluator::Operation;

/// The functions: their package, and the logical id of their role.
pub const FUNCTIONS: [(&str, &str); 4] = [
    ("event-processor", "EventProcessorRole"),
    ("heartbeat", "HeartbeatRole"),
    ("token-refresh", "TokenRefreshRole"),
    ("webhook", "WebhookRole"),
];

/// The crates of AWS's SDK that functions may use, with the service as IAM names it.
const CRATES: [(&str, &str); 4] = [
    ("aws-sdk-dynamodb", "dynamodb"),
    ("aws-sdk-eventbridge", "events"),
    ("aws-sdk-secretsmanager", "secretsmanager"),
    ("aws-sdk-sqs", "sqs"),
];

/// The services that functions may call.
pub fn services() -> [&'static str; 4] {
    CRATES.map(|(_, service)| service)
}

/// The actions of a function: the operations that its package names, and its part of the shared library.
///
/// # Errors
///
/// If a source can't be read.
pub fn actions(package: &str, operations: &[Operation]) -> io::Result<BTreeSet<String>> {
    let folder = checkout().join("functions").join(package);
    let mut sources = String::new();
    read_sources(&folder.join("src"), &mut sources)?;
    let manifest = std::fs::read_to_string(folder.join("Cargo.toml"))?;
    let shared = checkout().join("shared/src");
    for (feature, module) in [("secrets", "secrets"), ("token-store", "token_store")] {
        if manifest.contains(&format!("\"{feature}\"")) {
            read_source(&shared.join(format!("{module}.rs")), &mut sources)?;
            read_sources(&shared.join(module), &mut sources)?;
        }
    }
    let mut services = BTreeSet::new();
    for (name, service) in CRATES {
        if manifest.contains(&format!("{name}.workspace = true")) {
            services.insert(service);
        }
    }
    let operations = operations.iter().filter(|operation| {
        let service = operation.action.split(':').next();
        service.is_some_and(|service| services.contains(service))
    });
    let named = operations.filter(|operation| {
        let calls = [
            format!(".{}()", operation.method),
            format!("::{}::builders", operation.method),
        ];
        calls.iter().any(|call| sources.contains(call))
    });
    Ok(named.map(|operation| operation.action.clone()).collect())
}

/// The crates of AWS's SDK in the manifests of the functions and the shared library that [`services`] does not cover.
///
/// # Errors
///
/// If a manifest can't be read.
pub fn unknown_crates() -> io::Result<BTreeSet<String>> {
    let mut unknown = BTreeSet::new();
    let functions = FUNCTIONS.map(|(package, _)| format!("functions/{package}"));
    for folder in functions.iter().map(String::as_str).chain(["shared"]) {
        let manifest = std::fs::read_to_string(checkout().join(folder).join("Cargo.toml"))?;
        let lines = manifest.lines().filter(|line| line.starts_with("aws-sdk-"));
        let names = lines.filter_map(|line| line.split([' ', '.', '=']).next());
        let names = names.filter(|name| CRATES.iter().all(|(known, _)| known != name));
        unknown.extend(names.map(str::to_owned));
    }
    Ok(unknown)
}

/// Adds the sources in a folder, if it exists.
fn read_sources(folder: &Path, sources: &mut String) -> io::Result<()> {
    if !folder.exists() {
        return Ok(());
    }
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            read_sources(&path, sources)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            read_source(&path, sources)?;
        }
    }
    Ok(())
}

/// Adds a source without its tests, which are at its end.
fn read_source(path: &Path, sources: &mut String) -> io::Result<()> {
    let source = std::fs::read_to_string(path)?;
    let product = source.split("#[cfg(test)]\nmod tests").next();
    sources.push_str(product.unwrap_or_default());
    Ok(())
}
