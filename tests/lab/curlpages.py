"""A person with curl and nothing else: the portal's pages, followed by their forms."""

import html
import os
import re
import subprocess
import tempfile
from urllib.parse import urljoin

from channel import PHONE, await_true, code_in, texts


class Page:
    def __init__(self, status, headers, body, url):
        self.status, self.headers, self.body, self.url = status, headers, body, url
        self.text = body.decode("utf-8", "replace")

    def header(self, name):
        values = [value for key, value in self.headers if key == name.lower()]
        return values[0] if values else None

    @property
    def title(self):
        return html.unescape(re.search(r"<h1[^>]*>(.*?)</h1>", self.text, re.S)[1]).strip()

    def form(self, act):
        """(url, hidden fields) of the form whose action ends in /act."""
        for action, inside in re.findall(r'<form method="post" action="([^"]*)"[^>]*>(.*?)</form>', self.text, re.S):
            if action.endswith(f"/{act}") or (act == "" and "/n/" in action):
                hidden = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', inside)
                return urljoin(self.url, action), {name: html.unescape(value) for name, value in hidden}
        raise AssertionError(f"no form '{act}' on this page:\n{self.text}")

    def has_form(self, act):
        return f'/{act}"' in self.text and "<form" in self.text

    def files(self):
        """(url, name) of the attachments."""
        return [(urljoin(self.url, href), html.unescape(name)) for href, name in re.findall(
            r'<li><a href="([^"]*/file/\d+)"[^>]*>(.*?)</a>', self.text)]


class Curl:
    """One browser: its own cookies, no redirects but those that are followed here."""

    def __init__(self, *options):
        self.folder = tempfile.mkdtemp(prefix="curl-")
        self.jar, self.options = f"{self.folder}/jar", options

    def request(self, url, *options, input=None):
        headers, body = f"{self.folder}/headers", f"{self.folder}/body"
        for path in (headers, body):
            if os.path.exists(path):
                os.remove(path)
        done = subprocess.run(
            ["curl", "-sS", "--max-time", "120", "--cacert", f"{os.environ['SMTOOLS_LAB']}/ca.pem", "-b", self.jar,
             "-c", self.jar, "-D", headers, "-o", body, "-w", "%{http_code}", *self.options, *options, url],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, input=input)
        self.exit = done.returncode
        lines = []
        if os.path.exists(headers):
            with open(headers, encoding="latin-1") as file:
                blocks = file.read().split("\n\n")
            blocks = [block for block in blocks if block.strip()]
            lines = [line.partition(":") for line in blocks[-1].splitlines()[1:]] if blocks else []
        content = b""
        if os.path.exists(body):
            with open(body, "rb") as file:
                content = file.read()
        return Page(int(done.stdout or 0), [(key.lower(), value.strip()) for key, _, value in lines], content, url)

    def follow(self, page):
        while page.status in (302, 303):
            page = self.request(urljoin(page.url, page.header("location")))
        return page

    def get(self, url, *options):
        return self.follow(self.request(url, *options))

    def post(self, page, act, *options, **fields):
        """Sends the page's form with these fields."""
        url, hidden = page.form(act)
        data = [part for name, value in {**hidden, **fields}.items()
                for part in ("--data-urlencode", f"{name}={value}")]
        return self.follow(self.request(url, *data, *options))

    def post_multipart(self, page, act, *files, options=(), **fields):
        url, hidden = page.form(act)
        parts = [part for name, value in {**hidden, **fields}.items() for part in ("--form-string", f"{name}={value}")]
        parts += [part for path in files for part in ("-F", f"files=@{path}")]
        return self.follow(self.request(url, *parts, *options))

    # What a person does.
    def ask_code(self, url, number=PHONE):
        """From the link to the page that asks for the code; returns it and the code."""
        before = len(texts(number))
        page = self.post(self.get(url), "send")
        text = await_true("a text message", lambda: texts(number)[before:])[-1]
        return page, code_in(text)

    def open(self, url, number=PHONE):
        page, code = self.ask_code(url, number)
        return self.post(page, "code", code=code)
