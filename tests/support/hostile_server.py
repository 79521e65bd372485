#!/usr/bin/python3
"""An SMTP server that misbehaves in one named way, for tests.

usage: hostile_server.py [--address A] [--port P] [--cert FILE --key FILE] [--log FILE]
                         [--stage STAGE] [--keywords LIST] [--seconds S] SCENARIO
       hostile_server.py --list

It prints "ready PORT" once it listens, and serves until it is ended. --log gets one JSON object a
line: what the client said ("said"), each handshake ("tls"), each message that came to its end mark
("message", with the octets in base64 as they were on the wire) and the end of each connection
("end", with the octets of message content seen in it, whole messages or not). So a test can tell
not only what the client reported, but that nothing crossed that must not.

Everything that a scenario does not bend is done as a good server does it: PIPELINING, 8BITMIME,
SIZE, CHUNKING, DSN, SMTPUTF8 and ENHANCEDSTATUSCODES after STARTTLS.
"""
import argparse
import base64
import ctypes
import json
import select
import socket
import ssl
import struct
import sys
import threading
import time
import warnings

SCENARIOS = {}
STAGES = ("greeting", "ehlo", "starttls", "secure-ehlo", "mail", "rcpt", "data", "end")
KEYWORDS = "PIPELINING,SIZE 52428800,8BITMIME,CHUNKING,DSN,SMTPUTF8,ENHANCEDSTATUSCODES"


class Gone(Exception):
    """The client went away, or the scenario has ended the connection."""


def scenario(*cases):
    """Registers a scenario under its name, with the ids of the cases that it plays."""
    def register(function):
        name = function.__name__.replace("_", "-")
        SCENARIOS[name] = (function, cases, (function.__doc__ or "").strip())
        return function
    return register


class Log:
    def __init__(self, path):
        self.file = open(path, "a", buffering=1) if path else None
        self.lock = threading.Lock()

    def add(self, event, **facts):
        if self.file:
            with self.lock:
                self.file.write(json.dumps({"event": event, **facts}) + "\n")


