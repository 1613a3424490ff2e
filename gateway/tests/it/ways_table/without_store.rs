//! The rows of sessions and of tabs while their store cannot be reached.

use std::time::Duration;

use tokio::time::sleep;

use crate::support::redis::Server;
use crate::support::transport::Transport;
use crate::ways_table::house::House;
use crate::ways_table::rows::{ask_alone, ask_both};
use crate::ways_table::ways::{Has, Way, ways};

/// A session that lives and a cookie of nobody look alike now.
fn darkened(way: &Way) -> Way {
    let states = way.states.iter().filter(|(has, _)| *has != Has::Other);
    let states = states.map(|(_, lines)| (Has::Unreachable, lines.clone())).collect();
    Way { states, ..way.clone() }
}

#[tokio::test]
async fn a_store_that_is_away_is_503_wherever_its_cookie_counts() {
    let mut redis = Server::start("");
    let house = House::with(|settings| {
        settings.session = format!(
            "store = {{ kind = \"redis\", urls = [\"redis://127.0.0.1:{}\"], \
             command_timeout = \"5s\", max_staleness = \"2s\" }}",
            redis.port
        );
    });
    let house = house.await;
    let mut ways = ways(&house.lab).await;
    redis.kill();
    let (dark, others): (Vec<_>, Vec<_>) =
        ways.drain(..).partition(|way| matches!(way.name, "session" | "teams"));
    let cookie = dark.iter().find(|way| way.name == "session").unwrap().states[0].1.concat();
    // What memory holds counts for a moment.
    while Transport::Http.status(&house.lab, "/session/", "", &[format!("Cookie: {cookie}")]).await
        != 503
    {
        sleep(Duration::from_millis(20)).await;
    }
    let dark: Vec<Way> = dark.iter().map(darkened).collect();
    let (mut cases, mut wrong) = (0, String::new());
    for way in &dark {
        cases += ask_alone(&house, way, &mut wrong).await;
        for other in dark.iter().chain(&others).filter(|other| other.name != way.name) {
            cases += ask_both(&house, way, other, &mut wrong).await;
        }
    }
    for other in &others {
        cases += ask_alone(&house, other, &mut wrong).await;
        for way in &dark {
            cases += ask_both(&house, other, way, &mut wrong).await;
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert_eq!(cases, 1026);
}
