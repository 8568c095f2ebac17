//! A folder as hub: the real program, and the service inside another program.

use std::{path::Path, time::Duration};

use anyhow::Result;
use bridge_generator::serve_folder;
use testbed::eventually;
use tokio::net::TcpListener;

use crate::{controller::secret, program::Program, wire};

fn write(dir: &Path, name: &str, environment: &str) {
    let clusters = dir.join("clusters");
    std::fs::create_dir_all(&clusters).unwrap();
    let config = "{\"bearerToken\":\"hunter2-in-a-folder\"}";
    // JSON is YAML.
    std::fs::write(
        clusters.join(format!("{name}.yaml")),
        secret(name, &[("environment", environment)], config),
    )
    .unwrap();
}

async fn becomes(program: &Program, wanted: &[&str]) -> Result<()> {
    eventually(
        &format!("the clusters {wanted:?}"),
        Duration::from_secs(5),
        async || {
            let clusters = program.ask("test").await?.clusters()?;
            if clusters == wanted {
                Ok(Some(()))
            } else {
                anyhow::bail!("there are {clusters:?}")
            }
        },
    )
    .await
}

#[tokio::test]
async fn a_folder_is_followed_and_never_half_of_it() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "dev", "dev");
    write(dir.path(), "prod", "prod");
    let hub = dir.path().to_string_lossy().into_owned();
    let program = Program::start(&["--hub-dir", &hub, "--max-staleness", "4s"])
        .await
        .unwrap();
    assert_eq!(program.ready().await.unwrap(), ["dev", "prod"]);
    write(dir.path(), "staging", "staging");
    becomes(&program, &["dev", "prod", "staging"]).await.unwrap();
    std::fs::remove_file(dir.path().join("clusters/staging.yaml")).unwrap();
    becomes(&program, &["dev", "prod"]).await.unwrap();

    // While a file is being written the fleet that was there is served, and none after the limit.
    let whole = std::fs::read_to_string(dir.path().join("clusters/prod.yaml")).unwrap();
    std::fs::write(dir.path().join("clusters/prod.yaml"), &whole[..whole.len() / 2]).unwrap();
    let start = std::time::Instant::now();
    let after = loop {
        let answer = program.ask("test").await.unwrap();
        if answer.status == 503 {
            assert!(answer.message().unwrap().contains("stale"));
            break start.elapsed();
        }
        assert_eq!(answer.clusters().unwrap(), ["dev", "prod"]);
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert!(
        after > Duration::from_secs(2) && after < Duration::from_secs(6),
        "{after:?}"
    );
    std::fs::write(dir.path().join("clusters/prod.yaml"), &whole).unwrap();
    becomes(&program, &["dev", "prod"]).await.unwrap();

    // A folder without clusters is an accident.
    std::fs::rename(dir.path().join("clusters"), dir.path().join("elsewhere")).unwrap();
    std::fs::create_dir(dir.path().join("clusters")).unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(
        program.ask("test").await.unwrap().clusters().unwrap(),
        ["dev", "prod"]
    );
    let log = program.log().unwrap();
    assert!(
        log.contains("no cluster Secret in") && log.contains("prod.yaml"),
        "{log}"
    );
    assert!(!log.contains("hunter2"), "{log}");
}

#[tokio::test]
async fn the_service_runs_inside_another_program() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "dev", "dev");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let serving = serve_folder(dir.path(), listener, "secret-token").unwrap();
    serving.ready(Duration::from_secs(5)).await.unwrap();
    let address = serving.address();
    assert_eq!(serving.base_url(), format!("http://{address}"));
    assert_eq!(
        wire::ask(address, "secret-token", "demo")
            .await
            .unwrap()
            .clusters()
            .unwrap(),
        ["dev"]
    );
    assert_eq!(wire::ask(address, "other", "demo").await.unwrap().status, 401);
    assert!(!format!("{serving:?}").contains("secret-token"));
    serving.stop().await;
    assert!(wire::ask(address, "secret-token", "demo").await.is_err());

    let nothing = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let serving = serve_folder(nothing.path(), listener, "secret-token").unwrap();
    assert!(serving.ready(Duration::from_millis(700)).await.is_err());
}
