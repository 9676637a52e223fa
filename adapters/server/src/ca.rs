//! `countersign ca`: a certificate authority on this machine.

mod arguments;
mod inspect;
mod shown;

use std::path::Path;

use zeroize::Zeroizing;

use crate::{
    config::Config,
    file::{Failure, Place, ROOM, read, write, write_secret},
    folder::{AuthorityFolder, AuthorityPlaces, KeptKey, passphrase, pem_of, read_certificates},
    server,
    system::SystemClock,
};
use countersign_authority::{AuthorityError, CertificateAuthority, Issuance, LIST_LIFETIME};
use countersign_certs::{
    Authority, AuthorityKind, AuthorityProfile, Certificate, EndEntityKind, KeyKind, KeyPair,
    PublicKey, Request, RevocationReason, Serial, SigningKey, UnixTime, Validity, check_passphrase,
    check_pkcs12_passphrase, to_pkcs12, to_request_pem,
};
use countersign_domain::ports::Clock as _;

pub use arguments::Ca;
use arguments::{
    AuthorityName, CaCommand, Crl, Folder, Init, Issue, Key, Renew, Revoke, Serve, days,
};

/// How long a list of an authority that makes authorities is trusted.
const LIST_OF_AUTHORITIES_DAYS: u32 = 180;

/// Does what was said.
///
/// # Errors
/// What to tell the person at the command.
pub async fn run(ca: Ca) -> Result<(), Failure> {
    match ca.command {
        CaCommand::Init(arguments) => init(&arguments).await,
        CaCommand::Issue(arguments) => issue(arguments).await,
        CaCommand::Inspect(arguments) => inspect::inspect(&arguments).await,
        CaCommand::Renew(arguments) => renew(&arguments).await,
        CaCommand::Revoke(arguments) => revoke(&arguments).await,
        CaCommand::Crl(arguments) => crl(&arguments).await,
        CaCommand::Serve(arguments) => serve(&arguments).await,
    }
}

async fn init(arguments: &Init) -> Result<(), Failure> {
    if let Some(file) = &arguments.certificate {
        return finish(arguments, file).await;
    }
    let kind = kind_of(&arguments.kind)?;
    let name = arguments.name.as_deref().unwrap_or_default();
    let domains = arguments.subject.domains();
    let profile = authority_profile(kind, name, &arguments.subject, &domains);
    let lifetime = arguments.days.map_or_else(|| kind.usual_lifetime(), days);
    // Whatever can be refused is refused before anything is made.
    let folder = AuthorityFolder::to_be(&arguments.folder.dir)?;
    let issuer = issuer(arguments, kind)?;
    let (key, kept) = own_key(arguments)?;
    if arguments.request_only {
        folder.create(&kept, arguments.settings())?;
        write(&folder.request(), to_request_pem(&key, name)?.as_bytes())?;
        say(&format!(
            "{}: have it issued (countersign ca issue --profile {} --names-from-request --request ...), then: countersign ca init --dir {} --certificate ...",
            folder.request().display(),
            arguments.kind,
            arguments.folder.dir.display()
        ));
        return Ok(());
    }
    let chain = match &issuer {
        Some((issuer, above)) => {
            issuer.check_certify(&profile, key.public_key(), lifetime).await?;
            above.chain()?
        }
        None => Vec::new(),
    };
    // The authority above keeps what it certifies: there must be a folder for it before.
    let made = folder.create(&kept, arguments.settings()).and_then(|()| folder.places());
    let places = made.inspect_err(|_| folder.undo())?;
    let certified = match issuer {
        Some((issuer, _)) => {
            let certified = issuer.certify(&profile, key.public_key(), lifetime).await;
            certified.map_err(Failure::from)
        }
        None => root(&profile, key, lifetime),
    };
    keep_own(&folder, places, certified, &chain)?;
    say(&format!("{}", folder.certificate().display()));
    first_list(&folder, arguments).await
}

