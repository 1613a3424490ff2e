//! Checks of `[audit]`.

use crate::config::audit::AuditSink;
use crate::config::check::findings::Problem;
use crate::config::root::Config;
use crate::config::size::ByteSize;

/// A file of so few lines would be put aside all the time.
const LEAST: ByteSize = ByteSize::kib(64);
/// Each rotation renames them all.
const MOST_KEPT: u32 = 1_000;

pub(super) fn check(config: &Config, problems: &mut Vec<Problem>) {
    let sinks = &config.audit.sinks;
    if sinks.is_empty() {
        let remedy = "leave [audit] out: the events then go to the log";
        problems.push(Problem::new("audit.sinks", "nobody could tell what happened", remedy));
    }
    for (index, sink) in sinks.iter().enumerate() {
        let mut wrong = |key: &str, message: &str, remedy: &str| {
            problems.push(Problem::new(format!("audit.sinks[{index}]{key}"), message, remedy));
        };
        if sinks.iter().take(index).any(|other| is_same(sink, other)) {
            wrong("", "there is such a sink already", "leave one out");
        }
        if let AuditSink::File { max_size, keep, .. } = sink {
            if *max_size < LEAST {
                wrong(".max_size", "it is less than 64KiB", "use for instance \"100MiB\"");
            }
            if *keep > MOST_KEPT {
                wrong(".keep", "it is more than 1000", "keep larger files instead: max_size");
            }
        }
    }
}

fn is_same(one: &AuditSink, other: &AuditSink) -> bool {
    match (one, other) {
        (AuditSink::File { path: one, .. }, AuditSink::File { path: other, .. }) => one == other,
        _ => one == other,
    }
}
