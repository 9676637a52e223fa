"""Judges the description of the API by programs that are not ours.

    judge.py requests DOCUMENT           the document and its examples are valid; bodies on both sides of what it says
    judge.py answers DOCUMENT ANSWERS    every answer is described, and fits
"""

import copy
import json
import sys

from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

# Texts that some member's pattern or length lets in and another's keeps out.
ODD = ["", " ", "a", " a", "a ", "a\nb", "\u00e9", "a\u202eb", "eur", "EURO", "EU", "0", "0.00", "-1", "1e3", "1.", ".5",
       "1.23456", "1234567890123", "+0612345678", "+336", "+3361234567890123", "0612345678", "fr FR", "fr-", "1fr", "ses_1",
       "x" * 300]
# Values that a pattern lets in, at its ends.
GOOD = {
    "value": ["0.01", "9999999999.99", "12", "007.5"],
    "number": ["+1234567", "+123456789012345"],
    "locale": ["*", "FR", "fr_CH", "en-GB-oxendict", "de-AT", "fr" + "-abcdefgh" * 6 + "-abcdefg", None],
    "user_id": ["a", "a b", "!"],
    "session": ["ses_" + "0" * 32],
    "pin": ["739152", "correct horse 12" * 16, None],
    "code": ["123456", "123 456"],
    "client_address": ["192.0.2.7", "2001:db8::1", None],
}


def resolved(document, schema):
    while "$ref" in schema:
        node = document
        for part in schema["$ref"].removeprefix("#/").split("/"):
            node = node[part.replace("~1", "/")]
        schema = node
    return schema


def validator(document, schema):
    return Draft202012Validator({**schema, "components": document["components"]})


def branches(document, schema):
    """The schema and what it is one of, without null."""
    schema = resolved(document, schema)
    parts = schema.get("oneOf", []) + schema.get("anyOf", []) + schema.get("allOf", [])
    return [one for part in parts for one in branches(document, part)] or [schema]


def example(document, schema):
    schema = [one for one in branches(document, schema) if one.get("type") != "null"][-1]
    if "example" in schema:
        return schema["example"]
    if "properties" in schema:
        return {name: example(document, of) for name, of in schema["properties"].items()}
    if "items" in schema:
        return [example(document, schema["items"])]
    if "enum" in schema:
        return schema["enum"][0]
    return {"session": "ses_" + "0" * 32, "client_address": "192.0.2.7"}.get(schema.get("title"), "")


def body_of(document, operation):
    content = operation.get("requestBody", {}).get("content", {})
    return content.get("application/json", {}).get("schema")


def leaves(document, schema, value, path=()):
    """Every member of a value with its schema."""
    for one in branches(document, schema):
        yield path, one
        if isinstance(value, dict):
            for name, of in one.get("properties", {}).items():
                if name in value:
                    yield from leaves(document, of, value[name], (*path, name))
        if isinstance(value, list) and value and "items" in one:
            yield from leaves(document, one["items"], value[0], (*path, 0))


def put(body, path, value):
    if not path:
        return value
    body = copy.deepcopy(body)
    place = body
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    return body


def at(body, path):
    for part in path:
        body = body[part]
    return body


def bounds(schema, now, name):
    """Values at the ends of what the schema permits, which must be taken when they fit."""
    if isinstance(now, str):
        for length in (schema.get("minLength"), schema.get("maxLength")):
            # The lengths of these are not their only rule.
            if length is not None and name not in ("pin", "new_pin", "origin", "number", "expiry", "code", "locale"):
                yield from ((now + "a" * size)[:size] for size in (length - 1, length, length + 1) if size >= 0)
    if schema.get("type") == "integer":
        least, most = schema.get("minimum"), schema.get("maximum")
        yield from (number for bound in (least, most) if bound is not None for number in (bound - 1, bound, bound + 1))
    if isinstance(now, list):
        for length in (schema.get("minItems"), schema.get("maxItems")):
            if length is not None:
                yield from (now[:1] * size for size in (length, length + 1))
    yield from schema.get("enum", [])
    # A card's number has other rules, which a pattern cannot say.
    yield from GOOD.get(name, []) if "pattern" in schema or name != "number" else []


def requests(document):
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            schema = body_of(document, operation)
            # Keys are signed for: no example of one can be.
            if schema is None or path == "/v1/wallet/keys":
                continue
            checks = validator(document, schema)
            base = example(document, schema)
            if path == "/v1/subscribers/{identifier}":
                base["pin"] = "739152"
            if path.endswith("/response"):
                base = {"session": "ses_" + "0" * 32, "code": "123456"}
            if path.endswith("/resend"):
                base = {"session": "ses_" + "0" * 32}
            if path == "/v1/challenges":
                base["client_address"] = "192.0.2.7"
            assert checks.is_valid(base), (path, base, [error.message for error in checks.iter_errors(base)])
            yield method, path, base, True, True
            yield method, path, {**base, "surprise": 1}, False, False
            for name in base:
                less = {other: value for other, value in base.items() if other != name}
                yield method, path, less, checks.is_valid(less), True
            for where, leaf in leaves(document, schema, base):
                name = where[-1] if where else ""
                now = at(base, where)
                for value in bounds(leaf, now, name):
                    body = put(base, where, value)
                    yield method, path, body, checks.is_valid(body), True
                for value in [*ODD, 1, -1, 1.5, True, None, [], {}, ["a", "b"], {"a": 1}]:
                    body = put(base, where, value)
                    yield method, path, body, checks.is_valid(body), False


def answers(document, given):
    kinds = set()
    for answer in given:
        what = f"{answer['method']} {answer['path']}: {answer['status']}"
        responses = document["paths"][answer["path"]][answer["method"]]["responses"]
        status = str(answer["status"])
        described = responses.get(status) or responses.get(status[0] + "XX")
        assert described, f"{what} is not described"
        described = resolved(document, described)
        content = described.get("content", {})
        if not content:
            assert answer["body"] is None, what
        else:
            checks = validator(document, content[answer["type"]]["schema"])
            errors = [error.message for error in checks.iter_errors(answer["body"])]
            assert not errors, (what, answer["body"], errors)
        kinds.add(what)
    return kinds


def main():
    task, document = sys.argv[1], json.load(open(sys.argv[2], encoding="utf-8"))
    if task == "requests":
        validate(document)
        for name, schema in document["components"]["schemas"].items():
            for where, leaf in leaves(document, schema, example(document, schema)):
                if "example" in leaf:
                    assert validator(document, leaf).is_valid(leaf["example"]), (name, where, leaf)
        told = [
            {"method": method, "path": path, "body": body, "fits": fits, "must": must}
            for method, path, body, fits, must in requests(document)
        ]
        print(json.dumps(told))
    else:
        given = json.load(open(sys.argv[3], encoding="utf-8"))
        print(len(answers(document, given)))


main()