/// Keeps the authority's own certificate, or leaves no folder behind where it was refused.
fn keep_own(
    folder: &AuthorityFolder,
    places: AuthorityPlaces,
    certified: Result<Certificate, Failure>,
    chain: &[Certificate],
) -> Result<(), Failure> {
    match certified {
        Ok(own) => Ok(places.keep(&own, chain)?),
        Err(refused) => {
            drop(places);
            folder.undo();
            Err(refused)
        }
    }
}

/// The certificate that a root signs for itself.
fn root(
    profile: &AuthorityProfile<'_>,
    key: Box<dyn SigningKey>,
    lifetime: std::time::Duration,
) -> Result<Certificate, Failure> {
    let root = Authority::new_root(profile, key, from_now(lifetime)?, Serial::random()?)?;
    Ok(root.certificate().clone())
}

/// The new authority's key, and how its folder keeps it: encrypted, or as the name of one in a token.
fn own_key(arguments: &Init) -> Result<(Box<dyn SigningKey>, KeptKey), Failure> {
    let kind = if arguments.rsa { KeyKind::Rsa3072 } else { KeyKind::P256 };
    if let Some(uri) = &arguments.key {
        return Ok((crate::folder::new_token_key(uri, kind)?, KeptKey::InToken(uri.clone())));
    }
    let secret = passphrase(arguments.folder.passphrase_file.as_deref())?;
    let key = KeyPair::generate_kind(kind)?;
    let sealed = key.to_encrypted_pem(&secret)?;
    Ok((Box::new(key), KeptKey::Encrypted(sealed)))
}

/// A verifier that goes by lists needs one of every authority, from the first day on.
async fn first_list(folder: &AuthorityFolder, arguments: &Init) -> Result<(), Failure> {
    let authority = folder.open(arguments.folder.passphrase_file.as_deref())?;
    publish(folder, &authority, None, None).await
}

/// The authority that certifies the new one: none when it signs itself, or when the request is carried elsewhere.
fn issuer(
    arguments: &Init,
    kind: AuthorityKind,
) -> Result<Option<(CertificateAuthority, AuthorityFolder)>, Failure> {
    let folder = match (kind, &arguments.issuer, arguments.request_only) {
        (AuthorityKind::Root, Some(_), _) | (AuthorityKind::Root, _, true) => {
            return Err("a root signs itself: it has no issuer and makes no request".into());
        }
        (AuthorityKind::Root, None, false) | (_, None, true) => return Ok(None),
        (_, Some(folder), _) => AuthorityFolder::at(folder),
        (_, None, false) => {
            let why = "needs --issuer, the folder of the authority above it, or --request-only";
            return Err(format!("an authority of kind {} {why}", arguments.kind).into());
        }
    };
    let own = arguments.issuer_passphrase_file.as_deref();
    let secret = own.or(arguments.folder.passphrase_file.as_deref());
    Ok(Some((folder.open(secret)?, folder)))
}

/// Accepts the certificate that was issued for a request, or a new one for the same key.
async fn finish(arguments: &Init, file: &Path) -> Result<(), Failure> {
    let folder = AuthorityFolder::at(&arguments.folder.dir);
    let mut chain = read_certificates(file)?.into_iter();
    let certificate = chain.next().ok_or("the file holds no certificate in PEM")?;
    let key = folder.open_key(arguments.folder.passphrase_file.as_deref())?;
    let authority = Authority::new(certificate, key)?;
    let above: Vec<Certificate> = chain.collect();
    folder.amend(arguments.settings())?;
    folder.places()?.keep(authority.certificate(), &above)?;
    say(&format!("{}", folder.certificate().display()));
    first_list(&folder, arguments).await
}

