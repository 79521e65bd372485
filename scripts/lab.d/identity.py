"""A lab's name, and how to reach the lab that has it.

The name is taken by binding an abstract Unix socket, which no crash can leave behind. Whoever
connects learns from the kernel (SO_PEERCRED) which process keeps the lab, and finds the lab's
namespaces there.
"""

import hashlib
import os
import socket
import struct

BASE = "/run/smtools-lab"


class LabError(Exception):
    """Something the caller of scripts/lab must be told; `status` is the exit status."""

    def __init__(self, message, status=69):
        super().__init__(message)
        self.status = status


class Lab:
    """A lab by its identity: its name and, since two checkouts can each have one of the same name,
    a digest of the checkout's path."""

    def __init__(self, identity):
        self.run = f"{BASE}/{identity}"
        self._address = f"\0smtools-lab/{identity}"

    @classmethod
    def named(cls, name, checkout):
        return cls(f"{name}-{hashlib.sha256(os.path.realpath(checkout).encode()).hexdigest()[:8]}")

    def claim(self):
        """A socket that holds the name in this network namespace; None where somebody has it."""
        claimed = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            claimed.bind(self._address)
        except OSError:
            claimed.close()
            return None
        return claimed

    def connect(self):
        """A connection to the keeper of a lab that is up, and its process id; None where none is."""
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.connect(self._address)
        except OSError:
            connection.close()
            return None
        pid, uid, _ = struct.unpack("iii", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        if uid != 0 or pid == 0:
            connection.close()
            raise LabError(f"the name of this lab is held by user {uid}, not by a lab", 77)
        return connection, pid

    def resolver_files(self):
        """What a process in the lab sees instead of the machine's own: (in the lab, its usual path)."""
        return [(f"{self.run}/resolv.conf", "/etc/resolv.conf"),
                (f"{self.run}/nsswitch.conf", "/etc/nsswitch.conf")]

    def make_directory(self):
        while True:
            try:
                os.makedirs(self.run, exist_ok=True)
                return
            except FileNotFoundError:  # another lab's end removed the parent meanwhile
                continue

    def remove_directory(self):
        """Only with the name claimed: nobody else may be mounting there."""
        for path in (self.run, BASE):
            try:
                os.rmdir(path)
            except OSError:
                return


def sweep():
    """Removes the directories of labs whose processes were all killed at once."""
    try:
        identities = os.listdir(BASE)
    except FileNotFoundError:  # there is no lab, or the last one's end is just removing this
        return
    for identity in identities:
        dead = Lab(identity)
        if claimed := dead.claim():
            dead.remove_directory()
            claimed.close()
