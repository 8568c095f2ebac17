//! How old a fleet may be.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use testbed::{Hub, eventually};

use crate::{controller::cluster, program::Program, wire};

const LIMIT: Duration = Duration::from_secs(4);

/// Waits for the first refusal; there is no answer after the limit, with some time for a slow machine.
async fn until_stale(program: &Program) -> Result<Duration> {
    let start = Instant::now();
    loop {
        let answer = program.ask("test").await?;
        match answer.status {
            503 => {
                assert_eq!(
                    answer.message()?,
                    "the fleet is stale: the hub has shown no sign of life for too long"
                );
                return Ok(start.elapsed());
            }
            200 if start.elapsed() > LIMIT + Duration::from_millis(500) => {
                bail!("an answer after {:?}", start.elapsed())
            }
            _ => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

#[tokio::test]
async fn no_answer_from_a_fleet_that_may_be_old() {
    let mut hub = Hub::start().await.unwrap();
    hub.apply(&cluster("dev", &[])).await.unwrap();
    let program = Program::on_hub(&hub, &["--max-staleness", "4s"]).await.unwrap();
    assert_eq!(program.ready().await.unwrap(), ["dev"]);

    // A quiet hub is no stale one.
    for _ in 0..24 {
        assert_eq!(program.ask("test").await.unwrap().status, 200);
        tokio::time::sleep(Duration::from_millis(250)).await;
    }

    hub.freeze_api_server().unwrap();
    let frozen = until_stale(&program).await.unwrap();
    assert!(frozen > Duration::from_secs(1), "{frozen:?}");
    assert_eq!(wire::get(program.admin, "/readyz").await.unwrap().status, 503);
    assert_eq!(wire::get(program.admin, "/livez").await.unwrap().status, 200);
    hub.thaw_api_server().unwrap();
    program.ready().await.unwrap();

    hub.stop_api_server().unwrap();
    until_stale(&program).await.unwrap();
    let restarted = Program::on_hub(&hub, &["--max-staleness", "4s"]).await.unwrap();
    for _ in 0..20 {
        let answer = restarted.ask("test").await.unwrap();
        assert_eq!(
            (answer.status, answer.message().unwrap().as_str()),
            (503, "the fleet is not synced yet")
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(wire::get(restarted.admin, "/readyz").await.unwrap().status, 503);

    // Both come back by themselves, and see what changed.
    hub.restart_api_server().await.unwrap();
    hub.apply(&cluster("prod", &[])).await.unwrap();
    for program in [&program, &restarted] {
        eventually("both clusters", Duration::from_secs(15), async || {
            let clusters = program.ready().await?;
            Ok((clusters == ["dev", "prod"]).then_some(()))
        })
        .await
        .unwrap();
        assert_eq!(wire::get(program.admin, "/readyz").await.unwrap().status, 200);
    }
    let restarts = "bridge_generator_watch_restarts{watch=\"clusters\"}";
    assert!(program.metric(restarts).await.unwrap() > 0.0);
}

#[tokio::test]
async fn an_api_server_that_has_lost_etcd_proves_nothing() {
    let mut hub = Hub::start().await.unwrap();
    hub.apply(&cluster("dev", &[])).await.unwrap();
    let program = Program::on_hub(&hub, &["--max-staleness", "4s"]).await.unwrap();
    program.ready().await.unwrap();
    hub.freeze_etcd().unwrap();
    until_stale(&program).await.unwrap();
    hub.thaw_etcd().unwrap();
    assert_eq!(program.ready().await.unwrap(), ["dev"]);
}

#[tokio::test]
async fn a_cluster_that_loses_its_label_is_gone_and_one_that_gets_it_is_there() {
    let hub = Hub::shared().await.unwrap();
    hub.apply(&format!("{}\n---\n{}", cluster("dev", &[]), cluster("prod", &[])))
        .await
        .unwrap();
    let program = Program::on_hub(&hub, &[]).await.unwrap();
    assert_eq!(program.ready().await.unwrap(), ["dev", "prod"]);
    let becomes = async |label: &str, wanted: &[&str]| {
        let change = ["label", "secret", "prod", "--overwrite", label];
        hub.kubectl(&change).await.unwrap().success().unwrap();
        eventually("the other fleet", Duration::from_secs(5), async || {
            Ok((program.ready().await? == wanted).then_some(()))
        })
        .await
        .unwrap();
    };
    becomes("argocd.argoproj.io/secret-type=repository", &["dev"]).await;
    becomes("argocd.argoproj.io/secret-type=cluster", &["dev", "prod"]).await;
    becomes("argocd.argoproj.io/secret-type-", &["dev"]).await;
}

#[tokio::test]
async fn a_hub_without_clusters_is_known_and_not_answered_for() {
    let hub = Hub::shared().await.unwrap();
    let program = Program::on_hub(&hub, &[]).await.unwrap();
    let message = eventually("the hub to be known", Duration::from_secs(10), async || {
        let message = program.ask("test").await?.message()?;
        Ok((!message.contains("not synced")).then_some(message))
    })
    .await
    .unwrap();
    assert_eq!(
        message,
        "the fleet is empty: no cluster Secret in the Argo CD namespace"
    );
    assert_eq!(wire::get(program.admin, "/readyz").await.unwrap().status, 200);
    hub.apply(&cluster("dev", &[])).await.unwrap();
    assert_eq!(program.ready().await.unwrap(), ["dev"]);
    // A list longer than a page.
    let many: Vec<String> = (0..600).map(|n| cluster(&format!("c{n:03}"), &[])).collect();
    hub.apply(&many.join("\n---\n")).await.unwrap();
    let second = Program::on_hub(&hub, &[]).await.unwrap();
    assert_eq!(second.ready().await.unwrap().len(), 601);
    hub.kubectl(&["delete", "secret", "c000"])
        .await
        .unwrap()
        .success()
        .unwrap();
    for program in [&program, &second] {
        eventually("one less", Duration::from_secs(10), async || {
            Ok((program.ready().await?.len() == 600).then_some(()))
        })
        .await
        .unwrap();
    }
}
