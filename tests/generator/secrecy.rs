//! A credential that is planted in a cluster Secret shows up nowhere.

use std::time::Duration;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use testbed::{Hub, eventually};

use crate::{
    controller::secret,
    program::{Program, TOKEN},
    wire,
};

const PLANTED: &str = "hunter2-planted-in-config";

#[tokio::test]
async fn credentials_show_up_nowhere() {
    let hub = Hub::shared().await.unwrap();
    // By client-side apply, which leaves a copy of it all in an annotation.
    let config = format!("{{\"bearerToken\":\"{PLANTED}\"}}");
    let dev = secret("dev", &[("environment", "dev")], &config);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), dev).unwrap();
    let path = file.path().to_string_lossy().into_owned();
    hub.kubectl(&["apply", "-f", &path])
        .await
        .unwrap()
        .success()
        .unwrap();
    let stored = hub
        .kubectl(&["get", "secret", "dev", "-o", "yaml"])
        .await
        .unwrap()
        .success()
        .unwrap();
    assert!(stored.contains("last-applied-configuration") && stored.contains(PLANTED));

    // As in a Pod: by a token, which goes with each request to the hub.
    let kubeconfig = hub.kubeconfig_for("generator").await.unwrap();
    let text = std::fs::read_to_string(&kubeconfig).unwrap();
    let own_token = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("token: "))
        .unwrap()
        .trim_matches('"')
        .to_owned();
    hub.apply(&rights(hub.namespace())).await.unwrap();
    let kubeconfig = kubeconfig.to_string_lossy();
    let flags = ["--kubeconfig", &kubeconfig, "--namespace", hub.namespace()];
    let program = Program::start_logging("trace", &flags).await.unwrap();
    assert_eq!(program.ready().await.unwrap(), ["dev"]);
    hub.kubectl(&["label", "secret", "dev", "enable_x=true"])
        .await
        .unwrap()
        .success()
        .unwrap();
    let whole = wire::call("test", &serde_json::json!({"generate": "clusters"}));
    let answer = eventually("the label in an answer", Duration::from_secs(5), async || {
        let answer = wire::post(program.address, TOKEN, &whole).await?;
        Ok(answer.body.contains("enable_x").then_some(answer))
    })
    .await
    .unwrap();
    let mut pages = vec![("answer", answer.head + &answer.body)];
    for page in ["/metrics", "/readyz", "/livez"] {
        let response = wire::get(program.admin, page).await.unwrap();
        assert_eq!(response.status, 200, "{page}");
        pages.push((page, response.body));
    }
    for body in ["{\"input\":{\"parameters\":{\"generate\":\"hunter2\"}}}", "{", ""] {
        let response = wire::post(program.address, TOKEN, body).await.unwrap();
        pages.push(("refusal", response.body));
    }
    pages.push(("log", program.log().unwrap()));
    // The other pieces of the Secret are there to be found, so that a search for nothing would be noticed.
    assert!(pages[0].1.contains("https://dev.example") && pages.last().unwrap().1.contains("new fleet"));
    for (page, text) in pages {
        for secret in [
            PLANTED.to_owned(),
            BASE64_STANDARD.encode(&config),
            "bearerToken".to_owned(),
            TOKEN.to_owned(),
            own_token.clone(),
        ] {
            let line = text.lines().find(|line| line.contains(&secret));
            assert_eq!(line, None, "{page} holds {secret}");
        }
        assert!(!text.contains("last-applied"), "{page}");
    }
}

/// What the service may do, for its account.
fn rights(namespace: &str) -> String {
    format!(
        "{{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {{name: generator}}, rules: [
            {{apiGroups: [''], resources: [secrets], verbs: [list, watch]}},
            {{apiGroups: [argoproj.io], resources: [applicationsets], verbs: [list, watch, patch]}}]}}
---
{{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {{name: generator}},
  roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: generator}},
  subjects: [{{kind: ServiceAccount, name: generator, namespace: {namespace}}}]}}"
    )
}
