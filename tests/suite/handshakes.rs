//! TLS as plans ask for it: versions, ciphers, names, client certificates, sessions, against servers that make demands.

use std::net::SocketAddr;
use std::sync::Arc;

use proofload::load::Share;
use proofload::route::{Handshake, TlsVersion, cipher, client_certificate};
use proofload::transport::http::{HttpTransport, Options};
use proofload::transport::{Session, Spread, Transport};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{HandshakeKind, RootCertStore, ServerConfig, SupportedProtocolVersion};
use tokio::sync::mpsc::unbounded_channel;
use tokio_rustls::TlsAcceptor;

use crate::dialling::{Told, ask, get, listen, serve};
use crate::program::Run;

/// Certificate and key for a name.
pub struct Identity {
    der: CertificateDer<'static>,
    pub pem: String,
    key_pem: String,
    key: Vec<u8>,
}

pub fn identity(name: &str) -> Identity {
    identity_of(rcgen::CertificateParams::new([name.to_owned()]).unwrap())
}

fn identity_of(params: rcgen::CertificateParams) -> Identity {
    let key = rcgen::KeyPair::generate().unwrap();
    let made = params.self_signed(&key).unwrap();
    Identity { der: made.der().clone(), pem: made.pem(), key_pem: key.serialize_pem(), key: key.serialize_der() }
}

static TLS12: &[&SupportedProtocolVersion] = &[&rustls::version::TLS12];
static TLS13: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13];

/// How a TLS server is set up besides its certificate.
#[derive(Default)]
pub struct Demands {
    versions: Option<&'static [&'static SupportedProtocolVersion]>,
    ciphers: Option<&'static str>,
    client: Option<CertificateDer<'static>>,
}

pub fn acceptor(own: &Identity, demands: &Demands) -> TlsAcceptor {
    let mut provider = aws_lc_rs::default_provider();
    if let Some(name) = demands.ciphers {
        provider.cipher_suites = vec![cipher(name).unwrap()];
    }
    let provider = Arc::new(provider);
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(demands.versions.unwrap_or(rustls::ALL_VERSIONS))
        .unwrap();
    let builder = match &demands.client {
        None => builder.with_no_client_auth(),
        Some(client) => {
            let mut roots = RootCertStore::empty();
            roots.add(client.clone()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
            builder.with_client_cert_verifier(verifier)
        }
    };
    let key = PrivateKeyDer::try_from(own.key.clone()).unwrap();
    TlsAcceptor::from(Arc::new(builder.with_single_cert(vec![own.der.clone()], key).unwrap()))
}

/// A TLS server that tells of each handshake `VERSION KIND NAME`, and all heads.
pub async fn tls_server(own: &Identity, demands: &Demands) -> (SocketAddr, Told) {
    let (listener, address) = listen().await;
    let (tell, told) = unbounded_channel();
    let acceptor = acceptor(own, demands);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, tell) = (acceptor.clone(), tell.clone());
            tokio::spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else { return };
                let connection = stream.get_ref().1;
                let kind = if connection.handshake_kind() == Some(HandshakeKind::Resumed) { "resumed" } else { "full" };
                let version = connection.protocol_version().unwrap();
                let _ = tell.send(format!("{version:?} {kind} {}", connection.server_name().unwrap_or("nobody")));
                serve(stream, tell).await;
            });
        }
    });
    (address, told)
}

pub fn trusting(own: &Identity, handshake: Handshake) -> Options {
    Options { ca_pem: Some(own.pem.clone().into()), handshake, ..Options::default() }
}

/// What comes of an https request to `localhost` with this handshake, at a server with these demands.
async fn check_tls(name: &str, demands: Demands, handshake: Handshake, expected: Result<&str, &str>) {
    let own = identity(name);
    let (address, mut told) = tls_server(&own, &demands).await;
    let answer = ask(trusting(&own, handshake), &format!("https://localhost:{}/", address.port())).await;
    match (answer, expected) {
        (Ok(exchange), Ok(expected)) => {
            assert_eq!((exchange.status, told.recv().await.unwrap()), (200, expected.to_owned()));
        }
        (Err(failure), Err(message)) => assert!(failure.message.contains(message), "{}", failure.message),
        (found, expected) => panic!("{found:?}, expected {expected:?}"),
    }
}

#[tokio::test]
async fn versions_are_those_that_both_sides_allow() {
    let old = || Demands { versions: Some(TLS12), ..Demands::default() };
    let only = |version| Handshake { min: version, max: version, ..Handshake::default() };
    check_tls("localhost", old(), Handshake::default(), Ok("TLSv1_2 full localhost")).await;
    check_tls("localhost", old(), only(TlsVersion::Tls13), Err("ProtocolVersion")).await;
    check_tls("localhost", Demands::default(), only(TlsVersion::Tls12), Ok("TLSv1_2 full localhost")).await;
    check_tls("localhost", Demands::default(), only(TlsVersion::Tls13), Ok("TLSv1_3 full localhost")).await;
}

