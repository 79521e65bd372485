"""smtools-envelope/v1 and smtools-keyring/v1, written again from the format's text alone.

Nothing of smtools is used here: the tests open with this what smseal writes, and let smunseal open
what this writes. It is slow and holds everything in memory, on purpose: it is to be read.
"""

import base64
import datetime
import hashlib
import hmac
import json
import os

from argon2.low_level import Type, hash_secret_raw
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
)

CHUNK = 16384
TAG = 16


class Damaged(Exception):
    pass


class WrongKey(Exception):
    pass


def b64(data):
    return base64.b64encode(data).decode()


def unb64(text, size=None):
    data = base64.b64decode(text, validate=True)
    if b64(data) != text or (size is not None and len(data) != size):
        raise Damaged("base64")
    return data


def b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64url(text, size):
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if b64url(data) != text or len(data) != size:
        raise Damaged("base64url")
    return data


def u64be(n):
    return n.to_bytes(8, "big")


# --- HKDF-SHA-512 (RFC 5869) ---


def hkdf_expand(prk, info, size):
    out, block, i = b"", b"", 0
    while len(out) < size:
        i += 1
        block = hmac.new(prk, block + info + bytes([i]), hashlib.sha512).digest()
        out += block
    return out[:size]


def hkdf(salt, ikm, info, size):
    return hkdf_expand(hmac.new(salt, ikm, hashlib.sha512).digest(), info, size)


# --- XAES-256-GCM (c2sp.org/XAES-256-GCM) ---


def xaes_key(key, nonce):
    block = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
    zero = int.from_bytes(block.update(bytes(16)), "big")
    k1 = (zero << 1) & ((1 << 128) - 1)
    if zero >> 127:
        k1 ^= 0x87
    derived = b""
    for i in (1, 2):
        m = int.from_bytes(bytes([0, i]) + b"X\0" + nonce[:12], "big")
        derived += block.update((m ^ k1).to_bytes(16, "big"))
    return derived


def xaes_seal(key, nonce, plaintext, aad):
    return AESGCM(xaes_key(key, nonce)).encrypt(nonce[12:], plaintext, aad)


def xaes_open(key, nonce, sealed, aad):
    return AESGCM(xaes_key(key, nonce)).decrypt(nonce[12:], sealed, aad)


# --- Cobblestone-256 (c2sp.org/chunked-encryption) ---


def cobblestone_keys(input_key, salt, context):
    info = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0" + salt + context
    derived = hkdf_expand(input_key, info, 32 + 12 + 32)
    return derived[:32], derived[32:44], derived[44:]


def chunk_nonce(base, i):
    return (int.from_bytes(base, "big") ^ i).to_bytes(12, "big")


