//! Every way in, alone and in pairs, in every state, on every transport.
//!
//! The table is data: a further way is a further row of [`ways::ways`].

mod certificates;
mod house;
mod rows;
mod table;
mod ways;
mod without_store;
