//! "Did you mean …?"

/// The known name nearest to what was written, if it is near enough to be meant.
pub(super) fn nearest<'a>(
    written: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    // A distance costs the product of the lengths; names of ours are short.
    const LONGEST: usize = 64;
    if written.len() > LONGEST {
        return None;
    }
    // Two letters swapped are two replacements.
    let length = written.chars().count();
    let allowed = (length / 3).max(if length < 4 { 1 } else { 2 });
    known
        .into_iter()
        .filter(|name| name.len() <= LONGEST)
        .map(|name| (distance(written, name), name))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, name)| name)
}

/// Levenshtein's distance: insertions, deletions and replacements.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (above, left) in one.chars().enumerate() {
        let mut diagonal = above;
        let mut before = above + 1;
        let mut next = vec![before];
        for (cell, right) in row.iter().skip(1).zip(&other) {
            before = (diagonal + usize::from(left != *right)).min(before + 1).min(cell + 1);
            diagonal = *cell;
            next.push(before);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_levenshteins() {
        for (one, other, expected) in [
            ("", "", 0),
            ("a", "", 1),
            ("", "ab", 2),
            ("kitten", "sitting", 3),
            ("idle", "idel", 2),
        ] {
            assert_eq!(distance(one, other), expected, "{one} {other}");
        }
    }

    #[test]
    fn only_near_names_are_suggested() {
        assert_eq!(nearest("upstraem", ["upstream", "host"]), Some("upstream"));
        assert_eq!(nearest("colour", ["upstream", "host"]), None);
    }
}
