//! TLS: one configuration for all connections, made once and only where a target speaks https.

use std::sync::Arc;

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::sign::SingleCertAndKey;
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, Error, RootCertStore, SignatureScheme, SupportedCipherSuite,
};

use crate::route::Handshake;

/// The certificates in PEM text. Cheap, so that a mistake is told before the run.
///
/// # Errors
/// A sentence where there is none, or one that is malformed.
pub fn read_authorities(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let certificates = certificates.map_err(|error| format!("malformed certificate: {error}"))?;
    let mut roots = RootCertStore::empty();
    for certificate in &certificates {
        roots.add(certificate.clone()).map_err(|error| format!("malformed certificate: {error}"))?;
    }
    if certificates.is_empty() { Err("there is no certificate in it".to_owned()) } else { Ok(certificates) }
}

/// The client's side of TLS. Reads the system's trust store, which takes milliseconds.
///
/// # Errors
/// A sentence, where the library refuses its own defaults.
pub fn configure(
    insecure: bool,
    authorities: &[CertificateDer<'static>],
    handshake: &Handshake,
) -> Result<Arc<ClientConfig>, String> {
    let provider = Arc::new(provider(&handshake.ciphers));
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&handshake.versions())
        .map_err(|error| format!("cannot set up TLS: {error}"))?;
    let builder = match insecure {
        true => builder.dangerous().with_custom_certificate_verifier(Arc::new(TrustAnybody(provider))),
        false => builder.with_root_certificates(roots(authorities)),
    };
    let mut config = match &handshake.certificate {
        Some(own) => builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(own.clone()))),
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // Each VU is another person: a ticket that one got is of no use to the next, and a full handshake is what the target
    // would see of them.
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

fn provider(ciphers: &[SupportedCipherSuite]) -> CryptoProvider {
    let mut provider = aws_lc_rs::default_provider();
    if !ciphers.is_empty() {
        provider.cipher_suites = ciphers.to_vec();
    }
    provider
}

/// The same, with room for the sessions of one user: as many as a VU has connections.
pub fn with_own_tickets(config: &ClientConfig) -> Arc<ClientConfig> {
    let mut own = config.clone();
    own.resumption = Resumption::in_memory_sessions(16);
    Arc::new(own)
}

/// Begins a handshake with nobody: the library's first use takes tens of milliseconds.
pub fn warm(config: &Arc<ClientConfig>) -> Result<(), String> {
    let mut hello = Vec::new();
    let nobody = ServerName::try_from("localhost").map_err(|error| error.to_string())?;
    let mut connection = ClientConnection::new(config.clone(), nobody).map_err(|error| error.to_string())?;
    connection.write_tls(&mut hello).map_err(|error| error.to_string())?;
    Ok(())
}

fn roots(authorities: &[CertificateDer<'static>]) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    roots.add_parsable_certificates(authorities.iter().cloned());
    roots
}

/// What `insecure` asks for: any certificate will do. Signatures are still checked, as they are part of the work of a handshake.
#[derive(Debug)]
struct TrustAnybody(Arc<CryptoProvider>);

impl ServerCertVerifier for TrustAnybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_without_a_certificate_is_refused() {
        assert_eq!(read_authorities(b"hello"), Err("there is no certificate in it".to_owned()));
        let broken = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(read_authorities(broken).unwrap_err().starts_with("malformed certificate"));
    }
}
