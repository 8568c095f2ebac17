//! Just enough HTTP to ask as Argo CD does, and to look closely at what comes back.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

/// A response as it came over the wire.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Response {
    pub(crate) fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.body).with_context(|| format!("not JSON: {}", self.body))
    }

    /// The names of the clusters in it.
    pub(crate) fn clusters(&self) -> Result<Vec<String>> {
        let json = self.json()?;
        let sets = json["output"]["parameters"]
            .as_array()
            .with_context(|| format!("no parameters in {json}"))?;
        Ok(sets
            .iter()
            .filter_map(|set| set["name"].as_str())
            .map(str::to_owned)
            .collect())
    }

    /// What Argo CD shows of a refusal.
    pub(crate) fn message(&self) -> Result<String> {
        Ok(self.json()?["message"].as_str().unwrap_or_default().to_owned())
    }
}

/// The body of a plugin call.
pub(crate) fn call(name: &str, parameters: &Value) -> String {
    json!({"applicationSetName": name, "input": {"parameters": parameters}}).to_string()
}

/// Asks for clusters as an ApplicationSet of this name, with a selector that keeps Argo CD's own entry out.
pub(crate) async fn ask(address: SocketAddr, token: &str, name: &str) -> Result<Response> {
    let selector =
        json!({"matchExpressions": [{"key": "argocd.argoproj.io/secret-type", "operator": "Exists"}]});
    let body = call(name, &json!({"generate": "clusters", "selector": selector}));
    post(address, token, &body).await
}

/// Posts a body.
pub(crate) async fn post(address: SocketAddr, token: &str, body: &str) -> Result<Response> {
    let length = body.len();
    let head = format!(
        "POST /api/v1/getparams.execute HTTP/1.1\r\nHost: generator\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    send(address, &(head + body)).await
}

/// Gets a page.
pub(crate) async fn get(address: SocketAddr, path: &str) -> Result<Response> {
    send(
        address,
        &format!("GET {path} HTTP/1.1\r\nHost: generator\r\nConnection: close\r\n\r\n"),
    )
    .await
}

/// Sends bytes and reads to the end of the connection.
pub(crate) async fn send(address: SocketAddr, request: &str) -> Result<Response> {
    let exchange = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(request.as_bytes()).await?;
        read(&mut stream).await
    };
    timeout(Duration::from_secs(20), exchange)
        .await
        .context("no answer within 20 s")?
}

/// Reads a response to the end of the connection.
pub(crate) async fn read(stream: &mut TcpStream) -> Result<Response> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await?;
    let text = String::from_utf8(bytes)?;
    let (head, body) = text
        .split_once("\r\n\r\n")
        .with_context(|| format!("not HTTP: {text:?}"))?;
    let status = head.split(' ').nth(1).context("no status")?.parse()?;
    Ok(Response {
        status,
        head: head.to_lowercase(),
        body: body.to_owned(),
    })
}
