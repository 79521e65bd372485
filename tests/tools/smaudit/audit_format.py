"""The audit log's format, written anew from its description alone: chain, tree, signed notes,
disclosures, proofs. Shares no code with smtools; the signatures are python3-cryptography's."""

import base64
import hashlib
import json
import os

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

SEGMENT = 65536


class Bad(Exception):
    pass


def need(condition, what):
    if not condition:
        raise Bad(what)


def sha256(data):
    return hashlib.sha256(data).digest()


def b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64url(text):
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    need(b64url(data) == text, "base64url is not canonical")
    return data


def unb64(text):
    data = base64.b64decode(text, validate=True)
    need(base64.b64encode(data).decode() == text, "base64 is not canonical")
    return data


def encodings(text):
    """What a text looks like in the clear, in hex, and at each of three places in base64."""
    data = text.encode()
    wanted = [data, data.hex().encode()]
    for shift in range(3):
        encoded = base64.b64encode(bytes(shift) + data).rstrip(b"=")
        # The characters at both ends depend on what stands beside the text.
        wanted.append(encoded[(0, 2, 3)[shift] : -1])
    return wanted + [one.translate(bytes.maketrans(b"+/", b"-_")) for one in wanted[2:]]


# ---- the tree, RFC 6962


def leaf(line):
    return sha256(b"\0" + line)


def node(left, right):
    return sha256(b"\1" + left + right)


def split_point(n):
    return 1 << ((n - 1).bit_length() - 1)


def root(leaves):
    if not leaves:
        return sha256(b"")
    if len(leaves) == 1:
        return leaves[0]
    k = split_point(len(leaves))
    return node(root(leaves[:k]), root(leaves[k:]))


def path(index, leaves):
    if len(leaves) <= 1:
        return []
    k = split_point(len(leaves))
    if index < k:
        return path(index, leaves[:k]) + [root(leaves[k:])]
    return path(index - k, leaves[k:]) + [root(leaves[:k])]


def root_from_path(index, size, hash_, proof):
    """RFC 9162 2.1.3.2."""
    need(index < size, "index beyond the tree")
    fn, sn = index, size - 1
    for sibling in proof:
        need(sn != 0, "proof too long")
        if fn & 1 or fn == sn:
            hash_ = node(sibling, hash_)
            while not fn & 1 and fn != 0:
                fn >>= 1
                sn >>= 1
        else:
            hash_ = node(hash_, sibling)
        fn >>= 1
        sn >>= 1
    need(sn == 0, "proof too short")
    return hash_


# ---- signed notes


class Key:
    def __init__(self, vkey):
        self.text = vkey
        self.name, rest = vkey.split("+", 1)
        self.id, data = rest.split("+", 1)
        data = unb64(data)
        need(len(data) == 33 and data[0] == 1, "not an Ed25519 key")
        need(sha256(self.name.encode() + b"\n" + data)[:4].hex() == self.id, "wrong key id")
        self.public = Ed25519PublicKey.from_public_bytes(data[1:])

    def verify(self, text, signature):
        try:
            self.public.verify(signature, text)
            return True
        except InvalidSignature:
            return False


class Signer:
    """A note signer: makes the attackers' notes, too."""

    def __init__(self, name, seed=None):
        self.name = name
        self.seed = seed or os.urandom(32)
        self.private = Ed25519PrivateKey.from_private_bytes(self.seed)
        data = b"\1" + self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.id = sha256(name.encode() + b"\n" + data)[:4]
        self.vkey = "%s+%s+%s" % (name, self.id.hex(), base64.b64encode(data).decode())

    @classmethod
    def from_skey(cls, text):
        private, key, name, id_, data = text.strip().split("+", 4)
        need((private, key) == ("PRIVATE", "KEY"), "not a signer key")
        signer = cls(name, unb64(data)[1:])
        need(signer.id.hex() == id_, "wrong key id")
        return signer

    def note(self, text):
        signature = base64.b64encode(self.id + self.private.sign(text.encode())).decode()
        return "%s\n\u2014 %s %s\n" % (text, self.name, signature)

    def checkpoint(self, size, root_, origin=None):
        return self.note(
            "%s\n%d\n%s\n" % (origin or self.name, size, base64.b64encode(root_).decode())
        )


class Checkpoint:
    def __init__(self, note):
        self.note = note
        text, signatures = note.rsplit("\n\n", 1)
        self.text = (text + "\n").encode()
        lines = text.split("\n")
        need(len(lines) == 3, "a checkpoint has three lines")
        self.origin = lines[0]
        need(str(int(lines[1])) == lines[1], "size is not canonical")
        self.size = int(lines[1])
        self.root = unb64(lines[2])
        need(len(self.root) == 32, "root is no hash")
        self.signatures = []
        need(signatures.endswith("\n"), "no final line end")
        for line in signatures[:-1].split("\n"):
            dash, name, data = line.split(" ")
            need(dash == "\u2014", "no signature line")
            self.signatures.append((name, unb64(data)))

    def is_signed_by(self, key):
        return self.origin == key.name and any(
            name == key.name and data[:4].hex() == key.id and key.verify(self.text, data[4:])
            for name, data in self.signatures
        )


# ---- the log


def no_duplicates(pairs):
    keys = [key for key, _ in pairs]
    need(len(set(keys)) == len(keys), "a key stands twice")
    return dict(pairs)


def parse(line):
    need(len(line) <= 65535, "line too long")
    return json.loads(line.decode("utf-8"), object_pairs_hook=no_duplicates)


HEAD = ["v", "seq", "prev", "ts", "event", "message", "recipient", "tool", "host", "boot", "mono"]


