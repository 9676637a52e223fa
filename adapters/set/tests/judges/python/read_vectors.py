"""read_vectors.py SET.ASN1 BAD GOOD...: asn1tools and pycrate read every good vector and write it again, the same bytes.

Digests are computed from what the module says. A bad vector asn1tools refuses, by the bounds in the module, or writes
otherwise, as it was no DER.
"""

import base64
import hashlib
import pathlib
import re
import sys
import tempfile

import asn1tools
from pycrate_asn1c.asnproc import PycrateGenerator, compile_text, generate_modules


def read(file):
    head, pem = file.read_text().split("-----BEGIN SET-----")
    fields = dict(re.findall(r"^(\w+): (.*)$", head, re.M))
    return fields, base64.b64decode(pem.split("-----END")[0])


def pycrate_module(text):
    compile_text(text)
    folder = tempfile.mkdtemp()
    generate_modules(PycrateGenerator, folder + "/set_module.py")
    sys.path.insert(0, folder)
    import set_module

    return set_module.CountersignSet


# What no module can say, and one on which asn1tools 0.169.0 does not come to an end.
BEYOND_THE_MODULE = {
    "date-with-fraction",
    "language-with-control",
    "card-in-groups",
    "certificate-as-octets",
}


def check_bad(module, folder):
    """Each is refused, or was no DER."""
    count = 0
    # From 200 to 299 the form is right.
    for file in sorted(pathlib.Path(folder).glob("[!2]*.txt")):
        if file.stem.split("-", 1)[1] in BEYOND_THE_MODULE:
            continue
        fields, der = read(file)
        try:
            value = module.decode(fields["type"], der, check_constraints=True)
            again = module.encode(fields["type"], value, check_constraints=True)
        except Exception:
            again = None
        if again == der:
            sys.exit(f"{file}: asn1tools reads it and writes it the same")
        count += 1
    return count


def oid_der(oid):
    """The object identifier in DER, by asn1tools."""
    return asn1tools.compile_string(
        "M DEFINITIONS ::= BEGIN O ::= OBJECT IDENTIFIER END", "der"
    ).encode("O", oid)


def main(module, bad, *folders):
    text = pathlib.Path(module).read_text()
    first = asn1tools.compile_string(text, "der")
    second = pycrate_module(text)
    numbers = dict(re.findall(r"^id-(\S+) OBJECT IDENTIFIER ::= \{ id-set (\d+) \}", text, re.M))
    (arc,) = re.findall(r"^id-set OBJECT IDENTIFIER ::= \{ iso\(1\) member-body\(2\) (.*) \}", text, re.M)
    read_count = digest_count = 0
    for folder in folders:
        for file in sorted(pathlib.Path(folder).glob("*.txt")):
            fields, der = read(file)
            kind, expect = fields["type"], fields["expect"]
            if expect != "the same bytes":
                sys.exit(f"{file}: is no good vector")
            value = first.decode(kind, der, check_constraints=True)
            if first.encode(kind, value, check_constraints=True) != der:
                sys.exit(f"{file}: asn1tools writes something else")
            structure = getattr(second, kind.replace("-", "_"))
            structure.from_der(der)
            if structure.to_der() != der:
                sys.exit(f"{file}: pycrate writes something else")
            read_count += 1
            if "digest" in fields:
                oid = oid_der("1.2." + arc.replace(" ", ".") + "." + numbers[kind])
                if hashlib.sha256(oid + der).hexdigest() != fields["digest"]:
                    sys.exit(f"{file}: another digest")
                digest_count += 1
    bad_count = check_bad(first, bad)
    print(f"{read_count} read, {digest_count} digests, {bad_count} refused")


main(*sys.argv[1:])