#[tokio::test]
async fn ciphers_are_those_that_both_sides_allow() {
    let only = |name| Handshake { ciphers: vec![cipher(name).unwrap()], ..Handshake::default() };
    let demands = || Demands { ciphers: Some("TLS_AES_256_GCM_SHA384"), versions: Some(TLS13), client: None };
    check_tls("localhost", demands(), only("TLS_AES_256_GCM_SHA384"), Ok("TLSv1_3 full localhost")).await;
    check_tls("localhost", demands(), only("TLS_AES_128_GCM_SHA256"), Err("HandshakeFailure")).await;
    let older = only("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256");
    check_tls("localhost", Demands::default(), older, Ok("TLSv1_2 full localhost")).await;
}

#[tokio::test]
async fn another_server_name_is_asked_for_and_looked_for() {
    let named = |name: &str| {
        let server_name = Some(name.to_owned().try_into().unwrap());
        Handshake { server_name, ..Handshake::default() }
    };
    check_tls("shop.example", Demands::default(), named("shop.example"), Ok("TLSv1_3 full shop.example")).await;
    check_tls("shop.example", Demands::default(), named("other.example"), Err("its certificate is for another name"))
        .await;
}

#[tokio::test]
async fn a_certificate_as_openssl_makes_it_is_refused_with_what_makes_a_fit_one() {
    let mut params = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let own = identity_of(params);
    let (address, _told) = tls_server(&own, &Demands::default()).await;
    let url = format!("https://localhost:{}/", address.port());
    let failure = ask(trusting(&own, Handshake::default()), &url).await.unwrap_err();
    assert!(failure.message.contains("one of an authority"), "{}", failure.message);
    assert!(failure.message.contains("basicConstraints=CA:FALSE"), "{}", failure.message);
}

#[tokio::test]
async fn a_client_certificate_is_shown_to_a_server_that_asks_for_one() {
    let ann = identity("ann");
    for versions in [rustls::ALL_VERSIONS, TLS12] {
        let demands = || Demands { client: Some(ann.der.clone()), versions: Some(versions), ciphers: None };
        let version = if versions.len() == 1 { "TLSv1_2" } else { "TLSv1_3" };
        let certificate = client_certificate(ann.pem.as_bytes(), ann.key_pem.as_bytes()).ok();
        let with = Handshake { certificate, ..Handshake::default() };
        check_tls("localhost", demands(), with, Ok(&format!("{version} full localhost"))).await;
        check_tls("localhost", demands(), Handshake::default(), Err("CertificateRequired")).await;
    }
}

#[tokio::test]
async fn sessions_are_resumed_by_the_same_user_only_and_only_when_asked_for() {
    for (resumption, expected) in [(true, ["full", "resumed", "full"]), (false, ["full"; 3])] {
        let own = identity("localhost");
        let (address, mut told) = tls_server(&own, &Demands::default()).await;
        let transport = HttpTransport::new(trusting(&own, Handshake { resumption, ..Handshake::default() })).unwrap();
        let request = get(&format!("https://localhost:{}/", address.port()));
        let (mut one, mut other) = (transport.session(), transport.session());
        one.send(&request).await.unwrap();
        one.close();
        one.send(&request).await.unwrap();
        other.send(&request).await.unwrap();
        for kind in expected {
            assert_eq!(told.recv().await.unwrap(), format!("TLSv1_3 {kind} localhost"));
            assert!(told.recv().await.unwrap().starts_with("GET / "));
        }
    }
}

#[tokio::test]
async fn sessions_of_connections_that_all_share_are_everybodys() {
    let own = identity("localhost");
    let (address, mut told) = tls_server(&own, &Demands::default()).await;
    let resuming = trusting(&own, Handshake { resumption: true, ..Handshake::default() });
    let transport = HttpTransport::new(Options { shared_connections: Some(1), ..resuming }).unwrap();
    let transport = transport.on_thread(Share { index: 0, of: 1 });
    let mut request = get(&format!("https://localhost:{}/", address.port()));
    request.headers.insert("connection", "close".parse().unwrap());
    for kind in ["full", "resumed"] {
        transport.session().send(&request).await.unwrap();
        assert_eq!(told.recv().await.unwrap(), format!("TLSv1_3 {kind} localhost"));
        assert!(told.recv().await.unwrap().starts_with("GET / "));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_names_its_certificates() {
    let (own, ann, folder) = (identity("inner.example"), identity("ann"), tempfile::tempdir().unwrap());
    let demands = Demands { client: Some(ann.der.clone()), versions: Some(TLS12), ciphers: None };
    let (address, mut told) = tls_server(&own, &demands).await;
    for (name, text) in [("ca.pem", own.pem), ("ann.pem", ann.pem), ("ann.key", ann.key_pem)] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let plan = "
http:
  base_url: https://ADDRESS
  tls:
    ca: FOLDER/ca.pem
    cert: FOLDER/ann.pem
    key: FOLDER/ann.key
    max_version: 1.2
    ciphers: TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
    server_name: inner.example
    session_resumption: true
iterations: 2
steps: [{ get: /, checks: { ok: status == 200 } }]
";
    let plan = plan.replace("ADDRESS", &address.to_string()).replace("FOLDER", folder.path().to_str().unwrap());
    let outcome = tokio::task::spawn_blocking(move || Run::of(&plan).finish()).await.unwrap();
    assert!([0, 98].contains(&outcome.code), "{}{}", outcome.stdout, outcome.stderr);
    assert_eq!((outcome.count("http_reqs"), outcome.metric("checks", "rate")), (2, 1.0));
    assert_eq!(told.recv().await.unwrap(), "TLSv1_2 full inner.example");
}
