"""The SMS gateway, http(s)://sms.example/sms: takes a text message by GET or POST (JSON, form or
query; `to` or `number`, `text` or `message`), writes it down and answers {"id": N}.

What a test writes into <run>/sms/behaviour (JSON) changes the next answers: {"status": 503} refuses
without taking the message, {"delay": 30} takes it and answers late, {"status": 503, "take": true}
takes it and says it did not. An empty or missing file: all well again.
"""

import fcntl
import json
import os
import re
import time
from urllib.parse import parse_qsl, urlsplit

import domains
import gateway


def digits(number):
    """+31 6 1234-5678 and 0031612345678 are the same phone."""
    plain = re.sub(r"\D", "", number)
    return plain[2:] if plain.startswith("00") else plain


def received(run, number):
    """The texts that a phone received, oldest first."""
    path = f"{run}/sms/received"
    if os.path.exists(path):
        with open(path) as file:
            for line in file:
                message = json.loads(line)
                if digits(message["to"]) == digits(number):
                    yield message["text"]


class Gateway(gateway.Handler):
    run = None

    def do_GET(self):
        self._take({})

    def do_POST(self):
        body = self.body().decode("utf-8", "replace")
        if self.headers.get_content_type() == "application/json":
            try:
                fields = json.loads(body)
            except ValueError:
                fields = None
            if not isinstance(fields, dict):
                return self._answer(400, {"error": "not a JSON object"})
        else:
            fields = dict(parse_qsl(body))
        return self._take(fields)

    def _take(self, fields):
        url = urlsplit(self.path)
        if url.path != "/sms":
            return self._answer(404, {"error": "no such page; messages go to /sms"})
        fields = {**dict(parse_qsl(url.query)), **fields}
        number = fields.get("to") or fields.get("number")
        text = fields.get("text") or fields.get("message")
        if not number or not text:
            return self._answer(400, {"error": "to and text are needed"})
        behaviour = self._behaviour()
        status = behaviour.get("status", 200)
        taken = behaviour.get("take", status < 300)
        identity = self._write_down(str(number), str(text)) if taken else None
        time.sleep(behaviour.get("delay", 0))
        return self._answer(status, {"id": identity} if status < 300 else {"error": "not now"})

    def _behaviour(self):
        try:
            with open(f"{self.run}/sms/behaviour") as file:
                return json.loads(file.read().strip() or "{}")
        except FileNotFoundError:
            return {}

    def _write_down(self, number, text):
        with open(f"{self.run}/sms/received", "a") as out:
            fcntl.flock(out, fcntl.LOCK_EX)
            out.write(json.dumps({"time": time.time(), "to": number, "text": text}) + "\n")
            return out.tell()

    def _answer(self, status, content):
        self.reply(status, "application/json", json.dumps(content).encode())


def serve(run, certificate):
    gateway.serve(domains.SMS_GATEWAY, type("SmsGateway", (Gateway,), {"run": run}), certificate)
