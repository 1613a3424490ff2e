//! Authorities that sign certificates of clients and of sites, good and bad ones.

use std::sync::Arc;
use std::time::Duration;

use portcullis::base::{Clock, SystemClock};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer,
    DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyPair,
    KeyUsagePurpose, RevokedCertParams, SanType, SerialNumber, date_time_ymd,
};
use rustls::client::Resumption;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ClientConfig, SupportedProtocolVersion};

/// An authority of a test's own.
pub(crate) struct Ca(CertifiedIssuer<'static, KeyPair>);

/// A chain and its key, as a client shows it.
#[derive(Clone)]
pub(crate) struct Shown {
    chain: Vec<CertificateDer<'static>>,
    key: Vec<u8>,
}

/// What a client's certificate says.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) uri: &'static str,
    pub(crate) serial: u64,
    pub(crate) purpose: ExtendedKeyUsagePurpose,
    /// Seconds from now until it ends.
    pub(crate) ends_in: i64,
}

impl Client {
    /// A good one of this subject.
    pub(crate) fn new(uri: &'static str) -> Self {
        Self { uri, serial: 7, purpose: ExtendedKeyUsagePurpose::ClientAuth, ends_in: 3600 }
    }
}

impl Ca {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// Chain and key of a site, PEM.
    pub(crate) fn site(&self, names: &[&str]) -> (String, String) {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let key = KeyPair::generate().unwrap();
        let leaf = CertificateParams::new(names).unwrap().signed_by(&key, &self.0).unwrap();
        (leaf.pem(), key.serialize_pem())
    }

    /// Chain and key of a client.
    pub(crate) fn client(&self, client: &Client) -> Shown {
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "Ann");
        params.distinguished_name.push(DnType::OrganizationalUnitName, "staff");
        params.subject_alt_names = vec![SanType::URI(client.uri.try_into().unwrap())];
        params.serial_number = Some(SerialNumber::from(client.serial));
        params.extended_key_usages = vec![client.purpose.clone()];
        params.not_before = date_time_ymd(2020, 1, 1);
        let end = u64::try_from(SystemClock.now().as_secs() + client.ends_in).unwrap();
        params.not_after = date_time_ymd(1970, 1, 1) + Duration::from_secs(end);
        let key = KeyPair::generate().unwrap();
        let leaf = params.signed_by(&key, &self.0).unwrap();
        Shown { chain: vec![leaf.der().clone()], key: key.serialize_der() }
    }

    /// A list with these serial numbers, PEM.
    pub(crate) fn revoke(&self, serials: &[u64]) -> String {
        let revoked = |serial: &u64| RevokedCertParams {
            serial_number: SerialNumber::from(*serial),
            revocation_time: date_time_ymd(2020, 1, 1),
            reason_code: None,
            invalidity_date: None,
        };
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2020, 1, 1),
            next_update: date_time_ymd(2100, 1, 1),
            crl_number: SerialNumber::from(1_u64),
            issuing_distribution_point: None,
            revoked_certs: serials.iter().map(revoked).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&self.0).unwrap().pem().unwrap()
    }

    /// A client that trusts this authority's sites, and shows a certificate if it has one.
    pub(crate) fn visitor(
        &self,
        shown: Option<&Shown>,
        versions: &[&'static SupportedProtocolVersion],
        protocols: &[&str],
    ) -> ClientConfig {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(self.0.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots);
        let mut config = match shown {
            None => config.with_no_client_auth(),
            Some(shown) => {
                let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(shown.key.clone()));
                config.with_client_auth_cert(shown.chain.clone(), key).unwrap()
            }
        };
        config.resumption = Resumption::disabled();
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        config
    }
}

/// Longer than a certificate with `ends_in: 10` lives.
pub(crate) const ENDED: Duration = Duration::from_secs(40);
