//! The edge under attack: deadlines, drain, TLS, HTTP/2, upstreams that misbehave, proxies that lie.

mod bodies;
mod crook;
mod drain;
mod floods;
mod hops;
mod http2;
mod limits;
mod tls;
mod tools;
mod upstream;
