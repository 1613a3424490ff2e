//! Which pages of other sites may show an answer in a frame.

use http::HeaderValue;

/// The directive that decides it, wherever it is there (CSP Level 3 section 6.4.2).
const DIRECTIVE: &str = "frame-ancestors";

/// The `Content-Security-Policy` fields of an answer that `ancestors`, a list of sources, may frame
/// too: to be sent in place of `sent`, and without `X-Frame-Options`, which knows no list.
///
/// Browsers enforce all policies at once, so that each one that names ancestors gets ours beside its
/// own; what else it says stays as it is. Where none names any, a policy of ours is added: that a
/// page may be framed must not mean by anybody.
pub fn policies<'a>(
    sent: impl IntoIterator<Item = &'a HeaderValue>,
    ancestors: &str,
) -> Vec<HeaderValue> {
    let mut named = false;
    let mut merged = Vec::new();
    for field in sent {
        let text = String::from_utf8_lossy(field.as_bytes());
        // One field may hold several policies.
        let policies: Vec<String> = text
            .split(',')
            .map(|policy| match with_ancestors(policy, ancestors) {
                Some(policy) => {
                    named = true;
                    policy
                }
                None => policy.trim().to_owned(),
            })
            .filter(|policy| !policy.is_empty())
            .collect();
        merged.extend(HeaderValue::from_bytes(policies.join(", ").as_bytes()));
    }
    if !named {
        merged.extend(HeaderValue::from_str(&format!("{DIRECTIVE} {ancestors}")));
    }
    merged
}

/// One policy with further ancestors; `None` where it names none.
fn with_ancestors(policy: &str, more: &str) -> Option<String> {
    let directives: Vec<&str> = policy.split(';').map(str::trim).collect();
    // Of several, browsers heed the first.
    let place = directives.iter().position(|directive| {
        directive
            .split_ascii_whitespace()
            .next()
            .is_some_and(|it| it.eq_ignore_ascii_case(DIRECTIVE))
    })?;
    let own = directives.get(place)?.split_ascii_whitespace().skip(1);
    let own: Vec<&str> = own.filter(|source| !source.eq_ignore_ascii_case("'none'")).collect();
    let added = more.split_ascii_whitespace().filter(|source| !own.contains(source));
    let sources: Vec<&str> = own.iter().copied().chain(added).collect();
    let ours = format!("{DIRECTIVE} {}", sources.join(" "));
    let all = directives.iter().enumerate().filter(|(_, directive)| !directive.is_empty());
    let all: Vec<&str> =
        all.map(|(index, it)| if index == place { ours.as_str() } else { *it }).collect();
    Some(all.join("; "))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::proptest;

    use super::*;

    const OURS: &str = "'self' https://teams.microsoft.com";

    fn merged(sent: &[&str]) -> Vec<String> {
        let sent: Vec<_> = sent.iter().map(|it| HeaderValue::from_str(it).unwrap()).collect();
        let merged = policies(&sent, OURS);
        merged.iter().map(|it| it.to_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn an_answer_without_a_policy_gets_one() {
        assert_eq!(merged(&[]), ["frame-ancestors 'self' https://teams.microsoft.com"]);
    }

    #[test]
    fn ancestors_of_the_application_are_kept_and_ours_are_added() {
        for (sent, expected) in [
            ("frame-ancestors 'none'", "frame-ancestors 'self' https://teams.microsoft.com"),
            ("Frame-Ancestors 'NONE';", "frame-ancestors 'self' https://teams.microsoft.com"),
            ("frame-ancestors", "frame-ancestors 'self' https://teams.microsoft.com"),
            (
                "default-src 'self'; frame-ancestors 'self' https://a.test; img-src *",
                "default-src 'self'; frame-ancestors 'self' https://a.test \
                 https://teams.microsoft.com; img-src *",
            ),
        ] {
            assert_eq!(merged(&[sent]), [expected], "{sent}");
        }
    }

    #[test]
    fn each_policy_that_names_ancestors_gets_ours() {
        let sent = ["frame-ancestors 'none', script-src 'self'", "frame-ancestors https://a.test"];
        assert_eq!(
            merged(&sent),
            [
                "frame-ancestors 'self' https://teams.microsoft.com, script-src 'self'",
                "frame-ancestors https://a.test 'self' https://teams.microsoft.com",
            ]
        );
        // A policy about something else stays, and does not say that anybody may.
        assert_eq!(
            merged(&["script-src 'self'; object-src 'none'"]),
            [
                "script-src 'self'; object-src 'none'",
                "frame-ancestors 'self' https://teams.microsoft.com"
            ]
        );
    }

    #[test]
    fn a_directive_that_only_looks_alike_is_another() {
        let merged = merged(&["frame-ancestors-x 'none'; report-uri /frame-ancestors"]);
        assert_eq!(merged.len(), 2);
        assert_eq!(merged[0], "frame-ancestors-x 'none'; report-uri /frame-ancestors");
    }

    proptest! {
        #[test]
        fn whatever_is_sent_ours_may_and_some_policy_names_who(
            sent in proptest::collection::vec("[ -~]{0,20}(frame-ancestors)?[ -~]{0,20}", 0..4),
        ) {
            let sent: Vec<&str> = sent.iter().map(String::as_str).collect();
            let merged = merged(&sent).join(", ");
            let mut named = false;
            for policy in merged.split(',') {
                let first = policy.split(';').map(str::trim).find(|directive| {
                    let name = directive.split_ascii_whitespace().next().unwrap_or_default();
                    name.eq_ignore_ascii_case(DIRECTIVE)
                });
                if let Some(directive) = first {
                    named = true;
                    assert!(directive.contains("https://teams.microsoft.com"), "{merged}");
                }
            }
            assert!(named, "{merged}");
        }
    }
}
