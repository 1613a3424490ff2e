//! Tables, readable in a terminal and on a page.

use std::fmt::Write as _;

use crate::lab::goals::{OURS, goals};
use crate::lab::options::Scenario;
use crate::lab::stats::Spread;
use crate::lab::table::{Row, Table};

/// One scenario, with its remarks.
pub(crate) fn table(table: &Table) -> String {
    let made = &table.made;
    let how = match table.scenario {
        Scenario::Instructions | Scenario::Memory => String::new(),
        Scenario::Start => format!(", {} rounds", made.rounds),
        Scenario::Plain | Scenario::Tls | Scenario::Websocket | Scenario::Http2 => {
            format!(
                ", {} rounds of {} s, {} connections",
                made.rounds, made.seconds, made.connections
            )
        }
        _ => format!(", {} rounds of {} s", made.rounds, made.seconds),
    };
    let mut text = format!(
        "### {}\n\n`{}` profile{how}; median (least–most)\n\n| |",
        title(table.scenario),
        made.profile,
    );
    for column in &table.columns {
        let _ = write!(text, " {} |", column.name);
    }
    let with_goals = !goals(table.scenario).is_empty();
    text.push_str(if with_goals { " goal |\n|---|" } else { "\n|---|" });
    text.push_str(&"---|".repeat(table.columns.len() + usize::from(with_goals)));
    for row in &table.rows {
        let _ = write!(text, "\n| {} |", row.label());
        for (index, column) in table.columns.iter().enumerate() {
            let cell = row.cells.get(index).copied().flatten();
            let cell = cell.map(|cell| around(cell, column.digits)).unwrap_or_default();
            let bold = if index == table.main && !cell.is_empty() { "**" } else { "" };
            let _ = write!(text, " {bold}{cell}{bold} |");
        }
        if with_goals {
            let _ = write!(text, " {} |", verdicts(table, row));
        }
    }
    text.push('\n');
    for remark in &table.remarks {
        let _ = writeln!(text, "\n{remark}");
    }
    if !table.absent.is_empty() {
        text.push('\n');
    }
    for absent in &table.absent {
        let _ = writeln!(text, "- {} is missing: {}", absent.peer, absent.why);
    }
    text
}

/// Whether the row does what it must, with each goal.
fn verdicts(table: &Table, row: &Row) -> String {
    if row.peer != OURS {
        return String::new();
    }
    let verdict = |(index, most): &(usize, f64)| {
        let column = table.columns.get(*index)?;
        let found = row.cells.get(*index).copied().flatten()?.median;
        let word = if found <= *most { "met" } else { "**missed**" };
        Some(format!("{} ≤ {most}: {word}", column.name))
    };
    goals(table.scenario).iter().filter_map(verdict).collect::<Vec<_>>().join("; ")
}

/// What a scenario is about.
pub(crate) const fn title(scenario: Scenario) -> &'static str {
    match scenario {
        Scenario::Plain => "Plain proxy, HTTP/1.1 keep-alive",
        Scenario::Tls => "The same over TLS 1.3",
        Scenario::Handshake => "Full TLS handshakes",
        Scenario::Minted => "Session verified, EdDSA token per request",
        Scenario::Shared => "The same, token shared for 30 s",
        Scenario::BearerEs256 => "Bearer ES256, verified tokens remembered",
        Scenario::BearerRs256 => "Bearer RS256, each verified",
        Scenario::Events => "Event streams, 50 streams × 50 events/s",
        Scenario::Websocket => "WebSocket echo",
        Scenario::Http2 => "HTTP/2 from the client, over TLS",
        Scenario::Instructions => "User-mode instructions per request",
        Scenario::Memory => "Memory",
        Scenario::Login => "Logins",
        Scenario::Start => "Cold start",
        Scenario::Scale => "Scale",
    }
}

/// A median with its spread.
pub(crate) fn around(spread: Spread, digits: usize) -> String {
    let Spread { median, least, most } = spread;
    if least.to_bits() == most.to_bits() {
        return format!("{median:.digits$}");
    }
    format!("{median:.digits$} ({least:.digits$}–{most:.digits$})")
}
