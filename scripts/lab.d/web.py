"""The lab's web servers: nginx, which serves the MTA-STS policies (RFC 8461 3.2)."""

import os

import domains

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
