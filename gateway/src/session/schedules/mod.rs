//! What must hold however requests, ends, messages and faults take turns.

mod ends;
mod flights;
mod replicas;
mod streams;
mod world;
