"""Prints the number that is encrypted in a certificate: read_phone.py CLIENT.pem GATEWAY.pem GATEWAY.key

Verify the certificate first, as TLS does: this reads the number and nothing else. Needs what is in requirements.txt.
"""
import re
import sys
from hashlib import sha256
from pathlib import Path

from asn1crypto import cms, core, pem, x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.x963kdf import X963KDF
from cryptography.hazmat.primitives.keywrap import aes_key_unwrap

EXTENSION = "1.2.840.113556.1.8000.2554.31838.7946.37812.19758.35425.998269.10235461"
AUTH_ENVELOPED_DATA, AES_256_GCM = "1.2.840.113549.1.9.16.1.23", "2.16.840.1.101.3.4.1.46"
# ECDH with the X9.63 KDF over SHA-256, and AES-256 key wrap (RFC 5753 section 7.1.4).
AGREEMENT = bytes.fromhex("3015 06062b8104010b01 300b060960864801650304012d")
# ECC-CMS-SharedInfo (RFC 5753 section 7.2): AES-256 key wrap, no ukm, 256 bits.
SHARED_INFO = bytes.fromhex("3015 300b060960864801650304012d a206040400000100")


class GcmParameters(core.Sequence):
    _fields = [("nonce", core.OctetString), ("tag_bytes", core.Integer)]


class Card(core.Sequence):
    _fields = [("number", core.IA5String), ("expiry", core.IA5String)]


class PhoneRecord(core.Sequence):
    _fields = [("version", core.Integer), ("number", core.IA5String), ("salt", core.OctetString),
               ("subject_key_hash", core.OctetString), ("card", Card, {"optional": True})]


def need(holds, what):  # no assert: python -O leaves those out
    if not holds:
        raise ValueError(what)


def strict(kind, der):  # asn1crypto reads BER too
    value = kind.load(der, strict=True)
    need(value.copy().dump(force=True) == der, f"{kind.__name__} is not DER")
    return value


def read_phone(client, gateway, gateway_key):
    subject = client["tbs_certificate"]
    found = [e["extn_value"].native for e in subject["extensions"] if e["extn_id"].dotted == EXTENSION]
    need(len(found) == 1 and len(found[0]) <= 4096, "there is not one encrypted number")
    names = client.subject_alt_name_value or []
    need(not any(name.name == "uniform_resource_identifier" and name.native.lower().startswith("tel:")
                 for name in names), "another number, in clear")
    outer = strict(cms.ContentInfo, found[0])
    need(outer["content_type"].dotted == AUTH_ENVELOPED_DATA, "not AuthEnvelopedData")
    envelope, sealed = outer["content"], outer["content"]["auth_encrypted_content_info"]
    for absent in ("originator_info", "auth_attrs", "unauth_attrs"):  # they would have to be authenticated
        need(isinstance(envelope[absent], core.Void), absent)
    algorithm, tag = sealed["content_encryption_algorithm"], envelope["mac"].native
    need(algorithm["algorithm"].dotted == AES_256_GCM and sealed["content_type"].native == "data", "not AES-256-GCM")
    gcm = strict(GcmParameters, algorithm["parameters"].dump())
    need(len(gcm["nonce"].native) == 12 and gcm["tag_bytes"].native == len(tag) == 16, "nonce or tag of another length")

    offers = {}
    for info in envelope["recipient_infos"]:
        need(info.name == "kari" and info.chosen["key_encryption_algorithm"].dump() == AGREEMENT, "another agreement")
        for one in info.chosen["recipient_encrypted_keys"]:
            need(one["rid"].name == "r_key_id", "a recipient without key identifier")
            point = info.chosen["originator"].chosen["public_key"].native
            offers[one["rid"].chosen[0].native] = (point, one["encrypted_key"].native)
    need(gateway.key_identifier in offers, "encrypted to other gateways")
    point, wrapped = offers[gateway.key_identifier]
    need(len(point) == 65 and len(wrapped) == 40, "a key of another length")
    ephemeral = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)  # refuses what is not on the curve
    wrapping_key = X963KDF(hashes.SHA256(), 32, SHARED_INFO).derive(gateway_key.exchange(ec.ECDH(), ephemeral))
    content_key = aes_key_unwrap(wrapping_key, wrapped)
    plaintext = AESGCM(content_key).decrypt(gcm["nonce"].native, sealed["encrypted_content"].native + tag, None)

    record = strict(PhoneRecord, plaintext)
    need(record["version"].native == 1 and len(record["salt"].native) == 16, "another kind of record")
    key_hash = sha256(subject["subject_public_key_info"].dump()).digest()
    need(record["subject_key_hash"].native == key_hash, "made for another certificate")
    number = record["number"].native
    need(len(number) == 16 and re.fullmatch(r"\+[1-9][0-9]{6,14} *", number), "not a number in E.164")
    return number.rstrip(" ")


def certificate(path):
    return x509.Certificate.load(pem.unarmor(Path(path).read_bytes())[2], strict=True)


if __name__ == "__main__":
    _, client_pem, gateway_pem, gateway_key = sys.argv
    key = serialization.load_pem_private_key(Path(gateway_key).read_bytes(), password=None)
    print(read_phone(certificate(client_pem), certificate(gateway_pem), key))
