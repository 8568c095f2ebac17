//! `register` on a real API server, and on a real spoke.

use serde_json::Value;
use testbed::{EksCluster, FakeEks, Hub, Spoke};

use crate::{register::with_aws, run::Bridge};

async fn secret(hub: &Hub, name: &str) -> Value {
    let words = ["get", "secret", name, "-o", "json", "--show-managed-fields"];
    let text = hub.kubectl(&words).await.unwrap().success().unwrap();
    serde_json::from_str(&text).unwrap()
}

fn managers(secret: &Value) -> Vec<(String, String)> {
    let text = |entry: &Value, key: &str| entry[key].as_str().unwrap_or_default().to_owned();
    let entries = secret["metadata"]["managedFields"].as_array().unwrap();
    let mut all: Vec<_> = entries
        .iter()
        .map(|entry| (text(entry, "manager"), text(entry, "operation")))
        .collect();
    all.sort();
    all.dedup();
    all
}

fn pair(a: &str, b: &str) -> (String, String) {
    (a.to_owned(), b.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn created_then_applied_and_others_keys_stay() {
    let (hub, fake) = tokio::try_join!(Hub::shared(), FakeEks::start()).unwrap();
    fake.add_cluster(EksCluster::named("dev"));
    let bridge = Bridge::live(hub.kubeconfig(), hub.namespace());
    let dry = with_aws(&bridge, &fake, "register dev --enable keda --dry-run=server");
    assert!(dry.fine().ends_with("cluster/dev created (server dry run)\n"));
    let ran = with_aws(&bridge, &fake, "register dev --enable keda --reason OPS-1");
    assert_eq!(ran.fine(), "cluster/dev created\n");
    let first = secret(&hub, "dev").await;
    assert_eq!(managers(&first), [pair("kubectl-bridge", "Update")]);
    assert_eq!(first["type"], "Opaque");
    let note = first["metadata"]["annotations"]["kubectl-bridge/last-change"]
        .as_str()
        .unwrap();
    assert!(note.contains("OPS-1"), "{note}");

    // Others work on it: a person, a switch, a controller.
    let label = ["label", "secret", "dev", "enable_vpa=true", "team=a"];
    hub.kubectl(&label).await.unwrap().success().unwrap();
    bridge.line("addons dev --disable keda").fine();
    let mut newer = EksCluster::named("dev");
    newer.version = "1.35".into();
    fake.add_cluster(newer);
    let ran = with_aws(
        &bridge,
        &fake,
        "register dev --label team=b --namespaces a,b --shard 2",
    );
    assert_eq!(ran.fine(), "cluster/dev configured\n");
    let second = secret(&hub, "dev").await;
    let labels = &second["metadata"]["labels"];
    for (key, value) in [
        ("enable_vpa", "true"),
        ("enable_keda", "false"),
        ("kubernetes_version", "1.35"),
        ("team", "b"),
        ("environment", "dev"),
    ] {
        assert_eq!(labels[key], value, "{key}: {labels}");
    }
    assert!(managers(&second).contains(&pair("kubectl-bridge", "Apply")));
    // A third run tells nothing of shard and namespaces: they stay, though an apply set them before.
    let ran = with_aws(&bridge, &fake, "register dev --project p");
    assert_eq!(ran.fine(), "cluster/dev configured\n");
    let third = secret(&hub, "dev").await;
    assert_eq!(
        (&third["data"]["shard"], &third["data"]["namespaces"]),
        (&"Mg==".into(), &"YSxi".into())
    );
    assert_eq!(
        with_aws(&bridge, &fake, "register dev").fine(),
        "cluster/dev unchanged\n"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_terraform_keeps() {
    let (hub, fake) = tokio::try_join!(Hub::shared(), FakeEks::start()).unwrap();
    fake.add_cluster(EksCluster::named("dev"));
    let manifest = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: spoke-dev\n  labels:\n    argocd.argoproj.io/secret-type: cluster\n    \
                    environment: dev\n    kubernetes_version: '1.29'\n    enable_vpa: 'false'\nstringData:\n  name: dev\n  \
                    server: https://old.example.com\n  config: '{\"awsAuthConfig\":{\"clusterName\":\"dev\"}}'\n";
    let file = hub.kubeconfig().with_file_name("terraform.yaml");
    std::fs::write(&file, manifest).unwrap();
    let words = [
        "create",
        "--field-manager=HashiCorp",
        "-f",
        file.to_str().unwrap(),
    ];
    hub.kubectl(&words).await.unwrap().success().unwrap();
    let bridge = Bridge::live(hub.kubeconfig(), hub.namespace());
    let before = secret(&hub, "spoke-dev").await;
    with_aws(&bridge, &fake, "register dev").fails(1, &["HashiCorp", "--force-conflicts"]);
    assert_eq!(secret(&hub, "spoke-dev").await, before, "nothing half-written");
    // Taken over where it is, under the name that it has.
    let ran = with_aws(&bridge, &fake, "register dev --force-conflicts");
    assert_eq!(ran.fine(), "cluster/dev configured\n");
    let after = secret(&hub, "spoke-dev").await;
    assert_eq!(after["metadata"]["labels"]["kubernetes_version"], "1.34");
    assert_eq!(after["metadata"]["labels"]["enable_vpa"], "false");
    let missing = hub.kubectl(&["get", "secret", "dev"]).await.unwrap();
    assert!(missing.stderr.contains("NotFound"), "{}", missing.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spoke_gets_the_account_that_argocd_makes() {
    let (hub, spoke) = tokio::try_join!(Hub::shared(), Spoke::start()).unwrap();
    let bridge = Bridge::live(hub.kubeconfig(), hub.namespace());
    let config = spoke.kubeconfig().to_str().unwrap();
    let line = format!(
        "register edge --environment dev --spoke-context {} --spoke-kubeconfig {config}",
        spoke.context()
    );
    let dry = bridge.line(&format!("{line} --dry-run"));
    assert_eq!(
        format!("{}{}", dry.stdout, dry.stderr).matches("spoke: ").count(),
        1,
        "{dry:?}"
    );
    let dry = dry.fine();
    assert!(dry.contains("ServiceAccount kube-system/argocd-manager"), "{dry}");
    // Refused by the hub: by its rights, and for what is registered already. Neither has touched the spoke.
    let reader = hub.kubeconfig_for("reader").await.unwrap();
    let rights = format!(
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {{name: spoke-reader}}\nrules:\n- {{apiGroups: [''], \
         resources: [secrets], verbs: [get, list]}}\n---\napiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: \
         {{name: spoke-reader}}\nroleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: spoke-reader}}\nsubjects:\n\
         - {{kind: ServiceAccount, name: reader, namespace: {}}}\n",
        hub.namespace()
    );
    hub.apply(&rights).await.unwrap();
    Bridge::live(&reader, hub.namespace())
        .line(&line)
        .fails(1, &["cannot create resource \"secrets\""]);
    std::fs::write(bridge.home().join("token"), "x").unwrap();
    let same_server = format!(
        "register other --environment dev --token-file token --endpoint {}",
        spoke.server()
    );
    bridge.line(&same_server).fine();
    let refused = bridge.line(&line).fails(1, &["has the same server"]);
    assert!(!refused.stderr.contains("spoke: "), "{}", refused.stderr);
    bridge.line("unregister other").fine();
    let account = [
        "get",
        "serviceaccount",
        "argocd-manager",
        "-n",
        "kube-system",
        "-o",
        "name",
    ];
    assert!(
        !spoke.kubectl(&account).await.unwrap().status.success(),
        "a dry run makes nothing"
    );
    // What the hub refuses leaves nothing on the spoke either.
    bridge
        .line(&format!("{line} --label x={}", "y".repeat(64)))
        .fails(1, &["label x"]);
    assert!(!spoke.kubectl(&account).await.unwrap().status.success());

    let ran = bridge.line(&line);
    let token = String::from_utf8(base64(&secret_of_spoke(&spoke).await)).unwrap();
    assert!(!ran.stderr.contains(&token) && !ran.stdout.contains(&token));
    assert_eq!(ran.fine(), "cluster/edge created\n");
    let written = secret(&hub, "edge").await;
    let config_json: Value =
        serde_json::from_slice(&base64(written["data"]["config"].as_str().unwrap())).unwrap();
    assert_eq!(config_json["bearerToken"], token.as_str());
    assert!(config_json["tlsClientConfig"]["caData"].is_string());
    assert_eq!(written["metadata"]["labels"]["kubernetes_version"], "1.37");
    // The token gets in, with all rights, from a configuration of its own.
    let server = spoke.server();
    let ca = format!("--certificate-authority={}", spoke.ca_file().display());
    let bearer = format!("--token={token}");
    let can = [
        "--kubeconfig=/dev/null",
        "-s",
        &server,
        &ca,
        &bearer,
        "auth",
        "can-i",
        "*",
        "*",
    ];
    assert_eq!(hub.kubectl(&can).await.unwrap().success().unwrap(), "yes\n");
    // Again: the same account, the same token, nothing to write.
    assert_eq!(bridge.line(&line).fine(), "cluster/edge unchanged\n");

    let copy = format!("{line} --copy-credentials").replace("register edge", "register edge2");
    bridge
        .line(&copy)
        .fails(1, &["Secret \"edge\" in the hub has the same server"]);
    let copied = format!("{line} --copy-credentials");
    assert_eq!(bridge.line(&copied).fine(), "cluster/edge configured\n");
    let written = secret(&hub, "edge").await;
    let config_json: Value =
        serde_json::from_slice(&base64(written["data"]["config"].as_str().unwrap())).unwrap();
    assert_eq!(
        config_json["bearerToken"],
        Value::Null,
        "the old credential would win over the new one"
    );
    assert!(config_json["tlsClientConfig"]["keyData"].is_string());
}

async fn secret_of_spoke(spoke: &Spoke) -> String {
    let words = [
        "get",
        "secret",
        "argocd-manager-long-lived-token",
        "-n",
        "kube-system",
        "-o",
        "jsonpath={.data.token}",
    ];
    spoke.kubectl(&words).await.unwrap().success().unwrap()
}

fn base64(text: &str) -> Vec<u8> {
    use base64::Engine as _;
    base64::prelude::BASE64_STANDARD.decode(text).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_rights_it_says_which() {
    let (hub, fake) = tokio::try_join!(Hub::shared(), FakeEks::start()).unwrap();
    fake.add_cluster(EksCluster::named("dev"));
    let nobody = hub.kubeconfig_for("nobody").await.unwrap();
    let bridge = Bridge::live(&nobody, hub.namespace());
    with_aws(&bridge, &fake, "register dev").fails(1, &["Forbidden", "cannot list resource \"secrets\""]);
    bridge.line("unregister dev").fails(1, &["Forbidden", "secrets"]);
    // Who reads Secrets and may not look for Applications cannot unregister: there may be any number.
    let reader = format!(
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {{name: reader}}\nrules:\n- {{apiGroups: [''], resources: \
         [secrets], verbs: [get, list, create, update, patch, delete]}}\n---\napiVersion: rbac.authorization.k8s.io/v1\nkind: \
         RoleBinding\nmetadata: {{name: reader}}\nroleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}}\n\
         subjects:\n- {{kind: ServiceAccount, name: nobody, namespace: {}}}\n",
        hub.namespace()
    );
    hub.apply(&reader).await.unwrap();
    let ran = with_aws(&bridge, &fake, "register dev");
    assert!(
        ran.stderr.contains("warning: the effect is unknown"),
        "{}",
        ran.stderr
    );
    ran.fine();
    for line in [
        "unregister dev",
        "unregister dev --keep-workloads --yes",
        "unregister dev --drain --yes",
    ] {
        bridge.line(line).fails(
            1,
            &[
                "cluster/dev stays: cannot tell whether Applications still point at it",
                "cannot list resource \"applications\"",
            ],
        );
    }
    assert!(
        hub.kubectl(&["get", "secret", "dev"])
            .await
            .unwrap()
            .status
            .success()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_at_once_one_creates() {
    let (hub, fake) = tokio::try_join!(Hub::shared(), FakeEks::start()).unwrap();
    fake.add_cluster(EksCluster::named("dev"));
    let bridge = Bridge::live(hub.kubeconfig(), hub.namespace());
    let children: Vec<_> = (0..6)
        .map(|at| {
            bridge
                .command(&["register", "dev", "--label", &format!("run-{at}=x")])
                .envs(fake.env())
                .stdout(std::process::Stdio::piped())
                .stderr(std::process::Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    let mut created = 0;
    let mut wrote = Vec::new();
    for (at, child) in children.into_iter().enumerate() {
        let ran = crate::run::Ran::of(&["register"], &child.wait_with_output().unwrap());
        match (ran.code, ran.stdout.as_str()) {
            (0, "cluster/dev created\n") => created += 1,
            (0, "cluster/dev configured\n") => {}
            _ => {
                ran.fails(1, &["AlreadyExists"]);
                continue;
            }
        }
        wrote.push(format!("run-{at}"));
    }
    assert_eq!(created, 1);
    let written = secret(&hub, "dev").await;
    for label in wrote {
        assert_eq!(written["metadata"]["labels"][&label], "x", "{label}");
    }
    // The hub itself says which version it has.
    bridge.line("register control-plane --in-cluster").fine();
    let written = secret(&hub, "control-plane").await;
    assert_eq!(written["metadata"]["labels"]["kubernetes_version"], "1.37");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_argo_cd_looked_at_too_early_is_looked_at_again() {
    let hub = Hub::shared().await.unwrap();
    let bridge = Bridge::live(hub.kubeconfig(), hub.namespace());
    // No Argo CD runs here: what it would have written is written for it.
    hub.create(
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: lost}\nspec: {project: default, source: {repoURL: \
         'https://example.com/x.git', path: .}, destination: {name: edge, namespace: x}}\n---\n\
         apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: broken}\nspec: {project: default, source: {repoURL: \
         'https://example.com/x.git', path: .}, destination: {name: edge, namespace: x}}\n---\n\
         apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {name: early}\nspec: {generators: [{clusters: {selector: \
         {matchLabels: {enable_keda: 'true'}}}}], template: {metadata: {name: 'early-{{name}}'}, spec: {project: default, source: \
         {repoURL: 'https://example.com/x.git', path: .}, destination: {name: '{{name}}', namespace: x}}}}\n",
    )
    .await
    .unwrap();
    for (name, condition) in [("lost", "InvalidSpecError"), ("broken", "ComparisonError")] {
        let status = format!(
            r#"{{"status": {{"sync": {{"status": "Unknown"}}, "conditions": [{{"type": "{condition}", "message": "m"}}]}}}}"#
        );
        let words = ["patch", "application", name, "--type=merge", "-p", &status];
        hub.kubectl(&words).await.unwrap().success().unwrap();
    }
    let status = r#"{"status": {"conditions": [{"type": "ErrorOccurred", "status": "True", "reason": "ApplicationValidationError",
        "message": "application destination spec is invalid: there are no clusters with this name: edge"}]}}"#;
    let words = [
        "patch",
        "applicationset",
        "early",
        "--subresource=status",
        "--type=merge",
        "-p",
        status,
    ];
    hub.kubectl(&words).await.unwrap().success().unwrap();

    std::fs::write(bridge.home().join("token"), "x").unwrap();
    let line =
        "register edge --environment dev --endpoint https://127.0.0.1:1 --token-file token --enable keda";
    let ran = bridge.line(line);
    for part in [
        "asked to compare again what could not reach the cluster: 1 Application: lost\n",
        &format!(
            "asked to look again at what did not know the cluster yet: ApplicationSet {}/early\n",
            hub.namespace()
        ),
    ] {
        assert!(ran.stderr.contains(part), "no {part:?}: {}", ran.stderr);
    }
    assert_eq!(ran.fine(), "cluster/edge created\n");
    let annotation = async |kind: &str, name: &str, key: &str| {
        let path = format!("jsonpath={{.metadata.annotations.argocd\\.argoproj\\.io/{key}}}");
        let words = ["get", kind, name, "-o", &path];
        hub.kubectl(&words).await.unwrap().success().unwrap()
    };
    assert_eq!(annotation("application", "lost", "refresh").await, "normal");
    assert_eq!(annotation("application", "broken", "refresh").await, "");
    assert_eq!(
        annotation("applicationset", "early", "application-set-refresh").await,
        "true"
    );

    // Who may not ask is told that it takes a while.
    bridge.line("unregister edge --keep-workloads --yes").fine();
    let words = ["annotate", "application", "lost", "argocd.argoproj.io/refresh-"];
    hub.kubectl(&words).await.unwrap().success().unwrap();
    let name = format!("asks-nobody-{}", hub.namespace());
    let nobody = hub.kubeconfig_for("asks-nobody").await.unwrap();
    let rights = format!(
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {{name: {name}}}\nrules:\n- {{apiGroups: ['', \
         argoproj.io], resources: [secrets, applications, applicationsets], verbs: [get, list, create]}}\n---\napiVersion: \
         rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {{name: {name}}}\nroleRef: {{apiGroup: \
         rbac.authorization.k8s.io, kind: ClusterRole, name: {name}}}\nsubjects:\n- {{kind: ServiceAccount, name: asks-nobody, \
         namespace: {}}}\n",
        hub.namespace()
    );
    hub.apply(&rights).await.unwrap();
    let limited = Bridge::live(&nobody, hub.namespace());
    std::fs::write(limited.home().join("token"), "x").unwrap();
    let ran = limited.line(line);
    assert!(
        ran.stderr.contains("again within about 3 minutes, not at once") && ran.stderr.contains("forbidden"),
        "{}",
        ran.stderr
    );
    assert_eq!(ran.fine(), "cluster/edge created\n");
}
