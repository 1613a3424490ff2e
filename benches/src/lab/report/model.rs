//! How many machines a load needs, computed from the figures.

use crate::lab::goals::OURS;
use crate::lab::options::Scenario;
use crate::lab::report::Report;

/// The share of a machine that may be busy: the rest is for peaks and for a machine that is lost.
const BUSY: f64 = 0.6;
/// What an operator may assume of one machine.
const CORES: f64 = 16.0;
const MEMORY_GIB: f64 = 32.0;

/// The model, with the figures that are there.
pub(crate) fn text(report: &Report) -> String {
    let cell = |scenario, column| report.table(scenario)?.cell(OURS, column);
    let cpu = |scenario| cell(scenario, 0).map(|cell| cell.median);
    let mut text = format!(
        "A machine with C = {CORES} such cores and M = {MEMORY_GIB} GiB, at most {:.0} % busy \
         (the rest is for peaks and for the machines that are lost), carries\n\n\
         - requests/s: `C × {BUSY} × 10⁶ / (CPU µs of one request)`;\n\
         - streams: the least of `M × {BUSY} / (memory of one stream)` and \
         `C × {BUSY} × 10⁶ / (events/s of one stream × CPU µs of one event)`.\n\n\
         | load | figure of the last run | one machine | machines |\n|---|---|---|---|\n",
        BUSY * 100.0
    );
    let requests = [
        ("plain", Scenario::Plain),
        ("plain, TLS", Scenario::Tls),
        ("session + token per request", Scenario::Minted),
        ("session + token of 30 s", Scenario::Shared),
    ];
    for (name, scenario) in requests {
        let Some(cost) = cpu(scenario) else { continue };
        let one = CORES * BUSY * 1e6 / cost;
        text.push_str(&format!(
            "| 1 M requests/s, {name} | {cost:.1} µs | {one:.0} requests/s | {:.0} |\n",
            (1e6 / one).ceil()
        ));
    }
    if let Some(each) = cell(Scenario::Memory, 2).map(|cell| cell.median) {
        let one = MEMORY_GIB * BUSY * 1024.0 * 1024.0 / each.max(0.1);
        text.push_str(&format!(
            "| 1 M idle WebSockets | {each:.1} KiB | {one:.0} streams | {:.0} |\n",
            (1e6 / one).ceil()
        ));
    }
    if let Some(cost) = cpu(Scenario::Events) {
        let one = CORES * BUSY * 1e6 / cost;
        text.push_str(&format!(
            "| 1 M event streams, 1 event/s each | {cost:.1} µs | {one:.0} streams | {:.0} |\n",
            (1e6 / one).ceil()
        ));
    }
    text.push_str(
        "\nTwo things grow with the machines and are in no figure here: the network (1 KiB × 1 M/s is \
         8 Gbit/s each way before TLS), and the kernel's socket buffers, at least 4 KiB for each side of \
         a stream. One address has about 28,000 ports for connections to one upstream; more streams \
         need more upstream addresses.\n",
    );
    text
}
