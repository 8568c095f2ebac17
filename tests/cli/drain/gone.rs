//! A cluster that is gone for good can be taken out, and what stays behind is said.

use testbed::eventually;

use super::{LIMIT, Stage};

#[tokio::test(flavor = "multi_thread")]
async fn nobody_answers_there() {
    let stage = Stage::set().await;
    stage.deploy().await;
    let Stage {
        _argo_cd,
        hub,
        spoke,
        bridge,
        repo: _repo,
    } = stage;
    drop(spoke);
    // The drain cannot come to its end: nothing can be deleted there.
    bridge.line("unregister edge --drain --yes --timeout 5s").fails(
        1,
        &[
            "cluster/edge is not empty after 5s",
            "--keep-workloads lets go of a cluster that is gone for good, and says what it leaves behind",
        ],
    );
    let ran = bridge.line("unregister edge --keep-workloads --yes");
    let namespace = hub.namespace();
    for part in [
        format!(
            "Application {namespace}/hand: is being deleted, and goes at once, what it deployed keeps running\n"
        ),
        format!("left behind: on the cluster, what Application {namespace}/addon-edge deployed\n"),
        format!("left behind: on the cluster, what Application {namespace}/hand deployed\n"),
        format!("left behind: on the cluster, what Application {namespace}/workload-edge deployed\n"),
    ] {
        assert!(ran.stderr.contains(&part), "no {part:?}: {}", ran.stderr);
    }
    assert_eq!(ran.fine(), "cluster/edge deleted\n");
    eventually("Argo CD to let the Applications go", LIMIT, async || {
        let words = ["get", "applications", "-o", "name"];
        let names = hub.kubectl(&words).await?.success()?;
        anyhow::ensure!(names.is_empty(), "there are {names}");
        Ok(Some(()))
    })
    .await
    .unwrap();
    let words = ["get", "secrets", "-o", "name"];
    let secrets = hub.kubectl(&words).await.unwrap().success().unwrap();
    assert!(!secrets.contains("edge"), "{secrets}");
}
