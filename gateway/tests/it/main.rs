//! The integration tests: one binary, real sockets, the gateway as its users see it.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

mod access_log;
mod admin;
mod api_key;
mod apps;
mod audit;
mod bearer;
mod canary;
mod chromium;
mod client_certificates;
mod client_key;
mod crowd;
mod directories;
mod durability;
mod edge;
mod forward_auth;
mod framing;
mod fronts;
mod fuzz;
mod github;
mod hostile;
mod layers;
mod login;
mod logout;
mod manual;
mod minting;
mod open_redirect;
mod password;
mod presets;
mod protected_resource;
mod refresh;
mod refusals;
mod regression;
mod rehearsal;
mod reload;
mod replica_passwords;
mod replica_tabs;
mod replicas;
mod rotation;
mod session_script;
mod shared_api_keys;
mod signed_url;
mod step_up;
mod stream_ends;
mod stream_rules;
mod streams;
mod stripping;
mod support;
mod tab_chromium;
mod targets;
mod teams;
mod trusted_headers;
mod verify;
mod verify_upstream;
mod ways_table;
mod websocket;
