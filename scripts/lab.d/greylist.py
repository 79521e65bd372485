"""A greylisting policy service for Postfix (SMTPD_POLICY_README): the first attempt of a client for
a recipient is answered 450, and so is every one for the next seconds; then it is accepted."""

import os
import socketserver
import time

DELAY = 2.0  # seconds


class Greylist(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, path):
        super().__init__(path, Session)
        os.chmod(path, 0o666)
        self.first_seen = {}

    def action(self, client, recipient):
        now = time.monotonic()
        if now - self.first_seen.setdefault((client, recipient), now) < DELAY:
            return "450 4.2.0 Greylisted, try again in a few seconds"
        return "DUNNO"


class Session(socketserver.StreamRequestHandler):
    def handle(self):
        request = {}
        for line in self.rfile:
            name, equals, value = line.decode("utf-8", "replace").rstrip("\n").partition("=")
            if equals:
                request[name] = value
                continue
            answer = self.server.action(request.get("client_address"), request.get("recipient", "").lower())
            self.wfile.write(f"action={answer}\n\n".encode())
            request = {}


def serve(run):
    Greylist(f"{run}/postfix/queue/private/greylist").serve_forever()
