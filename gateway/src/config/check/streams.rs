//! Checks of a route's `streams`.

use crate::config::check::findings::Problem;
use crate::config::duration::Duration;
use crate::config::routes::Route;
use crate::config::streams::AtEnd;

/// What is longer is no grace.
const LONGEST: Duration = Duration::from_secs(3_600);

pub(super) fn route(
    path: &str,
    route: &Route,
    written: &dyn Fn(&str) -> bool,
    (problems, warnings): (&mut Vec<Problem>, &mut Vec<Problem>),
) {
    let (streams, path) = (&route.streams, format!("{path}.streams"));
    let key = |key: &str| format!("{path}.{key}");
    if !matches!(streams.close_code, 1008 | 4000..=4999) {
        let message =
            format!("{} is no code that a WebSocket may end with here", streams.close_code);
        let remedy = "use 1008, or one of 4000 to 4999 (RFC 6455 section 7.4.2)";
        problems.push(Problem::new(key("close_code"), message, remedy));
    }
    if streams.grace.is_zero() || streams.grace > LONGEST {
        let message = format!("{} is not between 1ms and 1h", streams.grace);
        let remedy = "use \"30s\" or so; at_end = \"close\" grants nothing, at_end = \"keep\" all";
        problems.push(Problem::new(key("grace"), message, remedy));
    }
    if streams.at_end != AtEnd::Grace && written(&key("grace")) {
        let message = "nothing has grace here";
        let remedy = "add at_end = \"grace\", or leave `grace` out";
        problems.push(Problem::new(key("grace"), message, remedy));
    }
    if streams.at_end == AtEnd::Keep {
        let message = "open streams of this route outlive their sessions, and nobody can end them";
        let remedy = "use at_end = \"grace\" if a while is enough";
        warnings.push(Problem::new(key("at_end"), message, remedy));
    }
}
