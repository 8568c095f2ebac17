//! How the program starts, who may ask meanwhile, and how it ends.

use std::time::Duration;

use testbed::{Hub, eventually};
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use crate::{
    controller::cluster,
    program::{Program, TOKEN, run},
    wire,
};

#[test]
fn it_does_not_start_without_what_it_needs() {
    let missing = run(&["--hub-dir", "."], None).unwrap();
    assert_eq!(missing.0, Some(1));
    assert!(
        missing.1.contains("cannot read the token file") && missing.1.contains("No such file"),
        "{}",
        missing.1
    );
    let empty = run(&["--hub-dir", "."], Some(" \n")).unwrap();
    assert_eq!(empty.0, Some(1));
    assert!(empty.1.contains("holds no token"), "{}", empty.1);
    let regex = run(&["--applicationset-namespaces", "/team-.*/"], Some(TOKEN)).unwrap();
    assert_eq!(regex.0, Some(1));
    assert!(regex.1.contains("regular expression"), "{}", regex.1);
    let kubeconfig = run(&["--kubeconfig", "/nowhere/at/all"], Some(TOKEN)).unwrap();
    assert_eq!(kubeconfig.0, Some(1));
    assert!(kubeconfig.1.contains("/nowhere/at/all"), "{}", kubeconfig.1);
    let short = run(&["--max-staleness", "1s"], Some(TOKEN)).unwrap();
    assert_eq!(short.0, Some(2));
    assert!(short.1.contains("at least 3s"), "{}", short.1);
    for (_, log) in [missing, empty, regex, kubeconfig, short] {
        assert!(!log.contains(TOKEN), "{log}");
    }
}

#[tokio::test]
async fn tokens_are_read_again() {
    let hub = Hub::shared().await.unwrap();
    hub.apply(&cluster("dev", &[])).await.unwrap();
    let program = Program::on_hub(&hub, &[]).await.unwrap();
    program.ready().await.unwrap();
    let status = async |token: &str| wire::ask(program.address, token, "test").await.unwrap().status;
    let becomes = async |token: &str, wanted: u16| {
        eventually(
            "the tokens to be read again",
            Duration::from_secs(5),
            async || Ok((wire::ask(program.address, token, "test").await?.status == wanted).then_some(())),
        )
        .await
        .unwrap();
    };
    assert_eq!(status("second").await, 401);
    // Both, while Argo CD gets the new one; then the old one goes.
    std::fs::write(program.token_file(), format!("{TOKEN}\nsecond\n")).unwrap();
    becomes("second", 200).await;
    assert_eq!(status(TOKEN).await, 200);
    std::fs::write(program.token_file(), "second\n").unwrap();
    becomes(TOKEN, 401).await;
    assert_eq!(status("second").await, 200);
    // A mistake does not lock Argo CD out, and is counted.
    std::fs::write(program.token_file(), "").unwrap();
    let failures = "bridge_generator_token_reload_failures_total";
    eventually("the mistake to be counted", Duration::from_secs(5), async || {
        Ok((program.metric(failures).await? > 0.0).then_some(()))
    })
    .await
    .unwrap();
    std::fs::remove_file(program.token_file()).unwrap();
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(status("second").await, 200);
    assert!(!program.log().unwrap().contains("second\""));
}

