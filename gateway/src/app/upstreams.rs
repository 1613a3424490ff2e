//! Upstream sections → pools.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::app::build::BuildFault;
use crate::base::UpstreamId;
use crate::config::{Checked, Config, Upstream, UpstreamProtocol};
use crate::upstream::{Pool, PoolSettings, Protocol, Server, Timeouts, Tls};

/// Every pool by its name.
pub(super) fn pools(
    config: &Checked<Config>,
    generation: u64,
) -> Result<HashMap<UpstreamId, Arc<Pool>>, BuildFault> {
    let pool = |(id, upstream): (&UpstreamId, &Upstream)| {
        let settings = settings(id, upstream)?;
        Ok((id.clone(), Arc::new(Pool::new(settings, generation))))
    };
    config.upstreams.iter().map(pool).collect()
}

fn settings(id: &UpstreamId, upstream: &Upstream) -> Result<PoolSettings, BuildFault> {
    let server = |server: &crate::config::ServerAddress| Server {
        host: server.host().to_owned(),
        port: server.port(),
    };
    Ok(PoolSettings {
        id: id.clone(),
        servers: upstream.servers.iter().map(server).collect(),
        tls: if upstream.is_tls() { Some(tls(upstream)?) } else { None },
        protocol: match upstream.protocol {
            UpstreamProtocol::Http1 => Protocol::Http1,
            UpstreamProtocol::Http2 => Protocol::Http2,
        },
        timeouts: Timeouts {
            connect: upstream.connect_time.std(),
            first_byte: upstream.first_byte_time.std(),
            stream_idle: upstream.stream_idle_time.std(),
            write: upstream.write_time.std(),
            keep: upstream.idle_time.std(),
        },
    })
}

fn tls(upstream: &Upstream) -> Result<Tls, BuildFault> {
    let Some(wanted) = &upstream.tls else { return Ok(Tls::default()) };
    Ok(Tls {
        name: wanted.name.clone(),
        ca: wanted.ca.as_deref().map(authorities).transpose()?,
        danger_skip_verify: wanted.danger_skip_verify,
    })
}

fn authorities(path: &Path) -> Result<Arc<[pingora_core::utils::tls::WrappedX509]>, BuildFault> {
    let fault = |cause: String| BuildFault::Authority { path: path.to_owned(), cause };
    let certificates = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|cause| fault(cause.to_string()))?;
    if certificates.is_empty() {
        return Err(fault("there is no certificate in it".to_owned()));
    }
    Tls::ca(certificates).map_err(|cause| fault(cause.to_string()))
}
