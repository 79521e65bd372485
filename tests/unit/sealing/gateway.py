"""A gateway for text messages, for the tests of lib/sealing: prints its port, then writes every request
as one line of JSON to the file that it was given, until stdin ends. The path says how it answers:
/refuse 403, /late takes the message and never answers, /hangup takes it and closes, all else 200."""

import json
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ENDED = threading.Event()


class Gateway(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def take(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with open(sys.argv[1], "a") as out:
            out.write(json.dumps({"method": self.command, "path": self.path,
                                  "headers": {name.lower(): value for name, value in self.headers.items()},
                                  "body": body.decode()}) + "\n")
        if self.path.startswith("/late"):
            ENDED.wait()
        if self.path.startswith(("/late", "/hangup")):
            self.close_connection = True
            return
        status = 403 if self.path.startswith("/refuse") else 200
        self.send_response(status)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    do_GET = do_POST = take

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Gateway)
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_port, flush=True)
sys.stdin.read()
ENDED.set()
os._exit(0)