#[tokio::test]
async fn a_sigterm_lets_requests_finish() {
    let hub = Hub::shared().await.unwrap();
    hub.apply(&cluster("dev", &[])).await.unwrap();
    let mut program = Program::on_hub(&hub, &[]).await.unwrap();
    program.ready().await.unwrap();
    assert_eq!(wire::get(program.admin, "/readyz").await.unwrap().status, 200);

    let body = wire::call("test", &serde_json::json!({"generate": "clusters"}));
    let (first, second) = body.split_at(10);
    let mut stream = TcpStream::connect(program.address).await.unwrap();
    let head = format!(
        "POST /api/v1/getparams.execute HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: {}\r\n\r\n{first}",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    program.terminate().unwrap();

    // Not ready any more, still answering: the Service has to notice first.
    eventually("readiness to go", Duration::from_secs(2), async || {
        Ok((wire::get(program.admin, "/readyz").await?.status == 503).then_some(()))
    })
    .await
    .unwrap();
    assert_eq!(program.ask("test").await.unwrap().status, 200);
    eventually(
        "new connections to be refused",
        Duration::from_secs(5),
        async || Ok(TcpStream::connect(program.address).await.is_err().then_some(())),
    )
    .await
    .unwrap();
    stream.write_all(second.as_bytes()).await.unwrap();
    let answer = wire::read(&mut stream).await.unwrap();
    assert_eq!(answer.status, 200);
    assert!(answer.body.ends_with("]}}"), "{}", answer.body);
    assert_eq!(program.end().await.unwrap().code(), Some(0));
}

#[tokio::test]
async fn a_connection_is_kept_for_who_has_a_token_only() {
    let hub = Hub::shared().await.unwrap();
    hub.apply(&cluster("dev", &[])).await.unwrap();
    let program = Program::on_hub(&hub, &[]).await.unwrap();
    program.ready().await.unwrap();
    let body = wire::call("test", &serde_json::json!({"generate": "clusters"}));
    let question = |token: &str| {
        format!(
            "POST /api/v1/getparams.execute HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let (good, bad) = (question(TOKEN), question("wrong"));
    let questions = [good.clone(), good, bad.clone(), bad].concat();
    let start = std::time::Instant::now();
    let all = wire::send(program.address, &questions).await.unwrap();
    let whole = format!("{}\n{}", all.head, all.body);
    assert_eq!(whole.to_lowercase().matches("200 ok").count(), 2, "{whole}");
    assert_eq!(whole.matches("401 Unauthorized").count(), 1, "{whole}");
    assert!(start.elapsed() < Duration::from_secs(5));
    // A head much longer than any token is not read to its end; the rest may break the connection.
    let long = format!(
        "POST / HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n",
        "x".repeat(2_000_000)
    );
    if let Ok(answer) = wire::send(program.address, &long).await {
        assert_eq!(answer.status, 431);
    }
}

#[tokio::test]
async fn connections_that_say_nothing_are_closed() {
    let hub = Hub::shared().await.unwrap();
    hub.apply(&cluster("dev", &[])).await.unwrap();
    let program = Program::on_hub(&hub, &[]).await.unwrap();
    program.ready().await.unwrap();
    let mut half_a_head = TcpStream::connect(program.address).await.unwrap();
    half_a_head
        .write_all(b"POST /api/v1/getparams.execute HTTP/1.1\r\nHost: x\r\n")
        .await
        .unwrap();
    let mut half_a_body = TcpStream::connect(program.address).await.unwrap();
    let head = format!(
        "POST /api/v1/getparams.execute HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: 100\r\n\r\n{{"
    );
    half_a_body.write_all(head.as_bytes()).await.unwrap();
    let mut nothing = TcpStream::connect(program.address).await.unwrap();
    let (nobody_reads, mut sink) = TcpStream::connect(program.address).await.unwrap().into_split();
    // One question after the other, and no look at the answers.
    let asks = async {
        let body = wire::call("test", &serde_json::json!({"generate": "clusters"}));
        let question = format!(
            "POST /api/v1/getparams.execute HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        while sink.write_all(question.as_bytes()).await.is_ok() {}
    };
    let read = async |stream: &mut TcpStream| {
        tokio::time::timeout(Duration::from_secs(25), wire::read(stream)).await
    };
    let (nothing, head, body, asks) = tokio::join!(
        read(&mut nothing),
        read(&mut half_a_head),
        read(&mut half_a_body),
        tokio::time::timeout(Duration::from_secs(40), asks),
    );
    // Without an answer, or with a 408: in any case it ended.
    assert!(nothing.is_ok() && head.is_ok());
    asks.expect("a connection whose answers nobody reads ends");
    drop(nobody_reads);
    let body = body.unwrap().unwrap();
    assert_eq!(
        (body.status, body.message().unwrap().as_str()),
        (408, "the request body did not arrive in time")
    );
}
