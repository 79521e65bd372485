#!/usr/bin/python3
"""More than 200 messages of every shape that mail takes, the same ones each time.

For tests of whatever signs, sends or stores messages: bodies that are empty or end in blanks, long
lines, folded and repeated headers, 8-bit text, nested MIME, attachments, and 120 that a seeded
generator throws together. Lines end in LF, as in files; all have exactly one From with one address
at the domain asked for.

    for message in message_corpus.messages("example.com"):
        message.name, message.data, message.is_submittable

`is_submittable`: may be sent as it is (no line over 998 octets, header in UTF-8, no repeated
fields that RFC 5322 allows once). The 40 MB message comes only from large_message().

As a program: message_corpus.py [--domain D] [--large] FOLDER writes one file a message.
"""

import argparse
import base64
import pathlib
import random
from dataclasses import dataclass


@dataclass(frozen=True)
class Message:
    name: str
    data: bytes
    is_submittable: bool = True


DATE = "Sat, 21 Nov 2026 10:00:00 +0000"
WORDS = (
    "the quick brown fox jumps over a lazy dog while seven zebras watch from hill and valley "
    "invoice meeting patient report notary contract signature appendix agenda minutes quarter"
).split()


def header(domain, number, *, subject="Subject: test", sender=None, extra=()):
    """Fields as lines without line ends; `subject` and `extra` are whole fields."""
    sender = sender or f"From: Anna Bakker <anna@{domain}>"
    lines = [
        sender,
        "To: Bob <bob@example.net>",
        subject,
        f"Date: {DATE}",
        f"Message-ID: <{number}.corpus@{domain}>",
    ]
    return [line for line in lines if line] + list(extra)


def build(lines, body):
    """A message of header lines (text or bytes) and a body."""
    encoded = [line if isinstance(line, bytes) else line.encode() for line in lines]
    if isinstance(body, str):
        body = body.encode()
    return b"\n".join(encoded) + b"\n\n" + body


def mime(kind, *extra):
    return ["MIME-Version: 1.0", f"Content-Type: {kind}", *extra]


def wrapped_base64(data):
    return base64.encodebytes(data).decode()


def nested(depth, leaf):
    """A multipart of `depth` levels around a leaf, and its content type."""
    text, kind = leaf, "text/plain; charset=us-ascii"
    for level in range(depth):
        boundary = f"=_level{level}_x"
        text = (
            f"Preamble {level}\n--{boundary}\nContent-Type: {kind}\n\n{text}\n"
            f"--{boundary}\nContent-Type: text/plain\n\nsibling {level}\n--{boundary}--\n"
            f"epilogue {level}\n"
        )
        kind = f'multipart/mixed; boundary="{boundary}"'
    return kind, text


def bodies():
    """(name, body): what canonicalization can be got wrong with."""
    yield "empty", ""
    yield "one-line-end", "\n"
    yield "many-line-ends", "\n" * 50
    yield "blank-line-of-spaces", "   \n"
    yield "blank-lines-of-tabs", "\t\n \t \n\n"
    yield "one-word", "word\n"
    yield "no-last-line-end", "word"
    yield "no-last-line-end-blanks", "word  \t"
    yield "trailing-line-ends", "word\n\n\n\n"
    yield "trailing-blank-lines", "word\n \n\t\n  \n"
    yield "leading-line-ends", "\n\n\nword\n"
    yield "inner-line-ends", "a\n\n\n\nb\n"
    yield "trailing-spaces", "a \nb  \nc\t\nd \t \n"
    yield "runs-of-blanks", "a  b\tc\t\td \t e\n"
    yield "leading-blanks", " a\n  b\n\tc\n"
    yield "only-a-dot", ".\n"
    yield "dots", ".\n..\n...\n.a\n..b\n"
    yield "look-alikes", "a\n.\n\n.\nb\n"
    yield "mbox-from", "From here on\n>From there\nFrom: not a field\n"
    yield "header-like", "Subject: inside\nFrom: someone@else.example\n\nstill body\n"
    yield "dashes", "-- \nsignature\n--\n---\n"
    yield "line-998", "x" * 998 + "\n"
    yield "line-997-space", "x" * 996 + " y\n"
    yield "lines-of-all-lengths", "".join("y" * n + "\n" for n in range(0, 200))
    yield "blocks-of-blanks", "".join("a" * n + " " * (130 - n) + "b\n" for n in range(0, 130, 7))
    yield "blanks-around-64", "".join("a" * n + "  b\n" for n in range(56, 72))
    yield "ends-around-64", "".join("a" * n + " \n" for n in range(56, 72))
    yield "tabs-around-64", "".join("a" * n + "\tb\t\n" for n in range(56, 72))
    yield "equals-signs", "=\n==\n=3D\na=\n"
    yield "punctuation", "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~\n"
    yield "form-feed", "page one\n\x0cpage two\n"
    yield "control-characters", "bell \x07 vertical \x0b escape \x1b[0m\n"
    yield "ten-thousand-lines", "".join(f"line {n}\n" for n in range(10_000))
    yield "block-border-16k", "z" * 72 + "\n" + ("a" * 70 + " \n") * 230
    yield "block-border-64k", ("word  word\t" * 8 + "\n") * 750
    yield "a-megabyte", ("All work and no play makes a dull body.  \n" * 24_000)


