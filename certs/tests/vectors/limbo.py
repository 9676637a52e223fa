#!/usr/bin/env python3
"""Makes limbo.json, what we run of C2SP x509-limbo. README.md says how.

    python3 limbo.py <x509-limbo's limbo.json> <its commit> > limbo.json
"""

import base64
import datetime
import json
import sys

# What is left out, and why. The rest is kept with the fields that a path is validated by.
NAMES = "compares a server's names with the one expected, which is not path validation"
DEPTH = "sets a depth of the path, for which there is no parameter"
BETTERTLS = "is of the BetterTLS suite, thousands of cases that are mostly about servers' names"

# Of the rules on a server's names, those about how subjectAltName itself is written.
KEPT = {"webpki::san::san-critical-with-nonempty-subject"}


def left_out(case):
    name, fails = case["id"], case["expected_result"] == "FAILURE"
    if name.startswith("bettertls::"):
        return BETTERTLS
    if "max-chain-depth" in case["features"]:
        return DEPTH
    about_names = name.startswith(("webpki::cn::", "webpki::san::")) or name in (
        "rfc5280::ca-as-leaf-wrong-san",
        "rfc5280::san::ip-in-dns",
    )
    return NAMES if about_names and fails and name not in KEPT else None


def der(pem):
    """The base64 between the first pair of PEM lines."""
    lines = pem.strip().splitlines()
    base64.b64decode("".join(lines[1:-1]), validate=True)
    return "".join(lines[1:-1])


def kept(case):
    time = case["validation_time"]
    if time:
        # Floored to the second, as the cases about fractions want it.
        time = int(datetime.datetime.fromisoformat(time).timestamp())
    small = {
        "id": case["id"],
        "kind": case["validation_kind"],
        "expected": case["expected_result"],
        "time": time,
        "anchors": [der(pem) for pem in case["trusted_certs"]],
        "intermediates": [der(pem) for pem in case["untrusted_intermediates"]],
        "peer": der(case["peer_certificate"]),
    }
    if case["crls"]:
        small["crls"] = [der(pem) for pem in case["crls"]]
    return small


def main():
    path, commit = sys.argv[1:]
    with open(path) as file:
        cases = json.load(file)["testcases"]
    cases.sort(key=lambda case: case["id"])
    reasons = {}
    for case in cases:
        if reason := left_out(case):
            reasons.setdefault(reason, []).append(case["id"])
    vectors = {
        "source": "https://github.com/C2SP/x509-limbo",
        "commit": commit,
        "licence": "Apache-2.0",
        "left_out": reasons,
        "cases": [kept(case) for case in cases if not left_out(case)],
    }
    json.dump(vectors, sys.stdout, indent=0)
    print()


main()
