//! Every way in, alone and in pairs, in every state, on every transport.
//!
//! The table is data: a further way is a further row of [`ways`].

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::support::counsel::Counsel;
use crate::support::credentials::{key, tab};
use crate::support::forge::claims;
use crate::support::lab::Lab;
use crate::support::provider::Provider;
use crate::support::settings::{Route, Settings};
use crate::support::transport::Transport;

const TENANT: &str = "11111111-2222-3333-4444-555555555555";
/// Nobody listens there.
const DARK: &str = "http://127.0.0.1:9";

/// What a request has of one credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Has {
    Absent,
    Bad,
    Good,
    /// Good, and of somebody else than the session's.
    Other,
    /// It cannot be judged just now.
    Unreachable,
}

/// Where a request has its credential. Two that sit in one field cannot be sent together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seat {
    Authorization,
    Cookie,
    Field,
}

/// One way in: how a request looks in each state. A state that is not there cannot be.
#[derive(Clone, Debug)]
struct Way {
    /// Its word in a route's `auth`.
    name: &'static str,
    /// `auth_method` of the token, where it decided.
    method: &'static str,
    seat: Seat,
    /// Header lines; of cookies, name and value.
    states: Vec<(Has, Vec<String>)>,
    /// Whether it must name the same person as a session's cookie.
    agrees: bool,
}

impl Way {
    fn new(name: &'static str, seat: Seat, agrees: bool, states: &[(Has, &[&str])]) -> Self {
        let lines = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect();
        let states = states.iter().map(|(has, all)| (*has, lines(all))).collect();
        let method = if name == "session" { "oidc" } else { name };
        Self { name, method, seat, states, agrees }
    }

    /// Absent, and what else it can be beside `partner`.
    fn beside(&self, partner: Option<&Self>) -> Vec<(Has, Vec<String>)> {
        let with_session = partner.is_some_and(|partner| partner.name == "session");
        let counts = |has: Has| has != Has::Other || with_session;
        let there = self.states.iter().filter(|(has, _)| counts(*has)).cloned();
        [(Has::Absent, Vec::new())].into_iter().chain(there).collect()
    }

    fn must_agree(&self, other: &Self) -> bool {
        (self.agrees && other.name == "session") || (self.name == "session" && other.agrees)
    }
}

fn basic(name: &str) -> String {
    format!("Authorization: Basic {}", STANDARD.encode(format!("{name}:x")))
}

/// Every way whose credential is on the request itself; `signed_url` is not, see below.
async fn ways(lab: &Lab) -> Vec<Way> {
    use Has::{Bad, Good, Other, Unreachable};
    let cookie = lab.cookie_line(&lab.sign_in("engineer").await);
    let session = cookie.strip_prefix("Cookie: ").unwrap();
    let stale = format!("portcullis={}", "A".repeat(43));
    let bearer = |claims| format!("Authorization: Bearer {}", lab.provider.sign(&claims));
    let same = bearer(json!({ "aud": "api", "sub": "oid-engineer" }));
    let other = bearer(json!({ "aud": "api", "sub": "robot" }));
    let dark = bearer(json!({ "iss": DARK, "aud": "api", "sub": "x" }));
    let [tab, other_tab] =
        [tab(lab, TENANT, "oid-engineer").await, tab(lab, TENANT, "oid-sales").await];
    let stale_tab = format!("{}={}", tab.split_once('=').unwrap().0, "A".repeat(43));
    vec![
        Way::new("session", Seat::Cookie, false, &[(Good, &[session]), (Bad, &[&stale])]),
        Way::new(
            "bearer",
            Seat::Authorization,
            true,
            &[
                (Good, &[&same]),
                (Other, &[&other]),
                (Bad, &["Authorization: Bearer rubbish"]),
                (Unreachable, &[&dark]),
            ],
        ),
        Way::new(
            "password",
            Seat::Authorization,
            true,
            &[
                (Good, &[&basic("engineer")]),
                (Other, &[&basic("other")]),
                (Bad, &[&basic("bad")]),
                (Unreachable, &[&basic("dark")]),
            ],
        ),
        keys(lab).await,
        Way::new(
            "teams",
            Seat::Cookie,
            true,
            &[(Good, &[&tab]), (Other, &[&other_tab]), (Bad, &[&stale_tab])],
        ),
        Way::new(
            "trusted_headers",
            Seat::Field,
            false,
            &[
                (Good, &["X-Forwarded-User: ann"]),
                (Bad, &["X-Forwarded-User: ann", "X-Forwarded-User: eve"]),
            ],
        ),
        Way::new(
            "forward_auth",
            Seat::Field,
            false,
            &[(Good, &["X-Key: good"]), (Bad, &["X-Key: bad"]), (Unreachable, &["X-Key: dark"])],
        ),
    ]
}

const NAMES: [&str; 7] =
    ["session", "bearer", "password", "api_key", "teams", "trusted_headers", "forward_auth"];

