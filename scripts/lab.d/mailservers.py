"""The mail servers: one Postfix with a service for every MX host, each at its own address with its
own certificate, TLS settings and domain; and the mailboxes, real maildirs in <run>/mail."""

import os
import pwd
import grp
import re
import time

import domains

MAIN_CF = """\
compatibility_level = 3.6
queue_directory = {postfix}/queue
data_directory = {postfix}/data
maillog_file = {run}/log/postfix.log
maillog_file_prefixes = {run}
inet_interfaces = 127.0.0.1
inet_protocols = all
myhostname = postfix.example
mydestination =
mynetworks =
alias_maps =
alias_database =
local_recipient_maps =
default_transport = error:the lab sends no mail
virtual_transport = virtual
virtual_mailbox_domains = static:all
virtual_mailbox_base = {run}/mail
virtual_mailbox_maps = regexp:{postfix}/mailboxes
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_minimum_uid = 1
virtual_mailbox_limit = 0
mailbox_size_limit = 0
message_size_limit = 104857600
smtpd_peername_lookup = no
smtpd_relay_restrictions = permit
smtpd_error_sleep_time = 0
smtpd_client_connection_count_limit = 0
smtpd_tls_security_level = may
smtpd_tls_loglevel = 1
smtpd_tls_received_header = yes
in_flow_delay = 0
"""

SERVICES = """\
pickup    unix  n  -  n  60    1  pickup
cleanup   unix  n  -  n  -     0  cleanup
qmgr      unix  n  -  n  300   1  qmgr
tlsmgr    unix  -  -  n  1000? 1  tlsmgr
rewrite   unix  -  -  n  -     -  trivial-rewrite
bounce    unix  -  -  n  -     0  bounce
defer     unix  -  -  n  -     0  bounce
trace     unix  -  -  n  -     0  bounce
verify    unix  -  -  n  -     1  verify
proxymap  unix  -  -  n  -     -  proxymap
error     unix  -  -  n  -     -  error
retry     unix  -  -  n  -     -  error
virtual   unix  -  n  n  -     -  virtual
anvil     unix  -  -  n  -     1  anvil
postlog   unix-dgram n - n -   1  postlogd
"""

# virtual(8) takes no $1 from a regular expression: one maildir for all, told apart by Delivered-To.
MAILBOXES = "if !/^unknown@/\n/@/ inbox/\nendif\n"

QUEUE = ("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private",
         "saved", "trace")


def configure(run, certificates):
    """Writes Postfix's files. `certificates`: the file of each host that has one, by host name."""
    postfix, nobody, owner = f"{run}/postfix", pwd.getpwnam("nobody"), pwd.getpwnam("postfix")
    drop = grp.getgrnam("postdrop").gr_gid
    for path, mode, uid, gid in (
            [("", 0o755, 0, 0), ("data", 0o700, owner.pw_uid, owner.pw_gid), ("queue", 0o755, 0, 0),
             ("queue/pid", 0o755, 0, 0), ("queue/maildrop", 0o1730, owner.pw_uid, drop),
             ("queue/public", 0o2710, owner.pw_uid, drop)]
            + [(f"queue/{name}", 0o700, owner.pw_uid, 0) for name in QUEUE]):
        os.makedirs(f"{postfix}/{path}", exist_ok=True)
        os.chown(f"{postfix}/{path}", uid, gid)
        os.chmod(f"{postfix}/{path}", mode)
    os.mkdir(f"{run}/mail")
    os.chown(f"{run}/mail", nobody.pw_uid, nobody.pw_gid)
    _write(f"{postfix}/mailboxes", MAILBOXES)
    _write(f"{postfix}/main.cf",
           MAIN_CF.format(run=run, postfix=postfix, uid=nobody.pw_uid, gid=nobody.pw_gid))
    _write(f"{postfix}/master.cf", SERVICES + "".join(
        _service(address, host, domain, certificates.get(host.name))
        for host, domain in domains.mail_hosts() for address in addresses(host)))
    long_ago = time.time() - 3600  # Postfix waits two seconds before it trusts a file just written
    os.utime(f"{postfix}/main.cf", (long_ago, long_ago))


def addresses(host):
    return [host.address] + ([host.address6] if host.address6 else [])


def _service(address, host, domain, certificate):
    """One smtpd: a line of master.cf and its options."""
    own = f"check_recipient_access inline:{{{domain}=OK}}" if domain else "permit_auth_destination"
    options = {
        "myhostname": host.name,
        "smtpd_recipient_restrictions": f"{own}, reject",
        **({"smtpd_tls_chain_files": certificate} if certificate else {"smtpd_tls_security_level": "none"}),
        **host.options,
    }
    name = f"[{address}]" if ":" in address else address
    return f"{name}:smtp inet n - n - - smtpd\n" + "".join(
        f"  -o {{ {key} = {value} }}\n" for key, value in options.items())


def command(run):
    return ["/usr/lib/postfix/sbin/master", "-c", f"{run}/postfix", "-d"]


def messages(run, address):
    """The messages that address received, oldest first, as they lie in its mailbox. Waits for mail
    that a server has accepted and is still putting there."""
    _await_delivery(f"{run}/postfix/queue")
    inbox = f"{run}/mail/inbox"
    found = []
    for folder in ("cur", "new"):
        for name in os.listdir(f"{inbox}/{folder}") if os.path.isdir(f"{inbox}/{folder}") else ():
            with open(f"{inbox}/{folder}/{name}", "rb") as file:
                if _delivered_to(file.read(65536)) == address.lower():
                    found.append((_arrival(name), f"{inbox}/{folder}/{name}"))
    for _, path in sorted(found):
        with open(path, "rb") as file:
            yield file.read()


def _await_delivery(queue, patience=10.0):
    deadline = time.monotonic() + patience
    while any(files for name in ("maildrop", "incoming", "active")
              for _, _, files in os.walk(f"{queue}/{name}")) and time.monotonic() < deadline:
        time.sleep(0.01)


def _delivered_to(head):
    found = re.search(rb"^Delivered-To: (.*)$", head, re.M)
    return found.group(1).decode("utf-8", "replace").lower() if found else None


def _arrival(name):
    """Postfix names a maildir file <seconds>.V<device>I<inode>M<microseconds>.<host>."""
    found = re.match(r"(\d+)\.V\w+M(\d+)\.", name)
    return (int(found.group(1)), int(found.group(2))) if found else (0, 0)


def _write(path, text):
    with open(path, "w") as out:
        out.write(text)
