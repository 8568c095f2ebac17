//! The hub-and-spoke walk-through of the GitOps Bridge pattern, told with our commands on real parts: a hub, a spoke, all
//! of Argo CD, the real service and our own ApplicationSets; addons and workloads come from git folders.

mod plugin;
mod repositories;

use std::{path::PathBuf, time::Duration};

use anyhow::{Context as _, Result, ensure};
use plugin::Plugin;
use repositories::Repositories;
use testbed::{ArgoCd, Generator, Hub, Spoke, eventually};

const SOON: Duration = Duration::from_mins(2);

/// All parts of the walk-through. Fields are dropped in this order: what uses another part first.
struct Stage {
    generator: Generator,
    _argo_cd: ArgoCd,
    plugin: Plugin,
    repositories: Repositories,
    spoke: Spoke,
    hub: Hub,
}

impl Stage {
    async fn set() -> Result<Self> {
        let (hub, spoke) = tokio::try_join!(Hub::start(), Spoke::start())?;
        let argo_cd = ArgoCd::full(&hub).await?;
        let generator = Generator::start(&generator_program()?, &hub, &[]).await?;
        let plugin = Plugin::new(&hub, &spoke)?;
        Ok(Self {
            generator,
            _argo_cd: argo_cd,
            plugin,
            repositories: Repositories::create()?,
            spoke,
            hub,
        })
    }

    /// Registers hub and spoke and applies the ApplicationSets that the project ships.
    async fn register_all(&self) -> Result<()> {
        let addons = format!("addons_repo_url={}", self.repositories.addons.url());
        let workloads = format!("workload_repo_url={}", self.repositories.workloads.url());
        self.plugin
            .run(&[
                "register",
                "hub",
                "--in-cluster",
                "--environment",
                "control-plane",
                "--annotation",
                &addons,
                "--annotation",
                "addons_repo_revision=main",
                "--annotation",
                "addons_repo_path=bootstrap",
            ])?
            .expect("cluster/hub created")?;
        self.plugin
            .run(&[
                "register",
                "dev",
                "--spoke-context",
                self.spoke.context(),
                "--annotation",
                &addons,
                "--annotation",
                "addons_repo_revision=main",
                "--annotation",
                &workloads,
                "--annotation",
                "workload_repo_revision=main",
                "--annotation",
                "workload_repo_path=blue",
            ])?
            .expect("cluster/dev created")?;
        let manifests = repository_root().join("plugin-manifests/applicationsets");
        let path = manifests.to_string_lossy().into_owned();
        self.hub.kubectl(&["apply", "-k", &path]).await?.success()?;
        Ok(())
    }

    /// Names of the Applications on the hub.
    async fn applications(&self) -> Result<Vec<String>> {
        let names = self
            .hub
            .kubectl(&["get", "applications.argoproj.io", "-o", "name"])
            .await?
            .success()?;
        Ok(names
            .lines()
            .filter_map(|line| line.rsplit('/').next())
            .map(str::to_owned)
            .collect())
    }

    async fn spoke_has(&self, namespace: &str, object: &str) -> Result<bool> {
        Ok(self
            .spoke
            .kubectl(&["-n", namespace, "get", object])
            .await?
            .status
            .success())
    }