def check_fields(record):
    names = list(record)
    wanted = [name for name in HEAD if name in record]
    need(names[: len(wanted)] == wanted, "fields out of order")
    need(set(HEAD) - {"message", "recipient"} <= set(names), "a field is missing")
    need(names[-1] == "_sd", "_sd is not last")
    need(record["v"] == 1, "version")
    need(record["_sd"] == sorted(record["_sd"]), "_sd is not sorted")
    for digest in record["_sd"]:
        need(len(unb64url(digest)) == 32, "a digest is none")
    if "message" in record:
        need(len(unb64url(record["message"])) == 12, "message id")
    if "recipient" in record:
        need(len(unb64url(record["recipient"])) == 6, "recipient id")


def segments(folder):
    names = sorted(name for name in os.listdir(folder) if name.endswith(".ndjson"))
    need(names == ["%08d.ndjson" % i for i in range(len(names))], "a segment is missing")
    return [os.path.join(folder, name) for name in names]


class Log:
    """A log's folder, read and verified whole."""

    def __init__(self, folder):
        self.folder = folder
        self.lines = []
        files = segments(folder)
        for number, name in enumerate(files):
            data = open(name, "rb").read()
            need(not data or data.endswith(b"\n"), "torn")
            lines = data.split(b"\n")[:-1]
            need(number == len(files) - 1 or len(lines) == SEGMENT, "a short segment")
            self.lines += lines
        self.records = [parse(line) for line in self.lines]
        self.leaves = [leaf(line) for line in self.lines]
        self.check_chain()
        self.disclosures = self.read_disclosures()
        self.check_disclosures()
        self.check_checkpoints()

    def check_chain(self):
        prev = "0" * 64
        for seq, record in enumerate(self.records):
            check_fields(record)
            need(record["seq"] == seq, "seq %d" % seq)
            need(record["prev"] == prev, "prev of %d" % seq)
            prev = self.leaves[seq].hex()

    def read_disclosures(self):
        found = {}
        folder = os.path.join(self.folder, "disclosures")
        names = os.listdir(folder) if os.path.isdir(folder) else []
        for name in sorted(name for name in names if name.endswith(".ndjson")):
            last = int(name[:8]) * SEGMENT - 1
            data = open(os.path.join(folder, name), "rb").read()
            need(not data or data.endswith(b"\n"), "torn disclosures")
            for line in data.split(b"\n")[:-1]:
                entry = parse(line)
                need(last < entry["seq"] < (int(name[:8]) + 1) * SEGMENT, "disclosures out of order")
                last = entry["seq"]
                found[entry["seq"]] = entry["d"]
        return found

    def check_disclosures(self):
        erased = set()
        for record in self.records:
            if record["event"] == "erased":
                erased.update(record.get("digests", []))
        for seq, texts in self.disclosures.items():
            need(seq < len(self.records), "disclosures without a record")
        for seq, record in enumerate(self.records):
            digests = [b64url(sha256(text.encode())) for text in self.disclosures.get(seq, [])]
            need(len(set(digests)) == len(digests), "a disclosure twice")
            need(set(digests) <= set(record["_sd"]), "a disclosure without its digest")
            missing = set(record["_sd"]) - set(digests)
            need(missing <= erased, "a disclosure is missing at %d" % seq)

    def check_checkpoints(self):
        vkeys = os.path.join(self.folder, "log.vkey")
        self.keys = []
        if os.path.exists(vkeys):
            self.keys = [Key(line) for line in open(vkeys).read().split("\n")[:-1]]
        ends = [r["seq"] + 1 for r in self.records if r["event"] == "epoch_ended"]
        self.checkpoints = []
        folder = os.path.join(self.folder, "checkpoints")
        names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
        for name in names + (["../checkpoint"] if names else []):
            one = Checkpoint(open(os.path.join(folder, name), encoding="utf-8").read())
            need(name.startswith(".") or "%020d" % one.size == name, "a checkpoint's name")
            need(one.size <= len(self.lines), "shorter than its checkpoint")
            need(one.root == root(self.leaves[: one.size]), "root at %d" % one.size)
            epoch = sum(1 for end in ends if one.size > end)
            need(one.is_signed_by(self.keys[epoch]), "signature at %d" % one.size)
            self.checkpoints.append(one)
        for number, end in enumerate(ends):
            next_key = self.records[end - 1]["next"]
            if len(self.keys) > number + 1:
                need(next_key == self.keys[number + 1].text, "the next key")
                need(any(one.size == end for one in self.checkpoints), "the last checkpoint")
        need(len(self.keys) <= len(ends) + 1, "a key that nothing introduced")

    def disclosed(self, seq):
        values = {}
        for text in self.disclosures.get(seq, []):
            salt, name, value = json.loads(unb64url(text))
            need(len(unb64url(salt)) == 16, "a salt")
            values.setdefault(name, []).append(value)
        return values


def check_proof(text, record, keys):
    """A tlog-proof over that record; its checkpoint."""
    first, rest = text.split("\n", 1)
    need(first == "c2sp.org/tlog-proof@v1", "the first line")
    line, rest = rest.split("\n", 1)
    word, index = line.split(" ")
    need(word == "index" and str(int(index)) == index, "the index")
    hashes = []
    while True:
        line, rest = rest.split("\n", 1)
        if not line:
            break
        hashes.append(unb64(line))
    checkpoint = Checkpoint(rest)
    need(any(checkpoint.is_signed_by(key) for key in keys), "the signature")
    computed = root_from_path(int(index), checkpoint.size, leaf(record), hashes)
    need(computed == checkpoint.root, "the root")
    return int(index), checkpoint
