//! Whether a request costs more instructions than it did.

use std::collections::BTreeMap;
use std::env::consts::ARCH;
use std::fs;

use anyhow::{Context as _, Result, bail};

use crate::lab::bench::Bench;
use crate::lab::peer::portcullis::Portcullis;
use crate::lab::scenario::instructions::{WORK, count};

/// Instructions of each kind of request, by architecture.
type Baseline = BTreeMap<String, BTreeMap<String, f64>>;

const FILE: &str = "instructions.json";
/// How much more is too much.
const MOST: f64 = 1.05;

/// Counts, and compares with the baseline, or makes a new one.
///
/// # Errors
/// When a request costs over 5 % more, and when there is no baseline for this architecture.
pub(crate) fn check(bench: &mut Bench<'_>) -> Result<()> {
    let path = bench.options.results.join(FILE);
    let text = fs::read_to_string(&path).unwrap_or_else(|_| "{}".to_owned());
    let mut baseline: Baseline = serde_json::from_str(&text).context("the baseline")?;
    let mut found = BTreeMap::new();
    bench.progress.next();
    bench.progress.begin(WORK.len());
    for (guard, name) in WORK {
        bench.progress.step(&format!("counting {name}"))?;
        found.insert(name.to_owned(), count(bench, &Portcullis, guard)?);
    }
    let old = baseline.get(ARCH).cloned().unwrap_or_default();
    let mut worse = Vec::new();
    for (name, spread) in &found {
        let Some(old) = old.get(name) else {
            println!("{name}: {:.0} instructions; no baseline for {ARCH}", spread.median);
            worse.push(format!("{name} has no baseline"));
            continue;
        };
        let ratio = spread.median / old;
        println!(
            "{name}: {:.0} instructions ({:.0}–{:.0}), baseline {old:.0}: {:+.1} %",
            spread.median,
            spread.least,
            spread.most,
            (ratio - 1.0) * 100.0
        );
        if ratio > MOST {
            worse.push(format!("{name} costs {:.1} % more", (ratio - 1.0) * 100.0));
        }
    }
    if bench.options.update {
        let found = found.into_iter().map(|(name, spread)| (name, spread.median.round()));
        baseline.insert(ARCH.to_owned(), found.collect());
        fs::write(&path, serde_json::to_string_pretty(&baseline)? + "\n")?;
        println!("written: {}", path.display());
    } else if !worse.is_empty() {
        bail!("{}; if that is intended: make bench-check UPDATE=1", worse.join(", "));
    }
    Ok(())
}
