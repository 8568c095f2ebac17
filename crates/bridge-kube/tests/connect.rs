//! What goes over the wire, and what becomes of credential plugins, without an API server.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail like the tests themselves"
)]

use std::{
    error::Error as _,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use bridge_kube::{ConnectionFlags, Hub, HubError};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

/// A list of one object: after an empty one the namespace is asked for.
const LIST: &str = r#"{"metadata":{},"items":[{"metadata":{"name":"dev"},"data":{"name":"ZGV2"}}]}"#;

/// Answers one request with a body, and returns its head.
async fn one_request(listener: TcpListener, body: &str) -> String {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    stream.write_all(answer.as_bytes()).await.unwrap();
    String::from_utf8(head).unwrap().to_lowercase()
}

/// A kubeconfig whose user is given as YAML.
fn kubeconfig(dir: &Path, server: &str, user: &str) -> PathBuf {
    let path = dir.join("config");
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: here\nclusters:\n- name: here\n  cluster: {{server: '{server}'}}\n\
         users:\n- name: me\n  user: {user}\ncontexts:\n- name: here\n  context: {{cluster: here, user: me}}\n"
    );
    std::fs::write(&path, text).unwrap();
    path
}

fn exec(script: &str) -> String {
    let script = serde_json::to_string(script).unwrap();
    format!(
        "{{exec: {{apiVersion: client.authentication.k8s.io/v1, command: sh, args: ['-c', {script}], interactiveMode: IfAvailable}}}}"
    )
}

#[tokio::test]
async fn a_request_carries_agent_credential_and_impersonation() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = format!("http://{}/k8s/hub", listener.local_addr().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let script = r#"echo '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{"token":"from-plugin"}}'"#;
    let flags = ConnectionFlags {
        kubeconfig: Some(kubeconfig(dir.path(), &server, &exec(script))),
        as_user: Some("jo".into()),
        as_groups: vec!["ops".into(), "dev".into()],
        as_uid: Some("u-1".into()),
        ..Default::default()
    };
    let hub = Hub::connect(&flags).await.unwrap();
    assert_eq!(
        hub.to_string(),
        format!("context here ({server}), namespace argocd")
    );
    let (head, clusters) = tokio::join!(one_request(listener, LIST), hub.clusters());
    assert_eq!(clusters.unwrap()[0].cluster.name, "dev");
    for line in [
        "get /k8s/hub/api/v1/namespaces/argocd/secrets?",
        "user-agent: kubectl-bridge/",
        "authorization: bearer from-plugin",
        "impersonate-user: jo",
        "impersonate-group: ops",
        "impersonate-group: dev",
        "impersonate-uid: u-1",
    ] {
        assert!(head.contains(line), "{line} is not in\n{head}");
    }
}

#[tokio::test]
async fn a_credential_plugin_that_fails_is_named_with_what_it_said_last() {
    let dir = tempfile::tempdir().unwrap();
    let script = "echo planted; echo 'Unable to locate credentials' >&2; exit 3";
    let flags = ConnectionFlags {
        kubeconfig: Some(kubeconfig(dir.path(), "https://127.0.0.1:1", &exec(script))),
        ..Default::default()
    };
    let error = Hub::connect(&flags).await.map(|_| ()).unwrap_err();
    assert_eq!(error.to_string(), "getting credentials from sh");
    let cause = error.source().unwrap().to_string();
    assert!(cause.contains("exit status: 3"), "{cause}");
    assert!(!format!("{error:?} {cause}").contains("planted"));
    // A token that fits into no header.
    let script = r#"printf '%s' '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{"token":"planted\n"}}'"#;
    let flags = ConnectionFlags {
        kubeconfig: Some(kubeconfig(dir.path(), "https://127.0.0.1:1", &exec(script))),
        ..Default::default()
    };
    let error = Hub::connect(&flags).await.map(|_| ()).unwrap_err();
    let cause = error.source().unwrap().to_string();
    assert_eq!(
        (error.to_string().as_str(), cause.as_str()),
        (
            "getting credentials from sh",
            "the token holds characters that a request header cannot"
        )
    );
}

#[tokio::test]
async fn a_token_on_the_command_line_wins_over_a_plugin() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = format!("http://{}", listener.local_addr().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let flags = ConnectionFlags {
        kubeconfig: Some(kubeconfig(dir.path(), &server, &exec("exit 1"))),
        token: Some("mine".into()),
        ..Default::default()
    };
    let hub = Hub::connect(&flags).await.unwrap();
    let (head, clusters) = tokio::join!(one_request(listener, LIST), hub.clusters());
    clusters.unwrap();
    assert!(head.contains("authorization: bearer mine"), "{head}");
}

#[tokio::test]
async fn a_server_that_never_answers_ends_at_the_request_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let flags = ConnectionFlags {
        kubeconfig: Some("/dev/null".into()),
        server: Some(format!("http://{}", listener.local_addr().unwrap())),
        request_timeout: Some(Duration::from_millis(200)),
        ..Default::default()
    };
    let hub = Hub::connect(&flags).await.unwrap();
    let begun = Instant::now();
    let error = hub.clusters().await.unwrap_err();
    assert!(matches!(error, HubError::Timeout { .. }), "{error}");
    assert!(error.to_string().ends_with("within 0.2s"), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_is_not_quoted() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let flags = ConnectionFlags {
        kubeconfig: Some("/dev/null".into()),
        server: Some(format!("http://{}", listener.local_addr().unwrap())),
        ..Default::default()
    };
    let hub = Hub::connect(&flags).await.unwrap();
    let (_, clusters) = tokio::join!(one_request(listener, r#"{"items": "planted"}"#), hub.clusters());
    let error = clusters.unwrap_err();
    let shown = format!("{error} {error:?}");
    assert!(
        error.to_string().contains("to list secrets") && !shown.contains("planted"),
        "{shown}"
    );
}