/// `api_key`, for the person of the session and for somebody else.
async fn keys(lab: &Lab) -> Way {
    use Has::{Bad, Good, Other};
    let same = key(lab, "oid-engineer", &lab.provider.issuer()).await;
    let other = key(lab, "robot", "urn:portcullis:api-key").await;
    let states: [(Has, &[&str]); 3] =
        [(Good, &[&same]), (Other, &[&other]), (Bad, &["X-API-Key: pck_rubbish"])];
    Way::new("api_key", Seat::Field, true, &states)
}

/// Where a request for these ways goes.
fn place(ways: &[&str]) -> String {
    ways.join("-").replace('_', "")
}

fn with_routes(settings: &mut Settings, counsel: &Counsel) {
    let (issuer, at) = (settings.issuer.clone(), counsel.address);
    settings.provider = "subject = \"oid\"".to_owned();
    settings.issuers = format!(
        "[issuers.ci]\nissuer = \"{issuer}\"\naudiences = [\"api\"]\ninsecure_http = true\n\
         [issuers.dark]\nissuer = \"{DARK}\"\naudiences = [\"api\"]\ninsecure_http = true\n\
         [directories.staff]\nkind = \"http\"\nurl = \"http://{at}/people\"\ninsecure_http = true\n\
         issuer = \"{issuer}\"\n\
         [password]\naccount_tries = 100\naddress_tries = 1000\ntries_within = \"50ms\"\n\
         [teams]\nprovider = \"test\"\n\
         [trusted_headers]\nfrom = [\"127.0.0.1/32\"]\n\
         [forward_auth.counsel]\nurl = \"http://{at}/auth\"\ninsecure_http = true\n\
         headers = [\"X-Key\"]\nclaims = {{ sub = \"X-Auth-Request-User\" }}\n"
    );
    let reversed = NAMES.iter().rev().copied().collect::<Vec<_>>();
    // Where people sign in and programs send passwords, both count.
    let pairs: [&[&str]; 4] =
        [&["session", "password"], &["password", "session"], &NAMES, &reversed];
    for pair in pairs {
        let line = format!("auth = {pair:?}\nlogin = [\"test\"");
        settings.swaps.push((line.clone().leak(), format!("{line}, \"staff\"")));
    }
    let mut add = |ways: &[&str]| {
        let mut path = format!("/{}", place(ways));
        path.push_str("/*");
        settings.routes.insert(
            0,
            Route {
                path: path.leak(),
                auth: format!("{ways:?}").leak(),
                access: if ways.contains(&"anonymous") {
                    "access = \"public\""
                } else {
                    "access = \"authenticated\""
                },
                token: r#"{ audience = "agent" }"#,
            },
        );
    };
    add(&NAMES);
    add(&reversed);
    for one in NAMES {
        add(&[one]);
        add(&[one, "anonymous"]);
        for other in NAMES {
            if one != other {
                add(&[one, other]);
            }
        }
    }
}

/// What must come of it: who decides, or the status of the refusal.
fn expected(list: &[(&Way, Has)]) -> Result<&'static str, u16> {
    let Some(place) = list.iter().position(|(_, has)| *has != Has::Absent) else {
        return Err(401);
    };
    let (way, has) = list[place];
    match has {
        Has::Absent | Has::Bad => return Err(401),
        Has::Unreachable => return Err(503),
        Has::Good | Has::Other => {}
    }
    // The first has decided, unless one behind it may not name somebody else.
    for (behind, too) in &list[place + 1..] {
        match too {
            _ if !way.must_agree(behind) => {}
            Has::Unreachable => return Err(503),
            Has::Good | Has::Other if has == Has::Other || *too == Has::Other => return Err(401),
            Has::Absent | Has::Bad | Has::Good | Has::Other => {}
        }
    }
    Ok(way.method)
}

/// One line for all cookies, as browsers send them, and the other lines as they are.
fn head(pair: &[(&Way, &[String])]) -> Vec<String> {
    let (mut cookies, mut lines) = (Vec::new(), Vec::new());
    for (way, sent) in pair {
        let into = if way.seat == Seat::Cookie { &mut cookies } else { &mut lines };
        into.extend(sent.iter().cloned());
    }
    if !cookies.is_empty() {
        lines.push(format!("Cookie: {}", cookies.join("; ")));
    }
    lines
}

/// Asks by each transport; whatever differs from `wanted` goes into `wrong`.
async fn ask(
    lab: &Lab,
    what: &str,
    place: &str,
    lines: &[String],
    wanted: Result<&str, u16>,
    wrong: &mut String,
) -> usize {
    for transport in Transport::ALL {
        ask_by(transport, lab, what, place, lines, wanted, wrong).await;
    }
    Transport::ALL.len()
}

