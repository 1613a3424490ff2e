//! Authorities and client certificates for tests.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer,
    DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyPair,
    KeyUsagePurpose, RevokedCertParams, SanType, SerialNumber, date_time_ymd,
};
use rustls::pki_types::CertificateDer;

use crate::web::mtls::{ClientCertificate, ClientTrust, TrustFiles};

/// An authority with a folder for its files.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: PathBuf,
}

/// What a client certificate says.
pub(crate) struct Said<'a> {
    pub(crate) common_names: &'a [&'a str],
    pub(crate) unit: Option<&'a str>,
    pub(crate) names: Vec<SanType>,
    pub(crate) serial: u64,
}

impl Default for Said<'_> {
    fn default() -> Self {
        Self { common_names: &["ann"], unit: None, names: Vec::new(), serial: 7 }
    }
}

pub(crate) fn uri(text: &str) -> SanType {
    SanType::URI(text.try_into().unwrap())
}

pub(crate) fn email(text: &str) -> SanType {
    SanType::Rfc822Name(text.try_into().unwrap())
}

impl Authority {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("mtls-{}-{count}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        std::fs::write(folder.join("ca.pem"), issuer.pem()).unwrap();
        Self { issuer, folder }
    }

    /// The chain of a client.
    pub(crate) fn chain(&self, said: Said<'_>) -> Vec<CertificateDer<'static>> {
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.distinguished_name = DistinguishedName::new();
        for (at, name) in said.common_names.iter().enumerate() {
            // A second one of the same kind takes the place of the first.
            let second = DnType::CustomDnType(vec![2, 5, 4, 3]);
            let kind = if at == 0 { DnType::CommonName } else { second };
            params.distinguished_name.push(kind, *name);
        }
        if let Some(unit) = said.unit {
            params.distinguished_name.push(DnType::OrganizationalUnitName, unit);
        }
        params.subject_alt_names = said.names;
        params.serial_number = Some(SerialNumber::from(said.serial));
        params.not_after = date_time_ymd(2100, 1, 1);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().unwrap();
        vec![params.signed_by(&key, &self.issuer).unwrap().der().clone()]
    }

    /// A trust in this authority, with these serial numbers taken back.
    pub(crate) fn trust(&self, required: bool, revoked: &[u64]) -> Arc<ClientTrust> {
        let mut lists = Vec::new();
        if !revoked.is_empty() {
            let path = self.folder.join("crl.pem");
            std::fs::write(&path, self.revoke(revoked)).unwrap();
            lists.push(path);
        }
        let authorities = [self.folder.join("ca.pem")];
        let files = TrustFiles { authorities: &authorities, revoked: &lists, required };
        Arc::new(ClientTrust::load("corp", files).unwrap())
    }

    /// A certificate as a connection has it.
    pub(crate) fn certificate(&self, said: Said<'_>) -> Arc<ClientCertificate> {
        let trust = self.trust(false, &[]);
        Arc::new(ClientCertificate::read(&self.chain(said), &trust).unwrap())
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    fn revoke(&self, serials: &[u64]) -> String {
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
        list.signed_by(&self.issuer).unwrap().pem().unwrap()
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
