//! Named pools of backends, and the pingora peer for one of them.
