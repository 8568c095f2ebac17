//! Who is refreshed when a cluster Secret changes.

use std::{collections::BTreeMap, time::Duration};

use anyhow::Result;
use testbed::{ArgoCd, Hub, eventually};

use crate::{
    controller::{addon, applications, calm, cluster, conditions, reconciles, wait_for, wiring},
    program::{Program, TOKEN},
};

const REFRESH: &str = "{.metadata.annotations.argocd\\.argoproj\\.io/application-set-refresh}";

/// A hub with two clusters, three addons and the service.
struct Scene {
    // Dropped in this order.
    argo_cd: ArgoCd,
    programs: Vec<Program>,
    hub: Hub,
}

impl Scene {
    /// Argo CD asks the last replica.
    async fn new(replicas: usize, flags: &[&str]) -> Result<Self> {
        let hub = Hub::shared().await?;
        hub.apply(&cluster("dev", &[("environment", "dev"), ("enable_x", "true")]))
            .await?;
        hub.apply(&cluster(
            "prod",
            &[
                ("environment", "prod"),
                ("enable_x", "true"),
                ("enable_y", "true"),
            ],
        ))
        .await?;
        let mut programs = Vec::new();
        for _ in 0..replicas {
            programs.push(Program::on_hub(&hub, flags).await?);
        }
        for program in &programs {
            program.ready().await?;
        }
        let asked = programs.last().map(Program::url).unwrap_or_default();
        hub.apply(&wiring(&asked, TOKEN)).await?;
        let argo_cd = ArgoCd::applicationsets(&hub).await?;
        for name in ["x", "y", "z"] {
            hub.apply(&addon(name)).await?;
        }
        let scene = Self {
            argo_cd,
            programs,
            hub,
        };
        wait_for(&scene.hub, &["x-dev", "x-prod", "y-prod"]).await?;
        calm(&scene.argo_cd, &scene.hub).await?;
        Ok(scene)
    }

    async fn kubectl(&self, arguments: &[&str]) -> Result<String> {
        self.hub.kubectl(arguments).await?.success()
    }

    /// The reconciles that something costs, once all is calm again.
    async fn cost(&self, change: impl Future<Output = Result<()>>) -> Result<BTreeMap<String, u64>> {
        let before = calm(&self.argo_cd, &self.hub).await?;
        change.await?;
        let after = calm(&self.argo_cd, &self.hub).await?;
        Ok(after
            .into_iter()
            .map(|(name, count)| {
                (
                    name.clone(),
                    count - before.get(&name).copied().unwrap_or_default(),
                )
            })
            .filter(|(_, count)| *count > 0)
            .collect())
    }

    /// Pushes of all replicas by outcome.
    async fn pushes(&self, outcome: &str) -> Result<f64> {
        let mut sum = 0.0;
        for program in &self.programs {
            sum += program
                .metric(&format!("bridge_generator_pushes_total{{outcome=\"{outcome}\"}}"))
                .await?;
        }
        Ok(sum)
    }

    async fn waiting(&self) -> Result<f64> {
        self.programs[0].metric("bridge_generator_pushes_waiting").await
    }
}

#[tokio::test]
async fn one_flip_costs_one_reconcile_whichever_the_environment() {
    let scene = Scene::new(1, &[]).await.unwrap();
    assert!(
        scene.pushes("written").await.unwrap() < 1.0,
        "the first sight is no change"
    );
    for (cluster, label, apps) in [
        (
            "dev",
            "enable_y=true",
            &["x-dev", "x-prod", "y-dev", "y-prod"][..],
        ),
        (
            "prod",
            "enable_z=true",
            &["x-dev", "x-prod", "y-dev", "y-prod", "z-prod"],
        ),
        ("dev", "enable_y=false", &["x-dev", "x-prod", "y-prod", "z-prod"]),
        ("prod", "enable_z=false", &["x-dev", "x-prod", "y-prod"]),
    ] {
        let cost = scene
            .cost(async {
                scene
                    .kubectl(&["label", "secret", cluster, "--overwrite", label])
                    .await?;
                wait_for(&scene.hub, apps).await
            })
            .await
            .unwrap();
        // An Application that was deleted is a reconcile of its own, however that came about.
        let set = format!("addon-{}", &label["enable_".len()..="enable_".len()]);
        let own = u64::from(label.ends_with("false"));
        assert_eq!(cost.keys().collect::<Vec<_>>(), [&set], "{cluster} {label}");
        assert!((1..=1 + own).contains(&cost[&set]), "{cluster} {label}: {cost:?}");
    }
    assert!((scene.pushes("written").await.unwrap() - 4.0).abs() < 0.1);
    assert!(scene.waiting().await.unwrap() < 0.1);
}

