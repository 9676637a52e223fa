#!/usr/bin/env python3
"""Fills in the `expect-` lines of the vectors in this folder, from nothing but the written rules.

The encoding is the one in the documentation of `Binding::canonical_bytes`; the code is RFC 6287 with the suite
OCRA-1:HOTP-SHA256-8:QH64-S064-T1S. Usage: python3 generate.py
"""
import hashlib, hmac, pathlib, struct


def field(value):
    data = struct.pack(">Q", value) if isinstance(value, int) else value.encode()
    return struct.pack(">I", len(data)) + data


def octets(value):
    return struct.pack(">I", len(value)) + value


def listed(values, encode):
    return field(len(values)) + b"".join(map(encode, values))


def agreement(given):
    one = lambda name: given[name][0]
    kind, digests = one("agreement"), lambda name: [bytes.fromhex(text) for text in given.get(name, [])]
    if kind == "access":
        return field(kind) + field(one("to"))
    if kind == "certificate":
        return field(kind) + field(one("name"))
    if kind == "document":
        facts = [fact.split(" = ", 1) for fact in given.get("fact", [])]
        shown = listed(facts, lambda fact: field(fact[0]) + field(fact[1]))
        return field(kind) + field(one("title")) + shown + octets(digests("document-sha256")[0])
    out = field("payment") + field(int(one("amount-minor"))) + field(one("currency"))
    out += field(one("payee")) + field(one("reference"))
    items = [item.split(" ", 1) for item in given.get("item", [])]
    out += listed(items, lambda item: field(item[1]) + field(int(item[0])))
    orders = list(zip(digests("order-sha256"), digests("order-name-sha256")))
    return out + listed(given.get("account", []), field) + listed(orders, lambda order: octets(order[0]) + octets(order[1]))


def encoding(given):
    one = lambda name: given[name][0]
    out = field("countersign binding 2")
    out += field(one("challenge")) + field(one("relying-party")) + field(one("identifier"))
    out += field("msisdn") + field(one("msisdn")) + field(one("session")) + field(one("locale"))
    out += listed(given.get("origin", []), field) + field(int(one("issued-at-millis")))
    return out + agreement(given)


def reference(digest):
    number = struct.unpack(">I", hashlib.sha256(b"countersign reference 1" + digest).digest()[:4])[0]
    return "".join("34679ACDEFHJKMNPRTUVWXY"[number // 23**place % 23] for place in range(4))


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
    lines += [f"expect-encoding: {encoded.hex()}", f"expect-sha256: {digest.hex()}"]
    named = bytes.fromhex(given["order-name-sha256"][0]) if "order-name-sha256" in given else digest
    lines += [f"expect-reference: {reference(named)}", f"expect-code-8: {value}"]
    path.write_text("\n".join(lines) + "\n")
