"""The life of a lab.

`start` forks the keeper: a process on the host's side, in the client's network namespace, which
holds the lab's name and answers `status`, `run` and `stop`. The keeper forks the warden, the first
process of a PID namespace of its own and of the servers' network namespace, whose children are the
servers. If the keeper ends, by whatever signal, the warden ends; if the warden ends, the kernel
ends every server; with the last of them go the namespaces, the veth pair and the run directory's
tmpfs. What is left for whoever survives is to remove the directory on which it was mounted.
"""

import os
import select
import signal
import socket
import time
import traceback

import namespaces
import network
from identity import LabError, sweep


def start(lab, serve):
    """Starts a lab and returns when `serve` (in the warden) has said that all servers answer.
    False where it was up already. LabError, with the failing server's log, where it did not come
    up; then, and when this process is interrupted, nothing of it is left."""
    connected, claimed = _settled(lab)
    if connected:
        return False
    sweep()
    ours, keepers = socket.socketpair()
    if os.fork() == 0:
        ours.close()
        Keeper(lab, claimed, keepers, serve).main()
    claimed.close()
    keepers.close()
    try:
        said = _read_all(ours, until=UP)
    except BaseException:
        ours.shutdown(socket.SHUT_WR)  # the keeper takes it as the end
        _read_all(ours)
        raise
    if not said.endswith(UP):
        raise LabError(said.decode("utf-8", "replace").rstrip() or "the lab was killed while starting")
    return True


def stop(lab):
    """Returns when nothing is left of the lab; False where it was not up."""
    connected, claimed = _settled(lab)
    if connected:
        connection, _ = connected
        try:
            connection.sendall(b"stop\n")
            _read_all(connection)
        except ConnectionError:
            pass  # it ended before it read this: by itself, or because somebody else said so first
    else:
        claimed.close()
    sweep()
    return connected is not None


def _settled(lab, patience=60.0):
    """(a connection, None) to a lab that is up, or (None, its name claimed) where there is none; waits
    for one that is just starting or ending."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if connected := lab.connect():
            return connected, None
        if claimed := lab.claim():
            return None, claimed
        time.sleep(0.01)
    raise LabError("this lab neither starts nor ends", 75)


UP = b"\0up"


def _read_all(connection, until=None):
    said = b""
    while not (until and said.endswith(until)):
        chunk = connection.recv(65536)
        if not chunk:
            break
        said += chunk
    return said


class Ended(Exception):
    """The keeper or the warden was told to end."""


def _end_on_signals():
    def end(number, _frame):
        raise Ended(signal.Signals(number).name)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, end)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)


def _detach(kept):
    """A session of our own, and none of the starter's open files."""
    os.setsid()
    os.chdir("/")
    os.umask(0o022)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(nowhere, fd)
    for fd in map(int, os.listdir("/proc/self/fd")):
        if fd > 2 and fd not in kept:
            try:
                os.close(fd)
            except OSError:
                pass


class Keeper:
    def __init__(self, lab, claimed, starter, serve):
        self.lab, self.claimed, self.starter, self.serve = lab, [claimed], starter, serve
        self.warden = None
        self.callers = []  # closed by our end, which is the answer

    def main(self):
        """Never returns."""
        try:
            _end_on_signals()
            _detach({self.claimed[0].fileno(), self.starter.fileno()})
            self._enter()
            self._fork_warden()
            self._await_up()
            self._listen()
        except (Ended, OSError) as ended:
            self._tell(str(ended))
        finally:
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
            self._clean_up()
            os._exit(0)

    def _enter(self):
        """The mount namespace with the run directory, and the client's network namespace."""
        run = self.lab.run
        self.lab.make_directory()
        namespaces.unshare(namespaces.NEWNS)
        namespaces.receive_no_mounts_back()
        namespaces.mount("smtools-lab", run, "tmpfs", namespaces.MS_NOSUID | namespaces.MS_NODEV, "mode=0755")
        network.write_resolver_files(run)
        for source, target in self.lab.resolver_files():
            namespaces.mount(source, target, flags=namespaces.MS_BIND)
        namespaces.unshare(namespaces.NEWNET)
        network.raise_loopback()

    def _fork_warden(self):
        namespaces.unshare(namespaces.NEWPID)
        self.reports, wardens = socket.socketpair()
        self.warden = os.fork()
        if self.warden == 0:
            for ours in (self.reports, self.starter):
                ours.close()
            Warden(self.lab, wardens, self.serve).main()
        wardens.close()
        self.warden_end = os.pidfd_open(self.warden)

    def _await_up(self):
        """Until the warden has said something; the starter's end is ours."""
        ready, _, _ = select.select([self.reports, self.starter, self.warden_end], [], [])
        if self.starter in ready:
            raise Ended("interrupted")
        said = _read_all(self.reports, until=UP)
        if not said.endswith(UP):
            raise Ended(said.decode("utf-8", "replace"))

    def _listen(self):
        """Answers until told to stop. Each connection tells its caller who we are, by SO_PEERCRED;
        the name is bound in the lab's own network namespaces too, for commands run in there."""
        client = namespaces.open_namespace("self", "net")
        self.claimed.append(self.lab.claim())
        servers = namespaces.open_namespace(self.warden, "net")
        namespaces.setns(servers, namespaces.NEWNET)
        self.claimed.append(self.lab.claim())
        namespaces.setns(client, namespaces.NEWNET)
        for listener in self.claimed:
            listener.listen(64)
        self.starter.sendall(UP)
        self.starter.close()
        while True:
            ready, _, _ = select.select([*self.claimed, *self.callers, self.warden_end], [], [])
            if self.warden_end in ready:
                return
            for connection in ready:
                if connection in self.claimed:
                    self.callers.append(connection.accept()[0])
                elif connection.recv(64) == b"stop\n":
                    return
                else:
                    self.callers.remove(connection)
                    connection.close()

    def _tell(self, text):
        try:
            self.starter.sendall(text.encode())
        except OSError:
            pass

    def _clean_up(self):
        if self.warden:
            os.kill(self.warden, signal.SIGKILL)
            os.waitpid(self.warden, 0)  # returns after the last process of its namespace is gone
        try:
            namespaces.unmount(self.lab.run)
        except OSError:
            pass
        self.lab.remove_directory()


class Warden:
    """Process 1 of the servers' namespace: builds the lab, starts its servers, reaps."""

    def __init__(self, lab, keeper, serve):
        self.lab, self.keeper, self.serve = lab, keeper, serve

    def main(self):
        """Never returns. The servers end with this process."""
        try:
            namespaces.die_with_parent(signal.SIGTERM)
            if select.select([self.keeper], [], [], 0)[0]:
                raise Ended("the keeper is gone")
            client = namespaces.open_namespace("self", "net")
            namespaces.unshare(namespaces.NEWNET | namespaces.NEWNS | namespaces.NEWUTS | namespaces.NEWIPC)
            namespaces.mount("proc", "/proc", "proc")
            network.join(client)
            os.close(client)
            servers = self.serve(self.lab.run)
            self.keeper.sendall(UP)
            servers.watch()
        except Ended:
            pass
        except Exception as error:
            self._tell(error)
        finally:
            self._clean_up()
            os._exit(0)

    def _tell(self, error):
        text = str(error) if isinstance(error, (LabError, OSError, ValueError)) else traceback.format_exc()
        try:
            self.keeper.sendall(text.encode())
        except OSError:
            pass

    def _clean_up(self):
        """The keeper does this, unless it is what ended."""
        try:
            namespaces.unmount(self.lab.run)
        except OSError:
            pass
        self.lab.remove_directory()