#[tokio::test]
async fn what_nobody_reads_costs_nothing_and_what_all_read_costs_one_each() {
    let scene = Scene::new(1, &[]).await.unwrap();
    let cost = scene
        .cost(async {
            scene
                .kubectl(&["annotate", "secret", "prod", "nobody_reads=this"])
                .await?;
            scene
                .kubectl(&["label", "secret", "prod", "enable_other=true"])
                .await?;
            tokio::time::sleep(Duration::from_secs(1)).await;
            Ok(())
        })
        .await
        .unwrap();
    assert_eq!(cost, BTreeMap::new());
    let cost = scene
        .cost(async {
            scene
                .kubectl(&[
                    "annotate",
                    "secret",
                    "prod",
                    "--overwrite",
                    "aws_region=us-east-1",
                ])
                .await?;
            eventually(
                "the new region in the Application",
                Duration::from_secs(10),
                async || {
                    let path = scene
                        .kubectl(&[
                            "get",
                            "application",
                            "y-prod",
                            "-o",
                            "jsonpath={.spec.source.path}",
                        ])
                        .await?;
                    Ok((path == "us-east-1").then_some(()))
                },
            )
            .await
        })
        .await
        .unwrap();
    // The addon that prod does not have reads nothing of prod.
    let names: Vec<&str> = cost.keys().map(String::as_str).collect();
    assert_eq!(names, ["addon-x", "addon-y"]);
    assert!(scene.programs[0].log().unwrap().contains("refreshed"));
}

#[tokio::test]
async fn two_replicas_do_not_double_it() {
    let scene = Scene::new(2, &[]).await.unwrap();
    for (round, value) in ["true", "false", "true"].into_iter().enumerate() {
        let label = format!("enable_z={value}");
        let cost = scene
            .cost(async {
                scene
                    .kubectl(&["label", "secret", "dev", "--overwrite", &label])
                    .await
                    .map(drop)
            })
            .await
            .unwrap();
        let own = u64::from(value == "false");
        assert_eq!(cost.keys().collect::<Vec<_>>(), ["addon-z"], "round {round}");
        assert!(
            (1..=1 + own).contains(&cost["addon-z"]),
            "round {round}: {cost:?}"
        );
        let written = scene.pushes("written").await.unwrap();
        let wanted = f64::from(u32::try_from(round).unwrap() + 1);
        assert!(
            (written - wanted).abs() < 0.1,
            "round {round}: {written} pushes, {cost:?}"
        );
    }
    wait_for(&scene.hub, &["x-dev", "x-prod", "y-prod", "z-dev"])
        .await
        .unwrap();
}

#[tokio::test]
async fn no_push_means_none() {
    let scene = Scene::new(1, &["--no-push"]).await.unwrap();
    let cost = scene
        .cost(async {
            scene
                .kubectl(&["label", "secret", "dev", "enable_z=true"])
                .await?;
            tokio::time::sleep(Duration::from_secs(1)).await;
            Ok(())
        })
        .await
        .unwrap();
    assert_eq!(cost, BTreeMap::new());
    assert!(scene.pushes("written").await.unwrap() < 0.1);
    // Its requests are counted by name all the same.
    let asked = "bridge_generator_requests_total{code=\"200\",applicationset=\"addon-x\"}";
    assert!(scene.programs[0].metric(asked).await.unwrap() > 0.0);
}

