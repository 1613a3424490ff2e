//! What must hold however requests, ends, messages and faults take turns.

mod ends;
mod flights;
mod provider;
mod replicas;
mod rotation;
mod streams;
mod world;
