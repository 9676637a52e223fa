"""Makes pkits.json: the revocation tests of NIST's PKITS 1.0.1 (sections 4.4, 4.14 and 4.15), from its folder `PKITS_data`."""

import base64
import json
import pathlib
import re
import sys

from cryptography import x509

SECTIONS = {
    "4.4": """InvalidMissingCRLTest1 InvalidRevokedCATest2 InvalidRevokedEETest3 InvalidBadCRLSignatureTest4
        InvalidBadCRLIssuerNameTest5 InvalidWrongCRLTest6 ValidTwoCRLsTest7 InvalidUnknownCRLEntryExtensionTest8
        InvalidUnknownCRLExtensionTest9 InvalidUnknownCRLExtensionTest10 InvalidOldCRLnextUpdateTest11
        Invalidpre2000CRLnextUpdateTest12 ValidGeneralizedTimeCRLnextUpdateTest13 ValidNegativeSerialNumberTest14
        InvalidNegativeSerialNumberTest15 ValidLongSerialNumberTest16 ValidLongSerialNumberTest17
        InvalidLongSerialNumberTest18 ValidSeparateCertificateandCRLKeysTest19
        InvalidSeparateCertificateandCRLKeysTest20 InvalidSeparateCertificateandCRLKeysTest21""".split(),
    "4.14": r"(distributionPoint|NoissuingDistributionPoint|onlyContains|onlySomeReasons|IDPwithindirectCRL|cRLIssuer)",
    "4.15": r"deltaCRL",
}


def main(folder):
    def der(kind):
        files = sorted((folder / kind).iterdir())
        return {path.stem: path.read_bytes() for path in files if "DSA" not in path.stem}

    certificates, lists = der("certs"), der("crls")
    parsed = {name: x509.load_der_x509_certificate(one) for name, one in certificates.items()}
    authorities = [name for name in certificates if not name.endswith("EE")]

    def issuer(one):
        for name in authorities:
            by = parsed[name]
            if by.subject == one.issuer and by is not one:
                try:
                    one.verify_directly_issued_by(by)
                except Exception:
                    continue
                return name
        raise LookupError(one.issuer)

    def crl_issuers(one):
        try:
            points = one.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
        except x509.ExtensionNotFound:
            return
        for point in points:
            yield from (name.value for name in point.crl_issuer or ())

    def lists_of(chain):
        """Those of the names that are to issue them, and one whose name is the fault."""
        names = {parsed[one].issuer for one in chain} | {name for one in chain for name in crl_issuers(parsed[one])}
        folders = tuple(one.removesuffix("Cert") for one in chain[1:])
        return [
            name
            for name, one in lists.items()
            if x509.load_der_x509_crl(one).issuer in names or folders and name.startswith(folders)
        ]

    cases = []
    for section, tests in SECTIONS.items():
        for name in certificates:
            test = name.removesuffix("EE")
            is_of = test in tests if isinstance(tests, list) else re.match(f"(Valid|Invalid){tests}", test)
            if not name.endswith("EE") or not is_of:
                continue
            chain = [name]
            while (above := issuer(parsed[chain[-1]])) != "TrustAnchorRootCertificate":
                chain.append(above)
            number = int(re.search(r"Test(\d+)$", test)[1])
            cases.append((section, number, test, chain, lists_of(chain)))
    cases.sort(key=lambda case: ([int(part) for part in case[0].split(".")], case[1]))
    used = {one for case in cases for one in case[3]} | {"TrustAnchorRootCertificate"}
    needed = {one for case in cases for one in case[4]}

    def text(one):
        return base64.b64encode(one).decode()

    def fields(section, number, test, chain, its_lists):
        return {"id": f"{section}.{number}", "valid": test.startswith("Valid"), "chain": chain, "lists": its_lists}

    made = {
        "certificates": {name: text(certificates[name]) for name in sorted(used)},
        "lists": {name: text(lists[name]) for name in sorted(needed)},
        "cases": [fields(*case) for case in cases],
    }
    json.dump(made, sys.stdout, indent=0)
    print()


main(pathlib.Path(sys.argv[1]))
