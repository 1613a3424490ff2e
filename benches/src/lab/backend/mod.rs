//! Backends that the lab plays itself; the one for ordinary requests is an nginx.

pub(crate) mod live;
