"""Linux namespaces: the few system calls that Python 3.11 lacks, and what the lab does with them.

A lab has two network namespaces joined by a veth pair: the servers' and the client's. Its run
directory is a tmpfs that is mounted in the lab's own mount namespaces only, so it ends with the
last process of the lab, however that process ends. A command that enters the lab keeps its own
view of the file system (its own mounts, its own /tmp) and gets the lab's three mounts on top.
"""

import ctypes
import os

NEWNS, NEWUTS, NEWIPC = 0x00020000, 0x04000000, 0x08000000
NEWPID, NEWNET = 0x20000000, 0x40000000

MS_NOSUID, MS_NODEV, MS_BIND, MS_REC, MS_SLAVE = 2, 4, 4096, 16384, 1 << 19
MNT_DETACH = 2
PR_SET_PDEATHSIG = 1
SYS_OPEN_TREE, SYS_MOVE_MOUNT = 428, 429  # the same numbers on every architecture
AT_FDCWD, OPEN_TREE_CLONE, MOVE_MOUNT_F_EMPTY_PATH = -100, 1, 4

_libc = ctypes.CDLL(None, use_errno=True)


def _checked(result, what):
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def unshare(flags):
    _checked(_libc.unshare(flags), "unshare")


def setns(fd, kind):
    _checked(_libc.setns(fd, kind), "setns")


def mount(source, target, kind=None, flags=0, data=None):
    encoded = [None if text is None else os.fsencode(text) for text in (source, target, kind, data)]
    _checked(_libc.mount(encoded[0], encoded[1], encoded[2], ctypes.c_ulong(flags), encoded[3]),
             f"mount on {target}")


def unmount(target):
    _checked(_libc.umount2(os.fsencode(target), MNT_DETACH), f"unmount {target}")


def die_with_parent(signal_number):
    _checked(_libc.prctl(PR_SET_PDEATHSIG, signal_number, 0, 0, 0), "prctl")


def receive_no_mounts_back():
    """Mounts made from here on stay in this mount namespace; the host's later ones still arrive."""
    mount(None, "/", flags=MS_REC | MS_SLAVE)


def open_namespace(pid, kind):
    return os.open(f"/proc/{pid}/ns/{kind}", os.O_RDONLY | os.O_CLOEXEC)


def _copy_mount(path):
    """A detached copy of the mount at path, to be attached in another mount namespace."""
    flags = OPEN_TREE_CLONE | os.O_CLOEXEC
    return _checked(_libc.syscall(SYS_OPEN_TREE, AT_FDCWD, os.fsencode(path), flags), f"open_tree {path}")


def _attach_mount(tree, path):
    _checked(_libc.syscall(SYS_MOVE_MOUNT, tree, b"", AT_FDCWD, os.fsencode(path),
                           MOVE_MOUNT_F_EMPTY_PATH), f"mount on {path}")


def enter(mount_namespace, network_namespace, mounts):
    """Moves this process into a lab's network, and gives it a private copy of its own file system
    with the lab's mounts (path in the lab, path here) attached. The working directory stays."""
    here = open_namespace("self", "mnt")
    directory = os.open(".", os.O_PATH | os.O_CLOEXEC)
    setns(mount_namespace, NEWNS)
    trees = [(_copy_mount(source), target) for source, target in mounts]
    setns(here, NEWNS)
    os.fchdir(directory)
    unshare(NEWNS)
    receive_no_mounts_back()
    for tree, target in trees:
        _attach_mount(tree, target)
        os.close(tree)
    setns(network_namespace, NEWNET)
    for fd in (here, directory):
        os.close(fd)