class Connection:
    """One client, and the hooks by which a scenario bends a good server."""

    def __init__(self, sock, number, options, log):
        warnings.simplefilter("ignore", DeprecationWarning)  # old TLS is what is wanted
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = sock
        self.number = number
        self.options = options
        self.log = log
        self.buffer = b""
        self.secure = False
        self.content_octets = 0
        self.recipients = 0
        self.accepted = 0
        self.hooks = {}

    # Octets.
    def say(self, octets):
        if isinstance(octets, str):
            octets = octets.encode()
        try:
            self.sock.sendall(octets)
        except OSError:
            raise Gone from None

    def more(self):
        try:
            block = self.sock.recv(65536)
        except (OSError, ValueError):
            raise Gone from None
        if not block:
            raise Gone
        self.buffer += block

    def line(self):
        while b"\n" not in self.buffer:
            self.more()
        line, self.buffer = self.buffer.split(b"\n", 1)
        text = line.rstrip(b"\r").decode("utf-8", "backslashreplace")
        self.log.add("said", connection=self.number, secure=self.secure, text=text)
        return text

    def reset(self):
        """RST: what lies in the client's way is thrown away too."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.hang_up()

    def hang_up(self):
        """FIN without close_notify."""
        if isinstance(self.sock, ssl.SSLSocket):
            sock = socket.socket(fileno=self.sock.detach())
            sock.close()
        else:
            self.sock.close()
        raise Gone

    def stay(self):
        """Says nothing more, for as long as the client likes."""
        while True:
            self.buffer = b""
            self.more()

    def wait_for_hangup(self):
        """Reads nothing, until the client is gone."""
        waiting = select.poll()
        waiting.register(self.sock, select.POLLRDHUP)
        waiting.poll()
        raise Gone

    def start_tls(self, context=None):
        context = context or self.options.context()
        try:
            self.sock = context.wrap_socket(self.sock, server_side=True)
        except (OSError, ValueError) as error:
            self.log.add("tls-failed", connection=self.number, error=str(error))
            raise Gone from None
        self.secure = True
        self.log.add("tls", connection=self.number, version=self.sock.version(),
                     cipher=self.sock.cipher()[0], resumed=bool(self.sock.session_reused))

    # A good server, where no hook says otherwise.
    def hook(self, stage, line=""):
        """True where the scenario has answered."""
        bent = self.hooks.get(stage)
        return bool(bent and bent(self, line))

    def offer(self, first, keywords):
        lines = [first] + [word for word in keywords if word]
        self.say("".join("250%s%s\r\n" % (" " if i + 1 == len(lines) else "-", line)
                         for i, line in enumerate(lines)))

    def serve(self):
        if not self.hook("greeting"):
            self.say("220 mx.hostile.example ESMTP\r\n")
        while True:
            line = self.line()
            verb = line.split(" ")[0].split(":")[0].upper()
            handler = getattr(self, "on_" + verb.lower(), None)
            if handler:
                handler(line)
            else:
                self.say("500 5.5.2 what\r\n")

    def on_ehlo(self, line):
        if self.hook("secure-ehlo" if self.secure else "ehlo", line):
            return
        words = self.options.keywords.split(",")
        self.offer("mx.hostile.example", words if self.secure else words + ["STARTTLS"])

    def on_helo(self, line):
        self.say("250 mx.hostile.example\r\n")

    def on_starttls(self, line):
        if self.hook("starttls", line):
            return
        self.say("220 2.0.0 go\r\n")
        if not self.hook("handshake", line):
            self.start_tls()

    def on_mail(self, line):
        self.recipients = self.accepted = 0
        if not self.hook("mail", line):
            self.say("250 2.1.0 ok\r\n")

    def on_rcpt(self, line):
        self.recipients += 1
        if not self.hook("rcpt", line):
            self.accepted += 1
            self.say("250 2.1.5 ok\r\n")

    def on_data(self, line):
        if self.hook("data", line):
            return
        if not self.accepted:
            return self.say("554 5.5.1 no valid recipients\r\n")
        self.say("354 go\r\n")
        if not self.hook("body", line):
            self.finish(self.read_dotted())

    def on_bdat(self, line):
        if self.hook("bdat", line):
            return
        size = int(line.split(" ")[1])
        if self.hook("body", line):
            return
        while len(self.buffer) < size:
            self.more()
        message, self.buffer = self.buffer[:size], self.buffer[size:]
        self.content_octets += size
        self.finish(message)

    def read_dotted(self):
        while b"\r\n.\r\n" not in b"\r\n" + self.buffer:
            self.more()
        end = (b"\r\n" + self.buffer).index(b"\r\n.\r\n") + 3
        message, self.buffer = self.buffer[:end], self.buffer[end:]
        self.content_octets += len(message)
        return message

    def finish(self, message):
        self.log.add("message", connection=self.number, secure=self.secure, octets=len(message),
                     content=base64.b64encode(message).decode())
        if not self.hook("end"):
            self.say("250 2.0.0 Ok: queued as HOSTILE%d\r\n" % self.number)

    def on_rset(self, line):
        self.say("250 2.0.0 ok\r\n")

    def on_noop(self, line):
        self.say("250 2.0.0 ok\r\n")

    def on_quit(self, line):
        self.say("221 2.0.0 bye\r\n")
        raise Gone


def says(octets):
    def bent(connection, line):
        connection.say(octets)
        return True
    return bent


def bend(connection, stage, hook):
    connection.hooks[stage] = hook


# Scenarios. Each gets a fresh connection and sets its hooks.

@scenario("A01", "A04", "A17", "A18")
def accept(c):
    """a good server; what is wrong lies in its certificate, or in the message"""


@scenario("A10")
def inject_with_220(c):
    """reply lines in one segment with the 220 to STARTTLS"""
    def starttls(c, line):
        c.say("220 2.0.0 go\r\n250-mx.hostile.example\r\n250 PIPELINING\r\n250 2.1.0 ok\r\n")
        c.start_tls()
        return True
    bend(c, "starttls", starttls)


@scenario("A10")
def inject_after_220(c):
    """plaintext reply lines a moment after the 220, before the handshake"""
    def handshake(c, line):
        time.sleep(0.05)
        c.say("250-mx.hostile.example\r\n250 PIPELINING\r\n")
        c.start_tls()
        return True
    bend(c, "handshake", handshake)


@scenario("A13")
def starttls_absent(c):
    """EHLO without STARTTLS, and every command welcome in the clear"""
    bend(c, "ehlo", lambda c, line: c.offer("mx.hostile.example", c.options.keywords.split(","))
         or True)


def starttls_answered(code):
    def play(c):
        bend(c, "starttls", says("%s 5.7.0 no STARTTLS today\r\n" % code))
    play.__name__ = "starttls_" + code
    play.__doc__ = "STARTTLS is offered and answered with " + code
    scenario("A13")(play)


for answer in ("454", "502", "554", "354", "221", "250", "421"):
    starttls_answered(answer)


@scenario("A14")
def ehlo_refused(c):
    """502 to EHLO, while HELO and all that follows is welcome"""
    bend(c, "ehlo", says("502 5.5.1 what\r\n"))


@scenario("A14")
def ehlo_forbidden(c):
    """550 to EHLO"""
    bend(c, "ehlo", says("550 5.7.1 not you\r\n"))


@scenario("A15")
def fewer_capabilities(c):
    """everything offered in the clear, nothing under TLS"""
    bend(c, "secure-ehlo", says("250 mx.hostile.example\r\n"))


@scenario("A15")
def more_capabilities(c):
    """nothing but STARTTLS offered in the clear, everything under TLS"""
    bend(c, "ehlo", says("250-mx.hostile.example\r\n250 STARTTLS\r\n"))


@scenario("A15")
def ehlo_refused_under_tls(c):
    """EHLO refused after the handshake"""
    bend(c, "secure-ehlo", says("550 5.7.1 not any more\r\n"))


def old_tls(name, lowest, highest, ciphers=None):
    def play(c):
        def handshake(c, line):
            context = c.options.context()
            context.set_ciphers((ciphers or "ALL:eNULL") + ":@SECLEVEL=0")
            context.minimum_version = lowest
            context.maximum_version = highest
            c.start_tls(context)
            return True
        bend(c, "handshake", handshake)
    play.__name__ = name
    play.__doc__ = "a handshake that RFC 9325 forbids: " + name.replace("_", " ")
    scenario("A16")(play)


old_tls("tls_1_0", ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1)
old_tls("tls_1_1", ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1)
old_tls("null_suites", ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2, "eNULL")
old_tls("anonymous_suites", ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2, "aNULL")


@scenario("A16")
def no_tls_after_220(c):
    """220 to STARTTLS, then SMTP in the clear"""
    bend(c, "handshake", lambda c, line: c.more() or c.say("500 5.5.2 what\r\n") or c.stay())


@scenario("A16")
def reset_in_handshake(c):
    """reset after the ClientHello"""
    bend(c, "handshake", lambda c, line: c.more() or c.reset())


@scenario("A16")
def silent_handshake(c):
    """no answer to the ClientHello"""
    bend(c, "handshake", lambda c, line: c.stay())


@scenario("A19")
def truncated_last_reply(c):
    """TLS cut off inside the reply to the end of data, without close_notify"""
    bend(c, "end", lambda c, line: c.say("250 2.0.0 Ok: que") or c.hang_up())


@scenario("A19")
def truncated_multiline_reply(c):
    """TLS cut off after the first line of a reply of two"""
    bend(c, "end", lambda c, line: c.say("250-2.0.0 Ok\r\n") or c.hang_up())


@scenario("A40")
def endless_banner(c):
    """220- lines without end"""
    def greeting(c, line):
        while True:
            c.say(b"220-welcome to this most hospitable of servers\r\n" * 1000)
    bend(c, "greeting", greeting)


@scenario("A40")
def million_lines(c):
    """a million 250- lines to EHLO"""
    bend(c, "ehlo", says(b"250-X\r\n" * 1000000 + b"250 STARTTLS\r\n"))


@scenario("A40")
def million_lines_under_tls(c):
    """a million 250- lines to EHLO after the handshake"""
    bend(c, "secure-ehlo", says(b"250-X\r\n" * 1000000 + b"250 PIPELINING\r\n"))


@scenario("A40")
def long_line(c):
    """a banner line of 100 MB"""
    def greeting(c, line):
        c.say(b"220 ")
        for _ in range(100):
            c.say(b"x" * 1000000)
        c.say(b"\r\n")
        return True
    bend(c, "greeting", greeting)


@scenario("A40")
def long_last_reply(c):
    """a 250 of 100 MB to the end of data"""
    def end(c, line):
        c.say(b"250 2.0.0 ")
        for _ in range(100):
            c.say(b"x" * 1000000)
        c.say(b"\r\n")
        return True
    bend(c, "end", end)


def drip(c, octets):
    for octet in octets:
        c.say(bytes([octet]))
        time.sleep(c.options.seconds)


@scenario("A41")
def drip_stage(c):
    """the reply at --stage, an octet every --seconds"""
    bend(c, c.options.stage,
         lambda c, line: drip(c, b"220-" if c.options.stage == "greeting" else b"250-") or
         drip(c, b"x" * 2000) or True)


@scenario("A41")
def slow_reader(c):
    """the message is not read"""
    bend(c, "body", lambda c, line: c.wait_for_hangup())


@scenario("A41")
def silent_stage(c):
    """no reply at --stage"""
    bend(c, c.options.stage, lambda c, line: c.stay())


def malformed(name, octets):
    def play(c):
        bend(c, c.options.stage, says(octets))
    play.__name__ = name
    play.__doc__ = "at --stage: " + repr(octets)
    scenario("A43")(play)


malformed("code_25", "25\r\n")
malformed("code_2500", "2500 ok\r\n")
malformed("code_199", "199 hm\r\n")
malformed("code_mixed", "250-a\r\n550 b\r\n")
malformed("code_none", "ok\r\n")
malformed("bare_lf", "250 ok\n")
malformed("nul", b"250 o\x00k\r\n")


@scenario("A45")
def rcpt_mixed(c):
    """250, 450, 550 to RCPT, in turn"""
    def rcpt(c, line):
        turn = (c.recipients - 1) % 3
        if turn == 0:
            return False
        c.say("450 4.2.1 later\r\n" if turn == 1 else "550 5.1.1 unknown\r\n")
        return True
    bend(c, "rcpt", rcpt)


@scenario("A45")
def rcpt_two_at_a_time(c):
    """452 4.5.3 from the third recipient of a transaction on"""
    def rcpt(c, line):
        if c.recipients <= 2:
            return False
        c.say("452 4.5.3 too many\r\n")
        return True
    bend(c, "rcpt", rcpt)


@scenario("A45")
def rcpt_too_many_for_good(c):
    """552 5.5.3, which is meant as 452 (RFC 5321 section 4.5.3.1.10), to RCPT"""
    bend(c, "rcpt", says("552 5.5.3 too many\r\n"))


@scenario("A45")
def rcpt_none_but_354(c):
    """no recipient accepted, and 354 all the same"""
    bend(c, "rcpt", says("550 5.1.1 unknown\r\n"))

    def data(c, line):
        c.say("354 go\r\n")
        c.finish(c.read_dotted())
        return True
    bend(c, "data", data)


@scenario("A46")
def reject_mid_body(c):
    """354, then 550 while the message is coming"""
    def body(c, line):
        c.more()
        c.content_octets += len(c.buffer)
        c.say("550 5.7.1 enough\r\n")
        time.sleep(0.3)
        c.hang_up()
    bend(c, "body", body)


@scenario("A46")
def accept_before_dot(c):
    """354 and 250 in one segment"""
    def data(c, line):
        c.say("354 go\r\n250 2.0.0 Ok: queued as EARLY\r\n")
        c.finish(c.read_dotted())
        return True

    def bdat(c, line):
        c.say("250 2.0.0 Ok: queued as EARLY\r\n")
        return False
    bend(c, "data", data)
    bend(c, "bdat", bdat)


@scenario("A46")
def accept_mid_body(c):
    """250 while the message is coming, and nothing read after it"""
    def body(c, line):
        c.more()
        c.content_octets += len(c.buffer)
        c.say("250 2.0.0 Ok: queued as EARLY\r\n")
        time.sleep(0.5)
        c.stay()
    bend(c, "body", body)


@scenario("A47")
def accept_then_reset(c):
    """250 to the end of data, then a reset"""
    bend(c, "end",
         lambda c, line: c.say("250 2.0.0 Ok: queued as LAST\r\n") or time.sleep(0.1) or c.reset())


@scenario("A47")
def reset_after_dot(c):
    """reset between the end of data and its reply"""
    bend(c, "end", lambda c, line: c.reset())


@scenario("A47")
def close_after_dot(c):
    """closed, with close_notify, between the end of data and its reply"""
    def end(c, line):
        try:
            c.sock.unwrap()
        except OSError:
            pass
        raise Gone
    bend(c, "end", end)


@scenario("A47", "F10")
def reset_in_body(c):
    """reset while the message is coming"""
    bend(c, "body", lambda c, line: c.more() or c.reset())


@scenario("A48")
def audit_like_reply(c):
    """replies that look like audit records, terminals' escapes and second lines"""
    line = ('{"v":1,"seq":1,"prev":"' + "0" * 64 + '","event":"delivered","outcome":"success"}'
            '\\n{"v":1} \x1b[2J\u202egnp.exe\u2028')
    bend(c, "rcpt", lambda c, _: c.recipients > 1 and (c.say("550 5.1.1 %s\r\n" % line) or True))
    bend(c, "end", says("250-2.0.0 %s\r\n250 2.0.0 %s queued as X\r\n" % (line, line)))


