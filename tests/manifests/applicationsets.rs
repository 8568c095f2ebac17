//! The ApplicationSets, rendered by the real controller: through the plugin generator, and then through the `clusters`
//! generator of the overlay, which must change nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::{Value, json};
use testbed::{ArgoCd, GitRepo, Hub, eventually};

use crate::hub::{cluster, install, manifests, ok};
use crate::service::Service;
use crate::token::token;

/// Longer than the controller's own pause after a generator that failed: 3 minutes.
const LIMIT: Duration = Duration::from_secs(200);

fn spoke(name: &str, labels: &Value, more: &Value) -> String {
    let mut annotations = json!({
        "addons_repo_url": "https://example.com/addons.git", "addons_repo_revision": "v1", "addons_repo_basepath": "argocd/",
        "workload_repo_url": format!("https://example.com/{name}.git"), "workload_repo_revision": "v2",
        "workload_repo_path": "apps", "aws_cluster_name": format!("eks_{name}"), "aws_region": "eu-west-1",
        "aws_vpc_id": "vpc-1",
    });
    for (key, value) in more.as_object().unwrap() {
        annotations[key] = value.clone();
    }
    cluster(name, labels, &annotations).to_string()
}

fn control_plane(addons_repository: &str) -> String {
    let annotations = json!({"addons_repo_url": addons_repository, "addons_repo_revision": "main",
        "addons_repo_basepath": "argocd/", "addons_repo_path": "bootstrap"});
    let mut secret = cluster("hub", &json!({"environment": "control-plane"}), &annotations);
    secret["stringData"]["server"] = json!("https://kubernetes.default.svc");
    secret.to_string()
}

/// The hub's Applications by name.
async fn applications(hub: &Hub) -> BTreeMap<String, Value> {
    let list: Value = serde_json::from_str(&ok(hub, &["get", "applications", "-o", "json"]).await).unwrap();
    let items = list["items"].as_array().unwrap().iter();
    items
        .map(|item| {
            (
                item["metadata"]["name"].as_str().unwrap().to_owned(),
                item.clone(),
            )
        })
        .collect()
}

/// Waits until there are exactly these.
async fn expect(hub: &Hub, argo_cd: &ArgoCd, service: &str, names: &[&str]) -> BTreeMap<String, Value> {
    let found = eventually("the Applications", LIMIT, async || {
        let found = applications(hub).await;
        anyhow::ensure!(found.keys().eq(names), "there are {:?}", found.keys());
        Ok(Some(found))
    })
    .await;
    found
        .with_context(|| format!("{}\n{service}", argo_cd.log_tail()))
        .unwrap()
}

fn values(application: &Value) -> Value {
    serde_saphyr::from_str(
        application["spec"]["sources"][1]["helm"]["values"]
            .as_str()
            .unwrap(),
    )
    .unwrap()
}

/// Who the load balancer controller of prod is in AWS.
const ROLE: &str = "arn:aws:iam::111122223333:role/lbc";

fn spokes() -> [String; 3] {
    [
        spoke(
            "dev",
            &json!({"enable_metrics_server": "true", "enable_cert_manager": "true"}),
            &json!({}),
        ),
        spoke(
            "prod",
            &json!({"enable_aws_load_balancer_controller": "true", "enable_metrics_server": "false"}),
            &json!({"aws_load_balancer_controller_iam_role_arn": ROLE}),
        ),
        spoke(
            "leaving",
            &json!({"enable_metrics_server": "true", "kubectl-bridge/drain": "true"}),
            &json!({}),
        ),
    ]
}

/// Facts of each cluster are where they belong.
fn check_templates(made: &BTreeMap<String, Value>) {
    let addons = &made["addons-hub"]["spec"];
    assert_eq!(addons["source"]["path"], "argocd/bootstrap");
    assert_eq!(
        addons["destination"],
        json!({"name": "hub", "namespace": "argocd"})
    );
    let workload = &made["workload-prod"]["spec"];
    assert_eq!(workload["source"]["repoURL"], "https://example.com/prod.git");
    assert_eq!(workload["source"]["path"], "apps");
    assert_eq!(
        workload["destination"],
        json!({"name": "prod", "namespace": "workload"})
    );
    assert_eq!(
        values(&made["addon-dev-cert-manager"]),
        json!({"installCRDs": true})
    );
    let controller = values(&made["addon-prod-aws-load-balancer-controller"]);
    assert_eq!(
        controller,
        json!({"clusterName": "eks_prod", "region": "eu-west-1", "vpcId": "vpc-1", "serviceAccount": {
            "name": "aws-load-balancer-controller-sa", "annotations": {"eks.amazonaws.com/role-arn": ROLE},
        }})
    );
    let files = &made["addon-dev-metrics-server"]["spec"]["sources"][1]["helm"]["valueFiles"];
    assert_eq!(
        files[1],
        "$values/argocd/environments/dev/addons/metrics-server/values.yaml"
    );
}

