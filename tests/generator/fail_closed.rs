//! Whatever happens to the service, the real controller deletes no Application, unless an addon was switched off.

use std::time::Duration;

use anyhow::{Result, bail};
use testbed::{ArgoCd, Hub, eventually};

use crate::{
    controller::{addon, cluster, conditions, uids, wait_for, wiring},
    program::{Program, TOKEN},
};

/// Asks the controller for a reconcile, and waits until the ApplicationSet says this.
async fn refresh_until(hub: &Hub, set: &str, message: &str) -> Result<()> {
    let mark = format!("argocd.argoproj.io/application-set-refresh={message}");
    hub.kubectl(&[
        "annotate",
        "applicationset",
        set,
        "--overwrite",
        &mark.replace(' ', "-"),
    ])
    .await?
    .success()?;
    eventually(
        &format!("{set} to say: {message}"),
        Duration::from_secs(30),
        async || {
            let said = conditions(hub, set).await?;
            if said.contains(message) {
                Ok(Some(()))
            } else {
                bail!("it says: {said}")
            }
        },
    )
    .await
}

async fn scene(hub: &Hub) -> Result<(Program, ArgoCd)> {
    clusters(hub).await?;
    let program = Program::on_hub(hub, &["--max-staleness", "4s"]).await?;
    program.ready().await?;
    hub.apply(&wiring(&program.url(), TOKEN)).await?;
    let argo_cd = ArgoCd::applicationsets(hub).await?;
    for name in ["x", "y"] {
        hub.apply(&addon(name)).await?;
    }
    wait_for(hub, &["x-dev", "x-prod", "y-prod"]).await?;
    Ok((program, argo_cd))
}

async fn clusters(hub: &Hub) -> Result<()> {
    let dev = cluster("dev", &[("environment", "dev"), ("enable_x", "true")]);
    let prod = cluster(
        "prod",
        &[
            ("environment", "prod"),
            ("enable_x", "true"),
            ("enable_y", "true"),
        ],
    );
    hub.apply(&format!("{dev}\n---\n{prod}")).await
}

async fn refuses(program: &Program) -> Result<()> {
    eventually("no answer", Duration::from_secs(15), async || {
        Ok((program.ask("x").await?.status == 503).then_some(()))
    })
    .await
}

#[tokio::test]
async fn a_wrong_token_and_an_empty_fleet_delete_nothing_and_the_last_toggle_does() {
    let hub = Hub::shared().await.unwrap();
    let (program, _argo_cd) = scene(&hub).await.unwrap();
    let before = uids(&hub).await.unwrap();

    // A token that is not known, and one that Argo CD cannot find.
    hub.apply(&wiring(&program.url(), "wrong")).await.unwrap();
    refresh_until(&hub, "addon-x", "the bearer token is missing or unknown")
        .await
        .unwrap();
    let gone = ["patch", "secret", "generator-token", "--type=json", "-p"];
    let gone = [&gone[..], &["[{\"op\":\"remove\",\"path\":\"/data/token\"}]"]].concat();
    hub.kubectl(&gone).await.unwrap().success().unwrap();
    refresh_until(&hub, "addon-x", "the key it names is missing in the Secret")
        .await
        .unwrap();
    hub.apply(&wiring(&program.url(), TOKEN)).await.unwrap();
    assert_eq!(uids(&hub).await.unwrap(), before);

    // No cluster Secret at all, then the same ones again.
    let secrets = ["delete", "secret", "-l", "argocd.argoproj.io/secret-type=cluster"];
    hub.kubectl(&secrets).await.unwrap().success().unwrap();
    refuses(&program).await.unwrap();
    refresh_until(&hub, "addon-y", "the fleet is empty")
        .await
        .unwrap();
    assert_eq!(uids(&hub).await.unwrap(), before);
    clusters(&hub).await.unwrap();
    program.ready().await.unwrap();
    // Whoever was refused need not wait for Argo CD's next try, three minutes later.
    eventually("the error to go", Duration::from_secs(10), async || {
        Ok((!conditions(&hub, "addon-y").await?.contains("the fleet is empty")).then_some(()))
    })
    .await
    .unwrap();

    // Off on one of two clusters, then on the last.
    hub.kubectl(&["label", "secret", "dev", "enable_y=true"])
        .await
        .unwrap()
        .success()
        .unwrap();
    wait_for(&hub, &["x-dev", "x-prod", "y-dev", "y-prod"])
        .await
        .unwrap();
    assert!(uids(&hub).await.unwrap().is_superset(&before));
    hub.kubectl(&["label", "secret", "dev", "enable_y-"])
        .await
        .unwrap()
        .success()
        .unwrap();
    wait_for(&hub, &["x-dev", "x-prod", "y-prod"]).await.unwrap();
    hub.kubectl(&["label", "secret", "prod", "enable_y=false", "--overwrite"])
        .await
        .unwrap()
        .success()
        .unwrap();
    wait_for(&hub, &["x-dev", "x-prod"]).await.unwrap();
}

#[tokio::test]
async fn a_dead_api_server_deletes_nothing() {
    let mut hub = Hub::start().await.unwrap();
    let (program, argo_cd) = scene(&hub).await.unwrap();
    let before = uids(&hub).await.unwrap();

    hub.stop_api_server().unwrap();
    refuses(&program).await.unwrap();
    let restarted = Program::on_hub(&hub, &["--max-staleness", "4s"]).await.unwrap();
    for _ in 0..20 {
        assert_eq!(restarted.ask("x").await.unwrap().status, 503);
        assert_eq!(program.ask("x").await.unwrap().status, 503);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // A controller that starts on the new API server looks at everything anew.
    drop(argo_cd);
    hub.restart_api_server().await.unwrap();
    let _argo_cd = ArgoCd::applicationsets(&hub).await.unwrap();
    program.ready().await.unwrap();
    restarted.ready().await.unwrap();
    hub.kubectl(&["label", "secret", "dev", "enable_y=true"])
        .await
        .unwrap()
        .success()
        .unwrap();
    wait_for(&hub, &["x-dev", "x-prod", "y-dev", "y-prod"])
        .await
        .unwrap();
    assert!(uids(&hub).await.unwrap().is_superset(&before));
}
