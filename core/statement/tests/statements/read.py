"""Reads statements with programs that are not ours, and says what is in them as JSON.

camt FILE...: by pyiso20022's classes of camt.053.001.08 and xsdata, which refuse an element that is not in the schema;
pyiso20022's validation holds lengths, digits and codes; written again in the order of the schema, it must be the same.
csv FILE: by Python's csv, as a program would read it that is set to each of the separators.
"""

import csv
import json
import re
import sys
from importlib.util import module_from_spec, spec_from_file_location
from io import StringIO
from pathlib import Path
from xml.etree.ElementTree import canonicalize

import pyiso20022
from pyiso20022.camt.camt_053_001_08 import Document
from xsdata.formats.dataclass.parsers import XmlParser
from xsdata.formats.dataclass.serializers import XmlSerializer

# By its file: the package around it wants pandas and more.
spec = spec_from_file_location("validation", Path(pyiso20022.__file__).parent / "tools/validation.py")
validation = module_from_spec(spec)
spec.loader.exec_module(validation)


def read_camt(name):
    with open(name, "rb") as file:
        octets = file.read()
    document = XmlParser().from_bytes(octets, Document)
    result = validation.validate_message(document, strict=False)
    assert not result.errors, result.errors
    again = XmlSerializer().render(document, ns_map={None: Document.Meta.namespace})
    assert canonicalize(again) == canonicalize(octets.decode()), again
    header = document.bk_to_cstmr_stmt.grp_hdr
    (statement,) = document.bk_to_cstmr_stmt.stmt
    assert (statement.stmt_pgntn, statement.cre_dt_tm) == (header.msg_pgntn, header.cre_dt_tm)
    return {
        "message": header.msg_id,
        "made_at": str(header.cre_dt_tm),
        "page": [header.msg_pgntn.pg_nb, header.msg_pgntn.last_pg_ind],
        "id": statement.id,
        "span": [str(statement.fr_to_dt.fr_dt_tm), str(statement.fr_to_dt.to_dt_tm)],
        "account": [statement.acct.id.othr.id, statement.acct.ccy],
        "balances": [balance(each) for each in statement.bal],
        "entries": [entry(each) for each in statement.ntry],
    }


def signed(of):
    sign = {"CRDT": "", "DBIT": "-"}[of.cdt_dbt_ind.value]
    return f"{sign}{of.amt.value} {of.amt.ccy}"


def balance(of):
    kind = of.tp.cd_or_prtry.cd + (f"/{of.tp.sub_tp.cd}" if of.tp.sub_tp else "")
    return [kind, signed(of), str(of.dt.dt_tm)]


def entry(of):
    code, status = of.bk_tx_cd.prtry, of.sts.cd
    return [of.ntry_ref, signed(of), status, str(of.bookg_dt.dt_tm), of.acct_svcr_ref, code.cd, of.addtl_ntry_inf]


def read_csv(name):
    with open(name, encoding="utf-8", newline="") as file:
        text = file.read()
    assert text.replace("\r\n", "").isprintable(), "a line ends in CR LF, and has neither inside"
    for separator in ",;\t|":
        for row in csv.reader(StringIO(text, newline=""), delimiter=separator):
            for cell in row:
                number = re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", cell)
                assert number or not re.match(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]", cell), (separator, cell)
    rows = list(csv.reader(StringIO(text, newline=""), strict=True))
    assert len({len(row) for row in rows}) == 1, "every line has as many cells"
    return rows


if __name__ == "__main__":
    read = {"camt": read_camt, "csv": read_csv}[sys.argv[1]]
    print(json.dumps([read(name) for name in sys.argv[2:]]))
