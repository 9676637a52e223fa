"""verify_vectors.py FOLDER: joserfc and jwcrypto verify every good vector, and none of those that are not authentic.

What only the schema refuses is signed rightly: they verify it, and it is not theirs to refuse.
"""

import json
import pathlib
import re
import sys

import joserfc.jwk
import joserfc.jws
import jwcrypto.jwk
import jwcrypto.jws

# The refusals that any library for JWS has.
NOT_AUTHENTIC = {"message-not-compact", "message-algorithm", "message-signature"}
# base64 of Python's own drops what it does not know: neither library refuses these by itself.
LENIENT = {"padded", "line-break", "bits-left"}


def read(file):
    members = dict(re.findall(r"^(\w+): (.*)$", file.read_text(), re.M))
    return members["type"], members["expect"], json.loads(members["message"])


def by_joserfc(key, message):
    key = joserfc.jwk.ECKey.import_key(key)
    found = joserfc.jws.deserialize_compact(message, key, algorithms=["ES256"])
    assert found.headers()["kid"] == key.thumbprint()
    return found.headers(), json.loads(found.payload)


def by_jwcrypto(key, message):
    key = jwcrypto.jwk.JWK(**key)
    found = jwcrypto.jws.JWS()
    found.allowed_algs = ["ES256"]
    found.deserialize(message, key)
    assert found.jose_header["kid"] == key.thumbprint()
    return found.jose_header, json.loads(found.payload)


def refuses(library, key, message):
    try:
        library(key, message)
    except AssertionError:
        raise
    except Exception:
        return True
    return False


def main(folder):
    folder = pathlib.Path(folder)
    keys = json.loads((folder / "world.json").read_text())["keys"]
    verified = refused = 0
    for file in sorted(folder.glob("*.txt")):
        kind, expect, message = read(file)
        for library in (by_joserfc, by_jwcrypto):
            if expect == "good":
                header, content = library(keys[kind], message)
                assert header["typ"] == f"countersign-{kind.lower()}+jws", file
                assert content["amount_minor"] == 4990, file
                assert kind == "Ticket" or content["elements"] == ["phone", "pin"], file
            elif expect in NOT_AUTHENTIC and file.stem.split("-", 2)[2] not in LENIENT:
                assert refuses(library, keys[kind], message), f"{file}: {library.__name__}"
        verified += expect == "good"
        refused += expect in NOT_AUTHENTIC and file.stem.split("-", 2)[2] not in LENIENT
    print(f"{verified} verified, {refused} refused, by joserfc and jwcrypto")


main(sys.argv[1])
