//! One row: what is sent, what must come of it, and what came.

use std::fmt::Write as _;

use crate::support::forge::claims;
use crate::support::lab::{Lab, SITE};
use crate::support::raw::Raw;
use crate::support::transport::Transport;
use crate::ways_table::house::{House, place};
use crate::ways_table::ways::{Has, Seat, Way};

/// What a request sends.
pub(super) struct Sent {
    lines: Vec<String>,
    /// What it shows in the handshake.
    certificate: Option<String>,
}

/// What must come of it: who decides, or the status of the refusal.
pub(super) fn expected(list: &[(&Way, Has)]) -> Result<&'static str, u16> {
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

impl Sent {
    /// One line for all cookies, as browsers send them, and the other lines as they are.
    pub(super) fn of(row: &[(&Way, &[String])]) -> Self {
        let (mut cookies, mut lines, mut certificate) = (Vec::new(), Vec::new(), None);
        for (way, sent) in row {
            match way.seat {
                Seat::Cookie => cookies.extend(sent.iter().cloned()),
                Seat::Authorization | Seat::Field => lines.extend(sent.iter().cloned()),
                Seat::Handshake => certificate = certificate.or_else(|| sent.first().cloned()),
            }
        }
        if !cookies.is_empty() {
            // Over TLS the cookies have names that bind them to the host.
            let between = if certificate.is_some() { "; __Host-" } else { "; " };
            let cookies = format!("; {}", cookies.join("; ")).replace("; ", between);
            lines.push(format!("Cookie: {}", cookies.trim_start_matches("; ")));
        }
        Self { lines, certificate }
    }

    /// The status that `target` gets.
    async fn status(&self, house: &House, transport: Transport, target: &str) -> u16 {
        let (raw, site) = match &self.certificate {
            None => (Raw::connect(house.lab.gateway.http).await, SITE),
            Some(name) => {
                let raw = house.certificates.connect(&house.lab, name).await;
                (raw.expect("a handshake"), "https://localhost")
            }
        };
        transport.status_on(raw, site, target, &self.lines).await
    }
}

/// Asks by each transport; whatever differs from `wanted` goes into `wrong`.
pub(super) async fn ask(
    house: &House,
    what: &str,
    place: &str,
    sent: &Sent,
    wanted: Result<&str, u16>,
    wrong: &mut String,
) -> usize {
    for transport in Transport::ALL {
        ask_by(transport, house, what, place, sent, wanted, wrong).await;
    }
    Transport::ALL.len()
}

pub(super) async fn ask_by(
    transport: Transport,
    house: &House,
    what: &str,
    place: &str,
    sent: &Sent,
    wanted: Result<&str, u16>,
    wrong: &mut String,
) {
    let lab = &house.lab;
    lab.recorder.clear();
    let target = format!("/{place}/{}", transport.name());
    let status = sent.status(house, transport, &target).await;
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

/// Asks with each of a way's states, on a route of its own and on one that takes visitors too.
pub(super) async fn ask_alone(house: &House, way: &Way, wrong: &mut String) -> usize {
    let mut cases = 0;
    for (has, lines) in way.beside(None) {
        let sent = Sent::of(&[(way, &lines)]);
        let alone = expected(&[(way, has)]);
        // Only a session that is gone counts as no credential: leaving the cookie out does the same.
        let gone = way.seat == Seat::Cookie && has == Has::Bad;
        let forgiven = has == Has::Absent || gone;
        let open = if forgiven { Ok("anonymous") } else { alone };
        for (ways, wanted) in [(vec![way.name], alone), (vec![way.name, "anonymous"], open)] {
            let what = format!("{ways:?} {has:?}");
            cases += ask(house, &what, &place(&ways), &sent, wanted, wrong).await;
        }
    }
    cases
}

/// Asks with each pair of states of two ways, where the first stands first.
pub(super) async fn ask_both(
    house: &House,
    first: &Way,
    second: &Way,
    wrong: &mut String,
) -> usize {
    let mut cases = 0;
    for (has, lines) in first.beside(Some(second)) {
        for (has_too, lines_too) in second.beside(Some(first)) {
            let both = has != Has::Absent && has_too != Has::Absent;
            if both && [first.seat, second.seat] == [Seat::Authorization; 2] {
                continue;
            }
            let what = format!("{} {has:?}, {} {has_too:?}", first.name, second.name);
            let sent = Sent::of(&[(first, &lines), (second, &lines_too)]);
            let wanted = expected(&[(first, has), (second, has_too)]);
            let place = place(&[first.name, second.name]);
            cases += ask(house, &what, &place, &sent, wanted, wrong).await;
        }
    }
    cases
}

fn decided_by(lab: &Lab) -> String {
    claims(&lab.last_token())["auth_method"].as_str().unwrap_or_default().to_owned()
}
