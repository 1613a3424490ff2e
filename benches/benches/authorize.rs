//! Asking who may: each kind of rule that a route can have.

use anyhow::{Result, anyhow};
use benches::fixtures::{Asked, permit, sessions};
use criterion::Criterion;
use portcullis::authz::{Allow, AllowAuthenticated, Authorizer, Public, Question, Verdict};
use portcullis::base::RouteId;
use tokio::runtime::Builder;

fn main() -> Result<()> {
    let runtime = Builder::new_current_thread().build()?;
    let permit = runtime.block_on(permit(&sessions()))?;
    let (asked, route) = (Asked::by_browser("/app7/v1/models", None)?, RouteId::from("app"));
    let request = asked.request();
    let list = |prefix: &str| (0..1000).map(|at| format!("{prefix}{at}")).collect::<Vec<_>>();
    let (users, mut groups) = (list("user-"), list("group-"));
    let outside = Allow::new(&users, &groups, &["other.example".to_owned()]);
    groups.push("everybody".to_owned());
    let inside = Allow::new(&users, &groups, &[]);

    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("authorize");
    let rules: [(&str, &dyn Authorizer, bool); 4] = [
        ("public", &Public, true),
        ("authenticated", &AllowAuthenticated, true),
        ("one of 1000 groups", &inside, true),
        ("on no list", &outside, false),
    ];
    for (what, rule, allowed) in rules {
        let ask = || {
            let authenticated = permit.authenticated().clone();
            let question = Question { authenticated, route: &route, request: &request };
            matches!(rule.authorize(question), Verdict::Allow(_))
        };
        if ask() != allowed {
            return Err(anyhow!("{what}: the rule decides otherwise"));
        }
        group.bench_function(what, |bencher| bencher.iter(ask));
    }
    group.finish();
    criterion.final_summary();
    Ok(())
}
