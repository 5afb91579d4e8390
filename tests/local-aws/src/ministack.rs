//! The local AWS: MiniStack as a child process, one for each test run or demo.
//!
//! It enforces IAM. Its environment holds nothing of ours, because every function inherits it. It never outlives us:
//! `local_aws.py` ends when its standard input is closed.

mod function_output;
mod role_call;

use std::io::{self, Write};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region, SharedCredentialsProvider};
use aws_types::SdkConfig;
use tempfile::TempDir;

use crate::aws_api::AwsApi;

pub use function_output::FunctionLine;
pub(crate) use function_output::function_output;
pub use role_call::RoleCall;

use leak_recorder::Recorder;

/// The one region of the local AWS.
pub const REGION: &str = "us-east-1";

/// Access key and secret key of the local account's root user.
const ROOT_KEY: &str = "test";

/// How long the local AWS may take to answer for the first time. On an idle machine it takes less than a second.
const START_LIMIT: Duration = Duration::from_secs(60);

/// How long it may take to end after we close its standard input. After that it is killed.
const END_LIMIT: Duration = Duration::from_secs(3);

/// How often a start is tried. Another process may take the free port between our finding it and MiniStack's binding
/// it.
const START_ATTEMPTS: u32 = 3;

/// Why the local AWS did not start.
#[derive(Debug, thiserror::Error)]
pub enum LocalAwsError {
    /// The Python environment is missing.
    #[error("{} is missing: run `make setup`", .0.display())]
    NotInstalled(PathBuf),
    /// A file, a port or the process was not available.
    #[error("the local AWS could not be started: {0}")]
    Io(#[from] io::Error),
    /// The process ended, or did not answer in time.
    #[error("the local AWS {reason}; its output ends with\n{output}")]
    NotReady {
        /// What happened instead.
        reason: String,
        /// The end of what it printed.
        output: String,
    },
}

/// A running local AWS, which ends when this is dropped.
pub struct LocalAws {
    /// The values that must not leak from anything deployed here, and the answers received.
    pub recorder: Arc<Recorder>,
    child: Child,
    endpoint: String,
    directory: TempDir,
}

/// The root of the checkout, where `.venv`, `.aws-sam` and `template.yaml` are.
#[must_use]
pub fn checkout() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("the package is two folders down in the checkout")
}

impl LocalAws {
    /// Starts the local AWS on a free port and waits until it answers.
    ///
    /// # Errors
    ///
    /// If `.venv/local-aws` is missing, or if the process ends or does not answer within a minute.
    pub async fn start() -> Result<Self, LocalAwsError> {
        let mut attempt = 1;
        loop {
            let mut aws = Self::spawn()?;
            match aws.ready().await {
                Ok(()) => return Ok(aws),
                Err(error) if attempt == START_ATTEMPTS => return Err(error),
                Err(_) => attempt += 1,
            }
        }
    }

    fn spawn() -> Result<Self, LocalAwsError> {
        let python = checkout().join(".venv/local-aws/bin/python");
        if !python.exists() {
            return Err(LocalAwsError::NotInstalled(python));
        }
        let parent = checkout().join(".local-aws");
        std::fs::create_dir_all(&parent)?;
        let directory = tempfile::Builder::new().prefix("aws-").tempdir_in(parent)?;
        let temporary_files = directory.path().join("tmp");
        std::fs::create_dir(&temporary_files)?;
        let output = std::fs::File::create(directory.path().join("ministack.log"))?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let endpoint = format!("http://127.0.0.1:{port}");

        let child = Command::new(python)
            .arg(checkout().join("tests/local-aws/local_aws.py"))
            .arg(directory.path())
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("LANG", "C.UTF-8")
            .env("HOME", directory.path())
            .env("TMPDIR", &temporary_files)
            .env("GATEWAY_PORT", port.to_string())
            .env("BIND_HOST", "127.0.0.1")
            // queue URLs hold this host name
            .env("MINISTACK_HOST", "127.0.0.1")
            // the functions' SDK talks to this
            .env("AWS_ENDPOINT_URL", &endpoint)
            // each function runs with its own role and is denied everything else
            .env("AUTH", "true")
            // these listen on fixed ports, which several instances would compete for
            .env("IOT_MTLS_ENABLED", "0")
            .env("SFTP_ENABLED", "0")
            .stdin(Stdio::piped())
            .stdout(output.try_clone()?)
            .stderr(output)
            // a process group of its own: Ctrl-C reaches only us, and the functions' processes end with it
            .process_group(0)
            .spawn()?;
        Ok(Self {
            recorder: Arc::default(),
            child,
            endpoint,
            directory,
        })
    }

