"""The lab's two network namespaces: addresses, routes, and how names are looked up in them.

Whole prefixes are local to the servers' namespace, so a server can bind any address of them without
its being added to an interface; connections to those that nobody bound are refused.
"""

import subprocess

import domains
import namespaces

SERVERS = f"""\
link set lo up
link set wire up
address add {domains.GATEWAY4}/24 dev wire
address add {domains.GATEWAY6}/64 dev wire nodad
route add local 203.0.113.0/24 dev lo
route add local 192.0.2.0/25 dev lo
route add local 192.0.2.128/26 dev lo
route add local 2001:db8:5::/64 dev lo
route add local {domains.FREE6} dev lo
route add blackhole {domains.BLACK_HOLE4}
route add blackhole {domains.BLACK_HOLE6}
"""

CLIENT = f"""\
link set wire up
address add {domains.CLIENT4}/24 dev wire
address add {domains.CLIENT6}/64 dev wire nodad
route add default via {domains.GATEWAY4}
route add default via {domains.GATEWAY6}
"""


def raise_loopback():
    _ip("link set lo up\n")


def join(client):
    """From the servers' namespace: the wire to the client's (a file descriptor), and both ends' addresses."""
    _ip(f"link add wire type veth peer name wire netns /proc/self/fd/{client}\n{SERVERS}", pass_fds=(client,))
    with open("/proc/sys/net/ipv6/ip_nonlocal_bind", "w") as setting:
        setting.write("1")
    _ip(CLIENT, preexec_fn=lambda: namespaces.setns(client, namespaces.NEWNET))


def _ip(commands, **options):
    result = subprocess.run(["ip", "-batch", "-"], input=commands, text=True, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, **options)
    if result.returncode != 0:
        raise OSError(f"ip: {result.stdout.strip()}")


def write_resolver_files(run):
    with open(f"{run}/resolv.conf", "w") as out:
        out.write(f"nameserver {domains.RESOLVER}\noptions edns0 trust-ad\n")
    with open("/etc/nsswitch.conf") as file:  # no resolver daemon of the machine may answer instead
        lines = [line for line in file if not line.startswith("hosts:")]
    with open(f"{run}/nsswitch.conf", "w") as out:
        out.writelines([*lines, "hosts: files dns\n"])
