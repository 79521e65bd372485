"""Reads --help of the tools: its layout (lib/cli/help.cc) is the one place where flags are told."""

import dataclasses
import re
import subprocess

TEXT_COLUMN = 30
FILE_WORDS = {"FILE", "LOG", "ENVELOPE", "PATH", "KEYFILE", "VKEYFILE"}
FOLDER_WORDS = {"DIR"}


@dataclasses.dataclass
class Flag:
    names: list  # "-q", "--quiet"
    value: str   # "FILE", "a|b"; "" where it takes none
    text: str

    @property
    def is_repeatable(self):
        return "repeatable" in self.text or "-v" in self.names

    @property
    def choices(self):
        words = self.value.split("|")
        is_choice = len(words) > 1 and all(re.fullmatch(r"[a-z0-9][a-z0-9-]*", w) for w in words)
        return words if is_choice else []

    @property
    def takes_file(self):
        return bool(FILE_WORDS & set(self.value.split("|")))

    @property
    def takes_folder(self):
        return bool(FOLDER_WORDS & set(self.value.split("|")))


@dataclasses.dataclass
class Help:
    name: str                # "smsign" or "smsign verify"
    line: str
    flags: list
    takes_files: bool        # as arguments
    commands: list           # of Help

    def flag_names(self):
        names = {name for flag in self.flags for name in flag.names}
        return names.union(*(command.flag_names() for command in self.commands))


def _rows(section):
    """(left, text) of each row of a section, continuation lines joined."""
    rows = []
    for line in section:
        if line.startswith(" " * TEXT_COLUMN) and rows:
            rows[-1][1] += " " + line.strip()
            continue
        left, text = line, ""
        if len(line) > TEXT_COLUMN and line[TEXT_COLUMN - 1] == " " and line[TEXT_COLUMN - 2] == " ":
            left, text = line[:TEXT_COLUMN], line[TEXT_COLUMN:]
        rows.append([left.strip(), text.strip()])
    return [(left, " ".join(text.split())) for left, text in rows]


def _flag(left, text):
    match = re.fullmatch(r"(-[^\s,]+(?:, -[^\s,]+)*)(?: (\S.*))?", left)
    if not match:
        raise ValueError(f"no flag: {left!r}")
    return Flag(match[1].split(", "), match[2] or "", text)


def _sections(text):
    sections, current = {}, None
    for line in text.splitlines():
        if re.fullmatch(r"\S.*:", line) and not line.startswith("Usage:"):
            current = sections.setdefault(line[:-1], [])
        elif line.startswith("  ") and current is not None:
            current.append(line)
        else:
            current = None
    return sections


def read(binary, name, path=()):
    """The Help of a tool, or of the command that `path` leads to."""
    words = [binary, *path, "--help"]
    text = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    sections = _sections(text)
    commands = [left for left, _ in _rows(sections.pop("Commands", []))]
    arguments = [left for left, _ in _rows(sections.pop("Arguments", []))]
    flags = [_flag(left, text) for rows in sections.values() for left, text in _rows(rows)]
    line = text.splitlines()[0].split(" - ", 1)[1]
    inner = [read(binary, f"{name} {each}", (*path, each)) for each in commands]
    takes_files = any(word.strip(".[]") in FILE_WORDS | FOLDER_WORDS for word in arguments)
    return Help(name, line, flags, takes_files, inner)
