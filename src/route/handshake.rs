//! What is asked of TLS handshakes besides whom to trust.

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::sign::CertifiedKey;
use rustls::{Error, SupportedCipherSuite, SupportedProtocolVersion, version};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    Tls12,
    Tls13,
}

impl TlsVersion {
    pub const ALL: [TlsVersion; 2] = [TlsVersion::Tls12, TlsVersion::Tls13];

    pub fn name(self) -> &'static str {
        match self {
            TlsVersion::Tls12 => "1.2",
            TlsVersion::Tls13 => "1.3",
        }
    }

    fn protocol(self) -> &'static SupportedProtocolVersion {
        match self {
            TlsVersion::Tls12 => &version::TLS12,
            TlsVersion::Tls13 => &version::TLS13,
        }
    }
}

#[derive(Clone, Debug)]
pub struct Handshake {
    pub min: TlsVersion,
    pub max: TlsVersion,
    /// The only ones that are offered; all where it is empty.
    pub ciphers: Vec<SupportedCipherSuite>,
    /// The name to ask for and to find in the certificate, instead of the URL's host.
    pub server_name: Option<ServerName<'static>>,
    /// What a server that asks for one gets.
    pub certificate: Option<CertifiedKey>,
    /// Whether a VU resumes its own sessions.
    pub resumption: bool,
}

impl Default for Handshake {
    fn default() -> Handshake {
        Handshake {
            min: TlsVersion::Tls12,
            max: TlsVersion::Tls13,
            ciphers: Vec::new(),
            server_name: None,
            certificate: None,
            resumption: false,
        }
    }
}

impl Handshake {
    pub fn versions(&self) -> Vec<&'static SupportedProtocolVersion> {
        let versions = TlsVersion::ALL.into_iter().filter(|version| (self.min..=self.max).contains(version));
        versions.map(TlsVersion::protocol).collect()
    }

    /// Whether some cipher can be used with some version.
    pub fn is_possible(&self) -> bool {
        let versions = self.versions();
        let fits = |suite: &SupportedCipherSuite| versions.contains(&suite.version());
        !versions.is_empty() && (self.ciphers.is_empty() || self.ciphers.iter().any(fits))
    }
}

/// A cipher suite by IANA's name (`TLS_AES_128_GCM_SHA256`) or by rustls' (`TLS13_AES_128_GCM_SHA256`).
pub fn cipher(name: &str) -> Option<SupportedCipherSuite> {
    let suites = aws_lc_rs::ALL_CIPHER_SUITES.iter().copied();
    let rustls_name = |suite: &SupportedCipherSuite| suite.suite().as_str() == Some(name);
    suites.into_iter().find(|suite| cipher_name(*suite) == name || rustls_name(suite))
}

/// IANA's name.
pub fn cipher_name(suite: SupportedCipherSuite) -> String {
    suite.suite().as_str().unwrap_or_default().replace("TLS13_", "TLS_")
}

/// IANA's names of all that can be asked for.
pub fn known_ciphers() -> Vec<String> {
    aws_lc_rs::ALL_CIPHER_SUITES.iter().copied().map(cipher_name).collect()
}

/// Which of the two files is to blame, and a sentence about it that begins behind its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    Certificate,
    Key,
}

/// A client's certificate, with those of its issuers behind it, and its private key, both in PEM.
///
/// # Errors
/// The file to blame, and what is wrong with it.
pub fn client_certificate(certificate: &[u8], key: &[u8]) -> Result<CertifiedKey, (Blame, String)> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(certificate).collect();
    let chain = chain.map_err(|error| (Blame::Certificate, format!("is malformed: {error}")))?;
    if chain.is_empty() {
        return Err((Blame::Certificate, "holds no certificate".to_owned()));
    }
    let is_encrypted = String::from_utf8_lossy(key).contains("ENCRYPTED");
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| match is_encrypted {
        true => (Blame::Key, "is encrypted: decrypt it first, with `openssl pkey`".to_owned()),
        false => (Blame::Key, "holds no private key".to_owned()),
    })?;
    CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider()).map_err(|error| match error {
        Error::InconsistentKeys(_) => (Blame::Key, "does not belong to the certificate".to_owned()),
        Error::InvalidCertificate(why) => (Blame::Certificate, format!("is malformed: {why}")),
        other => (Blame::Key, format!("cannot be used: {other}")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ciphers_have_two_names() {
        assert_eq!(cipher("TLS_AES_128_GCM_SHA256"), cipher("TLS13_AES_128_GCM_SHA256"));
        let (new, old) = ("TLS_AES_128_GCM_SHA256", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384");
        assert!(known_ciphers().iter().all(|name| cipher(name).map(cipher_name).as_ref() == Some(name)));
        assert_eq!((cipher("TLS_RSA_WITH_RC4_128_MD5"), cipher("")), (None, None));
        let only =
            |name, min, max| Handshake { ciphers: vec![cipher(name).unwrap()], min, max, ..Handshake::default() };
        assert!(only(old, TlsVersion::Tls12, TlsVersion::Tls13).is_possible());
        assert!(!only(old, TlsVersion::Tls13, TlsVersion::Tls13).is_possible());
        assert!(!only(new, TlsVersion::Tls12, TlsVersion::Tls12).is_possible());
        assert!(!Handshake { min: TlsVersion::Tls13, max: TlsVersion::Tls12, ..Handshake::default() }.is_possible());
    }

    #[test]
    fn a_client_s_files_are_told_apart_when_they_are_wrong() {
        let make = || rcgen::generate_simple_self_signed(["ann".to_owned()]).unwrap();
        let (one, other) = (make(), make());
        let (certificate, key) = (one.cert.pem(), one.signing_key.serialize_pem());
        let check = |certificate: &str, key: &str, expected: Option<(Blame, &str)>| {
            let found = client_certificate(certificate.as_bytes(), key.as_bytes()).err();
            let fits = match (&found, expected) {
                (Some((blame, why)), Some((expected, part))) => *blame == expected && why.contains(part),
                (None, None) => true,
                _ => false,
            };
            assert!(fits, "{found:?}, expected {expected:?}");
        };
        check(&certificate, &key, None);
        check(&format!("{certificate}{key}"), &format!("{certificate}{key}"), None);
        check(&key, &key, Some((Blame::Certificate, "holds no certificate")));
        check(&certificate, &certificate, Some((Blame::Key, "holds no private key")));
        check(&certificate, &other.signing_key.serialize_pem(), Some((Blame::Key, "does not belong")));
        let encrypted = key.replace("PRIVATE", "ENCRYPTED PRIVATE");
        check(&certificate, &encrypted, Some((Blame::Key, "is encrypted")));
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        check(broken, &key, Some((Blame::Certificate, "is malformed")));
    }
}
