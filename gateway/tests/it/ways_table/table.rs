//! The table, row by row.

use crate::support::transport::Transport;
use crate::ways_table::house::{House, place};
use crate::ways_table::rows::{Sent, ask_alone, ask_both, ask_by, expected};
use crate::ways_table::ways::{Has, NAMES, Seat, Way, ways};

#[tokio::test]
async fn each_way_alone_and_before_visitors() {
    let house = House::open().await;
    let (mut cases, mut wrong) = (0, String::new());
    for way in &ways(&house.lab).await {
        cases += ask_alone(&house, way, &mut wrong).await;
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert_eq!(cases, 6 * 27);
    assert!(house.certificates.connect_as_stranger(&house.lab).await.is_err(), "of nobody we know");
}

#[tokio::test]
async fn of_two_ways_the_first_that_is_present_decides() {
    let house = House::open().await;
    let (mut cases, mut wrong) = (0, String::new());
    let ways = ways(&house.lab).await;
    for first in &ways {
        for second in ways.iter().filter(|second| second.name != first.name) {
            cases += ask_both(&house, first, second, &mut wrong).await;
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert_eq!(cases, 1926);
}

/// Every subset of credentials, in every state, on one route that takes them all; and in the other order. Each
/// time one is left out that the other order has, to keep both short: certificates, and keys.
#[tokio::test]
async fn of_all_ways_the_first_that_is_present_decides() {
    let house = House::open().await;
    let (mut cases, mut wrong) = (0, String::new());
    let all = ways(&house.lab).await;
    let session = all[0].clone();
    let reversed = NAMES.iter().rev().copied().collect::<Vec<_>>();
    for (names, left_out) in [(&NAMES[..], "client_certificate"), (&reversed, "api_key")] {
        let place = place(names);
        let row_of = |name: &&str| all.iter().find(|way| way.name == *name).unwrap();
        let ways = names.iter().map(row_of).filter(|way| way.name != left_out);
        let mut rows: Vec<Vec<(&Way, Has, Vec<String>)>> = vec![Vec::new()];
        for way in ways {
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
            let (what, sent) = (what.join(", "), Sent::of(&lines));
            ask_by(transport, &house, &what, &place, &sent, expected(&list), &mut wrong).await;
            cases += 1;
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert_eq!(cases, 3 * 9 * 4 * 4 * 3 * 4 + 3 * 9 * 4 * 3 * 3 * 4);
}
