//! The last results on the page about the lab, between two comments.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::lab::report::{Report, glance, markdown, model};

const BEGIN: &str = "<!-- results: written by `make bench-readme`; do not edit -->\n";
const END: &str = "<!-- end of results -->";

/// Writes the results into the page.
///
/// # Errors
/// When the page or its comments are not there.
pub(crate) fn refresh(page: &Path, report: &Report) -> Result<()> {
    let text = fs::read_to_string(page).with_context(|| format!("no {}", page.display()))?;
    let (before, rest) = text.split_once(BEGIN).context("the page lacks the comment `results`")?;
    let (_, after) = rest.split_once(END).context("the page lacks the comment `end of results`")?;
    let mut results = format!(
        "\n## The last run\n\n{}\n\nThe main figure of each scenario:\n\n{}\n![CPU time](results/ratios.svg)\n",
        report.machine(),
        glance::table(&report.tables)
    );
    for table in &report.tables {
        let _ = write!(results, "\n{}", markdown::table(table));
    }
    results.push_str("\n![CPU time as things grow](results/scale.svg)\n");
    let _ = write!(results, "\n## How many machines\n\n{}\n", model::text(report));
    fs::write(page, format!("{before}{BEGIN}{results}{END}{after}"))?;
    Ok(())
}
