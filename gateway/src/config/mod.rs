//! The configuration file as types: raw → checked. The doc comment of a field is its manual.

mod address;
mod allow;
mod check;
mod checked;
mod document;
mod duration;
mod entries;
mod fault;
mod limits;
mod load;
mod log;
mod names;
mod origin;
mod patterns;
mod providers;
mod reference;
mod root;
mod routes;
mod schema;
mod secret_source;
mod server;
mod session;
mod shape;
mod size;
mod suggest;
mod surroundings;
mod text;
mod token;
mod upstreams;

pub use address::ServerAddress;
pub use allow::AllowList;
pub use check::Problem;
pub use checked::Checked;
pub use duration::Duration;
pub use fault::{Fault, Faults};
pub use limits::Limits;
pub use load::Loaded;
pub use log::{Log, LogFormat};
pub use names::{FieldName, Verb};
pub use origin::Origin;
pub use patterns::{HostPattern, PathPattern};
pub use providers::{ClaimNames, OidcProvider, Provider};
pub use reference::reference_page;
pub use root::Config;
pub use routes::{Access, Auth, Route, RouteToken, Rule};
pub use schema::json_schema;
pub use secret_source::SecretSource;
pub use server::{Admin, Certificate, Http, Http1Engine, Https, Server};
pub use session::{Session, SessionStore};
pub use size::ByteSize;
pub use surroundings::Surroundings;
pub use token::Token;
pub use upstreams::{Balance, Upstream, UpstreamProtocol, UpstreamTls};

#[cfg(test)]
mod tests;
