//! The server's keys: one master secret per key id, from which the keys of each use are derived (RFC 5869).

use std::{collections::BTreeMap, fmt};

use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hkdf, hmac,
};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{
    card::{Card, CardExpiry, MaskedCard},
    error::Error,
    hex,
    id::KeyId,
    invalid::{Field, InvalidInput},
    randomness::Entropy,
    secret::Secret,
};

/// All master secrets that are still good for reading, and which of them new codes and cards are made with.
///
/// To rotate: add a key, make it current, reseal what is kept ([`Resealing`](crate::reseal::Resealing)), and take the old one
/// away when nothing is left that was made with it.
pub struct KeyRing {
    current: KeyId,
    keys: BTreeMap<KeyId, DerivedKeys>,
}

/// The keys of each use under one key id.
struct DerivedKeys {
    code: Secret<[u8; 32]>,
    card: LessSafeKey,
    card_index: hmac::Key,
    limit_index: hmac::Key,
    record: LessSafeKey,
    facts: hmac::Key,
}

impl KeyRing {
    /// A ring of master secrets, of which `current` makes what is new.
    ///
    /// # Errors
    /// When there is no secret of the id `current`.
    pub fn new(
        current: KeyId,
        masters: Vec<(KeyId, Secret<[u8; 32]>)>,
    ) -> Result<Self, InvalidInput> {
        let keys = masters
            .into_iter()
            .map(|(id, master)| Ok((id, DerivedKeys::of(&master)?)))
            .collect::<Result<BTreeMap<_, _>, InvalidInput>>()?;
        if keys.contains_key(&current) {
            Ok(Self { current, keys })
        } else {
            Err(InvalidInput::new(Field::CurrentKey, "is not among the keys"))
        }
    }

    /// The id of the key that makes what is new.
    pub const fn current(&self) -> &KeyId {
        &self.current
    }

    /// The ids of all keys.
    pub fn ids(&self) -> impl Iterator<Item = &KeyId> {
        self.keys.keys()
    }

    pub(crate) fn code_key(&self, id: &KeyId) -> Result<&Secret<[u8; 32]>, Error> {
        self.derived(id).map(|keys| &keys.code)
    }

