use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};
use std::net::TcpListener;
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

fn random_port() -> u16 {
    let width = u64::from(RANGE.end - RANGE.start);
    // Each RandomState has new keys: randomness enough, without a crate for it.
    let offset = RandomState::new().hash_one(std::process::id()) % width;
    RANGE.start + u16::try_from(offset).unwrap_or(0)
}