async fn issue(arguments: Issue) -> Result<(), Failure> {
    let (folder, authority) = open(&arguments.folder)?;
    let lifetime = arguments.days.map(days);
    if let Some(kind) = EndEntityKind::from_name(&arguments.profile) {
        if arguments.subject.is_given() {
            let why = "is said of an authority, and of nobody else";
            return Err(format!("--organization, --country or --domain {why}").into());
        }
        if kind.bears_number() {
            let why = "bears a number, which its holder must prove: it is issued by `countersign ca serve`";
            return Err(format!("a certificate of profile {} {why}", arguments.profile).into());
        }
        let holder = Holder::of(&arguments.key, arguments.name.as_deref())?;
        let mut issuance = named(kind, &holder, &arguments)?;
        issuance.lifetime = lifetime.unwrap_or(issuance.lifetime);
        say(&shown::end_entity(&issuance));
        if arguments.dry_run {
            return Ok(authority.check(&issuance).await?);
        }
        let issued = authority.issue(&issuance).await;
        return holder.hand_out(&arguments.key, issued, &folder);
    }
    if !arguments.dns_names.is_empty() || !arguments.ip_addresses.is_empty() {
        return Err("--dns and --ip are for TLS servers".into());
    }
    let kind = kind_of(&arguments.profile)?;
    let holder = Holder::of(&arguments.key, arguments.name.as_deref())?;
    let name = holder.name(&arguments)?;
    let domains = arguments.subject.domains();
    let profile = authority_profile(kind, &name, &arguments.subject, &domains);
    let lifetime = lifetime.unwrap_or_else(|| kind.usual_lifetime());
    say(&shown::authority(&profile, holder.key(), lifetime));
    if arguments.dry_run {
        return Ok(authority.check_certify(&profile, holder.key(), lifetime).await?);
    }
    let issued = authority.certify(&profile, holder.key(), lifetime).await;
    holder.hand_out(&arguments.key, issued, &folder)
}

/// The names that were said; those of the request only where it was said that they are to be taken.
fn named(kind: EndEntityKind, holder: &Holder, arguments: &Issue) -> Result<Issuance, Failure> {
    let mut issuance = Issuance::of(kind, holder.key(), holder.name(arguments)?);
    if !arguments.dns_names.is_empty() || !arguments.ip_addresses.is_empty() {
        issuance.dns_names.clone_from(&arguments.dns_names);
        issuance.ip_addresses.clone_from(&arguments.ip_addresses);
    } else if arguments.names_from_request {
        issuance.dns_names = holder.request.dns_names().to_vec();
        issuance.ip_addresses = holder.request.ip_addresses().to_vec();
    }
    Ok(issuance)
}

async fn renew(arguments: &Renew) -> Result<(), Failure> {
    let (folder, authority) = open(&arguments.folder)?;
    let old = authority.find(arguments.serial).await?.value;
    let holder = Holder::of(&arguments.key, Some(&old.common_name))?;
    let lifetime = arguments.days.map(days);
    let issued = authority.renew(arguments.serial, holder.key(), lifetime).await;
    holder.hand_out(&arguments.key, issued, &folder)
}

async fn revoke(arguments: &Revoke) -> Result<(), Failure> {
    let (folder, authority) = open(&arguments.folder)?;
    let reason = RevocationReason::from_name(&arguments.reason).unwrap_or_default();
    let revoked = authority.revoke(arguments.serial, reason).await;
    if let Err(AuthorityError::RevokedBefore { .. }) = &revoked {
        // An earlier run may have stopped between the two, or had no room on the disk.
        publish(&folder, &authority, None, None).await?;
    }
    let revoked = revoked?;
    publish(&folder, &authority, None, None).await?;
    say(&format!(
        "{} ({}) is revoked; {} was signed anew",
        revoked.serial,
        revoked.common_name,
        folder.list().display()
    ));
    Ok(())
}

async fn crl(arguments: &Crl) -> Result<(), Failure> {
    let (folder, authority) = open(&arguments.folder)?;
    let lifetime = arguments.days.map(days);
    publish(&folder, &authority, lifetime, arguments.out.as_deref()).await?;
    let list = folder.list();
    let path = arguments.out.as_deref().unwrap_or(&list);
    say(&format!("{}", path.display()));
    Ok(())
}

/// As `countersign serve`, which must find an authority.
async fn serve(arguments: &Serve) -> Result<(), Failure> {
    let config = Config::read(&arguments.config)?;
    if config.authority.is_none() {
        let file = arguments.config.display();
        return Err(format!("{file} has no section [authority]").into());
    }
    server::serve(config).await
}