    /// Seals a card so that it opens only together with `context`, the id of the record that it is kept in.
    ///
    /// # Errors
    /// When the source of randomness fails.
    pub fn seal_card(
        &self,
        card: &Card,
        context: &str,
        entropy: &dyn Entropy,
    ) -> Result<SealedCard, Error> {
        let keys = self.derived(&self.current)?;
        let mut nonce = [0; NONCE_LEN];
        entropy.fill(&mut nonce)?;
        let mut sealed = card.expose_number().as_bytes().to_vec();
        let aad = Aad::from(format!("{context} {}", card.expiry()));
        keys.card
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut sealed)
            .map_err(|_| Error::Sealed)?;
        Ok(SealedCard {
            key: self.current.clone(),
            nonce: hex::encode(&nonce),
            number: hex::encode(&sealed),
            expiry: card.expiry(),
            masked: card.masked(),
        })
    }

    /// Opens a card that was sealed in the same context.
    ///
    /// # Errors
    /// When it was changed, was sealed in another context, or its key is not in the ring.
    pub fn open_card(&self, sealed: &SealedCard, context: &str) -> Result<Card, Error> {
        let keys = self.derived(&sealed.key)?;
        let nonce = hex::decode(&sealed.nonce)
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or(Error::Sealed)?;
        let mut number = Zeroizing::new(hex::decode(&sealed.number).ok_or(Error::Sealed)?);
        let aad = Aad::from(format!("{context} {}", sealed.expiry));
        let opened = keys
            .card
            .open_in_place(Nonce::assume_unique_for_key(nonce), aad, &mut number)
            .map_err(|_| Error::Sealed)?;
        let digits = std::str::from_utf8(opened).map_err(|_| Error::Sealed)?;
        Ok(Card::new(digits, sealed.expiry)?)
    }

    /// The same card, sealed under the current key; as it is when that is its key.
    ///
    /// # Errors
    /// As `open_card`, and when the source of randomness fails.
    pub fn reseal_card(
        &self,
        sealed: SealedCard,
        context: &str,
        entropy: &dyn Entropy,
    ) -> Result<SealedCard, Error> {
        if sealed.key == self.current {
            return Ok(sealed);
        }
        self.seal_card(&self.open_card(&sealed, context)?, context, entropy)
    }

    /// Seals what a record must not hold in clear, so that it opens only together with `context`, the id of the record.
    ///
    /// # Errors
    /// When the source of randomness fails.
    pub fn seal(
        &self,
        secret: &[u8],
        context: &str,
        entropy: &dyn Entropy,
    ) -> Result<SealedSecret, Error> {
        let keys = self.derived(&self.current)?;
        let mut nonce = [0; NONCE_LEN];
        entropy.fill(&mut nonce)?;
        let mut sealed = secret.to_vec();
        let (aad, by) = (Aad::from(context), Nonce::assume_unique_for_key(nonce));
        let done = keys.record.seal_in_place_append_tag(by, aad, &mut sealed);
        done.map_err(|_| Error::Sealed)?;
        let (nonce, sealed) = (hex::encode(&nonce), hex::encode(&sealed));
        Ok(SealedSecret { key: self.current.clone(), nonce, sealed })
    }

    /// Opens what was sealed in the same context.
    ///
    /// # Errors
    /// When it was changed, was sealed in another context, or its key is not in the ring.
    pub fn open(&self, kept: &SealedSecret, context: &str) -> Result<Zeroizing<Vec<u8>>, Error> {
        let keys = self.derived(&kept.key)?;
        let nonce = hex::decode(&kept.nonce).and_then(|bytes| bytes.try_into().ok());
        let nonce = Nonce::assume_unique_for_key(nonce.ok_or(Error::Sealed)?);
        let mut secret = Zeroizing::new(hex::decode(&kept.sealed).ok_or(Error::Sealed)?);
        let opened = keys.record.open_in_place(nonce, Aad::from(context), &mut secret);
        let length = opened.map_err(|_| Error::Sealed)?.len();
        secret.truncate(length);
        Ok(secret)
    }

    /// The same secret, sealed under the current key; as it is when that is its key.
    ///
    /// # Errors
    /// As `open`, and when the source of randomness fails.
    pub fn reseal(
        &self,
        kept: SealedSecret,
        context: &str,
        entropy: &dyn Entropy,
    ) -> Result<SealedSecret, Error> {
        if kept.key == self.current {
            return Ok(kept);
        }
        self.seal(&self.open(&kept, context)?, context, entropy)
    }

    /// By which an account is known without its card's number being stored: a keyed hash, under the current key.
    ///
    /// # Errors
    /// None: the ring has its current key.
    pub fn card_index(&self, card: &Card) -> Result<String, Error> {
        let unknown = || Error::UnknownKey(self.current.clone());
        self.card_indexes(card).into_iter().next().ok_or_else(unknown)
    }

    /// By which a card is found in a directory without its number being stored: a keyed hash, under every key of the
    /// ring, the current one first.
    pub fn card_indexes(&self, card: &Card) -> Vec<String> {
        let index_of = |keys: &DerivedKeys| {
            hex::encode(hmac::sign(&keys.card_index, card.expose_number().as_bytes()).as_ref())
        };
        let older = self.keys.iter().filter(|(id, _)| **id != self.current).map(|(_, keys)| keys);
        self.keys.get(&self.current).into_iter().chain(older).map(index_of).collect()
    }

    /// Seals the end of a chain of facts, under the current key: only a holder of the master secret can.
    ///
    /// # Errors
    /// None: the ring has its current key.
    pub fn seal_facts(&self, end: &[u8]) -> Result<(KeyId, [u8; 32]), Error> {
        let tag = hmac::sign(&self.derived(&self.current)?.facts, end);
        let seal = tag.as_ref().try_into().map_err(|_| Error::Sealed)?;
        Ok((self.current.clone(), seal))
    }

    /// Whether that is what [`KeyRing::seal_facts`] gave under that key, in constant time.
    ///
    /// # Errors
    /// [`Error::Sealed`] when it is not, and [`Error::UnknownKey`] when the key is not in the ring.
    pub fn verify_facts(&self, key: &KeyId, end: &[u8], seal: &[u8]) -> Result<(), Error> {
        hmac::verify(&self.derived(key)?.facts, end, seal).map_err(|_| Error::Sealed)
    }

    /// By which a number or an address is counted without being stored: a keyed hash, under every key of the ring, the current
    /// one first.
    pub(crate) fn limit_indexes(&self, what: &str) -> Vec<String> {
        let index_of = |keys: &DerivedKeys| {
            hex::encode(hmac::sign(&keys.limit_index, what.as_bytes()).as_ref())
        };
        let older = self.keys.iter().filter(|(id, _)| **id != self.current).map(|(_, keys)| keys);
        self.keys.get(&self.current).into_iter().chain(older).map(index_of).collect()
    }

    fn derived(&self, id: &KeyId) -> Result<&DerivedKeys, Error> {
        self.keys.get(id).ok_or_else(|| Error::UnknownKey(id.clone()))
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRing").field("current", &self.current).finish_non_exhaustive()
    }
}

