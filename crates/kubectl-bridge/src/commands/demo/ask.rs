//! A question to the service, in the words of Argo CD's plugin client (`applicationset/services/plugin`).

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    net::SocketAddr,
    time::Duration,
};

use anyhow::{Context as _, bail};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// Where Argo CD posts.
pub const PATH: &str = "/api/v1/getparams.execute";

/// How long the answer may take.
const DEADLINE: Duration = Duration::from_secs(10);

/// What came back.
pub struct Answer {
    /// `200 OK`.
    pub status: String,
    /// The body.
    pub body: Value,
}

/// A token for the seconds that the demonstration runs, on loopback: two hashes with the keys that the standard library
/// draws from the system.
pub fn token() -> String {
    let random = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", random(), random())
}

/// Posts the question. One request on one connection needs no HTTP library.
pub async fn ask(address: SocketAddr, token: &str, question: &Value) -> anyhow::Result<Answer> {
    let body = question.to_string();
    let head = format!(
        "POST {PATH} HTTP/1.1\r\nHost: {address}\r\nUser-Agent: argocd-applicationset\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let answer = timeout(DEADLINE, async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(body.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        std::io::Result::Ok(answer)
    })
    .await
    .context("no answer from the service")?
    .context("asking the service")?;
    read(&answer)
}

fn read(answer: &str) -> anyhow::Result<Answer> {
    let Some((head, body)) = answer.split_once("\r\n\r\n") else {
        bail!("the service answered no HTTP");
    };
    let status = head
        .lines()
        .next()
        .and_then(|line| line.split_once(' '))
        .map(|(_, status)| status.to_owned())
        .context("the service answered no HTTP")?;
    let body =
        serde_json::from_str(body).with_context(|| format!("the service answered {status}, not in JSON"))?;
    Ok(Answer { status, body })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers() {
        let answer = read("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 2\r\n\r\n{}").unwrap();
        assert_eq!(answer.status, "503 Service Unavailable");
        assert!(read("nonsense").is_err());
        assert!(read("HTTP/1.1 200 OK\r\n\r\n<html>").is_err());
        assert_ne!(token(), token());
    }
}
