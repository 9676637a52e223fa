//! Issuing, renewing, revoking, and the revocation list; each kept before it is given out.

use std::{sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use countersign_certs::{
    Authority, AuthorityProfile, Certificate, EndEntityKind, Holder, Phone, PhoneNumber, PublicKey,
    RecipientCertificate, RevocationList, RevocationReason, Revoked, Serial, SigningKey, UnixTime,
    Validity,
};
use countersign_domain::{
    card::Card,
    challenge::Verified,
    error::Error as DomainError,
    hex,
    id::ChallengeId,
    ports::{Clock, Entropy, Store},
    record::{Batch, StoreError, Stored as _, Versioned},
    refusal::Refusal,
    time::Timestamp,
};

use crate::{
    error::AuthorityError,
    issuance::Issuance,
    record::{CertifiedKey, CertifiedName, Issued, ListState, ProvedNumber, Revocation, UsedProof},
};

/// How long before now a certificate begins, as clocks differ.
const CLOCK_SKEW: Duration = Duration::from_secs(300);
/// How long the revocation list of an authority that issues to end entities is valid.
pub const LIST_LIFETIME: Duration = countersign_certs::LIST_PERIOD;
/// Certificates in a list at most; see [`countersign_certs::MAX_REVOCATION_LIST_BYTES`].
const MAX_REVOKED: usize = 150_000;
/// How often a list's number is drawn anew because another process drew it at the same time.
const MAX_CONTENTION: usize = 16;

/// How numbers stand in certificates.
#[derive(Clone, Debug)]
pub enum Numbers {
    /// For all to read.
    Clear,
    /// For these gateways to read. While a gateway changes its key, both of its certificates are here.
    Encrypted(Vec<RecipientCertificate>),
}

/// What a merchant or a gateway was issued last under that name, for that use of its key.
///
/// # Errors
/// When the register fails.
pub async fn last_issued(
    register: &dyn Store,
    kind: EndEntityKind,
    name: &str,
) -> Result<Option<Issued>, DomainError> {
    let id = CertifiedName::id_of(kind.name(), name);
    match register.find::<CertifiedName>(&id).await? {
        None => Ok(None),
        Some(found) => {
            let issued = register.find::<Issued>(&found.value.serial).await?;
            Ok(issued.map(|issued| issued.value))
        }
    }
}

/// An authority, and what it issued.
pub struct CertificateAuthority {
    authority: Authority<Box<dyn SigningKey>>,
    numbers: Numbers,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl CertificateAuthority {
    /// An authority that keeps what it issues in that store, which is its own.
    pub fn new(
        authority: Authority<impl SigningKey + 'static>,
        numbers: Numbers,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self { authority: authority.boxed(), numbers, store, clock, entropy }
    }

    /// The authority's own certificate.
    pub const fn certificate(&self) -> &Certificate {
        self.authority.certificate()
    }

    /// Issues a certificate. The key must not have been certified before.
    ///
    /// # Errors
    /// [`AuthorityError::KeyCertifiedBefore`], [`AuthorityError::NumberNotProved`], what the names can be wrong in, and when
    /// the store fails.
    pub async fn issue(&self, issuance: &Issuance) -> Result<Certificate, AuthorityError> {
        self.issue_in_place_of(issuance, None).await
    }

    /// As [`CertificateAuthority::issue`], in place of the certificate of that serial number.
    pub(crate) async fn issue_in_place_of(
        &self,
        issuance: &Issuance,
        replaces: Option<String>,
    ) -> Result<Certificate, AuthorityError> {
        check_number(issuance)?;
        let serial = self.serial()?;
        let validity = self.validity(issuance.lifetime)?;
        let certificate = self.sign(issuance, serial, validity)?;
        let issued = Issued {
            number: issuance.number.clone(),
            replaces,
            ..self.issued(
                issuance.kind.name(),
                &issuance.common_name,
                serial,
                &certificate,
                validity,
            )
        };
        self.keep(&issued).await?;
        Ok(certificate)
    }

    /// Refuses what [`CertificateAuthority::issue`] would refuse, and issues nothing.
    ///
    /// # Errors
    /// As [`CertificateAuthority::issue`].
    pub async fn check(&self, issuance: &Issuance) -> Result<(), AuthorityError> {
        check_number(issuance)?;
        self.check_key(&issuance.key).await?;
        let dns_names: Vec<&str> = issuance.dns_names.iter().map(String::as_str).collect();
        let profile = issuance.profile(&dns_names, None)?;
        let validity = self.validity(issuance.lifetime)?;
        Ok(self.authority.check(&profile, &issuance.key, validity)?)
    }

    /// Refuses what could not be issued whichever number is proved for it, before a code is used up.
    pub(crate) async fn check_unproved(&self, issuance: &Issuance) -> Result<(), AuthorityError> {
        self.check_key(&issuance.key).await?;
        if !self.authority.permits(issuance.kind) {
            return Err(countersign_certs::Error::MayNotIssue.into());
        }
        self.check_common_name(&issuance.common_name)?;
        self.validity(issuance.lifetime).map(drop)
    }

    /// The same of [`CertificateAuthority::certify`].
    ///
    /// # Errors
    /// As [`CertificateAuthority::certify`].
    pub async fn check_certify(
        &self,
        profile: &AuthorityProfile<'_>,
        key: &PublicKey,
        lifetime: Duration,
    ) -> Result<(), AuthorityError> {
        self.check_key(key).await?;
        Ok(self.authority.check_certify(profile, self.validity(lifetime)?)?)
    }

    /// Certifies a cardholder's key, with the card and the number of the phone on which a code was proved for it (F11.1,
    /// F11.v2).
    ///
    /// # Errors
    /// [`AuthorityError::CardInClear`] where numbers are, and as [`CertificateAuthority::issue`].
    pub async fn certify_cardholder(
        &self,
        common_name: &str,
        key: &PublicKey,
        card: &Card,
        proof: &Verified,
    ) -> Result<Certificate, AuthorityError> {
        let kind = EndEntityKind::Cardholder;
        let issuance = Issuance {
            number: ProvedNumber::of(proof),
            card: Some(card.clone()),
            lifetime: self.at_most(kind.usual_lifetime()),
            ..Issuance::of(kind, key, common_name.to_owned())
        };
        self.issue(&issuance).await
    }

    /// Refuses what [`CertificateAuthority::certify_cardholder`] would refuse, but for card and proof, and issues nothing.
    ///
    /// # Errors
    /// As [`CertificateAuthority::issue`].
    pub async fn check_cardholder(
        &self,
        common_name: &str,
        key: &PublicKey,
    ) -> Result<(), AuthorityError> {
        if matches!(self.numbers, Numbers::Clear) {
            return Err(AuthorityError::CardInClear);
        }
        let kind = EndEntityKind::Cardholder;
        let issuance = Issuance {
            lifetime: self.at_most(kind.usual_lifetime()),
            ..Issuance::of(kind, key, common_name.to_owned())
        };
        self.check_unproved(&issuance).await
    }

    /// Certifies a key of a merchant or a gateway: what `countersign ca issue` gives, with the lifetime that is usual.
    ///
    /// # Errors
    /// As [`CertificateAuthority::issue`].
    pub async fn certify_business(
        &self,
        kind: EndEntityKind,
        common_name: &str,
        key: &PublicKey,
    ) -> Result<Certificate, AuthorityError> {
        let issuance = Issuance {
            lifetime: self.at_most(kind.usual_lifetime()),
            ..Issuance::of(kind, key, common_name.to_owned())
        };
        self.issue(&issuance).await
    }

    /// The certificate of that key, if it was certified.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn certificate_of(
        &self,
        key: &PublicKey,
    ) -> Result<Option<Certificate>, AuthorityError> {
        let hash = hex::encode(&key.sha256());
        let Some(certified) = self.store.find::<CertifiedKey>(&hash).await? else {
            return Ok(None);
        };
        // None where it was removed, as it has expired: then its key is certified, and nobody has it again.
        let issued = self.store.find::<Issued>(&certified.value.serial).await?;
        Ok(issued.map(|issued| issued.value.to_certificate()).transpose()?)
    }

    /// Certifies an authority that has its key elsewhere.
    ///
    /// # Errors
    /// As [`CertificateAuthority::issue`].
    pub async fn certify(
        &self,
        profile: &AuthorityProfile<'_>,
        key: &PublicKey,
        lifetime: Duration,
    ) -> Result<Certificate, AuthorityError> {
        let serial = self.serial()?;
        let validity = self.validity(lifetime)?;
        let certificate = self.authority.certify(profile, key, validity, serial)?;
        let issued =
            self.issued(profile.kind.name(), profile.common_name, serial, &certificate, validity);
        self.keep(&issued).await?;
        Ok(certificate)
    }

    fn issued(
        &self,
        profile: &str,
        common_name: &str,
        serial: Serial,
        certificate: &Certificate,
        validity: Validity,
    ) -> Issued {
        Issued {
            serial: serial.to_string(),
            key_sha256: hex::encode(&certificate.key_sha256()),
            profile: profile.to_owned(),
            common_name: common_name.to_owned(),
            issued_at: self.clock.now(),
            not_after: Timestamp::from_unix_seconds(validity.not_after().as_secs()),
            number: None,
            replaces: None,
            certificate: STANDARD.encode(certificate.der()),
            revoked: None,
        }
    }

    fn sign(
        &self,
        issuance: &Issuance,
        serial: Serial,
        validity: Validity,
    ) -> Result<Certificate, AuthorityError> {
        let number = issuance.number.as_ref();
        let number = number.map(|proved| PhoneNumber::new(proved.number().expose()));
        let card = issuance.card.as_ref().map(|card| {
            countersign_certs::Card::new(card.expose_number(), &card.expiry().to_string())
        });
        let card = card.transpose()?;
        if card.is_some() && matches!(self.numbers, Numbers::Clear) {
            return Err(AuthorityError::CardInClear);
        }
        let holder = number.transpose()?.map(|number| Holder { number, card });
        let phone = holder.as_ref().map(|holder| match &self.numbers {
            Numbers::Clear => Phone::Clear(&holder.number),
            Numbers::Encrypted(gateways) => Phone::Encrypted { holder, gateways },
        });
        let dns_names: Vec<&str> = issuance.dns_names.iter().map(String::as_str).collect();
        let profile = issuance.profile(&dns_names, phone)?;
        Ok(self.authority.issue_numbered(&profile, &issuance.key, validity, serial)?)
    }

    /// The certificate, that its key was certified and its proof used, and under which name, in one commit and before anybody has
    /// it.
    async fn keep(&self, issued: &Issued) -> Result<(), AuthorityError> {
        let key =
            CertifiedKey { key_sha256: issued.key_sha256.clone(), serial: issued.serial.clone() };
        for _ in 0..MAX_CONTENTION {
            let mut batch = Batch::default();
            batch.insert(issued)?;
            batch.insert(&key)?;
            let proof = UsedProof::of(issued);
            if let Some(proof) = &proof {
                batch.insert(proof)?;
            }
            if let Some(name) = CertifiedName::of(issued) {
                let found = self.store.find::<CertifiedName>(name.id()).await?;
                batch.put(found.map(|found| found.version), name)?;
            }
            match self.store.commit(batch).await {
                Err(StoreError::Conflict { .. }) => {
                    self.check_key_sha256(&key.key_sha256).await?;
                    self.check_proof(proof.as_ref()).await?;
                }
                committed => return Ok(committed?),
            }
        }
        Err(DomainError::Contention.into())
    }

    /// Issues a certificate in place of one that is still valid, for a new key: same profile, same names. The old one stays
    /// valid until it expires or is revoked, so that its holder is not locked out meanwhile. One with a number is renewed by its
    /// holder, who proves the number again ([`Enrolments`](crate::Enrolments)).
    ///
    /// # Errors
    /// [`AuthorityError::UnknownSerial`], [`AuthorityError::RevokedBefore`], [`AuthorityError::Expired`], and as
    /// [`CertificateAuthority::issue`].
    pub async fn renew(
        &self,
        serial: Serial,
        key: &PublicKey,
        lifetime: Option<Duration>,
    ) -> Result<Certificate, AuthorityError> {
        let old = self.find(serial).await?.value;
        self.still_good(&old)?;
        let kind = EndEntityKind::from_name(&old.profile).ok_or(AuthorityError::IsAuthority)?;
        let names = old.to_certificate()?.server_names();
        let issuance = Issuance {
            dns_names: names.0,
            ip_addresses: names.1,
            lifetime: lifetime.unwrap_or_else(|| kind.usual_lifetime()),
            ..Issuance::of(kind, key, old.common_name)
        };
        self.issue_in_place_of(&issuance, Some(old.serial)).await
    }

    /// Refuses a key that is certified already.
    pub(crate) async fn check_key(&self, key: &PublicKey) -> Result<(), AuthorityError> {
        self.check_key_sha256(&hex::encode(&key.sha256())).await
    }

    async fn check_key_sha256(&self, hash: &str) -> Result<(), AuthorityError> {
        match self.store.find::<CertifiedKey>(hash).await? {
            None => Ok(()),
            Some(before) => Err(AuthorityError::KeyCertifiedBefore { serial: before.value.serial }),
        }
    }

    async fn check_proof(&self, proof: Option<&UsedProof>) -> Result<(), AuthorityError> {
        let Some(proof) = proof else { return Ok(()) };
        match self.store.find::<UsedProof>(proof.id()).await? {
            None => Ok(()),
            Some(_) => Err(AuthorityError::Refused(Refusal::AlreadyUsed)),
        }
    }

    /// Whether the proof of that challenge was used.
    pub(crate) async fn has_issued_for(
        &self,
        challenge: &ChallengeId,
    ) -> Result<bool, AuthorityError> {
        Ok(self.store.find::<UsedProof>(challenge.as_str()).await?.is_some())
    }

    /// What was issued for the proof of that challenge, if anything was: to that key again, and to no other.
    pub(crate) async fn issued_for(
        &self,
        challenge: &ChallengeId,
        key: &PublicKey,
    ) -> Result<Option<Certificate>, AuthorityError> {
        let Some(proof) = self.store.find::<UsedProof>(challenge.as_str()).await? else {
            return Ok(None);
        };
        let issued = self.store.find::<Issued>(&proof.value.serial).await?;
        let issued = issued.filter(|issued| issued.value.key_sha256 == hex::encode(&key.sha256()));
        match issued {
            Some(issued) => Ok(Some(issued.value.to_certificate()?)),
            None => Err(AuthorityError::Refused(Refusal::AlreadyUsed)),
        }
    }

    /// What was issued as this certificate, if it is still good. That its presenter has its key is for the caller
    /// to know.
    pub(crate) async fn recognise(
        &self,
        certificate: &Certificate,
    ) -> Result<Issued, AuthorityError> {
        let serial = certificate.serial().ok_or(AuthorityError::OtherHolder)?;
        let issued = self.find(serial).await?.value;
        if issued.to_certificate()? != *certificate {
            return Err(AuthorityError::OtherHolder);
        }
        self.still_good(&issued)?;
        Ok(issued)
    }

    fn still_good(&self, issued: &Issued) -> Result<(), AuthorityError> {
        let serial = issued.serial.clone();
        if issued.revoked.is_some() {
            return Err(AuthorityError::RevokedBefore { serial });
        }
        if issued.not_after < self.clock.now() {
            return Err(AuthorityError::Expired { serial });
        }
        Ok(())
    }

    /// Revokes a certificate. It stands in every list from now on.
    ///
    /// # Errors
    /// [`AuthorityError::UnknownSerial`], [`AuthorityError::RevokedBefore`], and when the store fails.
    pub async fn revoke(
        &self,
        serial: Serial,
        reason: RevocationReason,
    ) -> Result<Issued, AuthorityError> {
        let found = self.find(serial).await?;
        if found.value.revoked.is_some() {
            return Err(AuthorityError::RevokedBefore { serial: found.value.serial });
        }
        let revocation = Revocation { at: self.clock.now(), reason: reason.name().to_owned() };
        let revoked = found.map(|issued| Issued { revoked: Some(revocation), ..issued });
        let mut batch = Batch::default();
        batch.replace(&revoked)?;
        self.store.commit(batch).await?;
        Ok(revoked.value)
    }

    /// What was issued under that serial number.
    ///
    /// # Errors
    /// [`AuthorityError::UnknownSerial`], and when the store fails.
    pub async fn find(&self, serial: Serial) -> Result<Versioned<Issued>, AuthorityError> {
        let serial = serial.to_string();
        let found = self.store.find::<Issued>(&serial).await?;
        found.ok_or(AuthorityError::UnknownSerial { serial })
    }

    /// A new list of what is revoked and has not expired, with the next number, valid for `lifetime`.
    ///
    /// A later number never lacks what an earlier one has, whichever process signs (RFC 5280 section 5.2.3): what is revoked is
    /// looked up after the last number was read, and before the next one is committed.
    ///
    /// # Errors
    /// [`AuthorityError::TooManyRevoked`], when it cannot be signed, and when the store fails.
    pub async fn revocation_list(
        &self,
        lifetime: Duration,
    ) -> Result<RevocationList, AuthorityError> {
        for _ in 0..MAX_CONTENTION {
            let found = self.store.find::<ListState>(ListState::ID).await?;
            let number = found.as_ref().map_or(0, |found| found.value.number) + 1;
            let now = self.clock.now();
            let revoked = self.revoked(now, lifetime).await?;
            let mut batch = Batch::default();
            batch.put(found.map(|found| found.version), ListState { number })?;
            match self.store.commit(batch).await {
                Err(StoreError::Conflict { .. }) => continue,
                committed => committed?,
            }
            let validity = Validity::new(unix_time(now), lifetime)?;
            return Ok(self.authority.revocation_list(&revoked, number, validity)?);
        }
        Err(DomainError::Contention.into())
    }

    /// What is revoked, until it has stood in a list after it expired (RFC 5280 section 3.3).
    async fn revoked(
        &self,
        now: Timestamp,
        lifetime: Duration,
    ) -> Result<Vec<Revoked>, AuthorityError> {
        let limit = MAX_REVOKED + 1;
        let due = self.store.due(Issued::COLLECTION, now, limit).await?;
        if due.len() > MAX_REVOKED {
            return Err(AuthorityError::TooManyRevoked);
        }
        let mut revoked = Vec::new();
        for record in due {
            let issued = Versioned::<Issued>::try_from(record)?.value;
            let listed_until = issued.not_after.unix_seconds() + lifetime.as_secs();
            if let Some(revocation) = &issued.revoked
                && listed_until >= now.unix_seconds()
            {
                revoked.push(Revoked {
                    serial: issued.serial.parse()?,
                    at: unix_time(revocation.at),
                    reason: revocation.reason(),
                });
            }
        }
        Ok(revoked)
    }

    /// `lifetime`, capped at the authority's own expiry.
    pub(crate) fn at_most(&self, lifetime: Duration) -> Duration {
        let end = self.authority.validity().not_after().as_secs();
        let left = end.saturating_sub(self.clock.now().unix_seconds());
        lifetime.min(Duration::from_secs(left))
    }

    /// Whether its own certificate permits what people are issued.
    pub fn may_issue_to_people(&self, kind: EndEntityKind) -> bool {
        kind.bears_number() && self.authority.permits(kind)
    }

    /// Whether a person can have a certificate in this name.
    pub(crate) fn check_common_name(&self, name: &str) -> Result<(), AuthorityError> {
        Ok(self.authority.check_common_name(name)?)
    }

    fn serial(&self) -> Result<Serial, AuthorityError> {
        let mut random = [0; 16];
        self.entropy.fill(&mut random)?;
        Ok(Serial::from_random(random))
    }

    /// From a little before now, but not before the authority's own begins.
    fn validity(&self, lifetime: Duration) -> Result<Validity, AuthorityError> {
        let now = self.clock.now().unix_seconds();
        let begin = now.saturating_sub(CLOCK_SKEW.as_secs());
        let begin = begin.max(self.authority.validity().not_before().as_secs());
        let begin = UnixTime::since_unix_epoch(Duration::from_secs(begin));
        Ok(Validity::new(begin, lifetime)?)
    }
}

fn check_number(issuance: &Issuance) -> Result<(), AuthorityError> {
    match (issuance.kind.bears_number(), &issuance.number) {
        (true, None) => Err(AuthorityError::NumberNotProved),
        (false, Some(_)) => Err(AuthorityError::NumberHasNoPlace),
        (true, Some(_)) | (false, None) => Ok(()),
    }
}

fn unix_time(time: Timestamp) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(time.unix_seconds()))
}