#[tokio::test]
async fn a_change_that_nobody_takes_is_pushed_again_with_a_new_value() {
    let hub = Hub::shared().await.unwrap();
    hub.apply(&cluster("dev", &[("environment", "dev")]))
        .await
        .unwrap();
    let program = Program::on_hub(&hub, &[]).await.unwrap();
    program.ready().await.unwrap();
    hub.apply(&addon("x")).await.unwrap();
    let refresh = async || {
        let path = format!("jsonpath={REFRESH}");
        hub.kubectl(&["get", "applicationset", "addon-x", "-o", &path])
            .await?
            .success()
    };
    // No controller here.
    eventually("the service to see the set", Duration::from_secs(5), async || {
        program.ask("addon-x").await?;
        let asked = "bridge_generator_requests_total{code=\"200\",applicationset=\"addon-x\"}";
        Ok((program.metric(asked).await? > 0.0).then_some(()))
    })
    .await
    .unwrap();
    assert_eq!(refresh().await.unwrap(), "");
    tokio::time::sleep(Duration::from_millis(400)).await;
    hub.kubectl(&["label", "secret", "dev", "enable_x=true"])
        .await
        .unwrap()
        .success()
        .unwrap();
    let first = eventually("a push", Duration::from_secs(3), async || {
        Ok(Some(refresh().await?).filter(|value| !value.is_empty()))
    })
    .await
    .unwrap();
    let second = eventually("another push", Duration::from_secs(14), async || {
        Ok(Some(refresh().await?).filter(|value| *value != first))
    })
    .await
    .unwrap();
    assert_eq!(second, first.replace(".1", ".2"));
    // Only the annotation is ours (and the map that it is in, which nobody had made).
    let managed = [
        "get",
        "applicationset",
        "addon-x",
        "--show-managed-fields",
        "-o",
        "jsonpath={.metadata.managedFields[?(@.manager==\"bridge-generator\")].fieldsV1}",
    ];
    let fields = hub.kubectl(&managed).await.unwrap().success().unwrap();
    assert_eq!(
        fields,
        r#"{"f:metadata":{"f:annotations":{".":{},"f:argocd.argoproj.io/application-set-refresh":{}}}}"#
    );
}

#[tokio::test]
async fn other_namespaces_are_looked_at_where_they_are_named() {
    let hub = Hub::shared().await.unwrap();
    hub.apply(&cluster("dev", &[("environment", "dev")]))
        .await
        .unwrap();
    let others: Vec<String> = ["team-a", "team-b", "else"]
        .map(|name| format!("{}-{name}", hub.namespace()))
        .into();
    for namespace in &others {
        hub.apply(&format!(
            "{{apiVersion: v1, kind: Namespace, metadata: {{name: {namespace}}}}}"
        ))
        .await
        .unwrap();
        let set = addon("x").replacen(
            "\"metadata\":{",
            &format!("\"metadata\":{{\"namespace\":\"{namespace}\","),
            1,
        );
        hub.apply(&set).await.unwrap();
    }
    let by_name = others[..2].join(",");
    let by_pattern = format!("{}-team-?", hub.namespace());
    for (round, named) in [by_name, by_pattern].into_iter().enumerate() {
        let program = Program::on_hub(&hub, &["--applicationset-namespaces", &named])
            .await
            .unwrap();
        program.ready().await.unwrap();
        eventually(
            "the ApplicationSets to be known",
            Duration::from_secs(10),
            async || {
                program.ask("addon-x").await?;
                let asked = "bridge_generator_requests_total{code=\"200\",applicationset=\"addon-x\"}";
                Ok((program.metric(asked).await? > 0.0).then_some(()))
            },
        )
        .await
        .unwrap();
        tokio::time::sleep(Duration::from_millis(400)).await;
        let label = format!("enable_x={}", round == 0);
        hub.kubectl(&["label", "secret", "dev", "--overwrite", &label])
            .await
            .unwrap()
            .success()
            .unwrap();
        eventually("two pushes", Duration::from_secs(5), async || {
            let written = program
                .metric("bridge_generator_pushes_total{outcome=\"written\"}")
                .await?;
            Ok((written > 1.9).then_some(()))
        })
        .await
        .unwrap();
    }
    let path = format!("jsonpath={REFRESH}");
    let untouched = ["get", "applicationset", "addon-x", "-n", &others[2], "-o", &path];
    assert_eq!(hub.kubectl(&untouched).await.unwrap().success().unwrap(), "");
}

