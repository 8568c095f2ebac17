use std::process::{Command, Output};

use serde_json::Value;
use testbed::FakeAws;

/// Runs the program named by `BRIDGE_AWS_CLI`, else the `aws` on `PATH`. No argument may hold a space.
pub fn aws(fake: &FakeAws, arguments: &str, environment: &[(&str, &str)]) -> Output {
    let program = std::env::var("BRIDGE_AWS_CLI").unwrap_or_else(|_| "aws".to_owned());
    Command::new(&program)
        .args(arguments.split(' '))
        .env_remove("AWS_PROFILE")
        .envs(fake.env())
        .env("AWS_MAX_ATTEMPTS", "1")
        .env("AWS_RETRY_MODE", "standard")
        .env("AWS_DEFAULT_OUTPUT", "json")
        .env("AWS_PAGER", "")
        .envs(environment.iter().copied())
        .output()
        .unwrap_or_else(|error| {
            panic!("cannot run {program} (set BRIDGE_AWS_CLI, or put aws on PATH): {error}")
        })
}

/// What a command answers; null for nothing.
pub fn ask(fake: &FakeAws, arguments: &str) -> Value {
    let output = aws(fake, arguments, &[]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "aws {arguments}: {error}");
    if output.stdout.is_empty() {
        return Value::Null;
    }
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The message that a command fails with.
pub fn refused(fake: &FakeAws, arguments: &str) -> String {
    let output = aws(fake, arguments, &[]);
    assert!(!output.status.success(), "aws {arguments} succeeded");
    String::from_utf8(output.stderr).unwrap()
}

/// Takes the times out of an answer, after a look that they are some.
pub fn without_times(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for name in [
                "createdAt",
                "modifiedAt",
                "associatedAt",
                "CreateDate",
                "Expiration",
            ] {
                if let Some(time) = members.remove(name) {
                    // Version 1 of the client shows what came, version 2 a date.
                    let is_date = time.as_str().is_some_and(|text| text.starts_with("20"));
                    assert!(
                        is_date || time.as_f64().is_some_and(|time| time > 1e9),
                        "{name}: {time}"
                    );
                }
            }
            members.values_mut().for_each(without_times);
        }
        Value::Array(items) => items.iter_mut().for_each(without_times),
        _ => {}
    }
}
