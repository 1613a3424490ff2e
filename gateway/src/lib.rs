//! Portcullis: the identity edge for AI apps and agents.
//!
//! A request enters by one door ([`proxy`]), is looked at by a part that knows nothing of sockets
//! ([`gate`]), and either leaves with a permit and a freshly minted identity token, or as a refusal
//! in the shape its caller can use.
//!
//! Floors, top to bottom; imports only go down and siblings never import each other
//! (`tests/it/layers.rs` fails on a wrong one):
//!
//! ```text
//! 10 cli          9 app          8 edge         7 proxy        6 endpoints    5 gate
//!  4 authn
//!  3 session oidc token authz upstream route directory
//!  2 config observe
//!  1 crypto http1 identity web
//!  0 base
//! ```

pub mod app;
pub mod authn;
pub mod authz;
pub mod base;
pub mod cli;
pub mod config;
pub mod crypto;
pub mod directory;
pub mod edge;
pub mod endpoints;
pub mod gate;
pub mod http1;
pub mod identity;
pub mod observe;
pub mod oidc;
pub mod proxy;
pub mod route;
pub mod session;
pub mod token;
pub mod upstream;
pub mod web;