def turned_away(code):
    def play(c):
        bend(c, "greeting", lambda c, line: c.say("%s 4.7.0 not now\r\n" % code) or c.stay())
    play.__name__ = "greeting_" + code
    play.__doc__ = "greeted with " + code
    scenario("F11")(play)


for answer in ("421", "450", "451", "554", "250"):
    turned_away(answer)


@scenario("F11")
def reply_421(c):
    """421 at --stage, and the connection closed"""
    def bent(c, line):
        c.say("421 4.3.2 closing\r\n")
        raise Gone
    bend(c, c.options.stage, bent)


@scenario("F11")
def greylist(c):
    """450 to RCPT on the first connection, a good server after"""
    if c.number == 1:
        bend(c, "rcpt", says("450 4.2.0 greylisted, try later\r\n"))


@scenario()
def reply_221_to_dot(c):
    """QUIT's answer to the end of data"""
    bend(c, "end", says("221 2.0.0 bye\r\n"))


@scenario()
def one_reply_too_many(c):
    """each reply to MAIL twice"""
    bend(c, "mail", says("250 2.1.0 ok\r\n250 2.1.0 ok\r\n"))


@scenario()
def bdat_unknown(c):
    """CHUNKING offered, and 502 to BDAT"""
    def bdat(c, line):
        size = int(line.split(" ")[1])
        while len(c.buffer) < size:
            c.more()
        c.buffer = c.buffer[size:]
        c.content_octets += size
        c.say("502 5.5.1 what\r\n")
        return True
    bend(c, "bdat", bdat)