impl DerivedKeys {
    fn of(master: &Secret<[u8; 32]>) -> Result<Self, InvalidInput> {
        let refuse = |_| InvalidInput::new(Field::MasterSecret, "cannot be derived from");
        let pseudo_random =
            hkdf::Salt::new(hkdf::HKDF_SHA256, b"countersign").extract(master.expose());
        let derive = |purpose: &[u8]| -> Result<Zeroizing<[u8; 32]>, ring::error::Unspecified> {
            let mut key = Zeroizing::new([0; 32]);
            pseudo_random.expand(&[purpose], hkdf::HKDF_SHA256)?.fill(key.as_mut())?;
            Ok(key)
        };
        let sealing = |purpose| -> Result<LessSafeKey, ring::error::Unspecified> {
            UnboundKey::new(&AES_256_GCM, derive(purpose)?.as_ref()).map(LessSafeKey::new)
        };
        let signing = |purpose| -> Result<hmac::Key, ring::error::Unspecified> {
            Ok(hmac::Key::new(hmac::HMAC_SHA256, derive(purpose)?.as_ref()))
        };
        Ok(Self {
            limit_index: signing(b"limit index 1").map_err(refuse)?,
            code: Secret::new(*derive(b"code 1").map_err(refuse)?),
            card: sealing(b"card 1").map_err(refuse)?,
            record: sealing(b"record 1").map_err(refuse)?,
            card_index: signing(b"card index 1").map_err(refuse)?,
            facts: signing(b"facts 1").map_err(refuse)?,
        })
    }
}

/// A card as it is kept: its number sealed with AES-256-GCM (PCI DSS 3.5.1), the rest as it may be shown.
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub struct SealedCard {
    key: KeyId,
    nonce: String,
    number: String,
    expiry: CardExpiry,
    masked: MaskedCard,
}

impl SealedCard {
    /// The id of the key that it is sealed under.
    pub const fn key(&self) -> &KeyId {
        &self.key
    }

    /// The card as it may be shown.
    pub const fn masked(&self) -> &MaskedCard {
        &self.masked
    }
}

/// A secret as a record keeps it: sealed with AES-256-GCM.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct SealedSecret {
    key: KeyId,
    nonce: String,
    sealed: String,
}

