//! `[audit]` → the places that events go to.

use crate::config::{Audit, AuditSink, SyslogAddress};
use crate::observe::LogFormat;
use crate::observe::audit::{SinkPlace, SyslogPlace};

/// The places, for the process's log in this form.
pub(super) fn places(audit: &Audit, format: LogFormat) -> Vec<SinkPlace> {
    let place = |sink: &AuditSink| match sink {
        AuditSink::File { path, max_size, keep } => {
            SinkPlace::File { path: path.clone(), max_size: max_size.bytes(), keep: *keep }
        }
        AuditSink::Log {} => SinkPlace::Log(format),
        AuditSink::Stdout {} => SinkPlace::Stdout,
        AuditSink::Syslog { address, facility } => SinkPlace::Syslog {
            place: match address {
                SyslogAddress::Tcp(address) => SyslogPlace::Tcp(*address),
                SyslogAddress::Udp(address) => SyslogPlace::Udp(*address),
                SyslogAddress::Unix(path) => SyslogPlace::Unix(path.clone()),
            },
            facility: facility.code(),
        },
    };
    audit.sinks.iter().map(place).collect()
}
