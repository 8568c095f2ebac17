//! `plugin-manifests/token`.

use std::process::Command;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;
use testbed::{Binaries, Hub};

use crate::hub::{hub, manifests, ok};

/// Runs the script against a hub; gives its exit code and what it said.
pub(crate) fn token(hub: &Hub, namespace: &str, verb: &str) -> (Option<i32>, String) {
    let kubectl = Binaries::locate().unwrap().path("kubectl");
    let path = format!(
        "{}:{}",
        kubectl.parent().unwrap().display(),
        std::env::var("PATH").unwrap()
    );
    let output = Command::new(manifests("token"))
        .args([verb, "-n", namespace])
        .env("KUBECONFIG", hub.kubeconfig())
        .env("PATH", path)
        .env("WAIT", "0")
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).unwrap())
}

/// A key of the Secret.
pub(crate) async fn key(hub: &Hub, namespace: &str, key: &str) -> String {
    let secret = secret(hub, namespace).await;
    let value = BASE64_STANDARD
        .decode(secret["data"][key].as_str().unwrap())
        .unwrap();
    String::from_utf8(value).unwrap()
}

async fn secret(hub: &Hub, namespace: &str) -> Value {
    let secret = ok(
        hub,
        &[
            "get",
            "secret",
            "bridge-generator-token",
            "-n",
            namespace,
            "-o",
            "json",
        ],
    )
    .await;
    serde_json::from_str(&secret).unwrap()
}

#[tokio::test]
async fn a_token_is_made_once_and_rotated() {
    let hub = hub().await;
    let namespace = "tokens";
    ok(hub, &["create", "namespace", namespace]).await;
    let (code, said) = token(hub, namespace, "rotate");
    assert!(code == Some(1) && said.contains("not found"), "{said}");
    let (code, said) = token(hub, namespace, "create");
    assert_eq!(
        (code, said.trim()),
        (Some(0), "secret/bridge-generator-token created")
    );
    let first = key(hub, namespace, "token").await;
    assert!(
        first.len() == 64 && first.chars().all(|c| c.is_ascii_hexdigit()),
        "{first}"
    );
    assert_eq!(key(hub, namespace, "tokens").await, format!("{first}\n"));
    let secret = secret(hub, namespace).await;
    assert_eq!(
        secret["metadata"]["labels"]["app.kubernetes.io/part-of"],
        "argocd"
    );

    let (code, said) = token(hub, namespace, "create");
    assert!(code == Some(1) && said.contains("already exists"), "{said}");
    assert_eq!(key(hub, namespace, "token").await, first);

    let (code, said) = token(hub, namespace, "rotate");
    assert_eq!(code, Some(0), "{said}");
    let second = key(hub, namespace, "token").await;
    assert!(second != first && second.len() == 64);
    assert_eq!(key(hub, namespace, "tokens").await, format!("{second}\n"));
    assert!(
        !said.contains(&first) && !said.contains(&second),
        "the token was shown"
    );
}

#[test]
fn without_a_verb_it_says_how_it_is_called() {
    let output = Command::new(manifests("token")).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("create|rotate"));
}