def subjects():
    """(name, field): folds and blanks in one field."""
    yield "plain", "Subject: plain"
    yield "no-blank", "Subject:no blank"
    yield "many-blanks", "Subject:    many   blanks   "
    yield "tab", "Subject:\ttab\tinside"
    yield "trailing", "Subject: trailing \t "
    yield "empty", "Subject:"
    yield "only-a-blank", "Subject: "
    yield "folded-space", "Subject: folded\n with a space"
    yield "folded-tab", "Subject: folded\n\twith a tab"
    yield "folded-many", "Subject: folded\n  with\n\t more \n   than\n one"
    yield "folded-at-once", "Subject:\n all on the second line"
    yield "folded-blanks", "Subject: blanks   \n   around the fold"
    yield "lower-case", "subject: lower case name"
    yield "upper-case", "SUBJECT: upper case name"
    yield "encoded-word", "Subject: =?utf-8?q?caf=C3=A9_and?= =?utf-8?b?IG1vcmU=?="
    yield "encoded-folded", "Subject: =?utf-8?q?one?=\n =?utf-8?q?_two?="
    yield "utf8", "Subject: na\u00efve caf\u00e9 \u20ac \u65e5\u672c\u8a9e"
    yield "colons", "Subject: a: b:: c ; d=e; f"
    yield "long", "Subject: " + " ".join(WORDS)
    yield "folded-long", "Subject: " + "\n ".join(" ".join(WORDS[i : i + 5]) for i in range(0, 30, 5))
    yield "like-a-tag-list", "Subject: v=1; a=rsa-sha256; b=; bh="
    yield "percent", "Subject: 100% {x} $HOME `id` \\n"


def senders(domain):
    """(name, field): one author, written in the ways of RFC 5322 section 3.4."""
    yield "bare", f"From: anna@{domain}"
    yield "angle", f"From: <anna@{domain}>"
    yield "name", f"From: Anna <anna@{domain}>"
    yield "quoted-comma", f'From: "Bakker, Anna" <anna@{domain}>'
    yield "quoted-colon", f'From: "Team: us; them" <anna@{domain}>'
    yield "quoted-at", f'From: "anna@elsewhere.example" <anna@{domain}>'
    yield "escaped-quote", f'From: "An \\"A\\" B" <anna@{domain}>'
    yield "comment", f"From: anna@{domain} (Anna (the first) Bakker)"
    yield "comment-with-comma", f"From: Anna (a, b: c;) <anna@{domain}>"
    yield "folded", f"From: Anna\n Bakker\n\t<anna@{domain}>"
    yield "encoded", f"From: =?utf-8?q?Ann=C3=A4?= <anna@{domain}>"
    yield "utf8-name", f"From: Ann\u00e4 <anna@{domain}>"
    yield "upper-domain", f"From: anna@{domain.upper()}"
    yield "plus", f"From: anna+tag.more@{domain}"
    yield "lower-name", f"from: anna@{domain}"