/// A repository with the folder of addons as it is, and beside it something that is not to be read.
fn addons_repository() -> GitRepo {
    let repository = GitRepo::create().unwrap();
    for file in std::fs::read_dir(manifests("addons")).unwrap() {
        let file = file.unwrap();
        let path = format!("argocd/bootstrap/{}", file.file_name().to_str().unwrap());
        repository
            .write(&path, &std::fs::read_to_string(file.path()).unwrap())
            .unwrap();
    }
    repository
        .write("argocd/bootstrap/exclude/draft.yaml", "kind: [")
        .unwrap();
    repository.commit("Addons").unwrap();
    repository
}

/// All of Argo CD, until the Application of the hub has brought the addons. There is no spoke yet, so nothing else is
/// deployed: charts and workloads would have to come from the network.
async fn addons_arrive(hub: &Hub) {
    let argo_cd = ArgoCd::full(hub).await.unwrap();
    let arrived = eventually("the addons", LIMIT, async || {
        let found = applications(hub).await;
        let status = &found.get("addons-hub").context("no Application addons-hub")?["status"];
        anyhow::ensure!(status["sync"]["status"] == "Synced", "addons-hub: {status}");
        Ok(Some(status["resources"].clone()))
    })
    .await;
    let arrived = arrived.with_context(|| argo_cd.log_tail()).unwrap();
    let names: Vec<&Value> = arrived
        .as_array()
        .unwrap()
        .iter()
        .map(|resource| &resource["name"])
        .collect();
    let expected = [
        "addons-aws-load-balancer-controller",
        "addons-cert-manager",
        "addons-metrics-server",
    ];
    assert_eq!(names, expected);
}

#[tokio::test]
async fn both_generators_make_the_same_applications() {
    let hub = Hub::start().await.unwrap();
    let hub = &hub;
    install(hub).await;
    ok(hub, &["delete", "applicationset,secret", "probe"]).await;
    assert_eq!(token(hub, hub.namespace(), "create").0, Some(0));
    let repository = addons_repository();
    hub.apply(&control_plane(&repository.url())).await.unwrap();
    let service = Service::start(hub).await;
    let url = json!({"data": {"baseUrl": service.url()}}).to_string();
    ok(
        hub,
        &[
            "patch",
            "configmap",
            "bridge-generator",
            "--type=merge",
            "-p",
            &url,
        ],
    )
    .await;
    ok(hub, &["apply", "-k", &manifests("applicationsets")]).await;
    addons_arrive(hub).await;
    for secret in spokes() {
        hub.apply(&secret).await.unwrap();
    }
    let argo_cd = ArgoCd::applicationsets(hub).await.unwrap();

    let names = [
        "addon-dev-cert-manager",
        "addon-dev-metrics-server",
        "addon-prod-aws-load-balancer-controller",
        "addons-hub",
        "workload-dev",
        "workload-prod",
    ];
    let made = expect(hub, &argo_cd, &service.log(), &names).await;
    check_templates(&made);
    promote(hub, &argo_cd, &service).await;

    // Without the service, so that only the other generator can have made what comes now.
    drop(service);
    for folder in [
        "overlays/clusters-generator",
        "overlays/clusters-generator/addons",
    ] {
        ok(hub, &["apply", "-k", &manifests(folder)]).await;
    }
    let all = json!({"enable_metrics_server": "true", "enable_cert_manager": "true",
        "enable_aws_load_balancer_controller": "true"});
    hub.apply(&spoke("late", &all, &json!({}))).await.unwrap();
    let late = [
        "addon-late-aws-load-balancer-controller",
        "addon-late-cert-manager",
        "addon-late-metrics-server",
        "workload-late",
    ];
    let mut names = [&names[..], &late].concat();
    names.sort_unstable();
    let remade = expect(hub, &argo_cd, "", &names).await;
    for (name, application) in made {
        assert_eq!(
            remade[&name]["metadata"]["uid"], application["metadata"]["uid"],
            "{name} was made anew"
        );
        assert_eq!(remade[&name]["spec"], application["spec"], "{name}");
    }
}

/// A version for one environment reaches the clusters of that environment, and goes again.
async fn promote(hub: &Hub, argo_cd: &ArgoCd, service: &Service) {
    let version =
        async |name: &str| applications(hub).await[name]["spec"]["sources"][1]["targetRevision"].clone();
    let name = "addon-prod-aws-load-balancer-controller";
    let default = version(name).await;
    for wanted in [json!("9.9.9"), default] {
        let patch = json!([{"op": "replace", "path": "/spec/generators/0/merge/generators/2/plugin/values/version",
            "value": wanted}]);
        let set = "addons-aws-load-balancer-controller";
        ok(
            hub,
            &[
                "patch",
                "applicationset",
                set,
                "--type=json",
                "-p",
                &patch.to_string(),
            ],
        )
        .await;
        let reached = eventually("the version", LIMIT, async || {
            Ok((version(name).await == wanted).then_some(()))
        })
        .await;
        reached
            .with_context(|| {
                format!(
                    "{}
{}",
                    argo_cd.log_tail(),
                    service.log()
                )
            })
            .unwrap();
    }
}