    async fn ready(&mut self) -> Result<(), LocalAwsError> {
        let client = loopback_client();
        let health = format!("{}/_ministack/health", self.endpoint);
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Err(self.not_ready(format!("ended with {status}")));
            }
            if started.elapsed() > START_LIMIT {
                return Err(self.not_ready("did not answer in time".into()));
            }
            if let Ok(answer) = client.get(&health).send().await
                && answer.status().is_success()
            {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn not_ready(&self, reason: String) -> LocalAwsError {
        let output = std::fs::read_to_string(self.directory.path().join("ministack.log"))
            .unwrap_or_default();
        let lines: Vec<&str> = output.lines().collect();
        LocalAwsError::NotReady {
            reason,
            output: lines[lines.len().saturating_sub(20)..].join("\n"),
        }
    }

    /// Where the local AWS answers, for `AWS_ENDPOINT_URL`.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// A directory that is removed when the local AWS ends.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The process group that ends together with the local AWS, however that ends. It has the id of the local AWS's own
    /// process.
    #[must_use]
    pub fn process_group(&self) -> i32 {
        self.child.id().cast_signed()
    }

    /// The variables that make the AWS CLI, SAM and every SDK work on the local AWS as its root user.
    #[must_use]
    pub fn environment(&self) -> [(&'static str, &str); 4] {
        [
            ("AWS_ENDPOINT_URL", &self.endpoint),
            ("AWS_DEFAULT_REGION", REGION),
            ("AWS_ACCESS_KEY_ID", ROOT_KEY),
            ("AWS_SECRET_ACCESS_KEY", ROOT_KEY),
        ]
    }

    /// Calls of services without a client of the SDK, as the local account's root user.
    #[must_use]
    pub fn api(&self) -> AwsApi {
        AwsApi::new(loopback_client(), self.endpoint.clone())
    }

    /// Configuration of clients that act as the local account's root user. It takes nothing from our own environment.
    #[must_use]
    pub fn sdk_config(&self) -> SdkConfig {
        let root = Credentials::new(ROOT_KEY, ROOT_KEY, None, None, "local AWS");
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static(REGION))
            .endpoint_url(&self.endpoint)
            .credentials_provider(SharedCredentialsProvider::new(root))
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .build()
    }

    /// Every line that the functions have printed so far, oldest first, including lines that CloudWatch Logs does not
    /// show.
    ///
    /// # Errors
    ///
    /// If the file with those lines can't be read.
    pub fn function_output(&self) -> io::Result<Vec<FunctionLine>> {
        function_output(&self.function_output_file())
    }

    /// Every call that functions have made with their roles so far, each once.
    ///
    /// # Errors
    ///
    /// If the file with those calls can't be read.
    pub fn role_calls(&self) -> io::Result<Vec<RoleCall>> {
        role_call::role_calls(&self.directory.path().join("calls.log"))
    }

    /// The file that `local_aws.py` writes those lines to.
    pub(crate) fn function_output_file(&self) -> PathBuf {
        self.directory.path().join("functions.log")
    }
}

impl Drop for LocalAws {
    fn drop(&mut self) {
        // when the pipe closes, the process kills its whole group; the byte tells it that we remove the directory
        // ourselves
        if let Some(mut stdin) = self.child.stdin.take() {
            let _ = stdin.write_all(b".");
        }
        let closed = Instant::now();
        while closed.elapsed() < END_LIMIT {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An HTTP client for servers on this machine: no TLS, no proxy, no redirect.
pub(crate) fn loopback_client() -> reqwest::Client {
    // reqwest wants some TLS to be configured; this one trusts nobody
    let ring = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(ring)
        .with_safe_default_protocol_versions()
        .expect("ring serves the default protocol versions")
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(3))
        // so that no call uses a connection that the other end is closing
        .pool_idle_timeout(Duration::from_secs(5))
        .no_proxy()
        .timeout(Duration::from_secs(60))
        .build()
        .expect("a client without special settings builds")
}
