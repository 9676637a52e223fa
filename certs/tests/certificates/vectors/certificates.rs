//! The certificates of the vectors. The same each time: the authority's key is Ed25519, whose signatures have no randomness
//! in them (RFC 8032 section 5.1.6), and nothing else in a certificate is drawn.

use countersign_certs::{Authority, CertificateDer, KeyPair, Phone, Profile, RecipientCertificate};
use rcgen::{
    CertificateParams, CustomExtension, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyUsagePurpose, SanType, SerialNumber, date_time_ymd,
};
use rustls_pki_types::pem::PemObject;

use super::{gateway_certificate, text};
use crate::{
    phones::envelope_of,
    support::{EXTENSION, TN_AUTH_LIST, days, holder},
};

/// What a certificate of the vectors is made of. [`Parts::default`] bears no number and is otherwise sound.
#[derive(Default)]
pub(crate) struct Parts<'a> {
    pub(crate) uris: &'a [&'a str],
    /// Values of TNAuthList extensions.
    pub(crate) lists: &'a [&'a [u8]],
    /// Values of extensions that bear an encrypted number.
    pub(crate) envelopes: &'a [&'a [u8]],
    /// Made for the key of another client.
    pub(crate) moved: bool,
}

impl Parts<'_> {
    pub(crate) fn certificate(&self) -> Vec<u8> {
        self.changed(|_| {})
    }

    pub(crate) fn changed(&self, change: impl FnOnce(&mut CertificateParams)) -> Vec<u8> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "Test only client");
        params.serial_number = Some(SerialNumber::from(1));
        params.not_before = date_time_ymd(2027, 1, 1);
        params.not_after = date_time_ymd(2028, 1, 1);
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        params.subject_alt_names =
            self.uris.iter().map(|uri| SanType::URI((*uri).try_into().unwrap())).collect();
        let lists = self.lists.iter().map(|list| (TN_AUTH_LIST, list));
        let envelopes = self.envelopes.iter().map(|envelope| (EXTENSION, envelope));
        params.custom_extensions = lists
            .chain(envelopes)
            .map(|(oid, value)| CustomExtension::from_oid_content(oid, value.to_vec()))
            .collect();
        change(&mut params);

        let key = |name| rcgen::KeyPair::from_pem(&text(name)).unwrap();
        let root = CertificateDer::from_pem_slice(text("keys/test-only-root.pem").as_bytes());
        let issuer = Issuer::from_ca_cert_der(&root.unwrap(), key("keys/test-only-root.key"));
        let client = if self.moved {
            key("keys/test-only-other-client.key")
        } else {
            key("keys/test-only-client.key")
        };
        let certificate = params.signed_by(&client, &issuer.unwrap()).unwrap();
        certificate.der().to_vec()
    }
}

/// An envelope for the client's key to these gateways: the one in this file, as sealing draws keys and nonces. A new
/// one where there is no file.
pub(crate) fn sealed(file: &str, kinds: &[&str]) -> Vec<u8> {
    let path = super::folder().join(file);
    if path.exists() {
        let certificate = CertificateDer::from_pem_slice(text(file).as_bytes()).unwrap();
        return envelope_of(&certificate);
    }
    let gateways: Vec<_> = kinds
        .iter()
        .map(|kind| RecipientCertificate::new(&gateway_certificate(kind)).unwrap())
        .collect();
    let client = KeyPair::from_pem(&text("keys/test-only-client.key")).unwrap();
    let holder = holder();
    let phone = Phone::Encrypted { holder: &holder, gateways: &gateways };
    let profile = Profile::TlsClient { common_name: "Test only client", phone };
    let authority = Authority::root("Test only", days(2)).unwrap();
    let certificate = authority.issue(&profile, client.public_key(), days(1)).unwrap();
    envelope_of(certificate.der())
}
