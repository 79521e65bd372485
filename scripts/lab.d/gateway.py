"""What the lab's small HTTP services share: the same pages on port 80 and, with a certificate of
the lab's root, on port 443."""

import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address, handler, certificate=None):
        super().__init__(address, handler)
        self.tls = None
        if certificate:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(certificate)

    def finish_request(self, request, client_address):
        """In the connection's own thread, so that a slow handshake holds up nobody else."""
        if self.tls:
            request = self.tls.wrap_socket(request, server_side=True)
        super().finish_request(request, client_address)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def reply(self, status, kind, content):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def serve(address, handler, certificate):
    """Serves until the process ends."""
    plain = Server((address, 80), handler)
    threading.Thread(target=plain.serve_forever, daemon=True).start()
    Server((address, 443), handler, certificate).serve_forever()
