"""Reads {"fields": {..}, "bytes": hex} a line; writes what pyiso8583 makes of both, a line each."""

import json
import sys

import iso8583
from iso8583.specs import default  # ASCII fields, binary bitmaps: the table of pyiso8583, not ours.

for line in sys.stdin:
    vector = json.loads(line)
    decoded, _ = iso8583.decode(bytes.fromhex(vector["bytes"]), default)
    encoded, _ = iso8583.encode(vector["fields"], default)
    # The bitmaps are not fields of a message: "p" and "1" are how they look, not what they say.
    decoded = {key: value for key, value in decoded.items() if key not in ("h", "p", "1")}
    print(json.dumps({"fields": decoded, "bytes": encoded.hex()}))
