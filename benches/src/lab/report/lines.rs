//! Cost over size, as SVG: flat is what it should be.

use std::fmt::Write as _;

use crate::lab::table::Series;

const WIDTH: f64 = 300.0;
const HEIGHT: f64 = 220.0;
const LEFT: f64 = 52.0;
const TOP: f64 = 60.0;

/// One chart for each series: sizes on a logarithmic axis, CPU from zero.
pub(crate) fn scale(all: &[Series]) -> String {
    let most = all.iter().flat_map(|series| &series.points).map(|(_, cost)| cost.most);
    let most = most.fold(1.0, f64::max) * 1.1;
    let mut body = String::new();
    let mut left = LEFT;
    for series in all {
        chart(series, left, most, &mut body);
        left += WIDTH;
    }
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {left:.0} {height:.0}" font-family="sans-serif" font-size="13">
<rect width="100%" height="100%" fill="#fff"/>
<text x="12" y="26" font-size="17" fill="#111">Portcullis: CPU µs per request, as things grow (median; line: least to most)</text>
{body}</svg>
"##,
        height = TOP + HEIGHT + 50.0,
    )
}

fn chart(series: &Series, left: f64, most: f64, svg: &mut String) {
    let last = series.points.iter().map(|(size, _)| *size).fold(10.0, f64::max).log10();
    let x = |size: f64| (size.max(1.0).log10() / last).mul_add(WIDTH - 90.0, left);
    let y = |cost: f64| (1.0 - cost / most).mul_add(HEIGHT, TOP);
    let bottom = y(0.0);
    let _ = writeln!(
        svg,
        r##"<line x1="{left:.0}" x2="{end:.0}" y1="{bottom:.0}" y2="{bottom:.0}" stroke="#888"/>
<text x="{middle:.0}" y="{below:.0}" text-anchor="middle" fill="#111">{of}</text>"##,
        end = x(10_f64.powf(last)) + 10.0,
        middle = left + (WIDTH - 90.0) / 2.0,
        below = bottom + 38.0,
        of = series.of,
    );
    let mut path = String::new();
    for (size, cost) in &series.points {
        let (at, height) = (x(*size), y(cost.median));
        let _ = write!(path, "{at:.1},{height:.1} ");
        let _ = writeln!(
            svg,
            r##"<line x1="{at:.1}" x2="{at:.1}" y1="{least:.1}" y2="{high:.1}" stroke="#111"/>
<circle cx="{at:.1}" cy="{height:.1}" r="4" fill="#2f6fb0"/>
<text x="{at:.1}" y="{above:.1}" text-anchor="middle" fill="#111">{cost:.0}</text>
<text x="{at:.1}" y="{under:.1}" text-anchor="middle" fill="#555">{size}</text>"##,
            least = y(cost.least),
            high = y(cost.most),
            above = y(cost.most) - 8.0,
            under = bottom + 18.0,
            cost = cost.median,
        );
    }
    let _ = writeln!(
        svg,
        r##"<polyline points="{path}" fill="none" stroke="#2f6fb0" stroke-width="2"/>"##
    );
}
