//! All that a scenario has at hand.

use anyhow::Result;

use crate::lab::machine::progress::Progress;
use crate::lab::options::Options;
use crate::lab::peer::{self, Peer};
use crate::lab::surroundings::Surroundings;

/// The lab, ready to measure.
pub(crate) struct Bench<'a> {
    pub(crate) options: &'a Options,
    pub(crate) around: Surroundings,
    /// Those who are to be measured, with their versions, or why they are not here.
    pub(crate) peers: Vec<(Box<dyn Peer>, Result<String>)>,
    pub(crate) progress: Progress,
}

impl<'a> Bench<'a> {
    pub(crate) fn new(options: &'a Options) -> Result<Self> {
        let wanted = peer::all().into_iter().filter(|peer| options.wants(peer.name()));
        let peers = wanted.map(|peer| {
            let version = peer.version();
            (peer, version)
        });
        Ok(Self {
            options,
            around: Surroundings::new()?,
            peers: peers.collect(),
            progress: Progress::new(if options.check { 1 } else { options.scenarios().len() }),
        })
    }
}
