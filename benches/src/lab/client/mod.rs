//! Who asks: load generators, held connections, somebody with a browser.

pub(crate) mod connections;
pub(crate) mod h2load;
pub(crate) mod streams;
pub(crate) mod tls;
pub(crate) mod visitor;
pub(crate) mod wrk;
