//! Connections: accept loop, TLS by SNI, limits, deadlines, drain.