def extras():
    """(name, fields, is_submittable): more fields, some of them several times."""
    received = [
        f"Received: from a{n}.example by b.example with ESMTP id {n};\n\t{DATE}" for n in range(8)
    ]
    yield "received", received, True
    yield "list", [
        "List-Id: Things <things.example.com>",
        "List-Unsubscribe: <https://example.com/u>,\n <mailto:u@example.com>",
        "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
        "List-Post: <mailto:things@example.com>",
        "Precedence: list",
    ], True
    yield "references", [
        "In-Reply-To: <1@example.com>",
        "References: " + "\n ".join(f"<{n}.thread@example.com>" for n in range(60)),
    ], True
    yield "cc-reply-to", [
        "Cc: Carol <carol@example.org>,\n Dave <dave@example.org>",
        "Reply-To: Desk <desk@example.org>",
        "Sender: Robot <robot@example.org>",
    ], True
    yield "undisclosed", ["Cc: undisclosed-recipients:;"], True
    yield "keywords", ["Keywords: a", "Keywords: b", "Comments: c", "Comments: d"], True
    yield "repeated-x", [f"X-Tag: {n}" for n in range(20)], True
    yield "repeated-to", ["To: third@example.net", "To: fourth@example.net"], False
    yield "repeated-subject", ["Subject: another", "Subject: and another"], False
    yield "repeated-list", ["List-Id: <a.example>", "List-Id: <b.example>"], False
    yield "x-long-token", ["X-Token: " + "t" * 900], True
    yield "x-empty", ["X-Empty:", "X-Blank: "], True
    yield "x-punctuation", ["X-!#$%&'*+-.^_`|~: odd but allowed"], True
    yield "auto", ["Auto-Submitted: auto-generated", "X-Auto-Response-Suppress: All"], True
    yield "resent", ["Resent-From: x@example.org", f"Resent-Date: {DATE}"], True
    yield "thousand-fields", [f"X-{n}: {n}" for n in range(1000)], True


def mime_messages(domain):
    """(name, header lines, body)"""
    plain = 'text/plain; charset="utf-8"'
    utf8 = "na\u00efve caf\u00e9 \u20ac 100\n\u65e5\u672c\u8a9e\u306e\u672c\u6587  \n"
    yield "utf8-8bit", mime(plain, "Content-Transfer-Encoding: 8bit"), utf8.encode()
    yield "latin1-8bit", mime(
        "text/plain; charset=iso-8859-1", "Content-Transfer-Encoding: 8bit"
    ), utf8.replace("\u20ac", "EUR").split("\n")[0].encode("latin-1") + b"\n"
    yield "quoted-printable", mime(
        plain, "Content-Transfer-Encoding: quoted-printable"
    ), "caf=C3=A9 =\n soft line=20\nend=\n\n"
    yield "base64", mime(plain, "Content-Transfer-Encoding: base64"), wrapped_base64(
        utf8.encode() * 40
    )
    yield "flowed", mime("text/plain; format=flowed; delsp=yes"), "> quoted \n> more \nmine \nend\n"
    yield "html", mime("text/html; charset=utf-8"), (
        "<html>\n\t<body>\n\t\t<p>Hello,   world</p>\n\n\t</body>\n</html>\n"
    )
    yield "calendar", mime("text/calendar; method=REQUEST"), (
        "BEGIN:VCALENDAR\nMETHOD:REQUEST\nSUMMARY:long\n  folded\nEND:VCALENDAR\n"
    )
    yield "alternative", mime('multipart/alternative; boundary="b1"'), (
        "--b1\nContent-Type: text/plain\n\nHello\n\n--b1\nContent-Type: text/html\n\n"
        "<p>Hello</p>\n\n--b1--\n"
    )
    yield "unclosed", mime("multipart/mixed; boundary=b2"), "--b2\n\nnever closed\n"
    yield "attachment", mime('multipart/mixed; boundary="b 3"'), (
        "--b 3\n\nsee attachment\n--b 3\nContent-Type: application/pdf; name=scan.pdf\n"
        "Content-Transfer-Encoding: base64\nContent-Disposition: attachment\n\n"
        + wrapped_base64(bytes(range(256)) * 60)
        + "--b 3--\n"
    )
    yield "forwarded", mime("message/rfc822"), (
        f"From: old@{domain}\nSubject: inner\n\ninner body  \n\n\n"
    )
    yield "signed", mime(
        'multipart/signed; boundary=s; micalg=pgp-sha256; protocol="application/pgp-signature"'
    ), "--s\n\nsigned text \n--s\nContent-Type: application/pgp-signature\n\nxx\n--s--\n"
    yield "folded-type", [
        "MIME-Version: 1.0 (really)",
        'Content-Type: multipart/mixed;\n\tboundary="folded boundary";\n charset=utf-8',
    ], "--folded boundary\n\nx\n--folded boundary--\n"
    for depth in (1, 2, 5, 20):
        kind, text = nested(depth, "innermost  \n")
        yield f"nested-{depth}", mime(kind), text