@scenario()
def idle_421(c):
    """421 and the end, after each message"""
    def end(c, line):
        c.say("250 2.0.0 Ok: queued as IDLE\r\n421 4.4.2 idle for too long\r\n")
        raise Gone
    bend(c, "end", end)


class Options:
    def __init__(self, arguments):
        self.__dict__.update(vars(arguments))

    def context(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.cert, self.key)
        return context


def serve(sock, number, options, log):
    connection = Connection(sock, number, options, log)
    try:
        SCENARIOS[options.scenario][0](connection)
        connection.serve()
    except Gone:
        pass
    finally:
        log.add("end", connection=number, content_octets=connection.content_octets)
        try:
            connection.sock.close()
        except OSError:
            pass


def die_with_parent():
    """PR_SET_PDEATHSIG: a test that is killed leaves no server behind."""
    ctypes.CDLL(None).prctl(1, 15, 0, 0, 0)


def main():
    parser = argparse.ArgumentParser(description="an SMTP server that misbehaves in one named way")
    parser.add_argument("--list", action="store_true", help="the scenarios, with their cases")
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--cert", help="PEM, the leaf and what follows it")
    parser.add_argument("--key")
    parser.add_argument("--log")
    parser.add_argument("--stage", choices=STAGES, default="greeting")
    parser.add_argument("--keywords", default=KEYWORDS, help="offered under TLS, comma-separated")
    parser.add_argument("--seconds", type=float, default=0.5, help="between octets of a drip")
    parser.add_argument("scenario", nargs="?")
    arguments = parser.parse_args()
    if arguments.list:
        for name, (_, cases, words) in sorted(SCENARIOS.items()):
            print("%-26s %-16s %s" % (name, ",".join(cases), words))
        return 0
    if arguments.scenario not in SCENARIOS:
        parser.error("no such scenario; --list names them")
    die_with_parent()
    family = socket.AF_INET6 if ":" in arguments.address else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((arguments.address, arguments.port))
    listener.listen(64)
    print("ready %d" % listener.getsockname()[1], flush=True)
    options, log, number = Options(arguments), Log(arguments.log), 0
    while True:
        sock, _ = listener.accept()
        number += 1
        threading.Thread(target=serve, args=(sock, number, options, log), daemon=True).start()


if __name__ == "__main__":
    sys.exit(main())
