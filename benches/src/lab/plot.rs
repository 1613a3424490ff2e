//! A plot of CPU per request, as SVG.

use std::fmt::Write as _;

use crate::lab::load::Row;

const WIDTH: f64 = 760.0;
/// Where the bars begin: right of the names.
const LEFT: f64 = 220.0;
/// What is left for the figures behind the longest bar.
const RIGHT: f64 = 140.0;
const BAR: f64 = 26.0;
const PITCH: f64 = 44.0;
const TOP: f64 = 48.0;

/// One bar for each row, from zero; a line from the least to the most.
pub(super) fn bars(rows: &[Row]) -> String {
    let longest = rows.iter().map(|row| row.cpu_us.most).fold(f64::MIN_POSITIVE, f64::max);
    let scale = (WIDTH - LEFT - RIGHT) / longest;
    let lines = rows.iter().fold(0.0, |sum, _| sum + PITCH);
    let height = TOP + lines + 8.0;
    let mut svg = format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="14">
<rect width="100%" height="100%" fill="#fff"/>
<text x="12" y="26" font-size="16" fill="#111">CPU per request in µs, all processes of the server (median; line: least to most)</text>
"##
    );
    let mut y = TOP;
    for (index, row) in rows.iter().enumerate() {
        let fill = if index == 0 { "#8a94a6" } else { "#2f6fde" };
        let (length, middle) = (row.cpu_us.median * scale, y + BAR / 2.0);
        let (least, most) = (LEFT + row.cpu_us.least * scale, LEFT + row.cpu_us.most * scale);
        let _ = writeln!(
            svg,
            r##"<text x="{name_x}" y="{text_y}" text-anchor="end" fill="#111">{name}</text>
<rect x="{LEFT}" y="{y}" width="{length:.1}" height="{BAR}" fill="{fill}"/>
<line x1="{least:.1}" x2="{most:.1}" y1="{middle}" y2="{middle}" stroke="#111" stroke-width="2"/>
<text x="{figure_x:.1}" y="{text_y}" fill="#111">{cpu:.1} µs = {ratio:.2} ×</text>"##,
            name_x = LEFT - 10.0,
            text_y = middle + 5.0,
            name = row.name,
            figure_x = most.max(LEFT + length) + 8.0,
            cpu = row.cpu_us.median,
            ratio = row.ratio.median,
        );
        y += PITCH;
    }
    svg + "</svg>\n"
}
