//! Envoy.

use std::net::SocketAddr;
use std::process::Command;

use anyhow::Result;

use crate::lab::bearers::{Bearers, ISSUER};
use crate::lab::machine::folder::Folder;
use crate::lab::machine::port::free;
use crate::lab::peer::own::AuthService;
use crate::lab::peer::{Feature, Guard, Peer, Running, running, wheel};
use crate::lab::surroundings::Surroundings;

/// The router, and `ext_authz` or `jwt_authn` before it.
#[derive(Debug)]
pub(crate) struct Envoy;

const PROGRAM: &[&str] = &["envoy", "_bin", "envoy"];

impl Peer for Envoy {
    fn name(&self) -> &'static str {
        "Envoy"
    }

    fn version(&self) -> Result<String> {
        let said = Command::new(wheel::program(PROGRAM)?).arg("--version").output()?;
        let said = String::from_utf8_lossy(&said.stdout).into_owned();
        let words = said.split("version: ").nth(1).unwrap_or_default();
        Ok(words.split('/').nth(1).unwrap_or_default().to_owned())
    }

    fn guards(&self, guard: Guard) -> Option<&'static str> {
        match guard {
            Guard::Open => Some(""),
            Guard::Session => Some("ext_authz to a Rust service"),
            Guard::SharedSession => None,
            Guard::BearerEs256 => Some("jwt_authn with its cache"),
            Guard::BearerRs256 => Some("jwt_authn"),
        }
    }

    fn has(&self, _: Feature) -> bool {
        true
    }

    fn one_process(&self) -> bool {
        // Its many threads of its own make no steady count.
        false
    }

    fn start(&self, guard: Guard, around: &Surroundings) -> Result<Running> {
        let folder = Folder::new()?;
        let (http, https) = (free()?, free()?);
        let service = if guard == Guard::Session { Some(AuthService::start()?) } else { None };
        let mut clusters =
            vec![cluster("app", around.backend()), cluster("live", around.live.address)];
        let (mut filter, mut credential) = (String::new(), String::new());
        if let Some(service) = &service {
            clusters.push(cluster("auth", service.address));
            filter = ext_authz(service.address);
            credential.clone_from(&service.credential);
        }
        if let Some(bearer) = Bearers::for_guard(guard)? {
            filter = jwt_authn(&bearer.jwks, guard == Guard::BearerEs256);
            credential = bearer.credential();
        }
        let certs = around.certs.path().display();
        let tls = format!(
            r#"
      transport_socket:
        name: tls
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext
          common_tls_context:
            alpn_protocols: [h2, http/1.1]
            tls_params: {{ tls_minimum_protocol_version: TLSv1_3, tls_maximum_protocol_version: TLSv1_3 }}
            tls_certificates:
            - certificate_chain: {{ filename: {certs}/dev.pem }}
              private_key: {{ filename: {certs}/dev.key }}"#
        );
        let listeners =
            listener("http", http, &filter, "") + &listener("https", https, &filter, &tls);
        let configuration = format!(
            "static_resources:\n  listeners:{listeners}\n  clusters:{}\n",
            clusters.concat()
        );
        folder.write("envoy.yaml", &configuration)?;
        let mut command = Command::new(wheel::program(PROGRAM)?);
        command.args(["-c", "envoy.yaml", "--disable-hot-restart", "-l", "error"]);
        let up = running(around.callgrind, command, folder, (http, https))?.by(credential);
        Ok(match service {
            Some(service) => up.with(service.server),
            None => up,
        })
    }
}

fn listener(name: &str, at: SocketAddr, filter: &str, tls: &str) -> String {
    let (ip, port) = (at.ip(), at.port());
    format!(
        r#"
  - name: {name}
    address: {{ socket_address: {{ address: {ip}, port_value: {port} }} }}
    filter_chains:
    - filters:
      - name: http
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: all
          codec_type: AUTO
          upgrade_configs: [{{ upgrade_type: websocket }}]
          route_config:
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes:
              - match: {{ path: /events }}
                route: {{ cluster: live, timeout: 0s }}
              - match: {{ path: /ws }}
                route: {{ cluster: live, timeout: 0s }}
              - match: {{ prefix: / }}
                route: {{ cluster: app }}
          http_filters:{filter}
          - name: router
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router{tls}"#
    )
}

fn cluster(name: &str, at: SocketAddr) -> String {
    let (ip, port) = (at.ip(), at.port());
    format!(
        r"
  - name: {name}
    type: STATIC
    connect_timeout: 5s
    circuit_breakers: {{ thresholds: [{{ max_connections: 65536, max_pending_requests: 65536, max_requests: 65536 }}] }}
    load_assignment:
      cluster_name: {name}
      endpoints:
      - lb_endpoints:
        - endpoint: {{ address: {{ socket_address: {{ address: {ip}, port_value: {port} }} }} }}"
    )
}

fn ext_authz(service: SocketAddr) -> String {
    format!(
        r#"
          - name: ext_authz
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz
              http_service:
                server_uri: {{ uri: "http://{service}", cluster: auth, timeout: 5s }}
                authorization_request: {{ allowed_headers: {{ patterns: [{{ exact: cookie }}] }} }}
                authorization_response: {{ allowed_upstream_headers: {{ patterns: [{{ exact: x-user-jwt }}] }} }}"#
    )
}

fn jwt_authn(jwks: &str, cache: bool) -> String {
    let cache = if cache { "jwt_cache_config: { jwt_cache_size: 1000 }" } else { "" };
    format!(
        r#"
          - name: jwt
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication
              providers:
                lab:
                  issuer: {ISSUER}
                  local_jwks: {{ inline_string: '{jwks}' }}
                  {cache}
              rules: [{{ match: {{ prefix: / }}, requires: {{ provider_name: lab }} }}]"#
    )
}
