"""What tests of the sealed channel share: messages sealed, and what of them came to whom; what the log
and smretain say of them; and an smportal of a test's own beside the lab's. Inside a lab.
"""

import email
import email.policy
import json
import os
import re
import subprocess
import tempfile
import time

import labtest

HOST = "portal.delinde.example"
ADDRESS = "203.0.113.90"
PORTAL = f"https://{HOST}"
LINK = re.compile(r"^https://portal\.delinde\.example/m/[A-Za-z0-9_-]{43}$", re.M)
NUMBER_LINK = re.compile(r"^https://portal\.delinde\.example/n/[A-Za-z0-9_-]{43}$", re.M)
PHONE = "+31612345678"  # anna's, at every domain
RUN = os.environ.get("SMTOOLS_LAB", "")


def lab(*arguments):
    return subprocess.run([labtest.LAB, *arguments], text=True, stdout=subprocess.PIPE, check=True).stdout


def mails(address):
    """The messages that an address received, oldest first."""
    raw = [part for part in re.split(r"(?m)^(?=Return-Path: )", lab("mail", address)) if part.strip()]
    return [email.message_from_string(part, policy=email.policy.default) for part in raw]


def texts(phone=PHONE):
    """The texts that a phone received, oldest first."""
    return [line for line in lab("sms", phone).splitlines() if line.strip()]


def code_in(text):
    return re.search(r"(?<!\d)\d{6}(?!\d)", text)[0]


def link(address):
    """The newest link that an address was mailed."""
    return LINK.findall(lab("mail", "--last", address))[0]


def number_link(address):
    return NUMBER_LINK.findall(lab("mail", "--last", address))[0]


def send(address, *options, subject="Uw uitslag", body="Beste Anna,\n\nDe uitslag is goed.\n",
         sender="Jan de Vries <jan@delinde.example>", status="sealed", message=None):
    """smsend; returns the message's id."""
    text = message or f"From: {sender}\nTo: {address}\nSubject: {subject}\n\n{body}"
    done = subprocess.run(["smsend", "--json", *options, address], text=True, input=text,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    if not rows or rows[0]["status"] != status:
        raise AssertionError(f"smsend: {done.stdout} {done.stderr}")
    return rows[0]["message"]


def await_true(what, condition, patience=60):
    deadline = time.monotonic() + patience
    while not (got := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {patience} s")
        time.sleep(0.05)
    return got


def retain(*arguments, faketime=None, status=0):
    clock = ["faketime", "-f", faketime] if faketime else []
    done = subprocess.run([*clock, "smretain", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if status is not None and done.returncode != status:
        raise AssertionError(f"smretain {arguments}: {done.returncode}: {done.stderr.decode()}")
    return done.stdout.decode()


def row_of(identity):
    return json.loads(retain("show", "--json", identity).splitlines()[0])


def events(identity):
    """The log's records of a message."""
    folder = f"{RUN}/state/audit/delinde"
    found = []
    for name in sorted(name for name in os.listdir(folder) if name.endswith(".ndjson")):
        with open(f"{folder}/{name}") as file:
            found += [record for record in map(json.loads, file) if record.get("message") == identity]
    return found


def content(path):
    with open(path, "rb") as file:
        return file.read()


def random_file(name, octets):
    path = f"{tempfile.mkdtemp()}/{name}"
    with open(path, "wb") as out:
        out.write(os.urandom(octets))
    return path
