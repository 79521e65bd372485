"""A visitor who reads the portal's pages as a browser without scripts would, and messages sealed for
one such recipient each.
"""

import atexit
import email.message
import email.policy
import html.parser
import http.client
import json
import os
import secrets
import signal
import socket
import ssl
import subprocess
import tempfile
import time
import urllib.parse

import labtest
from channel import ADDRESS, HOST, LINK, PORTAL, code_in, events, mails, row_of, texts


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
        self.sent = self._build(text, html, related, files, subject)
        try:
            done = subprocess.run(
                ["smsend", "--json", "--seal", "--method", method, *options, self.to],
                input=self.sent, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE)
        finally:
            if method == "password":
                os.remove(secret.name)
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        if done.returncode != 0 or rows[0]["status"] != "sealed":
            raise AssertionError(f"smsend {options}: {done.returncode} {rows} {done.stderr.decode()}")
        self.id = rows[0]["message"]
        self.url = LINK.search(mails(self.to)[-1].get_body(("plain",)).get_content())[0]
        self.path = self.url.removeprefix(PORTAL)

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
            return code_in(mails(self.to)[-1].get_body(("plain",)).get_content())
        return code_in(texts(self.phone)[-1])

    def codes_sent(self):
        return len(texts(self.phone))

    def status(self):
        return row_of(self.id)["status"]

    def events(self):
        return [record["event"] for record in events(self.id)]


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

    def __init__(self, language="en", timeout=60, source=None, socket_path=None, place=(ADDRESS, 443), host=HOST):
        """By way of the lab's nginx; with `socket_path` at an smportal itself, without TLS."""
        self.place, self.host = place, host
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
        return context.wrap_socket(raw, server_hostname=self.host)

    def ask(self, verb, path, body=None, headers=None, follow=False):
        """One request; the connection is kept for the next."""
        fields = {"Accept-Language": self.language, **(headers or {})}
        if self.cookies:
            fields["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        for attempt in (1, 2):
            if self.connection is None:
                self.connection = http.client.HTTPConnection(self.host)
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

    def submit_parts(self, page, action, *files, follow=False, **fields):
        """The same of a form that takes files: (name, octets) each."""
        boundary = secrets.token_hex(16)
        body = b""
        for name, value in {**page.forms()[action], **fields}.items():
            if name != "files":
                body += (f"--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").encode()
        for name, octets in files:
            body += (f"--{boundary}\r\nContent-Disposition: form-data; name=\"files\"; filename=\"{name}\"\r\n"
                     "Content-Type: application/octet-stream\r\n\r\n").encode() + octets + b"\r\n"
        body += f"--{boundary}--\r\n".encode()
        return self.ask("POST", action, body, {"Content-Type": f"multipart/form-data; boundary={boundary}"}, follow)

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


def clock_ahead(seconds):
    """What is put into the environment of a program whose clock since the start shall run ahead."""
    library = f"{tempfile.gettempdir()}/clock_ahead-{os.getpid()}.so"
    if not os.path.exists(library):
        subprocess.run(["cc", "-shared", "-fPIC", "-o", library, f"{labtest.SOURCE}/tests/support/clock_ahead.c", "-ldl"],
                       check=True)
        atexit.register(os.remove, library)
    return {"LD_PRELOAD": library, "AHEAD": str(seconds)}


class Portal:
    """An smportal of the test's own on the lab's state: on a socket, or with TLS at an address. `clock`: a
    command that starts it; `config`: a configuration other than the lab's."""

    def __init__(self, *clock, place=None, config=None, **environment):
        self.folder = tempfile.TemporaryDirectory(dir=os.environ["SMTOOLS_LAB"])
        self.socket = None if place else f"{self.folder.name}/socket"
        self.place = place
        where = ["--socket", self.socket]
        if place:
            where = ["--listen", f"{place[0]}:{place[1]}", "--tls-cert", f"{os.environ['SMTOOLS_LAB']}/portal/certificate.pem",
                     "--tls-key", f"{os.environ['SMTOOLS_LAB']}/portal/key.pem"]
        if config:
            where += ["--config", config]
        # faketime waits for what it starts and hands no signal on: the whole group is ended.
        self.process = subprocess.Popen([*clock, "smportal", *where], stderr=subprocess.PIPE,
                                        env={**os.environ, **environment}, start_new_session=True)
        deadline = time.monotonic() + 60
        while True:
            try:
                if self.visitor().get("/healthz").status == 200:
                    return
            except OSError:
                if self.process.poll() is not None:
                    raise AssertionError(self.process.stderr.read().decode()) from None
            if time.monotonic() > deadline:
                self.stop()
                raise AssertionError("smportal does not come up")
            time.sleep(0.05)

    def visitor(self, **options):
        if self.place:
            return Visitor(place=self.place, **options)
        return Visitor(socket_path=self.socket, **options)

    def stop(self):
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait(timeout=60)
        self.process.stderr.close()
        self.folder.cleanup()
