"""Reading the audit log as any outsider would: raw lines, sha256, and disclosures by their digest."""

import base64
import glob
import hashlib
import json


def lines(state, org="delinde"):
    raw = b""
    for path in sorted(glob.glob(f"{state}/audit/{org}/0*.ndjson")):
        with open(path, "rb") as file:
            raw += file.read()
    return raw.splitlines(keepends=True)


def check_chain(state, org="delinde"):
    """Raises AssertionError unless the log is one chain of whole lines; returns its records."""
    before = "0" * 64
    records = []
    for number, line in enumerate(lines(state, org)):
        assert line.endswith(b"\n"), f"torn line {number}"
        record = json.loads(line)
        assert record["seq"] == number, (record["seq"], number)
        assert record["prev"] == before, f"chain breaks at {number}"
        before = hashlib.sha256(b"\0" + line[:-1]).hexdigest()
        records.append(record)
    return records


def disclosures(state, org="delinde"):
    """{seq: {name: value}}; checks that each digest is in its record."""
    found = {}
    records = {record["seq"]: record for record in check_chain(state, org)}
    for path in sorted(glob.glob(f"{state}/audit/{org}/disclosures/*.ndjson")):
        with open(path, encoding="ascii") as file:
            for line in file:
                row = json.loads(line)
                for text in row["d"]:
                    digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")
                    assert digest in records[row["seq"]]["_sd"], (row["seq"], text)
                    _, name, value = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
                    found.setdefault(row["seq"], {})[name] = value
    return found
