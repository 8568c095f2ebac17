//! The real service, with the arguments of the Deployment and the rights of its ServiceAccount.

use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use testbed::{Hub, eventually};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::hub::{get, hub, ok};
use crate::token::{key, token};

/// Runs the command in `$@` until standard input closes, which it does even when this process is killed.
const WRAPPER: &str = r#"exec 3<&0 </dev/null; "$@" 3<&- & child=$!; read -r _ <&3; kill -KILL "$child""#;

/// `bridge-generator` as the Deployment runs it, but on loopback.
pub(crate) struct Service {
    _process: Child,
    _folder: tempfile::TempDir,
    log: std::path::PathBuf,
    port: u16,
    admin: u16,
}

impl Service {
    /// Starts it and waits until it is ready, by the readiness probe of the Deployment.
    pub(crate) async fn start(hub: &Hub) -> Self {
        let kubeconfig = hub.kubeconfig_for("bridge-generator").await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let tokens = folder.path().join("tokens");
        std::fs::write(&tokens, key(hub, hub.namespace(), "tokens").await).unwrap();
        let container =
            get(hub, "deployment", "bridge-generator").await["spec"]["template"]["spec"]["containers"][0]
                .take();
        let (port, admin) = (free_port(), free_port());
        let log = folder.path().join("log");
        let output = std::fs::File::create(&log).unwrap();
        let process = Command::new("sh")
            .args(["-c", WRAPPER, "sh", env!("CARGO_BIN_EXE_bridge-generator")])
            .args(arguments(&container, hub.namespace(), &tokens))
            .arg("--kubeconfig")
            .arg(kubeconfig)
            .arg(format!("--listen=127.0.0.1:{port}"))
            .arg(format!("--admin-listen=127.0.0.1:{admin}"))
            .stdin(Stdio::piped())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .spawn()
            .unwrap();
        let service = Self {
            _process: process,
            _folder: folder,
            log,
            port,
            admin,
        };
        let probe = container["readinessProbe"]["httpGet"]["path"].as_str().unwrap();
        let ready = eventually("the service to be ready", Duration::from_secs(30), async || {
            service.admin(probe).await.map(Some)
        })
        .await;
        assert!(ready.is_ok(), "{:#}\n{}", ready.unwrap_err(), service.log());
        let probe = container["livenessProbe"]["httpGet"]["path"].as_str().unwrap();
        service.admin(probe).await.unwrap();
        service
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// A page of the admin port, if it answers 200.
    async fn admin(&self, path: &str) -> Result<String> {
        match exchange(self.admin, &format!("GET {path} HTTP/1.0\r\nHost: x\r\n\r\n")).await? {
            (200, body) => Ok(body),
            (code, body) => bail!("{path} answers {code}: {body}"),
        }
    }

    /// Asks as Argo CD does.
    async fn ask(&self, bearer: &str, parameters: &Value) -> (u16, Value) {
        let body = json!({"applicationSetName": "asks", "input": {"parameters": parameters}}).to_string();
        let request = format!(
            "POST /api/v1/getparams.execute HTTP/1.0\r\nHost: x\r\nAuthorization: Bearer {bearer}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let (code, body) = exchange(self.port, &request).await.unwrap();
        (code, serde_json::from_str(&body).unwrap())
    }
}

/// The arguments of the container, as the kubelet would expand them, with the mounted file at its place here.
fn arguments(container: &Value, namespace: &str, tokens: &Path) -> Vec<String> {
    let mount = container["volumeMounts"][0]["mountPath"].as_str().unwrap();
    assert_eq!(container["env"][0]["name"], "NAMESPACE");
    assert_eq!(
        container["env"][0]["valueFrom"]["fieldRef"]["fieldPath"],
        "metadata.namespace"
    );
    container["args"]
        .as_array()
        .unwrap()
        .iter()
        .map(|argument| argument.as_str().unwrap().replace("$(NAMESPACE)", namespace))
        .map(|argument| argument.replace(&format!("{mount}/tokens"), tokens.to_str().unwrap()))
        .collect()
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

/// One HTTP/1.0 exchange: status and body.
async fn exchange(port: u16, request: &str) -> Result<(u16, String)> {
    let exchange = async {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        anyhow::Ok(answer)
    };
    let answer = tokio::time::timeout(Duration::from_secs(10), exchange)
        .await
        .context("no answer within 10 s")??;
    let (head, body) = answer.split_once("\r\n\r\n").context("no head")?;
    let code = head
        .split(' ')
        .nth(1)
        .and_then(|code| code.parse().ok())
        .context("no status")?;
    Ok((code, body.to_owned()))
}

#[tokio::test]
async fn the_service_answers_and_refreshes_with_the_rights_of_its_account() {
    let hub = hub().await;
    assert_eq!(token(hub, hub.namespace(), "create").0, Some(0));
    let on = json!({"enable_served": "true"});
    hub.apply(&crate::hub::cluster("served", &on, &json!({})).to_string())
        .await
        .unwrap();
    let mut set = crate::hub::applicationset("served");
    let served = json!({"matchLabels": {"enable_served": "true"}});
    set["spec"]["generators"][0]["plugin"]["input"]["parameters"]["selector"] = served.clone();
    hub.apply(&set.to_string()).await.unwrap();
    let service = Service::start(hub).await;

    // The token as Argo CD finds it: $SECRET:KEY of the ConfigMap.
    let config = get(hub, "configmap", "bridge-generator").await["data"].take();
    let (secret, name) = config["token"]
        .as_str()
        .unwrap()
        .strip_prefix('$')
        .unwrap()
        .split_once(':')
        .unwrap();
    assert_eq!(secret, "bridge-generator-token");
    let bearer = key(hub, hub.namespace(), name).await;
    let question = json!({"generate": "clusters", "selector": served});
    let (code, answer) = service.ask(&bearer, &question).await;
    assert_eq!(code, 200, "{answer}");
    let parameters = answer["output"]["parameters"].as_array().unwrap();
    assert_eq!(parameters.len(), 1, "{answer}");
    assert_eq!(parameters[0]["server"], "https://served.example.com");
    assert_eq!(service.ask("wrong", &question).await.0, 401);

    // A toggle that this set reads: the service asks for its refresh, which the policy lets through.
    ok(
        hub,
        &["label", "secret", "served", "enable_served=false", "--overwrite"],
    )
    .await;
    let refresh = eventually("the refresh", Duration::from_secs(20), async || {
        let set = get(hub, "applicationset", "served").await;
        let value = &set["metadata"]["annotations"]["argocd.argoproj.io/application-set-refresh"];
        Ok(value.as_str().map(str::to_owned))
    })
    .await;
    assert!(refresh.is_ok(), "{:#}\n{}", refresh.unwrap_err(), service.log());
    let everything = format!("{}{}", service.log(), service.admin("/metrics").await.unwrap());
    for secret in ["planted-credential", &bearer] {
        assert!(
            !everything.contains(secret),
            "a credential is in the log or the metrics"
        );
    }
    assert!(!everything.to_lowercase().contains("forbidden"), "{everything}");
}

/// The ports in the manifests are the ones that the program listens on by itself.
#[tokio::test]
async fn the_ports_fit_together() {
    let hub = hub().await;
    let container =
        get(hub, "deployment", "bridge-generator").await["spec"]["template"]["spec"]["containers"][0].take();
    let help = Command::new(env!("CARGO_BIN_EXE_bridge-generator"))
        .arg("--help")
        .output()
        .await
        .unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    for port in container["ports"].as_array().unwrap() {
        let number = port["containerPort"].as_u64().unwrap();
        assert!(
            help.contains(&format!("[default: [::]:{number}]")),
            "{port}\n{help}"
        );
    }
    let service = get(hub, "service", "bridge-generator").await["spec"].take();
    assert_eq!(service["ports"][0]["targetPort"], "http");
    let config = get(hub, "configmap", "bridge-generator").await["data"].take();
    // Argo CD is told the Service, whose port is the one that http means.
    assert_eq!(config["baseUrl"], "http://bridge-generator.argocd.svc");
    assert_eq!(service["ports"][0]["port"], 80);
    let policy = get(hub, "networkpolicy", "bridge-generator").await["spec"].take();
    assert_eq!(policy["ingress"][0]["ports"][0]["port"], "http");
}