#[tokio::test]
async fn a_new_cluster_gets_its_applications_though_the_controller_may_not_know_it_yet() {
    let scene = Scene::new(1, &[]).await.unwrap();
    let mut wanted: Vec<String> = ["x-dev", "x-prod", "y-prod"].map(str::to_owned).into();
    for round in 0..6 {
        let name = format!("new{round}");
        scene
            .hub
            .apply(&cluster(
                &name,
                &[("environment", "dev"), ("enable_x", "true"), ("enable_y", "true")],
            ))
            .await
            .unwrap();
        wanted.extend([format!("x-{name}"), format!("y-{name}")]);
        let wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
        wait_for(&scene.hub, &wanted).await.unwrap();
    }
    eventually("nothing to be left", Duration::from_secs(10), async || {
        Ok((scene.waiting().await? < 0.1).then_some(()))
    })
    .await
    .unwrap();
    let counts = reconciles(&scene.argo_cd, &scene.hub).await.unwrap();
    assert!(counts["addon-z"] < counts["addon-x"], "{counts:?}");
}

#[tokio::test]
async fn an_application_rejected_for_a_cluster_not_known_yet_is_asked_for_again() {
    let scene = Scene::new(2, &[]).await.unwrap();
    // Its Application goes to whatever the annotation names.
    let set = addon("late").replace("{{.name}}", r#"{{index .metadata.annotations \"points_to\"}}"#);
    scene.hub.apply(&set).await.unwrap();
    scene
        .kubectl(&["annotate", "secret", "dev", "points_to=late"])
        .await
        .unwrap();
    calm(&scene.argo_cd, &scene.hub).await.unwrap();
    scene
        .kubectl(&["label", "secret", "dev", "enable_late=true"])
        .await
        .unwrap();
    eventually("the rejection", Duration::from_secs(10), async || {
        let said = conditions(&scene.hub, "addon-late").await?;
        Ok(said
            .contains("there are no clusters with this name")
            .then_some(()))
    })
    .await
    .unwrap();
    assert_eq!(applications(&scene.hub).await.unwrap().len(), 3);
    // A cluster that no ApplicationSet selects: only the second try can make the difference.
    scene.hub.apply(&cluster("late", &[])).await.unwrap();
    wait_for(&scene.hub, &["x-dev", "x-prod", "y-prod", "late-dev"])
        .await
        .unwrap();
    let written = scene.pushes("written").await.unwrap();
    assert!((2.0..=4.0).contains(&written), "{written}");
    eventually("nothing to be left", Duration::from_secs(10), async || {
        Ok((scene.waiting().await? < 0.1).then_some(()))
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn without_the_right_to_patch_it_says_so_and_goes_on_serving() {
    let hub = Hub::shared().await.unwrap();
    hub.apply(&cluster("dev", &[("environment", "dev")]))
        .await
        .unwrap();
    hub.apply(&addon("x")).await.unwrap();
    let kubeconfig = hub.kubeconfig_for("reader").await.unwrap();
    let namespace = hub.namespace();
    hub.apply(&format!(
        "{{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {{name: reader}}, rules: [
            {{apiGroups: [''], resources: [secrets], verbs: [list, watch]}},
            {{apiGroups: [argoproj.io], resources: [applicationsets], verbs: [list, watch]}}]}}
---
{{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {{name: reader}},
  roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}},
  subjects: [{{kind: ServiceAccount, name: reader, namespace: {namespace}}}]}}"
    ))
    .await
    .unwrap();
    let kubeconfig = kubeconfig.to_string_lossy();
    let program = Program::start(&["--kubeconfig", &kubeconfig, "--namespace", namespace])
        .await
        .unwrap();
    program.ready().await.unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    for value in ["true", "false", "true"] {
        let label = format!("enable_x={value}");
        hub.kubectl(&["label", "secret", "dev", "--overwrite", &label])
            .await
            .unwrap()
            .success()
            .unwrap();
        tokio::time::sleep(Duration::from_millis(400)).await;
    }
    assert_eq!(program.ready().await.unwrap(), ["dev"]);
    let refused = "bridge_generator_pushes_total{outcome=\"refused\"}";
    assert!((program.metric(refused).await.unwrap() - 1.0).abs() < 0.1);
    let log = program.log().unwrap();
    assert_eq!(
        log.matches("not allowed to refresh ApplicationSets").count(),
        1,
        "{log}"
    );
}
