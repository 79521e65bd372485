"""The lab's servers: which there are, how they are started, and when each truly answers."""

import os
import shutil
import signal
import socket
import ssl
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import build
import dnsquery
import domains
import greylist
import mailservers
import organisation
import sms
import timestamps
import web
import zones
from identity import LabError

PATIENCE = 30.0  # seconds until a server that does not answer is given up
ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}


class Servers:
    def __init__(self, run):
        self.run, self.processes = run, {}

    def start(self, name, command):
        with open(self._log(name), "ab") as log:
            self.processes[name] = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.run,
                env=ENVIRONMENT, start_new_session=True)

    def fork(self, name, serve, *arguments):
        """A server that is a part of this program, in a process of its own."""
        process = Forked(self._log(name), serve, *arguments)
        self.processes[name] = process

    def wait(self, name, what, answers):
        """Until answers() is true. LabError, with the server's log, when it ends or is silent."""
        deadline, pause = time.monotonic() + PATIENCE, 0.002
        while not answers():
            if self.processes[name].poll() is not None:
                raise LabError(f"{name} ended instead of starting{self._tail(name)}")
            if time.monotonic() > deadline:
                raise LabError(f"{name}: {what} does not answer{self._tail(name)}")
            time.sleep(pause)
            pause = min(pause * 1.5, 0.05)

    def watch(self):
        """Reaps, as process 1 must. Returns when a server has ended: then so does the lab."""
        names = {process.pid: name for name, process in self.processes.items()}
        while True:
            pid, status = os.waitpid(-1, 0)
            if pid in names:
                with open(f"{self.run}/log/lab.log", "a") as out:
                    out.write(f"{names[pid]} ended with status {os.waitstatus_to_exitcode(status)}\n")
                return

    def _log(self, name):
        return f"{self.run}/log/{name}.log"

    def _tail(self, name, lines=20):
        with open(self._log(name), errors="replace") as file:
            last = file.read().splitlines()[-lines:]
        return "; its log:\n" + "\n".join(f"  {line}" for line in last) if last else "; its log is empty"


class Forked:
    def __init__(self, log, serve, *arguments):
        self.status = None
        self.pid = os.fork()
        if self.pid == 0:
            try:
                for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                    signal.signal(number, signal.SIG_DFL)
                os.setsid()
                out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
                os.dup2(out, 1)
                os.dup2(out, 2)
                serve(*arguments)
            except Exception:
                import traceback
                traceback.print_exc()
            finally:
                os._exit(1)

    def poll(self):
        if self.status is None and os.waitpid(self.pid, os.WNOHANG)[0]:
            self.status = 1
        return self.status


def serve(run):
    """Builds a lab in its run directory, starts its servers and returns them when all answer."""
    build.Builder(run).build()
    servers = Servers(run)
    dns = zones.Zones(run).dns
    servers.start("knot", ["knotd", "-c", f"{dns}/knot.conf"])
    # Debian's AppArmor profile keeps /usr/sbin/unbound, by its path, out of our run directory.
    servers.start("unbound", [shutil.copy("/usr/sbin/unbound", dns), "-d", "-c", f"{dns}/unbound.conf"])
    servers.start("postfix", mailservers.command(run))
    servers.start("nginx", web.command(run))
    servers.fork("greylist", greylist.serve, run)
    servers.fork("sms", sms.serve, run, f"{run}/certificates/sms.example.pem")
    servers.fork("timestamps", timestamps.serve, run, f"{run}/certificates/tsa.example.pem")
    portal = organisation.portal_command(run, os.environ["SMTOOLS_BIN"])
    if portal:
        servers.start("portal", portal)
        servers.start("portal-nginx", web.portal_command(run))
    _await(servers, portal is not None)
    return servers


def _await(servers, portal):
    servers.wait("knot", "the zone example", lambda: _resolves(domains.NAME_SERVER, "example", "SOA"))
    for domain in domains.DOMAINS:
        if domain.signing in ("signed", "unsigned"):
            servers.wait("unbound", domain.name, lambda: _resolves(domains.RESOLVER, domain.name, "SOA"))
    servers.wait("greylist", "its socket", lambda: _accepts(f"{servers.run}/postfix/queue/private/greylist"))
    hosts = [(host, address) for host, _ in domains.mail_hosts() for address in mailservers.addresses(host)]
    together = ThreadPoolExecutor(8)
    try:
        list(together.map(lambda row: servers.wait(
            "postfix", f"{row[0].name} at {row[1]}", lambda: _greets(row[1], row[0])), hosts))
    finally:
        together.shutdown(wait=False, cancel_futures=True)  # whoever was told to end waits for nobody
    for domain in web.policy_domains():
        servers.wait("nginx", web.policy_host(domain),
                     lambda: _speaks_tls(servers.run, domains.WEB, web.policy_host(domain)))
    servers.wait("sms", "its page", lambda: _speaks_tls(servers.run, domains.SMS_GATEWAY, "sms.example"))
    servers.wait("timestamps", "its page", lambda: _speaks_tls(servers.run, domains.TIMESTAMPS, "tsa.example"))
    if portal:
        servers.wait("portal", "its socket", lambda: _accepts(f"{servers.run}/portal/socket"))
        servers.wait("portal-nginx", "its page", lambda: _is_healthy(servers.run))


def _resolves(server, name, kind):
    answer = dnsquery.ask(server, name, kind)
    return answer is not None and answer.rcode == dnsquery.NOERROR and answer.records > 0


def _accepts(path):
    with socket.socket(socket.AF_UNIX) as connection:
        return connection.connect_ex(path) == 0


def _greets(address, host):
    """A mail server's greeting; of the pool's fifty, which are alike, one greets for all."""
    try:
        with socket.create_connection((address, 25), timeout=5) as connection:
            return host in domains.POOL[1:] or connection.recv(512).startswith(f"220 {host.name} ".encode())
    except OSError:
        return False


def _is_healthy(run):
    """The portal's own word, through its nginx."""
    trust = ssl.create_default_context(cafile=f"{run}/ca.pem")
    try:
        with socket.create_connection((domains.PORTAL, 443), timeout=5) as connection:
            with trust.wrap_socket(connection, server_hostname="portal.delinde.example") as secured:
                secured.sendall(b"GET /healthz HTTP/1.1\r\nHost: portal.delinde.example\r\n"
                                b"Connection: close\r\n\r\n")
                return secured.recv(512).startswith(b"HTTP/1.1 200 ")
    except OSError:
        return False


def _speaks_tls(run, address, name):
    trust = ssl.create_default_context(cafile=f"{run}/ca.pem")
    try:
        with socket.create_connection((address, 443), timeout=5) as connection:
            with trust.wrap_socket(connection, server_hostname=name):
                return True
    except ssl.SSLCertVerificationError as wrong:
        raise LabError(f"{name}: {wrong}") from wrong
    except OSError:
        return False
