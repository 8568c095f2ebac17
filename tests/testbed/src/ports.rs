use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, PoisonError};

use anyhow::{Result, bail};

/// Below the range from which the kernel takes the ports of outgoing connections: asking it for "any free port" gives
/// one that any client may take again before the server that is meant to have it has started.
const RANGE: std::ops::Range<u16> = 12_000..32_000;

/// A loopback port that nothing listens on now and that this process has not handed out before. Another process may
/// still take it first, so whoever starts a server on it has to be ready to try again with another.
pub(crate) fn free() -> Result<u16> {
    static HANDED_OUT: LazyLock<Mutex<HashSet<u16>>> = LazyLock::new(Mutex::default);
    let mut handed_out = HANDED_OUT.lock().unwrap_or_else(PoisonError::into_inner);
    for _ in 0..10_000 {
        let port = random_port();
        if !handed_out.contains(&port) && TcpListener::bind(("127.0.0.1", port)).is_ok() {
            handed_out.insert(port);
            return Ok(port);
        }
    }
    bail!("no free loopback port between {} and {}", RANGE.start, RANGE.end)
}

/// Whether a process listens on a port: a connection that is accepted does not tell who accepted it.
pub(crate) fn is_held_by(port: u16, pid: u32) -> bool {
    let Ok(files) = std::fs::read_dir(format!("/proc/{pid}/fd")) else {
        return false;
    };
    let open: HashSet<PathBuf> = files
        .filter_map(|file| std::fs::read_link(file.ok()?.path()).ok())
        .collect();
    ["/proc/net/tcp", "/proc/net/tcp6"].into_iter().any(|table| {
        let table = std::fs::read_to_string(table).unwrap_or_default();
        table.lines().any(|line| {
            listening_socket(line, port)
                .is_some_and(|inode| open.contains(Path::new(&format!("socket:[{inode}]"))))
        })
    })
}

/// The inode of a socket in a line of /proc/net/tcp, if it listens on a port. The fields: number, local address,
/// remote address, state, queues, timers, retransmissions, user, timeout, inode (proc(5)).
fn listening_socket(line: &str, port: u16) -> Option<&str> {
    const LISTEN: &str = "0A";
    let fields: Vec<&str> = line.split_whitespace().collect();
    let (_, local_port) = fields.get(1)?.rsplit_once(':')?;
    let is_it = u16::from_str_radix(local_port, 16).ok()? == port && *fields.get(3)? == LISTEN;
    is_it.then(|| fields.get(9).copied()).flatten()
}

fn random_port() -> u16 {
    let width = u64::from(RANGE.end - RANGE.start);
    // Each RandomState has new keys: randomness enough, without a crate for it.
    let offset = RandomState::new().hash_one(std::process::id()) % width;
    RANGE.start + u16::try_from(offset).unwrap_or(0)
}
