//! The ratios to nginx as bars, as SVG.

use std::fmt::Write as _;

use crate::lab::goals::{OURS, goals};
use crate::lab::report::markdown::title;
use crate::lab::table::Table;

const WIDTH: f64 = 860.0;
/// Where the bars begin: right of the names.
const LEFT: f64 = 330.0;
/// What is left for the figures behind the longest bar.
const RIGHT: f64 = 70.0;
const BAR: f64 = 16.0;
const PITCH: f64 = 21.0;
const HEADING: f64 = 34.0;
/// Longer bars are cut, and say so by their figure: one slow server must not flatten the others.
const LONGEST: f64 = 12.0;

/// A group for each scenario that has ratios; bars from zero, a line from the least to the most, and
/// a dashed line where the goal is.
pub(crate) fn ratios(tables: &[Table]) -> String {
    let mut body = String::new();
    let mut y = 50.0;
    for table in tables.iter().filter(|table| has_ratios(table)) {
        y += group(table, y, &mut body);
    }
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0}" font-family="sans-serif" font-size="13">
<rect width="100%" height="100%" fill="#fff"/>
<text x="12" y="26" font-size="17" fill="#111">CPU time, nginx = 1 (median; line: least to most; dashed: goal)</text>
{body}</svg>
"##,
        height = y + 10.0,
    )
}

fn has_ratios(table: &Table) -> bool {
    table.columns.get(table.main).is_some_and(|column| column.name == "ratio")
        && table.series.is_empty()
}

/// Draws one scenario; its height.
fn group(table: &Table, top: f64, svg: &mut String) -> f64 {
    let cells =
        |index: usize| table.rows.iter().filter_map(move |row| row.cells.get(index)?.as_ref());
    let most = cells(table.main).map(|cell| cell.most).fold(2.0, f64::max).min(LONGEST);
    let scale = (WIDTH - LEFT - RIGHT) / most;
    let at = |value: f64| value.clamp(0.0, most).mul_add(scale, LEFT);
    let _ = writeln!(
        svg,
        r##"<text x="12" y="{:.0}" font-weight="bold" fill="#111">{}</text>"##,
        top + 20.0,
        title(table.scenario)
    );
    let mut y = top + HEADING;
    for row in &table.rows {
        let Some(cell) = row.cells.get(table.main).copied().flatten() else { continue };
        let (fill, middle) = (if row.peer == OURS { "#2f6fb0" } else { "#b8bec6" }, y + BAR / 2.0);
        let _ = writeln!(
            svg,
            r##"<text x="{name_x}" y="{text_y:.0}" text-anchor="end" fill="#111">{name}</text>
<rect x="{LEFT}" y="{y:.0}" width="{length:.1}" height="{BAR}" fill="{fill}"/>
<line x1="{least:.1}" x2="{most:.1}" y1="{middle:.0}" y2="{middle:.0}" stroke="#111" stroke-width="1.5"/>
<text x="{figure_x:.1}" y="{text_y:.0}" fill="#111">{figure:.2}</text>"##,
            name_x = LEFT - 8.0,
            text_y = middle + 4.5,
            name = row.label(),
            length = at(cell.median) - LEFT,
            least = at(cell.least),
            most = at(cell.most),
            figure_x = at(cell.most.max(cell.median)) + 6.0,
            figure = cell.median,
        );
        y += PITCH;
    }
    if let Some((_, goal)) = goals(table.scenario).iter().find(|(column, _)| *column == table.main)
    {
        let _ = writeln!(
            svg,
            r##"<line x1="{x:.1}" x2="{x:.1}" y1="{from:.0}" y2="{y:.0}" stroke="#c0392b" stroke-dasharray="4 3"/>"##,
            x = at(*goal),
            from = top + HEADING - 4.0,
        );
    }
    y + 8.0 - top
}