    async fn on_spoke(&self, namespace: &str, object: &str, there: bool) -> Result<()> {
        let what = format!(
            "{object} in {namespace} on the spoke to be {}",
            if there { "there" } else { "gone" }
        );
        eventually(&what, SOON, async || {
            Ok((self.spoke_has(namespace, object).await? == there).then_some(()))
        })
        .await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn walk_through() {
    let stage = Stage::set().await.unwrap();
    stage.register_all().await.unwrap();
    workloads_reach_spokes_only(&stage).await.unwrap();
    an_addon_comes_and_goes(&stage).await.unwrap();
    another_repository_moves_the_workloads(&stage).await.unwrap();
    a_bare_unregister_refuses(&stage).await.unwrap();
    a_drain_killed_half_way_ends_the_same(&stage).await.unwrap();
    stage.generator.check_alive().unwrap();
}

async fn workloads_reach_spokes_only(stage: &Stage) -> Result<()> {
    stage.on_spoke("workload", "configmap/blue", true).await?;
    let on_hub = stage
        .hub
        .kubectl(&["-n", "workload", "get", "configmap/blue"])
        .await?;
    ensure!(!on_hub.status.success(), "the workload is on the hub");
    let applications = stage.applications().await?;
    ensure!(
        applications.contains(&"workload-dev".to_owned()),
        "no workload-dev among {applications:?}"
    );
    ensure!(
        !applications.contains(&"workload-hub".to_owned()),
        "a workload for the hub: {applications:?}"
    );
    Ok(())
}

async fn an_addon_comes_and_goes(stage: &Stage) -> Result<()> {
    ensure!(
        !stage.spoke_has("kube-system", "configmap/metrics-server").await?,
        "the addon is there before its toggle"
    );
    stage
        .plugin
        .run(&[
            "addons",
            "dev",
            "--enable",
            "metrics-server",
            "--wait=healthy",
            "--timeout",
            "120s",
        ])?
        .expect("enable_metrics_server")?;
    ensure!(
        stage.spoke_has("kube-system", "configmap/metrics-server").await?,
        "--wait=healthy came back before the addon was on the spoke"
    );
    let disable = stage.plugin.run(&[
        "addons",
        "dev",
        "--disable",
        "metrics-server",
        "--wait",
        "--timeout",
        "120s",
    ])?;
    // The ApplicationSet preserves resources, so the user is told that they stay.
    ensure!(
        format!("{}{}", disable.stdout, disable.stderr).contains("stay"),
        "nothing is said about what stays on the spoke:\n{disable:?}"
    );
    disable.expect("enable_metrics_server")?;
    let applications = stage.applications().await?;
    ensure!(
        !applications.contains(&"addon-dev-metrics-server".to_owned()),
        "--wait came back before the Application was gone: {applications:?}"
    );
    ensure!(
        stage.spoke_has("kube-system", "configmap/metrics-server").await?,
        "a preserving set removed its resources"
    );
    Ok(())
}

async fn another_repository_moves_the_workloads(stage: &Stage) -> Result<()> {
    let url = format!("workload_repo_url={}", stage.repositories.other_workloads.url());
    stage
        .plugin
        .run(&["annotate", "dev", &url, "workload_repo_path=green", "--overwrite"])?
        .expect("cluster/dev")?;
    stage.on_spoke("workload", "configmap/green", true).await?;
    stage.on_spoke("workload", "configmap/blue", false).await
}

async fn a_bare_unregister_refuses(stage: &Stage) -> Result<()> {
    let refused = stage.plugin.run(&["unregister", "dev", "--yes"])?;
    ensure!(refused.code == Some(1), "unregister did not refuse: {refused:?}");
    for word in ["workload-dev", "would stay there", "--drain", "--keep-workloads"] {
        ensure!(
            refused.stderr.contains(word),
            "the refusal does not say {word}: {refused:?}"
        );
    }
    stage
        .hub
        .kubectl(&["get", "secret", "dev"])
        .await?
        .success()
        .context("the refusal removed the Secret")?;
    Ok(())
}

/// Kills `unregister --drain` after ever longer times until one gets through.
async fn a_drain_killed_half_way_ends_the_same(stage: &Stage) -> Result<()> {
    stage
        .plugin
        .run(&[
            "addons",
            "dev",
            "--enable",
            "metrics-server",
            "--wait=healthy",
            "--timeout",
            "120s",
        ])?
        .expect("enable_metrics_server")?;
    let drain = ["unregister", "dev", "--drain", "--yes", "--timeout", "120s"];
    let mut killed = 0;
    for tenths in [4, 8, 12, 16, 24, 32, 48] {
        if stage
            .plugin
            .run_and_kill(&drain, Duration::from_millis(100 * tenths))?
        {
            killed += 1;
        } else {
            break;
        }
    }
    ensure!(killed > 0, "the drain was through before it could be killed once");
    let last = stage.plugin.run(&drain)?;
    let again_after_the_end = last.code == Some(1) && last.stderr.contains("not found");
    ensure!(
        last.code == Some(0) || again_after_the_end,
        "the repeated drain failed: {last:?}"
    );
    for (namespace, object) in [
        ("workload", "configmap/green"),
        ("kube-system", "configmap/metrics-server"),
    ] {
        ensure!(
            !stage.spoke_has(namespace, object).await?,
            "{object} is left on the spoke in {namespace}"
        );
    }
    let secrets = stage
        .hub
        .kubectl(&["get", "secrets", "-o", "name"])
        .await?
        .success()?;
    for left in ["secret/dev\n", "kubectl-bridge-op-dev"] {
        ensure!(!secrets.contains(left), "{left} is left on the hub: {secrets}");
    }
    let applications = stage.applications().await?;
    ensure!(
        !applications.iter().any(|name| name.contains("dev")),
        "Applications for the spoke are left: {applications:?}"
    );
    Ok(())
}

fn repository_root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// The service's program, which cargo puts beside ours when it tests the workspace.
fn generator_program() -> Result<PathBuf> {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_kubectl-bridge")).with_file_name("bridge-generator");
    ensure!(
        program.is_file(),
        "{} is not there: run `cargo build -p bridge-generator`",
        program.display()
    );
    Ok(program)
}
