"""A merchant's till for wallets, with joserfc: make a ticket, check a receipt offline, deliver once.

wallet_till.py FOLDER ticket NUMBER [NOW]: prints a signed ticket for two books.
wallet_till.py FOLDER deliver [NOW]: reads a ticket and a receipt, a line each, and says what to deliver.

FOLDER has merchant.pem, server.jwks (what the server's /jwks.json gives), and till.json with "merchant" (the number) and
"server" (the host).
docs/reference/wallet.md says what the members mean.
"""
import hashlib
import json
import os
import sys
import time
from pathlib import Path

from joserfc import jws
from joserfc.jwk import ECKey

LIFE_SECONDS, SKEW_SECONDS = 900, 60


class Refused(Exception):
    pass


def need(holds, what):  # no assert: python -O leaves those out
    if not holds:
        raise Refused(what)


def once(pairs):
    members = dict(pairs)
    need(len(members) == len(pairs), "a member is there twice")
    return members


class Till:
    def __init__(self, folder):
        self.folder = Path(folder)
        self.key = ECKey.import_key((self.folder / "merchant.pem").read_bytes())
        keys = json.loads((self.folder / "server.jwks").read_bytes())["keys"]
        self.server_keys = [ECKey.import_key(key) for key in keys]
        names = json.loads((self.folder / "till.json").read_bytes())
        self.merchant, self.server = names["merchant"], names["server"]

    def ticket(self, number, amount_minor, currency, reference, goods, now):
        header = {"typ": "countersign-ticket+jws", "alg": "ES256", "kid": self.key.thumbprint()}
        content = {"iss": self.merchant, "aud": self.server, "jti": number, "iat": now,
                   "exp": now + LIFE_SECONDS, "amount_minor": amount_minor, "currency": currency,
                   "reference": reference, "goods": goods}
        return jws.serialize_compact(header, json.dumps(content), self.key)

    def check(self, receipt, ticket, now):
        sold = self.read(ticket, [self.key], "countersign-ticket+jws")
        paid = self.read(receipt, self.server_keys, "countersign-receipt+jws")
        need(paid["iss"] == self.server, "the receipt is from another server")
        need(paid["aud"] == self.merchant, "the receipt is for another merchant")
        need(paid["iat"] <= now + SKEW_SECONDS, "the receipt is from the future")
        digest = hashlib.sha256(ticket.rsplit(".", 1)[0].encode()).hexdigest()
        need(paid["ticket"] == sold["jti"] and paid["ticket_sha256"] == digest
             and paid["amount_minor"] == sold["amount_minor"]
             and paid["currency"] == sold["currency"], "the receipt is for another ticket")
        return sold

    def read(self, message, keys, typ):
        """The server's keys of now and of earlier are known: the header says which one it was."""
        for key in keys:
            header = {"typ": typ, "alg": "ES256", "kid": key.thumbprint()}
            if self.header(message) == header:
                return self.verify(message, key)
        raise Refused("the message is another, or its key is not known")

    def header(self, message):
        try:
            return jws.extract_compact(message.encode()).headers()
        except Exception as error:
            raise Refused("the message is not authentic") from error

    def verify(self, message, key):
        try:
            found = jws.deserialize_compact(message, key, algorithms=["ES256"])
            content = json.loads(found.payload, object_pairs_hook=once)
        except Refused:
            raise
        except Exception as error:
            raise Refused("the message is not authentic") from error
        return content

    def take(self, sold):
        """Deliver after this returned, and after nothing else. Durable before it returns."""
        folder = self.folder / "delivered"
        folder.mkdir(exist_ok=True)
        try:
            file = os.open(folder / sold["jti"], os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        except FileExistsError:
            raise Refused("the ticket was delivered before") from None
        os.fsync(file)
        os.close(file)
        entry = os.open(folder, os.O_RDONLY)
        os.fsync(entry)
        os.close(entry)


def main(folder, what, *rest):
    till = Till(folder)
    if what == "ticket":
        number, *now = rest
        books = [{"name": "ISBN 2070360245", "quantity": 2}]
        now = int(now[0]) if now else int(time.time())
        print(till.ticket(number, 4990, "EUR", "two books", books, now))
    elif what == "deliver":
        ticket, receipt = sys.stdin.read().split()
        now = int(rest[0]) if rest else int(time.time())
        try:
            sold = till.check(receipt, ticket, now)
            till.take(sold)
        except Refused as refusal:
            sys.exit(str(refusal))
        print("deliver", sold["reference"])


if __name__ == "__main__":
    main(*sys.argv[1:])
