//! How many calls a second the service answers, how fast, and with how much memory: the real program on a folder hub.
//!
//! `cargo bench -p bridge-generator --bench load -- [CLUSTERS] [CONNECTIONS] [SECONDS]`

#![expect(clippy::print_stdout, reason = "a table for people")]
#![expect(clippy::cast_precision_loss, reason = "counts of calls are far below 2^52")]

use std::{
    fmt::Write as _,
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
    task::JoinSet,
};

const TOKEN: &str = "a-token-for-the-load-only";
/// Toggles on each cluster, as in the pattern.
const TOGGLES: usize = 48;

/// The program, killed on drop.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    // cargo adds `--bench`.
    let mut numbers = std::env::args()
        .skip(1)
        .filter_map(|argument| argument.parse::<usize>().ok());
    let clusters = numbers.next().unwrap_or(1000);
    let connections = numbers.next().unwrap_or(10);
    let time = Duration::from_secs(u64::try_from(numbers.next().unwrap_or(5))?);
    let dir = tempfile::tempdir()?;
    write_fleet(dir.path(), clusters)?;
    let (program, address) = start(dir.path()).await?;
    println!(
        "{clusters} clusters of {TOGGLES} toggles, {connections} connections, {} s each",
        time.as_secs()
    );
    println!(
        "{:<34} {:>8} {:>9} {:>9} {:>9} {:>9}",
        "asked for", "bytes", "calls/s", "p50 ms", "p99 ms", "max ms"
    );
    let dev = json!({"matchLabels": {"environment": "dev"}});
    for (what, parameters) in [
        ("all clusters", json!({"generate": "clusters"})),
        (
            "one environment of four",
            json!({"generate": "clusters", "selector": dev}),
        ),
        (
            "no cluster",
            json!({"generate": "clusters", "selector": {"matchLabels": {"environment": "none"}}}),
        ),
        (
            "all clusters, three fields",
            json!({"generate": "clusters", "fields": ["name", "server", "metadata.labels.environment"]}),
        ),
        (
            "all clusters, as a flat list",
            json!({"generate": "clusters", "flatList": true}),
        ),
    ] {
        let row = load(address, &parameters, connections, time)
            .await
            .context(what)?;
        println!("{what:<34} {row}");
    }
    println!("memory of the service: {} MiB", resident(&program)? / 1024);
    Ok(())
}

fn write_fleet(dir: &Path, clusters: usize) -> Result<()> {
    let folder = dir.join("clusters");
    std::fs::create_dir(&folder)?;
    std::fs::write(dir.join("tokens"), TOKEN)?;
    for n in 0..clusters {
        let environment = ["dev", "staging", "prod", "test"][n % 4];
        let mut labels = json!({"argocd.argoproj.io/secret-type": "cluster", "environment": environment});
        for toggle in 0..TOGGLES {
            labels[format!("enable_addon_{toggle:02}")] =
                if (n + toggle) % 5 == 0 { "true" } else { "false" }.into();
        }
        let mut annotations = json!({});
        for key in 0..20 {
            annotations[format!("fact_{key:02}")] =
                format!("arn:aws:iam::111122223333:role/cluster-{n}-{key}").into();
        }
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": format!("cluster-{n:04}"), "labels": labels, "annotations": annotations},
            "stringData": {"name": format!("cluster-{n:04}"), "server": format!("https://{n:04}.eks.example")},
        });
        std::fs::write(folder.join(format!("{n:04}.json")), secret.to_string())?;
    }
    Ok(())
}

/// Starts the program and waits until it answers.
async fn start(dir: &Path) -> Result<(Program, SocketAddr)> {
    let log = std::fs::File::create(dir.join("log"))?;
    let child = Command::new(env!("CARGO_BIN_EXE_bridge-generator"))
        .args([
            "--listen",
            "127.0.0.1:0",
            "--admin-listen",
            "127.0.0.1:0",
            "--hub-dir",
        ])
        .arg(dir)
        .arg("--token-file")
        .arg(dir.join("tokens"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()?;
    let program = Program(child);
    let deadline = Instant::now() + Duration::from_mins(1);
    while Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let log = std::fs::read_to_string(dir.join("log"))?;
        if !log.contains("new fleet") {
            continue;
        }
        let line = log.lines().find(|line| line.contains("\"--listen\""));
        let line: Value = serde_json::from_str(line.context("it does not listen")?)?;
        return Ok((program, line["address"].as_str().context("no address")?.parse()?));
    }
    bail!("it is not ready: {}", std::fs::read_to_string(dir.join("log"))?)
}

/// Asks over and over; gives a row of the table.
async fn load(address: SocketAddr, parameters: &Value, connections: usize, time: Duration) -> Result<String> {
    let body = json!({"applicationSetName": "load", "input": {"parameters": parameters}}).to_string();
    let request = format!(
        "POST /api/v1/getparams.execute HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let start = Instant::now();
    let mut clients = JoinSet::new();
    for _ in 0..connections {
        clients.spawn(client(address, request.clone(), start + time));
    }
    let (mut took, mut bytes) = (Vec::new(), 0);
    while let Some(client) = clients.join_next().await {
        let (times, length) = client??;
        took.extend(times);
        bytes = length;
    }
    let a_second = took.len() as f64 / start.elapsed().as_secs_f64();
    took.sort_unstable();
    let mut row = format!("{bytes:>8} {a_second:>9.0}");
    for at in [took.len() / 2, took.len() * 99 / 100, took.len() - 1] {
        write!(row, " {:>9.2}", took[at].as_secs_f64() * 1000.0)?;
    }
    Ok(row)
}

/// One connection that is kept: the time of each call, and the length of an answer.
async fn client(address: SocketAddr, request: String, until: Instant) -> Result<(Vec<Duration>, usize)> {
    let mut stream = BufReader::with_capacity(256 * 1024, TcpStream::connect(address).await?);
    let (mut took, mut line, mut body) = (Vec::new(), String::new(), Vec::new());
    while Instant::now() < until || took.is_empty() {
        let start = Instant::now();
        stream.get_mut().write_all(request.as_bytes()).await?;
        line.clear();
        stream.read_line(&mut line).await?;
        if !line.starts_with("HTTP/1.1 200 ") {
            bail!("refused: {line}");
        }
        let mut length = 0;
        loop {
            line.clear();
            stream.read_line(&mut line).await?;
            let Some((name, value)) = line.split_once(':') else {
                break;
            };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse()?;
            }
        }
        body.resize(length, 0);
        stream.read_exact(&mut body).await?;
        took.push(start.elapsed());
    }
    Ok((took, body.len()))
}

/// Resident memory in KiB, where the system tells.
fn resident(program: &Program) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", program.0.id()))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    Ok(number.context("no VmRSS")?.parse()?)
}
