//! What the programs that Portcullis is compared with share: the comparison service, the bare
//! pingora, and the least a proxy can do.

pub mod identity;
pub mod serve;