impl SealedSecret {
    /// The id of the key that it is sealed under.
    pub const fn key(&self) -> &KeyId {
        &self.key
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{SeededEntropy, card, key_ring};

    #[test]
    fn a_sealed_card_opens_in_its_own_context_only() {
        let ring = key_ring();
        let sealed = ring.seal_card(&card(), "pay_1", &SeededEntropy::new(1)).unwrap();
        assert_eq!(ring.open_card(&sealed, "pay_1"), Ok(card()));
        assert_eq!(ring.open_card(&sealed, "pay_2"), Err(Error::Sealed));
    }

    #[test]
    fn a_sealed_card_that_was_changed_does_not_open() {
        let ring = key_ring();
        let sealed = ring.seal_card(&card(), "pay_1", &SeededEntropy::new(1)).unwrap();
        let flip = |text: &str| text.replacen(|c: char| c != '0', "0", 1);
        for changed in [
            SealedCard { number: flip(&sealed.number), ..sealed.clone() },
            SealedCard { nonce: flip(&sealed.nonce), ..sealed.clone() },
            SealedCard { expiry: "01/40".try_into().unwrap(), ..sealed.clone() },
            SealedCard { number: "zz".to_owned(), ..sealed.clone() },
        ] {
            assert_eq!(ring.open_card(&changed, "pay_1"), Err(Error::Sealed));
        }
    }

    #[test]
    fn a_sealed_secret_opens_unchanged_and_in_its_own_context_only() {
        let ring = key_ring();
        let sealed = ring.seal(b"secret", "rec_1", &SeededEntropy::new(1)).unwrap();
        assert_eq!(ring.open(&sealed, "rec_1").unwrap().as_slice(), b"secret");
        assert_eq!(ring.open(&sealed, "rec_2"), Err(Error::Sealed));
        let flip = |text: &str| text.replacen(|c: char| c != '0', "0", 1);
        for changed in [
            SealedSecret { sealed: flip(&sealed.sealed), ..sealed.clone() },
            SealedSecret { nonce: flip(&sealed.nonce), ..sealed.clone() },
            SealedSecret { sealed: "zz".to_owned(), ..sealed.clone() },
        ] {
            assert_eq!(ring.open(&changed, "rec_1"), Err(Error::Sealed));
        }
    }

    #[test]
    fn the_end_of_a_chain_is_sealed_under_one_key_and_for_one_end() {
        let ring = key_ring();
        let (key, seal) = ring.seal_facts(b"end").unwrap();
        assert_eq!(ring.verify_facts(&key, b"end", &seal), Ok(()));
        assert_eq!(ring.verify_facts(&key, b"another", &seal), Err(Error::Sealed));
        assert_eq!(ring.verify_facts(&key, b"end", &[0; 32]), Err(Error::Sealed));
        let unknown = KeyId::try_from("gone").unwrap();
        assert_eq!(ring.verify_facts(&unknown, b"end", &seal), Err(Error::UnknownKey(unknown)));
    }

    #[test]
    fn nothing_kept_of_a_card_holds_its_number() {
        let ring = key_ring();
        let sealed = ring.seal_card(&card(), "pay_1", &SeededEntropy::new(1)).unwrap();
        let kept =
            format!("{} {:?}", serde_json::to_string(&sealed).unwrap(), ring.card_indexes(&card()));
        assert!(!kept.contains(card().expose_number()));
    }

    #[test]
    fn a_card_sealed_under_an_older_key_still_opens_and_is_still_found() {
        let masters = |ids: &[(&str, u8)]| {
            ids.iter()
                .map(|(id, byte)| (KeyId::try_from(*id).unwrap(), Secret::new([*byte; 32])))
                .collect::<Vec<_>>()
        };
        let old = KeyRing::new("old".try_into().unwrap(), masters(&[("old", 1)])).unwrap();
        let both =
            KeyRing::new("new".try_into().unwrap(), masters(&[("old", 1), ("new", 2)])).unwrap();
        let sealed = old.seal_card(&card(), "pay_1", &SeededEntropy::new(1)).unwrap();
        assert_eq!(both.open_card(&sealed, "pay_1"), Ok(card()));
        assert_eq!(both.card_indexes(&card()).get(1), old.card_indexes(&card()).first());
        let without_old = KeyRing::new("new".try_into().unwrap(), masters(&[("new", 2)])).unwrap();
        assert_eq!(
            without_old.open_card(&sealed, "pay_1"),
            Err(Error::UnknownKey("old".try_into().unwrap()))
        );
    }
}
