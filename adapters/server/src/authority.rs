//! The authority: people enrol over HTTP, and the number in each certificate is proved.

use std::{path::PathBuf, sync::Arc};

use countersign_authority::{AuthorityService, CertificateAuthority, Enrolments, Numbers, routes};
use countersign_certs::{Authority, Certificate, EndEntityKind, RecipientCertificate, SigningKey};
use countersign_domain::{id::RelyingPartyId, ports::Ports};
use rustls::ServerConfig;
use tokio::sync::watch;

use crate::{
    backbone::Backbone,
    config::{AuthoritySection, Config, Files, needed},
    error::{ConfigError, StartError},
    file::Failure,
    flow::Flow,
    folder::{AuthorityFolder, read_certificate},
    listener::Endpoint,
    mount::Mount,
    tls,
};

pub(crate) const SECTION: &str = "authority";

struct EnrolmentFlow {
    section: AuthoritySection,
    issuing: Issuing,
    kind: EndEntityKind,
    tls: Arc<ServerConfig>,
}

/// What issues: the authority of `[authority]`, for every flow that has it issue.
pub(crate) struct Issuing {
    /// Its key is open.
    authority: Authority<Box<dyn SigningKey>>,
    /// Its certificate and those above it, the root last.
    pub(crate) chain: Vec<Certificate>,
    pub(crate) numbers: Numbers,
}

impl Issuing {
    pub(crate) fn read(section: &AuthoritySection, config: &Config) -> Result<Self, ConfigError> {
        let files = &config.files;
        let folder = AuthorityFolder::at(&files.path(&section.folder));
        let key = "authority.passphrase_file";
        let passphrase = section.passphrase_file.as_ref();
        // What it says is read where it is used; here only, whether it is a secret.
        passphrase.map(|file| files.secret(file, key)).transpose()?;
        let passphrase = passphrase.map(|file| files.path(file));
        let chain = folder.chain().map_err(unusable_folder)?;
        Ok(Self {
            authority: folder.authority(passphrase.as_deref()).map_err(unusable_folder)?,
            numbers: numbers(section, files)?,
            chain,
        })
    }

    /// Whether its own certificate permits such certificates.
    pub(crate) fn permits(&self, kind: EndEntityKind) -> bool {
        self.authority.permits(kind)
    }

    /// The authority with its register.
    pub(crate) fn with_register(self, backbone: &Backbone) -> CertificateAuthority {
        let Ports { store, clock, entropy, .. } = &backbone.ports;
        let register = backbone.register.as_ref().unwrap_or(store);
        let (register, clock, entropy) =
            (Arc::clone(register), Arc::clone(clock), Arc::clone(entropy));
        CertificateAuthority::new(self.authority, self.numbers, register, clock, entropy)
    }
}

/// The flow, if its section is there.
pub(crate) fn read(config: &Config) -> Result<Option<Box<dyn Flow>>, ConfigError> {
    let Some(section) = &config.authority else {
        return Ok(None);
    };
    needed(config.sms.as_ref(), "sms", SECTION)?;
    let issuing = Issuing::read(section, config)?;
    let anchors = issuing.chain.iter().map(|above| above.der().clone()).collect();
    Ok(Some(Box::new(EnrolmentFlow {
        kind: kind(section)?,
        tls: tls::server_config(&config.tls, &config.files, Some(anchors), &[])?,
        section: section.clone(),
        issuing,
    })))
}

impl Flow for EnrolmentFlow {
    fn mount(self: Box<Self>, backbone: &Backbone) -> Result<Mount, StartError> {
        let chain = self.issuing.chain.clone();
        let enrolments = Enrolments {
            authority: Arc::new(self.issuing.with_register(backbone)),
            verifier: Arc::clone(&backbone.verifier),
            ports: backbone.ports.clone(),
            relying_party: RelyingPartyId::try_from("authority")
                .map_err(|error| ConfigError::unusable(SECTION, error))?,
            kind: self.kind,
            origin: self.section.public_origin.host().clone(),
        };
        enrolments.check().map_err(|error| ConfigError::unusable("authority.profile", error))?;
        let endpoint = Endpoint {
            name: SECTION,
            address: self.section.listen,
            tls: Some(watch::channel(self.tls).1),
            router: routes(Arc::new(AuthorityService::new(enrolments, chain))),
            public_origin: Some(self.section.public_origin.clone()),
            trusted_terminators: Vec::new(),
        };
        Ok(Mount { endpoints: vec![endpoint], ..Mount::default() })
    }
}

fn kind(section: &AuthoritySection) -> Result<EndEntityKind, ConfigError> {
    let Some(profile) = &section.profile else {
        return Ok(EndEntityKind::TlsClient);
    };
    EndEntityKind::from_name(profile).filter(|kind| kind.bears_number()).ok_or_else(|| {
        ConfigError::unusable("authority.profile", "is not tls-client or cardholder")
    })
}

fn numbers(section: &AuthoritySection, files: &Files) -> Result<Numbers, ConfigError> {
    let unusable = |error: &dyn std::fmt::Display| {
        ConfigError::unusable("authority.gateways", error.to_string())
    };
    let read = |path: &PathBuf| {
        let path = files.path(path);
        let certificate = read_certificate(&path).map_err(|error| unusable(&error))?;
        RecipientCertificate::new(&certificate)
            .map_err(|error| unusable(&format_args!("{}: {error}", path.display())))
    };
    let gateways = section.gateways.iter().map(read);
    let gateways = gateways.collect::<Result<Vec<_>, _>>()?;
    Ok(if gateways.is_empty() { Numbers::Clear } else { Numbers::Encrypted(gateways) })
}

fn unusable_folder(error: Failure) -> ConfigError {
    ConfigError::unusable("authority.folder", error)
}