def random_message(domain, number):
    """One of the thrown-together ones; the number is the seed."""
    rng = random.Random(f"smtools corpus {number}")
    blanks = (" ", "  ", "\t", " \t", "")

    def sentence(most):
        return rng.choice((" ", " ", "  ", "\t")).join(
            rng.choice(WORDS) for _ in range(rng.randint(1, most))
        )

    def field(name):
        value = sentence(12)
        for _ in range(rng.randint(0, 3)):
            place = value.find(" ", rng.randint(0, len(value)))
            # Never at a blank beside another: a folded line of blanks alone ends some headers.
            around = value[place - 1 : place] + value[place + 1 : place + 2]
            if place > 0 and len(around) == 2 and not any(c in " \t\n" for c in around):
                value = value[:place] + "\n" + rng.choice((" ", "\t", "  ")) + value[place + 1 :]
        return f"{name}:{rng.choice(blanks)}{value}{rng.choice(blanks)}"

    extra = [field(f"X-Random-{rng.choice('ABC')}") for _ in range(rng.randint(0, 6))]
    lines = header(domain, f"random-{number}", subject=field("Subject"), extra=extra)
    if rng.random() < 0.3:
        lines.append("Cc: carol@example.org")
    if rng.random() < 0.3:
        lines.append("Reply-To: anna@example.org")
    rng.shuffle(lines)
    eight_bit = rng.random() < 0.3
    if eight_bit:
        lines += mime("text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit")
    body = []
    for _ in range(rng.choice((0, 1, 3, 10, 50, 300))):
        kind = rng.random()
        if kind < 0.15:
            body.append(rng.choice(blanks))
        elif kind < 0.2:
            body.append("." * rng.randint(1, 4) + sentence(3))
        elif kind < 0.25:
            body.append("w" * rng.randint(60, 990))
        elif kind < 0.3 and eight_bit:
            body.append("\u00e9\u20ac " * rng.randint(1, 30))
        else:
            body.append(rng.choice(blanks) + sentence(14) + rng.choice(blanks))
    end = rng.choice(("\n", "", "\n\n\n", " \n\n"))
    return build(lines, "\n".join(body) + (end if body else ""))


def messages(domain="example.com"):
    """All of them, each with a name of its own."""
    for name, body in bodies():
        yield Message(f"body-{name}", build(header(domain, f"body-{name}"), body))
    for name, subject in subjects():
        lines = header(domain, f"subject-{name}", subject=subject)
        yield Message(f"subject-{name}", build(lines, "text\n"))
    for name, sender in senders(domain):
        lines = header(domain, f"from-{name}", sender=sender)
        yield Message(f"from-{name}", build(lines, "text\n"))
    for name, fields, is_submittable in extras():
        lines = header(domain, f"extra-{name}", extra=fields)
        yield Message(f"extra-{name}", build(lines, "text\n"), is_submittable)
        yield Message(
            f"extra-{name}-on-top", build(list(fields) + lines[:], "text  \n\n"), is_submittable
        )
    for name, fields, body in mime_messages(domain):
        lines = header(domain, f"mime-{name}", extra=fields)
        yield Message(f"mime-{name}", build(lines, body))
    yield Message(
        "wild-long-line", build(header(domain, "wild-long-line"), "l" * 5000 + " \nend\n"), False
    )
    yield Message(
        "wild-latin1-subject",
        build(header(domain, "wild-latin1", subject=b"Subject: caf\xe9"), b"caf\xe9\n"),
        False,
    )
    yield Message(
        "wild-no-body", b"\n".join(l.encode() for l in header(domain, "wild-no-body")) + b"\n"
    )
    for number in range(120):
        yield Message(f"random-{number:03}", random_message(domain, number))


def large_message(domain="example.com", megabytes=40):
    """One attachment of 40 MB, as base64."""
    kind = 'multipart/mixed; boundary="large"'
    rng = random.Random("smtools large")
    block = wrapped_base64(rng.randbytes(57 * 1024))
    count = megabytes * 1_000_000 // len(block) + 1
    body = (
        "--large\n\nsee attachment\n--large\nContent-Type: application/octet-stream\n"
        "Content-Transfer-Encoding: base64\n\n" + block * count + "--large--\n"
    )
    return Message("large", build(header(domain, "large", extra=mime(kind)), body))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--domain", default="example.com")
    parser.add_argument("--large", action="store_true", help="the 40 MB message as well")
    parser.add_argument("folder", type=pathlib.Path)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    for message in messages(options.domain):
        (options.folder / f"{message.name}.eml").write_bytes(message.data)
    if options.large:
        message = large_message(options.domain)
        (options.folder / f"{message.name}.eml").write_bytes(message.data)


if __name__ == "__main__":
    main()
