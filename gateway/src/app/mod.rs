//! The composition root: checked configuration → parts → routes → servers; reload, admin, demo.

pub mod demo;
