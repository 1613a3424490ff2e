//! Ports for servers that cannot choose one themselves.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering};

/// Below those that a system gives away by itself (from 32,768 on Linux): what is free now is nobody else's by
/// the time that the server listens or is started again, and whoever waits for it does not connect to itself.
const FIRST: u32 = 20_000;
const COUNT: u32 = 12_000;

/// A port that nobody has, and that no other call in this process gives.
pub(crate) fn free() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    // Processes that run at one time begin at different places.
    let begin = std::process::id() % COUNT * 97;
    let ports = (0..COUNT).map(|_| begin + NEXT.fetch_add(1, Ordering::Relaxed));
    let mut ports = ports.map(|number| u16::try_from(FIRST + number % COUNT).unwrap());
    let free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    ports.find(free).expect("one of twelve thousand ports is free")
}