async fn ask_by(
    transport: Transport,
    lab: &Lab,
    what: &str,
    place: &str,
    lines: &[String],
    wanted: Result<&str, u16>,
    wrong: &mut String,
) {
    lab.recorder.clear();
    let status = transport.status(lab, &format!("/{place}/"), "", lines).await;
    let got = if status == transport.success() { Ok(decided_by(lab)) } else { Err(status) };
    let reached = lab.recorder.requests().len();
    let right = match (&got, wanted) {
        (Ok(got), Ok(wanted)) => got == wanted && reached == 1,
        (Err(got), Err(wanted)) => *got == wanted && reached == 0,
        _ => false,
    };
    if !right {
        let line = format!("{what} by {transport:?}: {got:?}, not {wanted:?}; {reached} forwarded");
        writeln!(wrong, "{line}").unwrap();
    }
}

fn decided_by(lab: &Lab) -> String {
    claims(&lab.last_token())["auth_method"].as_str().unwrap_or_default().to_owned()
}

async fn house() -> (Lab, Counsel) {
    let (provider, counsel) = (Provider::start_as_entra(TENANT).await, Counsel::start().await);
    let lab = Lab::around(provider, |settings| with_routes(settings, &counsel)).await;
    (lab, counsel)
}

#[tokio::test]
async fn each_way_alone_and_before_visitors() {
    let (lab, _counsel) = house().await;
    let (mut cases, mut wrong) = (0, String::new());
    for way in &ways(&lab).await {
        for (has, lines) in way.beside(None) {
            let lines = head(&[(way, &lines)]);
            let alone = expected(&[(way, has)]);
            // Only a session that is gone counts as no credential: leaving the cookie out does the same.
            let gone = way.seat == Seat::Cookie && has == Has::Bad;
            let forgiven = has == Has::Absent || gone;
            let open = if forgiven { Ok("anonymous") } else { alone };
            for (ways, wanted) in [(vec![way.name], alone), (vec![way.name, "anonymous"], open)] {
                let what = format!("{ways:?} {has:?}");
                cases += ask(&lab, &what, &place(&ways), &lines, wanted, &mut wrong).await;
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert_eq!(cases, 6 * 24);
}

#[tokio::test]
async fn of_two_ways_the_first_that_is_present_decides() {
    let (lab, _counsel) = house().await;
    let (mut cases, mut wrong) = (0, String::new());
    let ways = ways(&lab).await;
    for first in &ways {
        for second in ways.iter().filter(|second| second.name != first.name) {
            for (has, lines) in first.beside(Some(second)) {
                for (has_too, lines_too) in second.beside(Some(first)) {
                    let both = has != Has::Absent && has_too != Has::Absent;
                    if both && [first.seat, second.seat] == [Seat::Authorization; 2] {
                        continue;
                    }
                    let what = format!("{} {has:?}, {} {has_too:?}", first.name, second.name);
                    let lines = head(&[(first, &lines), (second, &lines_too)]);
                    let wanted = expected(&[(first, has), (second, has_too)]);
                    let place = place(&[first.name, second.name]);
                    cases += ask(&lab, &what, &place, &lines, wanted, &mut wrong).await;
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert_eq!(cases, 1494);
}

/// Every subset of credentials, in every state, on one route that takes them all; and in the other order, keys
/// left out.
#[tokio::test]
async fn of_all_ways_the_first_that_is_present_decides() {
    let (lab, _counsel) = house().await;
    let (mut cases, mut wrong) = (0, String::new());
    let mut ways = ways(&lab).await;
    let session = ways[0].clone();
    let reversed = NAMES.iter().rev().copied().collect::<Vec<_>>();
    for names in [&NAMES[..], &reversed] {
        let place = place(names);
        let mut rows: Vec<Vec<(&Way, Has, Vec<String>)>> = vec![Vec::new()];
        for way in &ways {
            let states = way.beside(Some(&session));
            let longer = |row: &Vec<_>| {
                let row = row.clone();
                states
                    .iter()
                    .map(move |(has, lines)| [&row[..], &[(way, *has, lines.clone())]].concat())
                    .collect::<Vec<_>>()
            };
            rows = rows.iter().flat_map(longer).collect();
        }
        for row in &rows {
            let sent = row.iter().filter(|(_, has, _)| *has != Has::Absent);
            if sent.clone().filter(|(way, ..)| way.seat == Seat::Authorization).count() > 1 {
                continue;
            }
            let what: Vec<_> = sent.map(|(way, has, _)| format!("{} {has:?}", way.name)).collect();
            let lines: Vec<_> = row.iter().map(|(way, _, lines)| (*way, &lines[..])).collect();
            let list: Vec<_> = row.iter().map(|(way, has, _)| (*way, *has)).collect();
            // By one transport each: by which one makes no difference, as the pairs show.
            let transport = Transport::ALL[cases % 3];
            let (what, lines) = (what.join(", "), head(&lines));
            ask_by(transport, &lab, &what, &place, &lines, expected(&list), &mut wrong).await;
            cases += 1;
        }
        ways.reverse();
        // One of them less keeps the other order short.
        ways.retain(|way| way.name != "api_key");
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert_eq!(cases, 3 * 9 * 4 * 4 * 3 * 4 + 3 * 9 * 4 * 3 * 4);
}
