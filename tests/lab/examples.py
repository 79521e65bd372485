"""The examples of a man page: its EXAMPLES section, as commands that a shell can run.

An example is a `.Dl` line that begins with `$` (anybody) or `#` (root), or a literal block that is
no file but commands. Text of files is told apart by who asks.
"""

import os
import re

import labtest

MAN = f"{labtest.SOURCE}/man"
ESCAPES = {r"\(dq": '"', r"\(aq": "'", r"\e": "\\", r"\-": "-", r"\&": "", r"\(ti": "~", r"\(ha": "^"}


def section(page, name="EXAMPLES"):
    with open(os.path.join(MAN, page)) as file:
        text = file.read()
    found = re.search(rf"^\.Sh {name}\n(.*?)(?=^\.Sh |\Z)", text, re.M | re.S)
    return found[1] if found else ""


def plain(text):
    """mdoc's escapes as the characters that a reader sees."""
    return re.sub(r"\\\(..|\\.", lambda found: ESCAPES.get(found[0], found[0]), text)


def examples(page):
    """All examples in order, each a text; a `.Dl` without its prompt."""
    found = re.finditer(r"^\.Dl ([^\n]*)$|^\.Bd -literal[^\n]*\n(.*?)^\.Ed$", section(page), re.M | re.S)
    return [plain(re.sub(r"^[$#] ", "", each[1]) if each[1] else each[2].rstrip("\n")) for each in found]
