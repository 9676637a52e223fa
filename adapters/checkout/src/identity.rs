//! Who pays: from what the payer gave to an identifier, a vouched-for number and a card.
//!
//! One rule is behind all of it: a card is debited only with the consent of the phone that is vouched for *that card*,
//! by the directory or by the authority that put both into one certificate. A stolen card number alone, or an own phone
//! beside somebody else's card, is of no use.

use std::sync::{Arc, PoisonError, RwLock};

use countersign_certs::{CertificateDer, Holder, RecipientKey, TrustAnchors, UnixTime};
use countersign_domain::{
    address::Msisdn, card::Card, error::InvalidInput, gateway::Payer, hex, id::Identifier,
    ports::Directory, subscriber::Subscriber, time::Timestamp,
};
use countersign_web::peer_certificate::PeerCertificates;

use crate::error::CheckoutError;

/// What the payer gave of himself or herself.
#[derive(Clone, Debug)]
pub enum PayerHint {
    /// A `userId` (F13.3), with a card when none is kept for it.
    UserId(Identifier, Option<Card>),
    /// A card: the directory is indexed by card number (F13.v2).
    Card(Card),
    /// Nothing but the TLS client certificate (F13.v1), with a card when it bears none.
    Certificate(Option<Card>),
}

/// Whom to believe about client certificates, and the keys that open encrypted numbers.
#[derive(Debug)]
pub struct CertificateReader {
    anchors: RwLock<Arc<TrustAnchors>>,
    keys: Vec<RecipientKey>,
}

impl CertificateReader {
    /// Certificates from those authorities, numbers encrypted to those keys (several while keys are changed).
    pub fn new(anchors: TrustAnchors, keys: Vec<RecipientKey>) -> Self {
        Self { anchors: RwLock::new(Arc::new(anchors)), keys }
    }

    /// From now on, certificates from those authorities: what they have revoked has changed.
    pub fn believe(&self, anchors: TrustAnchors) {
        let mut held = self.anchors.write().unwrap_or_else(PoisonError::into_inner);
        *held = Arc::new(anchors);
    }

    fn anchors(&self) -> Arc<TrustAnchors> {
        Arc::clone(&self.anchors.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The holder of the certificate that a peer presented. The path is validated here, too, and not only in the TLS
    /// session: the session may have ended elsewhere (RFC 9440).
    fn holder(
        &self,
        peer: &PeerCertificates,
        now: Timestamp,
    ) -> Result<(Identifier, Holder), CheckoutError> {
        let chain: Vec<_> = peer.0.iter().map(|der| CertificateDer::from(der.clone())).collect();
        let now = UnixTime::since_unix_epoch(std::time::Duration::from_secs(now.unix_seconds()));
        let client = self.anchors().verify_client(&chain, now)?;
        let holder = client.phone(&self.keys)?;
        let key = hex::encode(client.key_sha256());
        Ok((Identifier::try_from(format!("x509:{key}"))?, holder))
    }
}

/// Resolves the hint.
pub(crate) async fn identify(
    hint: PayerHint,
    peer: &PeerCertificates,
    directory: &dyn Directory,
    reader: Option<&CertificateReader>,
    now: Timestamp,
) -> Result<Payer, CheckoutError> {
    match hint {
        PayerHint::UserId(identifier, card) => {
            let found = directory.by_identifier(&identifier).await?;
            let subscriber = found.ok_or(CheckoutError::UnknownPayer)?;
            let card = match card {
                None => subscriber.card.clone().ok_or(CheckoutError::CardNeeded)?,
                Some(card) => {
                    vouched(directory, &card, |holder| holder.identifier == identifier).await?;
                    card
                }
            };
            Ok(Payer { identifier, number: subscriber.number, card })
        }
        PayerHint::Card(card) => {
            let holder = vouched(directory, &card, |_| true).await?;
            Ok(Payer { identifier: holder.identifier, number: holder.number, card })
        }
        PayerHint::Certificate(typed) => {
            let reader = reader.ok_or(CheckoutError::NothingGiven)?;
            if peer.0.is_empty() {
                return Err(CheckoutError::NothingGiven);
            }
            let (identifier, holder) = reader.holder(peer, now)?;
            let number = Msisdn::try_from(holder.number.expose())?;
            let card = match (holder.card, typed) {
                (Some(card), _) => domain_card(&card)?,
                (None, None) => return Err(CheckoutError::CardNeeded),
                (None, Some(card)) => {
                    vouched(directory, &card, |holder| holder.number == number).await?;
                    card
                }
            };
            Ok(Payer { identifier, number, card })
        }
    }
}

/// The holder of a card, who must be as expected. That the card is unknown and that it is somebody else's is one answer.
async fn vouched(
    directory: &dyn Directory,
    card: &Card,
    expected: impl Fn(&Subscriber) -> bool,
) -> Result<Subscriber, CheckoutError> {
    directory.by_card(card).await?.filter(expected).ok_or(CheckoutError::UnknownPayer)
}

fn domain_card(card: &countersign_certs::Card) -> Result<Card, InvalidInput> {
    Card::new(card.expose_number(), card.expose_expiry().try_into()?)
}
