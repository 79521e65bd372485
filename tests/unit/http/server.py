#!/usr/bin/python3
"""A web server for the tests of lib/http: serves on ports of its own with several certificates.

server.py FOLDER: writes ca.pem there and prints one JSON line with the ports, then serves until
stdin ends. The path says how it behaves."""

import datetime
import ipaddress
import json
import socket
import ssl
import sys
import threading
import time
import warnings

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

warnings.simplefilter("ignore", DeprecationWarning)  # of the old TLS that is wanted here
FOLDER = sys.argv[1]
NOW = datetime.datetime.utcnow()
DAY = datetime.timedelta(days=1)


def pem(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                             serialization.NoEncryption())


def certificate(subject, names, issuer, issuer_key, key, since, until, is_ca=False):
    builder = (x509.CertificateBuilder()
               .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
               .issuer_name(issuer)
               .public_key(key.public_key())
               .serial_number(x509.random_serial_number())
               .not_valid_before(since).not_valid_after(until)
               .add_extension(x509.BasicConstraints(is_ca, None), critical=True))
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


CA_NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test root")])
CA_KEY = ec.generate_private_key(ec.SECP256R1())
CA = certificate("test root", None, CA_NAME, CA_KEY, CA_KEY, NOW - DAY, NOW + DAY, is_ca=True)
with open(f"{FOLDER}/ca.pem", "wb") as out:
    out.write(CA.public_bytes(serialization.Encoding.PEM))


def context(label, name, issuer=CA_NAME, issuer_key=CA_KEY, since=NOW - DAY, until=NOW + DAY):
    key = ec.generate_private_key(ec.SECP256R1())
    names = [x509.DNSName(name), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    made = certificate(name, names, issuer, issuer_key or key, key, since, until)
    path = f"{FOLDER}/{label}.pem"
    with open(path, "wb") as out:
        out.write(pem(key) + made.public_bytes(serialization.Encoding.PEM))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(path)
    return tls


def read_request(connection):
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            return "", b"", b""
        data += more
        if data[0] == 0x16:  # a TLS handshake on the plain port
            connection.sendall(response("400 Bad Request", b""))
            return "", b"", b""
    head, body = data.split(b"\r\n\r\n", 1)
    length = 0
    for line in head.split(b"\r\n")[1:]:
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    while len(body) < length:
        body += connection.recv(65536)
    return head.split(b" ")[1].decode(), head, body


def response(status, body, *headers):
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def serve(connection):
    path, head, body = read_request(connection)
    if path == "/ok":
        connection.sendall(response("200 OK", b"hello\n", "Content-Type: text/plain; charset=x"))
    elif path == "/echo":
        connection.sendall(response("200 OK", head + b"\n\n" + body))
    elif path == "/redirect":
        connection.sendall(response("301 Moved", b"", "Location: /ok"))
    elif path == "/missing":
        connection.sendall(response("404 Not Found", b"no"))
    elif path.startswith("/size/"):
        connection.sendall(response("200 OK", b"x" * int(path[6:])))
    elif path == "/chunked":
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            connection.sendall(b"4000\r\n" + b"x" * 0x4000 + b"\r\n")
    elif path == "/head":
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while True:
            connection.sendall(b"X-Long: " + b"x" * 8000 + b"\r\n")
    elif path == "/cut":
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort")
    elif path == "/nonsense":
        connection.sendall(b"220 smtp.example ESMTP\r\n")
    elif path == "/slow":
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while True:
            connection.sendall(b"x")
            time.sleep(0.05)
    connection.close()


def accept(listener, tls):
    while True:
        connection, _ = listener.accept()

        def run(connection=connection):
            try:
                if tls:
                    connection = tls.wrap_socket(connection, server_side=True)
                serve(connection)
            except OSError:
                pass

        threading.Thread(target=run, daemon=True).start()


OLD = context("old", "web.example")
OLD.minimum_version = ssl.TLSVersion.TLSv1
OLD.maximum_version = ssl.TLSVersion.TLSv1_1
OLD.set_ciphers("ALL:@SECLEVEL=0")
CONTEXTS = {
    "good": context("good", "web.example"),
    "expired": context("expired", "web.example", since=NOW - 3 * DAY, until=NOW - DAY),
    "early": context("early", "web.example", since=NOW + DAY, until=NOW + 3 * DAY),
    "other": context("other", "other.example"),
    "selfsigned": context("selfsigned", "web.example",
                          issuer=x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "web.example")]),
                          issuer_key=None),
    "old": OLD,
    "plain": None,
}
ports = {}
for label, tls in CONTEXTS.items():
    listener = socket.create_server(("127.0.0.1", 0))
    ports[label] = listener.getsockname()[1]
    threading.Thread(target=accept, args=(listener, tls), daemon=True).start()
closed = socket.create_server(("127.0.0.1", 0))
ports["closed"] = closed.getsockname()[1]
closed.close()
print(json.dumps(ports), flush=True)
sys.stdin.read()
