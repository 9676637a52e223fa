#!/usr/bin/env python3
"""Fills in the `expect-` lines of the vectors in this folder, from nothing but the written rules.

The encoding is the one in the documentation of `Binding::canonical_bytes`; the code is RFC 6287 with the suite
OCRA-1:HOTP-SHA256-8:QH64-S064-T1S. Usage: python3 generate.py
"""
import hashlib, hmac, pathlib, struct


def field(value):
    data = struct.pack(">Q", value) if isinstance(value, int) else value.encode()
    return struct.pack(">I", len(data)) + data


def encoding(given):
    one = lambda name: given[name][0]
    names = ["challenge", "relying-party", "identifier", "session"]
    out = field("countersign binding 1") + b"".join(field(one(name)) for name in names)
    out += field(int(one("issued-at-millis")))
    accounts = given.get("account", [])
    out += field(len(accounts)) + b"".join(map(field, accounts))
    if "amount-minor" not in given:
        return out + field(0)
    out += field(1) + field(int(one("amount-minor"))) + field(one("currency"))
    out += field(one("payee")) + field(one("reference"))
    items = [item.split(" ", 1) for item in given.get("item", [])]
    return out + field(len(items)) + b"".join(field(name) + field(int(count)) for count, name in items)


def code(key, digest, session, seconds):
    data = b"OCRA-1:HOTP-SHA256-8:QH64-S064-T1S" + b"\0"
    data += digest.ljust(128, b"\0") + session.encode().rjust(64, b"\0") + struct.pack(">Q", seconds)
    tag = hmac.new(key, data, hashlib.sha256).digest()
    at = tag[-1] & 15
    return f"{(struct.unpack('>I', tag[at:at + 4])[0] & 0x7fffffff) % 10**8:08}"


for path in sorted(pathlib.Path(__file__).parent.glob("*.txt")):
    lines = [line for line in path.read_text().splitlines() if not line.startswith("expect-")]
    given = {}
    for line in lines:
        if not line.startswith("#"):
            name, value = line.split(": ", 1)
            given.setdefault(name, []).append(value)
    encoded = encoding(given)
    digest = hashlib.sha256(encoded).digest()
    seconds = int(given["issued-at-millis"][0]) // 1000
    value = code(bytes.fromhex(given["key"][0]), digest, given["session"][0], seconds)
    lines += [f"expect-encoding: {encoded.hex()}", f"expect-sha256: {digest.hex()}", f"expect-code-8: {value}"]
    path.write_text("\n".join(lines) + "\n")
