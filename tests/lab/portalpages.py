"""The recipient's side in lab tests: messages sealed for it, the links and codes that it receives, and
a visitor who reads the portal's pages as a browser without scripts would."""

import email
import email.policy
import html.parser
import http.client
import json
import os
import re
import socket
import ssl
import subprocess
import tempfile
import urllib.parse

import labtest

HOST = "portal.delinde.example"
ADDRESS = "203.0.113.90"
LINK = re.compile(r"^https://portal\.delinde\.example(/m/[A-Za-z0-9_-]{43})$", re.M)


def _lab(*arguments):
    return subprocess.run([labtest.LAB, *arguments], text=True, stdout=subprocess.PIPE, check=True).stdout


def mails(address):
    """The messages that an address received, oldest first."""
    raw = [part for part in re.split(r"(?m)^(?=Return-Path: )", _lab("mail", address)) if part.strip()]
    return [email.message_from_string(part, policy=email.policy.default) for part in raw]


def texts(phone):
    """The texts that a phone received, oldest first."""
    return [line for line in re.split(r"\n+", _lab("sms", phone)) if line.strip()]


def newest_code(texts_of_a_phone):
    return re.search(r"(?<!\d)\d{6}(?!\d)", texts_of_a_phone[-1])[0]


def retain(*arguments, faketime=None, status=0):
    clock = ["faketime", "-f", faketime] if faketime else []
    done = subprocess.run([*clock, "smretain", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if status is not None and done.returncode != status:
        raise AssertionError(f"smretain {arguments}: {done.returncode}: {done.stderr.decode()}")
    return done.stdout.decode()


def records(message):
    """The log's records of a message."""
    folder = f"{os.environ['SMTOOLS_LAB']}/state/audit/delinde"
    lines = []
    for name in sorted(name for name in os.listdir(folder) if name.endswith(".ndjson")):
        with open(f"{folder}/{name}") as file:
            lines += [json.loads(line) for line in file]
    return [record for record in lines if record.get("message") == message]


class Message:
    """A message sealed for one recipient."""
    count = 0

    def __init__(self, *options, to=None, method="sms", password=None, text="Dag, uw uitslag is goed.",
                 html=None, related=(), files=(), subject="Uw uitslag"):
        Message.count += 1
        domain = "pkix.example" if method == "email" else "plain.example"
        self.to = to or f"p{Message.count}-{os.getpid()}@{domain}"
        self.phone = f"+316{os.getpid() % 10000:04d}{Message.count:04d}"
        self.password = password
        options = list(options)
        if method == "sms":
            options += ["--phone", self.phone]
        elif method == "password":
            secret = tempfile.NamedTemporaryFile("w", delete=False)
            with secret:
                secret.write(password)
            options += ["--password-file", secret.name]
        try:
            done = subprocess.run(
                ["smsend", "--json", "--seal", "--method", method, *options, self.to],
                input=self._build(text, html, related, files, subject), stdout=subprocess.PIPE,
                stderr=subprocess.PIPE)
        finally:
            if method == "password":
                os.remove(secret.name)
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        if done.returncode != 0 or rows[0]["status"] != "sealed":
            raise AssertionError(f"smsend {options}: {done.returncode} {rows} {done.stderr.decode()}")
        self.id = rows[0]["message"]
        self.path = LINK.search(mails(self.to)[-1].get_body(("plain",)).get_content())[1]
        self.url = f"https://{HOST}{self.path}"

    def _build(self, text, html_text, related, files, subject):
        made = email.message.EmailMessage(policy=email.policy.SMTP)
        made["From"] = "Jan de Vries <jan@delinde.example>"
        made["To"] = self.to
        made["Subject"] = subject
        made["Date"] = "Sat, 28 Nov 2026 12:41:29 +0100"
        made.set_content(text)
        if html_text is not None:
            made.add_alternative(html_text, subtype="html")
            for content_id, octets, kind in related:
                made.get_payload()[1].add_related(octets, *kind.split("/"), cid=f"<{content_id}>")
        for name, octets, kind in files:
            made.add_attachment(octets, *kind.split("/"), filename=name)
        return made.as_bytes()

    def code(self):
        """The newest code for it, wherever it was sent."""
        if self.to.endswith("@pkix.example"):
            return newest_code([mails(self.to)[-1].get_body(("plain",)).get_content()])
        return newest_code(texts(self.phone))

    def codes_sent(self):
        return len(texts(self.phone))

    def status(self):
        return json.loads(retain("show", "--json", self.id).splitlines()[0])["status"]

    def events(self):
        return [record["event"] for record in records(self.id)]


class _Forms(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.forms = {}
        self.current = None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "form":
            self.current = self.forms.setdefault(attributes["action"], {})
        elif tag in ("input", "textarea") and self.current is not None and "name" in attributes:
            self.current[attributes["name"]] = attributes.get("value", "")


class Response:
    def __init__(self, answer, body):
        self.status, self.headers, self.body = answer.status, answer.headers, body

    @property
    def text(self):
        return self.body.decode()

    def forms(self):
        """Fields with their values, by the form's action."""
        return _Forms(self.text).forms


class Visitor:
    """A client with cookies of its own; no scripts, no redirects followed unless asked."""

    def __init__(self, language="en", timeout=60, source=None, socket_path=None, place=(ADDRESS, 443)):
        """By way of the lab's nginx; with `socket_path` at an smportal itself, without TLS."""
        self.place = place
        self.connection = None
        self.language, self.timeout, self.source, self.socket_path = language, timeout, source, socket_path
        self.cookies = {}

    def connect(self):
        """A connection to the portal."""
        if self.socket_path:
            raw = socket.socket(socket.AF_UNIX)
            raw.settimeout(self.timeout)
            try:
                raw.connect(self.socket_path)
            except OSError:
                raw.close()
                raise
            return raw
        context = ssl.create_default_context(cafile=f"{os.environ['SMTOOLS_LAB']}/ca.pem")
        raw = socket.create_connection(self.place, timeout=self.timeout,
                                       source_address=(self.source, 0) if self.source else None)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return context.wrap_socket(raw, server_hostname=HOST)

    def ask(self, verb, path, body=None, headers=None, follow=False):
        """One request; the connection is kept for the next."""
        fields = {"Accept-Language": self.language, **(headers or {})}
        if self.cookies:
            fields["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        for attempt in (1, 2):
            if self.connection is None:
                self.connection = http.client.HTTPConnection(HOST)
                self.connection.auto_open = 0  # never without TLS
                self.connection.sock = self.connect()
            try:
                self.connection.request(verb, path, body, fields)
                answer = self.connection.getresponse()
                response = Response(answer, answer.read())
                break
            except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
                self.close()  # an idle connection that the server closed meanwhile
                if attempt == 2:
                    raise
        if response.headers.get("Connection", "").lower() == "close":
            self.close()
        for cookie in response.headers.get_all("Set-Cookie", []):
            name, value = cookie.split(";")[0].split("=", 1)
            self.cookies[name] = value
        if follow and response.status == 303:
            return self.ask("GET", response.headers["Location"], follow=True)
        return response

    def get(self, path, follow=False, **headers):
        return self.ask("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()},
                        follow=follow)

    def post(self, path, fields, follow=False, **headers):
        return self.ask("POST", path, urllib.parse.urlencode(fields).encode(),
                        {"Content-Type": "application/x-www-form-urlencoded",
                         **{name.replace("_", "-"): value for name, value in headers.items()}}, follow)

    def submit(self, page, action, follow=False, **fields):
        """The page's form with this action, as a person fills it in."""
        return self.post(action, {**page.forms()[action], **fields}, follow)

    def ask_code(self, message):
        """From the link's first page to the one that wants the code."""
        page = self.get(message.path)
        return self.submit(page, f"{message.path}/send", follow=True)

    def open(self, message):
        """To the message itself, by a code or its password."""
        if message.password:
            page = self.submit(self.get(message.path), f"{message.path}/password", follow=True,
                               password=message.password)
            if page.status != 200:
                raise AssertionError(f"{page.status}: {page.text}")
            return page
        page = self.submit(self.ask_code(message), f"{message.path}/code", follow=True, code=message.code())
        if page.status != 200:
            raise AssertionError(f"{page.status}: {page.text}")
        return page

    def raw(self, octets):
        """Sends octets as they are; all that comes back until the server closes, or 2 s are over."""
        with self.connect() as connection:
            connection.settimeout(2)
            connection.sendall(octets)
            answer = b""
            try:
                while piece := connection.recv(65536):
                    answer += piece
            except (TimeoutError, ssl.SSLError, ConnectionResetError):
                pass
            return answer

    def __del__(self):
        self.close()

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None
