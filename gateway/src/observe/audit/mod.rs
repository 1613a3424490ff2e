//! Audit events: one for each thing that happens to a session, for each "no", and for what changes
//! the gateway itself. They go to the sinks that the configuration names.

mod event;
mod file;
mod sink;
mod syslog;

pub use event::{
    admin_action, admin_refused, config_reloaded, keys_rotated, login_denied, logout_denied,
    password_refused, refresh_failed, refreshed, refused, session_ended, session_over, signed_in,
    stream_closed,
};
pub use sink::{SinkFault, SinkPlace, flush, lost, start};
pub use syslog::SyslogPlace;