def cobblestone_seal(input_key, salt, context, plaintext):
    key, base, commitment = cobblestone_keys(input_key, salt, context)
    aead = AESGCM(key)
    out = [salt, commitment]
    for i in range(len(plaintext) // CHUNK + 1):
        out.append(aead.encrypt(chunk_nonce(base, i), plaintext[i * CHUNK : (i + 1) * CHUNK], None))
    return b"".join(out)


def cobblestone_open(input_key, context, sealed):
    if len(sealed) < 56 + TAG:
        raise Damaged("short body")
    key, base, commitment = cobblestone_keys(input_key, sealed[:24], context)
    if commitment != sealed[24:56]:
        raise Damaged("commitment")
    aead, out, i, rest = AESGCM(key), [], 0, sealed[56:]
    while True:
        piece, rest = rest[: CHUNK + TAG], rest[CHUNK + TAG :]
        try:
            out.append(aead.decrypt(chunk_nonce(base, i), piece, None))
        except (InvalidTag, ValueError):
            raise Damaged("chunk %d" % i)
        if len(piece) < CHUNK + TAG:
            if rest:
                raise Damaged("trailing")
            return b"".join(out)
        i += 1


def sealed_size(n):
    return 56 + n + TAG * (n // CHUNK + 1)


# --- Parts ---


def part_key(mk, envelope_id, i):
    return hkdf_expand(mk, b"smtools-envelope/v1 part\0" + envelope_id + u64be(i), 32)


def part_context(envelope_id, i):
    return b"smtools-envelope/v1\0" + envelope_id + u64be(i)


def seal_part(mk, envelope_id, i, plaintext):
    return cobblestone_seal(
        part_key(mk, envelope_id, i), os.urandom(24), part_context(envelope_id, i), plaintext
    )


def open_part(mk, envelope_id, i, sealed):
    return cobblestone_open(part_key(mk, envelope_id, i), part_context(envelope_id, i), sealed)


# --- Stanzas ---


def argon2id(password, salt, t, m, p):
    return hash_secret_raw(password, salt, t, m, p, 32, Type.ID)


def wrap_aad(envelope_id, line):
    return b"smtools-envelope/v1 wrap\0" + envelope_id + line.encode()


def stanza(envelope_id, line, key, content):
    nonce = os.urandom(24)
    wrapped = xaes_seal(key, nonce, content, wrap_aad(envelope_id, line))
    return "%s %s\n%s\n" % (line, b64(nonce), b64(wrapped))


def password_stanza(envelope_id, mk, password, t=3, m=65536, p=4):
    salt = os.urandom(16)
    line = "-> password %s %d %d %d" % (b64(salt), t, m, p)
    return stanza(envelope_id, line, argon2id(password, salt, t, m, p), mk)


def org_stanza(envelope_id, mk, org, kid, kek):
    return stanza(envelope_id, "-> org %s %s" % (org, kid), kek, mk)


def x25519_key(shared, ephemeral, recipient):
    return hkdf(b"smtools-envelope/v1 x25519", shared + ephemeral + recipient, b"wrap", 32)


def x25519_stanza(envelope_id, mk, org, kid, recipient):
    private = X25519PrivateKey.generate()
    ephemeral = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    shared = private.exchange(X25519PublicKey.from_public_bytes(recipient))
    line = "-> x25519 %s %s %s" % (org, kid, b64(ephemeral))
    return stanza(envelope_id, line, x25519_key(shared, ephemeral, recipient), mk)


def link_label(token):
    return hashlib.sha256(b"smtools-envelope/v1 label\0" + token).digest()[:8]


def link_key(token, stretched):
    info = b"link+password" if stretched else b"link"
    return hkdf(b"smtools-envelope/v1 link", token + stretched, info, 32)


def link_stanza(envelope_id, mk, org, kid, kek, token, password=None, t=3, m=65536, p=4):
    label, stretched, cost = link_label(token), b"", ""
    if password is not None:
        salt = os.urandom(16)
        stretched = argon2id(password, salt, t, m, p)
        cost = " %s %d %d %d" % (b64(salt), t, m, p)
    nonce = os.urandom(24)
    aad = b"smtools-envelope/v1 link\0" + envelope_id + label
    inner = nonce + xaes_seal(link_key(token, stretched), nonce, mk, aad)
    word = "link+password" if password is not None else "link"
    line = "-> %s %s %s %s%s" % (word, org, kid, b64url(label), cost)
    return stanza(envelope_id, line, kek, inner)


def open_stanza(envelope_id, first, second, keys):
    """The message key, or None. keys: passwords, keks, privates (both by (org, kid)), tokens."""
    line, nonce = first.rsplit(" ", 1)
    fields = line.split(" ")[1:]
    nonce, wrapped, aad = unb64(nonce, 24), unb64(second), wrap_aad(envelope_id, line)

    def attempt(key):
        try:
            return xaes_open(key, nonce, wrapped, aad)
        except InvalidTag:
            return None

    if fields[0] == "password":
        salt, cost = unb64(fields[1], 16), [int(f) for f in fields[2:5]]
        for password in keys.get("passwords", []):
            mk = attempt(argon2id(password, salt, *cost))
            if mk:
                return mk
        return None
    name = (fields[1], fields[2])
    if fields[0] == "org":
        return attempt(keys["keks"][name]) if name in keys.get("keks", {}) else None
    if fields[0] == "x25519":
        if name not in keys.get("privates", {}):
            return None
        private = X25519PrivateKey.from_private_bytes(keys["privates"][name])
        ephemeral = unb64(fields[3], 32)
        public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        shared = private.exchange(X25519PublicKey.from_public_bytes(ephemeral))
        return attempt(x25519_key(shared, ephemeral, public))
    if fields[0] in ("link", "link+password"):
        label = unb64url(fields[3], 8)
        for token in keys.get("tokens", []):
            if link_label(token) != label or name not in keys.get("keks", {}):
                continue
            inner = attempt(keys["keks"][name])
            if inner is None:
                continue
            stretched = [b""]
            if fields[0] == "link+password":
                salt, cost = unb64(fields[4], 16), [int(f) for f in fields[5:8]]
                stretched = [argon2id(pw, salt, *cost) for pw in keys.get("passwords", [])]
            for one in stretched:
                try:
                    aad2 = b"smtools-envelope/v1 link\0" + envelope_id + label
                    return xaes_open(link_key(token, one), inner[:24], inner[24:], aad2)
                except InvalidTag:
                    pass
        return None
    raise Damaged("stanza type")


# --- The whole ---


def make_manifest(mk, envelope_id, parts):
    """parts: dicts with role, name, type, size, sealed (56 bytes)."""
    listed = [
        {
            "n": n,
            "role": part.get("role", "file"),
            "name": part.get("name"),
            "type": part.get("type", "application/octet-stream"),
            "size": part.get("size"),
            "sealed": b64(part["sealed"]),
        }
        for n, part in enumerate(parts, 1)
    ]
    now = datetime.datetime.utcnow().strftime("%Y-%m-%dT%H:%M:%SZ")
    text = json.dumps({"v": 1, "created": now, "parts": listed}).encode()
    return text + b" " * (-len(text) % 1024)


def header(envelope_id, manifest_sealed, stanzas):
    return "smtools-envelope/v1\nid %s\nmanifest %s %d\n%s---\n" % (
        b64url(envelope_id),
        b64(manifest_sealed[:56]),
        len(manifest_sealed),
        "".join(stanzas),
    )


def seal(contents, make_stanzas, last_has_size=True, names=None, manifest=None, mk=None):
    """An envelope. make_stanzas(envelope_id, mk) gives its stanzas."""
    envelope_id, mk = os.urandom(32), mk or os.urandom(32)
    bodies = [seal_part(mk, envelope_id, n, c) for n, c in enumerate(contents, 1)]
    parts = []
    for n, (content, body) in enumerate(zip(contents, bodies)):
        size = len(content) if last_has_size or n + 1 < len(contents) else None
        name = names[n] if names else "file-%d" % (n + 1)
        parts.append({"name": name, "size": size, "sealed": body[:56]})
    text = (manifest or make_manifest)(mk, envelope_id, parts)
    zero = seal_part(mk, envelope_id, 0, text)
    stanzas = make_stanzas(envelope_id, mk)
    return header(envelope_id, zero, stanzas).encode() + zero + b"".join(bodies)


def split_header(envelope):
    end = envelope.index(b"\n---\n") + 5
    return envelope[:end].decode("ascii"), envelope[end:]


def parse_header(text):
    lines = text.split("\n")
    if lines[0] != "smtools-envelope/v1" or lines[-2:] != ["---", ""]:
        raise Damaged("header")
    word, envelope_id = lines[1].split(" ")
    word2, bound, size = lines[2].split(" ")
    if (word, word2) != ("id", "manifest"):
        raise Damaged("header")
    stanzas = lines[3:-2]
    return unb64url(envelope_id, 32), unb64(bound, 56), int(size), list(
        zip(stanzas[::2], stanzas[1::2])
    )


def find_message_key(envelope_id, stanzas, keys):
    for first, second in stanzas:
        mk = open_stanza(envelope_id, first, second, keys)
        if mk:
            return mk
    raise WrongKey()


def open_envelope(envelope, keys):
    """The manifest, and the parts' contents."""
    text, rest = split_header(envelope)
    envelope_id, bound, size, stanzas = parse_header(text)
    mk = find_message_key(envelope_id, stanzas, keys)
    zero, rest = rest[:size], rest[size:]
    if zero[:56] != bound:
        raise Damaged("manifest")
    padded = open_part(mk, envelope_id, 0, zero)
    if len(padded) % 1024 or len(padded) - len(padded.rstrip(b" ")) > 1023:
        raise Damaged("padding")
    manifest = json.loads(padded)
    contents = []
    for part in manifest["parts"]:
        length = len(rest) if part["size"] is None else sealed_size(part["size"])
        body, rest = rest[:length], rest[length:]
        if body[:56] != unb64(part["sealed"], 56):
            raise Damaged("part")
        contents.append(open_part(mk, envelope_id, part["n"], body))
    if rest:
        raise Damaged("trailing")
    return manifest, contents


# --- The keyring ---


def master_keys(line):
    decoded = unb64(line.rstrip("\n"))
    salt = b"smtools-keyring/v1"
    return hkdf(salt, decoded, b"wrap", 32), hkdf(salt, decoded, b"mac", 64)


def open_keyring(text, master_line):
    """counter, keks and privates by (org, kid), and each key's state by kid."""
    wrap, mac = master_keys(master_line)
    body, last = text[: text.rindex("--- ")], text[text.rindex("--- ") + 4 :].rstrip("\n")
    if hmac.new(mac, body.encode(), hashlib.sha512).digest() != unb64(last, 64):
        raise WrongKey()
    lines = body.rstrip("\n").split("\n")
    word, counter = lines[0].split(" ")
    if word != "smtools-keyring/v1":
        raise Damaged("keyring")
    keks, privates, states = {}, {}, {}
    for line in lines[1:]:
        fields = line.split(" ")
        aad = b"smtools-keyring/v1\0" + " ".join(fields[:4]).encode()
        states[fields[1]] = fields[3]
        if fields[3] in ("active", "retired"):
            key = xaes_open(wrap, unb64(fields[4], 24), unb64(fields[5]), aad)
            keks[(fields[0], fields[1])] = key
        elif fields[3] in ("public", "retired-public"):
            key = xaes_open(wrap, unb64(fields[5], 24), unb64(fields[6]), aad)
            public = X25519PrivateKey.from_private_bytes(key).public_key()
            if public.public_bytes(Encoding.Raw, PublicFormat.Raw) != unb64(fields[4], 32):
                raise Damaged("pair")
            privates[(fields[0], fields[1])] = key
    return int(counter), keks, privates, states


def make_keyring(master_line, counter, keks, privates):
    """keks: (org, kid, created, state, key); privates the same."""
    wrap, mac = master_keys(master_line)
    lines = ["smtools-keyring/v1 %d\n" % counter]

    def wrapped(fields, key):
        nonce = os.urandom(24)
        aad = b"smtools-keyring/v1\0" + fields.encode()
        return "%s %s" % (b64(nonce), b64(xaes_seal(wrap, nonce, key, aad)))

    for org, kid, created, state, key in keks:
        fields = "%s %s %s %s" % (org, kid, created, state)
        lines.append(fields + (" " + wrapped(fields, key) if key else "") + "\n")
    for org, kid, created, state, key in privates:
        fields = "%s %s %s %s" % (org, kid, created, state)
        public = X25519PrivateKey.from_private_bytes(key).public_key()
        raw = public.public_bytes(Encoding.Raw, PublicFormat.Raw)
        lines.append("%s %s %s\n" % (fields, b64(raw), wrapped(fields, key)))
    body = "".join(lines)
    return body + "--- " + b64(hmac.new(mac, body.encode(), hashlib.sha512).digest()) + "\n"
