//! The main figure of every scenario and every server, in one table.

use std::fmt::Write as _;

use crate::lab::goals::{OURS, goals};
use crate::lab::options::Scenario;
use crate::lab::report::markdown::title;
use crate::lab::table::Table;

/// One line for each scenario, one column for each server.
pub(crate) fn table(tables: &[Table]) -> String {
    let mut peers: Vec<&str> = Vec::new();
    for row in tables.iter().flat_map(|table| &table.rows) {
        if !peers.contains(&row.peer.as_str()) && row.peer != OURS {
            peers.push(&row.peer);
        }
    }
    peers.push(OURS);
    let mut text = format!("| | {} | goal | |\n|---|", peers.join(" | "));
    text.push_str(&"---|".repeat(peers.len() + 2));
    for table in tables.iter().filter(|table| table.scenario != Scenario::Scale) {
        for (index, column) in table.columns.iter().enumerate() {
            let goal = goals(table.scenario).iter().find(|(column, _)| *column == index);
            if index != table.main && goal.is_none() {
                continue;
            }
            let _ = write!(text, "\n| {}, {} |", title(table.scenario), column.name);
            for peer in &peers {
                let cell = table.cell(peer, index);
                let cell = cell.map(|cell| format!("{:.*}", column.digits, cell.median));
                let _ = write!(text, " {} |", cell.unwrap_or_default());
            }
            let ours = table.cell(OURS, index);
            let verdict = goal.zip(ours).map(
                |((_, most), ours)| {
                    if ours.median <= *most { "met" } else { "missed" }
                },
            );
            let goal = goal.map(|(_, most)| format!("≤ {most}")).unwrap_or_default();
            let _ = write!(text, " {goal} | {} |", verdict.unwrap_or_default());
        }
    }
    text + "\n"
}
