//! A spoke is a cluster of its own, where deleted things go.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail like the tests themselves"
)]

use std::time::Duration;

use k8s_openapi::api::core::v1::{Secret, ServiceAccount};
use kube::Api;
use kube::api::PostParams;
use serde_json::json;
use testbed::{Output, Spoke, eventually};

async fn kubectl(spoke: &Spoke, arguments: &str) -> Output {
    let arguments: Vec<&str> = arguments.split(' ').collect();
    spoke.kubectl(&arguments).await.unwrap()
}

#[tokio::test]
async fn collects_garbage_and_knows_its_administrators_token() {
    let spoke = Spoke::start().await.unwrap();
    let context = kubectl(&spoke, "config current-context").await.success().unwrap();
    assert_eq!(context.trim(), spoke.context());

    let (server, ca) = (spoke.server(), spoke.ca_file().to_str().unwrap().to_owned());
    let token = spoke.token().await.unwrap();
    let with_token = format!(
        "--kubeconfig /dev/null --server {server} --certificate-authority {ca} --token {token} auth can-i * *"
    );
    eventually(
        "the token to be worth all rights",
        Duration::from_secs(10),
        async || kubectl(&spoke, &with_token).await.success().map(Some),
    )
    .await
    .unwrap();
    let wrong = with_token.replace(&token, "wrong");
    assert!(!kubectl(&spoke, &wrong).await.status.success());

    kubectl(&spoke, "create namespace demo").await.success().unwrap();
    kubectl(&spoke, "create configmap map -n demo")
        .await
        .success()
        .unwrap();
    // Without the controllers this would wait for ever.
    kubectl(
        &spoke,
        "delete configmap map -n demo --cascade=foreground --timeout=30s",
    )
    .await
    .success()
    .unwrap();
    kubectl(&spoke, "delete namespace demo --timeout=30s")
        .await
        .success()
        .unwrap();
}

#[tokio::test]
async fn puts_a_token_into_a_secret_of_a_service_account() {
    let spoke = Spoke::start().await.unwrap();
    let client = spoke.client().await.unwrap();
    let accounts: Api<ServiceAccount> = Api::default_namespaced(client.clone());
    let account = serde_json::from_value(json!({"metadata": {"name": "manager"}})).unwrap();
    accounts.create(&PostParams::default(), &account).await.unwrap();
    let secrets: Api<Secret> = Api::default_namespaced(client);
    let secret = serde_json::from_value(json!({
        "metadata": {"name": "token", "annotations": {"kubernetes.io/service-account.name": "manager"}},
        "type": "kubernetes.io/service-account-token",
    }))
    .unwrap();
    secrets.create(&PostParams::default(), &secret).await.unwrap();
    let token = eventually("the token", Duration::from_secs(20), async || {
        let data = secrets.get("token").await?.data.unwrap_or_default();
        Ok(data.get("token").cloned())
    })
    .await
    .unwrap();

    let token = String::from_utf8(token.0).unwrap();
    let ca = spoke.ca_file().to_str().unwrap().to_owned();
    let who = format!(
        "--kubeconfig /dev/null --server {} --certificate-authority {ca} --token {token} auth whoami -o jsonpath={{.status.userInfo.username}}",
        spoke.server()
    );
    let name = kubectl(&spoke, &who).await.success().unwrap();
    assert_eq!(name, "system:serviceaccount:default:manager");
}
