#!/usr/bin/env python3
"""Checks an export of the books (docs/reference/books.md), with nothing of the program that wrote it.

Recomputes every balance from the postings: after each of them, and at the end. Prints what it found as
`countersign check --books --json` does, without the differences, which go to standard error. Ends with 1 when the books
are wrong.
"""

import json
import sys


class Books:
    def __init__(self):
        self.postings, self.last, self.ids = 0, 0, set()
        self.balances, self.named, self.totals = {}, set(), {}

    def post(self, line):
        """A posting: its amount on one debit and one credit, once ever, and not below its floor."""
        self.postings += 1
        currency, amount, floor = line["currency"], line["amount_minor"], line["floor_minor"]
        if line["position"] <= self.last:
            yield "is not behind the one before it"
        if line["id"] in self.ids:
            yield "was posted before"
        if amount <= 0:
            yield "posts nothing"
        self.last = line["position"]
        self.ids.add(line["id"])
        sides = [(line["debit"], currency), (line["credit"], currency)]
        for side, account in enumerate(sides):
            self.balances.setdefault(account, [0, 0])[side] += amount
            self.totals.setdefault(currency, [0, 0])[side] += amount
        for account, after in zip(sides, [line["debit_after"], line["credit_after"]]):
            if after != self.balances[account]:
                yield f"leaves {account[0]} with {self.balances[account]}, not {after}"
        debit, credit = self.balances[sides[0]]
        if floor is not None and credit - debit < floor:
            yield f"leaves {line['debit']} with {credit - debit}, below {floor}"

    def balance(self, line):
        """What an account has at the end."""
        account, kept = (line["account"], line["currency"]), [line["debit_minor"], line["credit_minor"]]
        posted = self.balances.get(account)
        if account in self.named or posted != kept:
            yield f"is not the balance of {account[0]}, which is {posted}"
        self.named.add(account)

    def end(self, line):
        """How many there were of both: an export that was cut off has no such line."""
        found = {"postings": self.postings, "balances": len(self.balances)}
        if line != found or len(self.named) != len(self.balances):
            yield f"{line} are told, {len(self.named)} named, {found} are there"


def check(lines):
    """What was found, and what is wrong: pairs of a line's number and what is wrong there."""
    books, wrong, ended, number = Books(), [], False, 0
    for number, text in enumerate(lines, 1):
        try:
            line = json.loads(text)
            read = books.post if "position" in line else books.balance if "account" in line else books.end
            wrong += [(number, "stands behind the end")] if ended else []
            wrong += [(number, what) for what in read(line)]
            ended = ended or read == books.end
        except (ValueError, KeyError, TypeError) as error:
            wrong.append((number, f"cannot be read: {error!r}"))
    if not ended:
        wrong.append((number + 1, "there is no end"))
    # By currency, as the books have them: each total is of what the accounts have.
    totals = [
        {"currency": currency, "debit_minor": str(debit), "credit_minor": str(credit)}
        for currency, (debit, credit) in sorted(books.totals.items())
    ]
    found = {"postings": books.postings, "balances": len(books.balances), "totals": totals}
    return {"right": not wrong, "wrong": len(wrong), **found}, wrong


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as export:
        result, differences = check(export)
    for number, what in differences[:100]:
        print(f"line {number}: {what}", file=sys.stderr)
    print(json.dumps(result))
    sys.exit(0 if result["right"] else 1)
