use std::process::{Command, Output};

use anyhow::{Context as _, Result, anyhow};
use serde_json::Value;

/// AWS's own client: the program named by `BRIDGE_AWS_CLI`, else the `aws` on `PATH`.
#[derive(Clone, Debug)]
pub struct AwsCli {
    program: String,
    environment: Vec<(String, String)>,
}

/// What AWS said no with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The code of the error, `NoSuchEntity`; empty where the answer was none that the client understands.
    pub code: String,
    /// All that the client printed.
    pub message: String,
}

impl AwsCli {
    pub(super) fn new(environment: Vec<(String, String)>) -> Self {
        Self {
            program: std::env::var("BRIDGE_AWS_CLI").unwrap_or_else(|_| "aws".to_owned()),
            environment,
        }
    }

    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// What a command answers; null for nothing.
    ///
    /// # Errors
    /// When it fails.
    pub fn ask(&self, words: &[&str]) -> Result<Value> {
        match self.attempt(words)? {
            Ok(answer) => Ok(answer),
            Err(refused) => Err(anyhow!("aws {}: {}", words.join(" "), refused.message)),
        }
    }

    /// What a command answers, or what AWS says no with.
    ///
    /// # Errors
    /// When the client cannot be run, or prints no JSON.
    pub fn attempt(&self, words: &[&str]) -> Result<Result<Value, Refused>> {
        let output = self.run(words)?;
        if output.status.success() {
            if output.stdout.is_empty() {
                return Ok(Ok(Value::Null));
            }
            return Ok(Ok(serde_json::from_slice(&output.stdout)?));
        }
        let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        let code = message
            .split_once("An error occurred (")
            .and_then(|(_, rest)| rest.split_once(')'))
            .map_or(String::new(), |(code, _)| code.to_owned());
        Ok(Err(Refused { code, message }))
    }

    fn run(&self, words: &[&str]) -> Result<Output> {
        Command::new(&self.program)
            .args(words)
            .env_remove("AWS_PROFILE")
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .env("AWS_MAX_ATTEMPTS", "1")
            .env("AWS_RETRY_MODE", "standard")
            .env("AWS_DEFAULT_OUTPUT", "json")
            .env("AWS_PAGER", "")
            .output()
            .with_context(|| {
                format!(
                    "cannot run {}: install tests/requirements.txt and say with BRIDGE_AWS_CLI where (tests/run does both)",
                    self.program
                )
            })
    }
}
