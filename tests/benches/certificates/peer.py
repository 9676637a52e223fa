"""Issues by PyPI `cryptography` what countersign-certs issues: peer.py FOLDER SECONDS

For each line of its input, the name of a profile, it issues for SECONDS and prints how many it issued in a second, then
the last of them in hexadecimal. FOLDER has the authority's certificate and key, the gateway's certificate, and a
subject's key. The subject's key and the gateway's certificate are read once, as they are beside it.
"""
import os
import sys
import time
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.x963kdf import X963KDF
from cryptography.hazmat.primitives.keywrap import aes_key_wrap
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

FOLDER, SECONDS = Path(sys.argv[1]), float(sys.argv[2])
EXTENSION = x509.ObjectIdentifier(
    "1.2.840.113556.1.8000.2554.31838.7946.37812.19758.35425.998269.10235461")
SHARED_INFO = bytes.fromhex("3015 300b060960864801650304012d a206040400000100")
AGREEMENT = bytes.fromhex("3015 06062b8104010b01 300b060960864801650304012d")
AUTH_ENVELOPED_DATA = bytes.fromhex("060b2a864886f70d0109100117")
DATA, AES_256_GCM = bytes.fromhex("06092a864886f70d010701"), bytes.fromhex("060960864801650304012e")
EC_PUBLIC_KEY = bytes.fromhex("300906072a8648ce3d0201")


def certificate(name):
    return x509.load_pem_x509_certificate((FOLDER / name).read_bytes())


def private_key(name):
    return serialization.load_pem_private_key((FOLDER / name).read_bytes(), None)


AUTHORITY, AUTHORITY_KEY = certificate("authority.pem"), private_key("authority.key")
AUTHORITY_ID = AUTHORITY.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
GATEWAY = certificate("gateway.pem")
GATEWAY_ID = GATEWAY.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
GATEWAY_KEY, SUBJECT_KEY = GATEWAY.public_key(), private_key("subject.key").public_key()


def der(tag, *parts):  # lengths up to 65,535
    content = b"".join(parts)
    size = len(content)
    if size < 128:
        return bytes([tag, size]) + content
    octets = size.to_bytes(1 if size < 256 else 2, "big")
    return bytes([tag, 128 + len(octets)]) + octets + content


def envelope(number, key_hash):
    """docs/reference/certificates.md. By hand: there is no faster way in Python."""
    record = der(0x30, b"\2\1\1", der(0x16, number.ljust(16).encode()), der(4, os.urandom(16)), der(4, key_hash))
    content_key, nonce = os.urandom(32), os.urandom(12)
    sealed = AESGCM(content_key).encrypt(nonce, record, None)
    ephemeral = ec.generate_private_key(ec.SECP256R1())
    shared = ephemeral.exchange(ec.ECDH(), GATEWAY_KEY)
    wrapped = aes_key_wrap(X963KDF(hashes.SHA256(), 32, SHARED_INFO).derive(shared), content_key)
    point = ephemeral.public_key().public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    originator = der(0xA0, der(0xA1, EC_PUBLIC_KEY, der(3, b"\0", point)))
    to_gateway = der(0x30, der(0x30, der(0xA0, der(4, GATEWAY_ID)), der(4, wrapped)))
    recipients = der(0x31, der(0xA1, b"\2\1\3", originator, AGREEMENT, to_gateway))
    cipher = der(0x30, AES_256_GCM, der(0x30, der(4, nonce), b"\2\1\x10"))
    content = der(0x30, DATA, cipher, der(0x80, sealed[:-16]))
    enveloped = der(0x30, b"\2\1\0", recipients, content, der(4, sealed[-16:]))
    return der(0x30, AUTH_ENVELOPED_DATA, der(0xA0, enveloped))


def clear():
    return x509.SubjectAlternativeName([x509.UniformResourceIdentifier("tel:+33612345678")])


def encrypted():
    key = SUBJECT_KEY.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return x509.UnrecognizedExtension(EXTENSION, envelope("+33612345678", sha256(key).digest()))


def server():
    return x509.SubjectAlternativeName([x509.DNSName("shop.example"), x509.DNSName("www.shop.example")])


PROFILES = {
    "clear": (clear, ExtendedKeyUsageOID.CLIENT_AUTH),
    "encrypted": (encrypted, ExtendedKeyUsageOID.CLIENT_AUTH),
    "server": (server, ExtendedKeyUsageOID.SERVER_AUTH),
}


def issue(own, purpose):
    usage = x509.KeyUsage(digital_signature=True, content_commitment=False, key_encipherment=False,
                          data_encipherment=False, key_agreement=False, key_cert_sign=False, crl_sign=False,
                          encipher_only=False, decipher_only=False)
    begin = AUTHORITY.not_valid_before_utc
    builder = x509.CertificateBuilder(
    ).subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "user-42")])
    ).issuer_name(AUTHORITY.subject
    ).public_key(SUBJECT_KEY
    ).serial_number(x509.random_serial_number()
    ).not_valid_before(begin
    ).not_valid_after(begin + timedelta(days=365)
    ).add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(AUTHORITY_ID), critical=False
    ).add_extension(own(), critical=False
    ).add_extension(usage, critical=True
    ).add_extension(x509.ExtendedKeyUsage([purpose]), critical=False
    ).add_extension(x509.SubjectKeyIdentifier.from_public_key(SUBJECT_KEY), critical=False
    ).add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    issued = builder.sign(AUTHORITY_KEY, hashes.SHA256())
    return issued.public_bytes(serialization.Encoding.DER)


for line in sys.stdin:
    own, purpose = PROFILES[line.strip()]
    count, begun, passed = 0, time.perf_counter(), 0.0
    while passed < SECONDS:
        last = issue(own, purpose)
        count, passed = count + 1, time.perf_counter() - begun
    print(f"{count / passed:.1f} {last.hex()}", flush=True)
