//! A certificate authority and a certificate for development.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose,
};

use crate::base::Clock;
use crate::crypto::keyfile;

/// Why no certificate was made.
#[derive(Debug, thiserror::Error)]
pub enum CertsFault {
    /// A certificate cannot be made or read.
    #[error(transparent)]
    Certificate(#[from] rcgen::Error),
    /// A file cannot be written.
    #[error("{path}: {cause}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// A key cannot be read or written.
    #[error(transparent)]
    Keyfile(#[from] keyfile::KeyfileFault),
}

/// How long a development certificate is good for. Browsers refuse leaves of more than 398 days.
const LEAF_DAYS: u32 = 90;
/// How long the development CA is good for.
const CA_DAYS: u32 = 3650;

/// Makes `dev-ca.pem`, `dev-ca.key`, `dev.pem` and `dev.key` in `out`. A CA that is there already
/// is kept, so that browsers that trust it go on doing so.
///
/// # Errors
/// A file cannot be read or written, or the old CA cannot be used.
pub fn make(out: &Path, hosts: &[String], clock: &dyn Clock) -> Result<(), CertsFault> {
    let file = |path: &Path, cause| CertsFault::File { path: path.to_owned(), cause };
    std::fs::create_dir_all(out).map_err(|cause| file(out, cause))?;
    let (ca_file, ca_key_file) = (out.join("dev-ca.pem"), out.join("dev-ca.key"));
    let known = std::fs::read_to_string(&ca_file).ok().zip(read_key(&ca_key_file)?);
    let (ca_pem, ca_key) = match known {
        Some(known) => known,
        None => {
            let key = KeyPair::generate()?;
            let ca = authority(clock)?.self_signed(&key)?;
            keyfile::write_atomic(&ca_key_file, key.serialize_pem().as_bytes())?;
            std::fs::write(&ca_file, ca.pem()).map_err(|cause| file(&ca_file, cause))?;
            (ca.pem(), key)
        }
    };
    let issuer = Issuer::from_ca_cert_pem(&ca_pem, ca_key)?;
    let key = KeyPair::generate()?;
    let leaf = leaf(hosts, clock)?.signed_by(&key, &issuer)?;
    keyfile::write_atomic(&out.join("dev.key"), key.serialize_pem().as_bytes())?;
    let chain = out.join("dev.pem");
    std::fs::write(&chain, leaf.pem()).map_err(|cause| file(&chain, cause))
}

fn read_key(path: &Path) -> Result<Option<KeyPair>, CertsFault> {
    let Some(pem) = keyfile::read_private(path)? else { return Ok(None) };
    let pem = String::from_utf8_lossy(pem.expose()).into_owned();
    Ok(Some(KeyPair::from_pem(&pem)?))
}

fn authority(clock: &dyn Clock) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(Vec::<String>::new())?;
    params.distinguished_name = name("Portcullis development CA");
    // It can sign leaves only, so that a stolen key makes no further authorities.
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    validity(&mut params, CA_DAYS, clock);
    Ok(params)
}

fn leaf(hosts: &[String], clock: &dyn Clock) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(hosts.to_vec())?;
    params.distinguished_name = name("Portcullis development");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    validity(&mut params, LEAF_DAYS, clock);
    Ok(params)
}

fn name(common: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common);
    name
}

fn validity(params: &mut CertificateParams, days: u32, clock: &dyn Clock) {
    let day = Duration::from_secs(86_400);
    let now = Duration::from_secs(u64::try_from(clock.now().as_secs()).unwrap_or(0));
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    // A day early: the clock of the browser that looks may be behind.
    params.not_before = epoch + now.saturating_sub(day);
    params.not_after = epoch + now + day * days;
}
