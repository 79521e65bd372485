"""The lab's web servers: nginx, which serves the MTA-STS policies (RFC 8461 3.2), and another before
the portal, configured by the file that is shipped for it."""

import os

import domains

SHIPPED = f"{os.path.dirname(os.path.dirname(os.path.realpath(__file__)))}/deploy/nginx/smportal.conf"

NGINX_CONF = """\
daemon off;
master_process off;
pid {web}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 512; }}
http {{
    access_log {run}/log/nginx-access.log;
    client_body_temp_path {web}/body;
    proxy_temp_path {web}/proxy;
    fastcgi_temp_path {web}/fastcgi;
    uwsgi_temp_path {web}/uwsgi;
    scgi_temp_path {web}/scgi;
    default_type text/plain;
    ssl_protocols TLSv1.2 TLSv1.3;
    server {{
        listen {address}:443 ssl default_server;
        ssl_reject_handshake on;
    }}
{servers}}}
"""

SERVER = """\
    server {{
        listen {address}:443 ssl;
        server_name {name};
        ssl_certificate {certificate};
        ssl_certificate_key {certificate};
        root {web}/{name};
    }}
"""


def policy_domains():
    return [domain for domain in domains.DOMAINS if domain.sts]


def policy_host(domain):
    return f"mta-sts.{domain.name}"


def policy(domain):
    lines = ["version: STSv1", f"mode: {domain.sts}",
             *[f"mx: {host.name}" for host in domain.hosts], "max_age: 86400"]
    return "".join(f"{line}\r\n" for line in lines)


def configure(run, certificates):
    """`certificates`: the certificate file of each policy host, by name."""
    web, servers = f"{run}/web", ""
    for domain in policy_domains():
        name = policy_host(domain)
        os.makedirs(f"{web}/{name}/.well-known")
        with open(f"{web}/{name}/.well-known/mta-sts.txt", "w", newline="") as out:
            out.write(policy(domain))
        servers += SERVER.format(address=domains.WEB, name=name, certificate=certificates[name], web=web)
    with open(f"{web}/nginx.conf", "w") as out:
        out.write(NGINX_CONF.format(run=run, web=web, address=domains.WEB, servers=servers))


def command(run):
    return ["nginx", "-c", f"{run}/web/nginx.conf", "-e", "stderr", "-p", f"{run}/web"]


PORTAL_CONF = """\
daemon off;
master_process off;
pid {portal}/nginx.pid;
error_log stderr warn;
worker_rlimit_nofile 20000;
events {{ worker_connections 8192; }}
http {{
    client_body_temp_path {portal}/body;
    proxy_temp_path {portal}/proxy;
    fastcgi_temp_path {portal}/fastcgi;
    uwsgi_temp_path {portal}/uwsgi;
    scgi_temp_path {portal}/scgi;
    server {{
        listen {address}:443 ssl default_server;
        ssl_reject_handshake on;
    }}
    include {portal}/smportal.conf;
}}
"""


def configure_portal(run):
    """The shipped configuration with the lab's names."""
    portal = f"{run}/portal"
    with open(SHIPPED) as file:
        text = file.read()
    for shipped, ours in (
            ("listen 443 ssl http2;", f"listen {domains.PORTAL}:443 ssl http2;"),
            ("listen [::]:443 ssl http2;", ""),
            ("server_name portal.example.org;", "server_name portal.delinde.example;"),
            ("/etc/ssl/portal/", f"{portal}/"),
            ("/run/smportal/socket", f"{portal}/socket"),
            ("/var/log/nginx/smportal.log", f"{run}/log/portal-access.log")):
        if shipped not in text:
            raise ValueError(f"{SHIPPED} has no '{shipped}'")
        text = text.replace(shipped, ours)
    with open(f"{portal}/smportal.conf", "w") as out:
        out.write(text)
    with open(f"{portal}/nginx.conf", "w") as out:
        out.write(PORTAL_CONF.format(portal=portal, address=domains.PORTAL))


def portal_command(run):
    return ["nginx", "-c", f"{run}/portal/nginx.conf", "-e", "stderr", "-p", f"{run}/portal"]