/// Whether both name one file, which is there.
fn is_same(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

/// Signs a list and writes it, for so long or as is usual for such an authority. One at a time in a folder, so that an
/// earlier list never takes the place of a later one.
async fn publish(
    folder: &AuthorityFolder,
    authority: &CertificateAuthority,
    lifetime: Option<std::time::Duration>,
    out: Option<&Path>,
) -> Result<(), Failure> {
    let _one_at_a_time = folder.lock()?;
    // A number is used up by each list that is signed.
    let place = Place::with_room_for(&folder.list(), ROOM)?;
    let out = out.filter(|path| !is_same(path, &folder.list()));
    let other = out.map(|path| Place::with_room_for(path, ROOM)).transpose()?;
    let own = countersign_certs::inspect(authority.certificate())?;
    // An authority that makes authorities may be offline, and revokes seldom.
    let usual = match own.authority {
        Some(Some(0)) => LIST_LIFETIME,
        _ => days(LIST_OF_AUTHORITIES_DAYS),
    };
    let list = authority.revocation_list(lifetime.unwrap_or(usual)).await?;
    place.fill(list.der())?;
    let (Some(path), Some(other)) = (out, other) else {
        return Ok(());
    };
    let ends_in = |end| path.extension().is_some_and(|extension| extension == end);
    if ends_in("crl") || ends_in("der") {
        return other.fill(list.der());
    }
    other.fill(list.to_pem()?.as_bytes())
}

/// The holder of a new certificate: a request from elsewhere, or a key that is made here.
struct Holder {
    request: Request,
    made: Option<Made>,
    places: Places,
}

/// Where the certificate will be written: once it is issued, it is too late to learn that it can be put nowhere.
struct Places {
    out: Option<Place>,
    pkcs12: Option<Place>,
}

impl Places {
    fn of(arguments: &Key) -> Result<Self, Failure> {
        let out = arguments.out.as_deref().map(|path| Place::with_room_for(path, ROOM));
        let pkcs12 = arguments.pkcs12.as_deref().map(|path| Place::of_secret(path, ROOM));
        Ok(Self { out: out.transpose()?, pkcs12: pkcs12.transpose()? })
    }
}

/// A key that is made here.
struct Made {
    key: KeyPair,
    passphrase: Option<Zeroizing<String>>,
}

impl Holder {
    /// Reads the request; or makes the key and writes it, before anything is issued for it.
    fn of(arguments: &Key, name: Option<&str>) -> Result<Self, Failure> {
        if let Some(path) = &arguments.request {
            let request = Request::from_file(&read(path)?);
            let request = request.map_err(|error| format!("{}: {error}", path.display()))?;
            return Ok(Self { request, made: None, places: Places::of(arguments)? });
        }
        if arguments.new_key.is_none() && arguments.pkcs12.is_none() {
            return Err("whose key? Give --request, --new-key or --pkcs12".into());
        }
        if arguments.out.is_some() && arguments.out == arguments.new_key {
            return Err("--out and --new-key are one file".into());
        }
        let secret = arguments.key_passphrase_file.as_deref();
        let secret = secret.map(|file| passphrase(Some(file))).transpose()?;
        match (&secret, &arguments.pkcs12) {
            (Some(secret), Some(_)) => check_pkcs12_passphrase(secret)?,
            (Some(secret), None) => check_passphrase(secret)?,
            (None, Some(_) | None) => {}
        }
        let name = name.ok_or("under which name? Give --name")?;
        let places = Places::of(arguments)?;
        let key = new_key(arguments.rsa)?;
        let request = key.to_request_pem(name)?;
        if let Some(path) = &arguments.new_key {
            match &secret {
                Some(secret) => write_secret(path, key.to_encrypted_pem(secret)?.as_bytes())?,
                None => write_secret(path, key.expose_pem()?.as_bytes())?,
            }
        }
        Ok(Self {
            request: Request::from_file(request.as_bytes())?,
            made: Some(Made { key, passphrase: secret }),
            places,
        })
    }

    const fn key(&self) -> &PublicKey {
        self.request.key()
    }

    /// The common name that was said, or that of the request where it is to be taken.
    fn name(&self, arguments: &Issue) -> Result<String, Failure> {
        let asked = self.request.common_name().filter(|_| arguments.names_from_request);
        if let Some(name) = arguments.name.as_deref().or(asked) {
            return Ok(name.to_owned());
        }
        if arguments.names_from_request {
            return Err("the request names no common name: give --name".into());
        }
        let why = "give --name, and --dns or --ip for a server; or --names-from-request to take the names of the request";
        Err(format!("{}: {why}", shown::request(&self.request)).into())
    }

    /// Writes the certificate with the chain above it. Where none was issued, the key that was made for it goes, too.
    fn hand_out(
        self,
        arguments: &Key,
        issued: Result<Certificate, AuthorityError>,
        folder: &AuthorityFolder,
    ) -> Result<(), Failure> {
        let certificate = issued.inspect_err(|_| {
            // It was made for this certificate, and is of no other use.
            if let Some(path) = &arguments.new_key {
                let _: Result<(), _> = std::fs::remove_file(path);
            }
        })?;
        let shown = countersign_certs::inspect(&certificate)?;
        let mut chain = vec![certificate];
        chain.extend(folder.chain()?);
        let Self { request, made, places } = self;
        let is_in_file = places.pkcs12.is_some();
        if let (Some(place), Some(made)) = (places.pkcs12, &made)
            && let Some(secret) = &made.passphrase
        {
            let name = request.common_name().unwrap_or("countersign");
            place.fill(&to_pkcs12(&made.key, &chain, name, secret)?)?;
        }
        // A chain is presented without the root, which verifiers have. An authority keeps it for those below.
        if shown.authority.is_none() {
            chain.retain(|certificate| !certificate.is_self_issued());
        }
        let pem = pem_of(&chain)?;
        match places.out {
            Some(place) => place.fill(pem.as_bytes())?,
            None if is_in_file => {}
            None => print(&pem),
        }
        let names = [vec![shown.subject], shown.names].concat().join(", ");
        say(&inspect::printable(&names));
        say(&format!("serial number {}", shown.serial));
        Ok(())
    }
}

fn open(arguments: &Folder) -> Result<(AuthorityFolder, CertificateAuthority), Failure> {
    let folder = AuthorityFolder::at(&arguments.dir);
    let authority = folder.open(arguments.passphrase_file.as_deref())?;
    Ok((folder, authority))
}

fn authority_profile<'a>(
    kind: AuthorityKind,
    common_name: &'a str,
    subject: &'a AuthorityName,
    dns_domains: &'a [&'a str],
) -> AuthorityProfile<'a> {
    AuthorityProfile {
        organization: subject.organization.as_deref(),
        country: subject.country.as_deref(),
        dns_domains,
        ..AuthorityProfile::new(kind, common_name)
    }
}

fn kind_of(name: &str) -> Result<AuthorityKind, Failure> {
    AuthorityKind::from_name(name).ok_or_else(|| format!("there is no profile {name}").into())
}

fn new_key(rsa: bool) -> Result<KeyPair, Failure> {
    let kind = if rsa { KeyKind::Rsa3072 } else { KeyKind::P256 };
    Ok(KeyPair::generate_kind(kind)?)
}

fn from_now(lifetime: std::time::Duration) -> Result<Validity, Failure> {
    let now = SystemClock::default().now().unix_seconds();
    let now = UnixTime::since_unix_epoch(std::time::Duration::from_secs(now));
    Ok(Validity::new(now, lifetime)?)
}

/// What people are told; standard output is for what was asked for.
fn say(text: &str) {
    #[expect(clippy::print_stderr, reason = "this is a program")]
    {
        eprintln!("{text}");
    }
}

fn print(text: &str) {
    #[expect(clippy::print_stdout, reason = "this is a program")]
    {
        print!("{text}");
    }
}
