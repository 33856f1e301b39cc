# SPDX-License-Identifier: Apache-2.0
"""A CA that speaks ACME (Debian's pebble, with a DNS that sends every name to the loopback), and the program that has
its certificate from it. uacme trusts the system's CA file only: in a mount namespace of its own that file is ours."""

import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request

from harness import *
from ports import free_port

DOMAIN = "relay.example.org"
SYSTEM_FILE = "/etc/ssl/certs/ca-certificates.crt"
HOOK = "/usr/share/uacme/uacme.sh"
DAY = 86400  # seconds
DEAD = "https://127.0.0.1:1/dir"  # where no CA is
ISSUE_WITHIN = 40  # seconds: uacme rests for 5 s where the CA has not yet looked

numbers = iter(range(1, 1000000))


def fresh(name):
    return temporary(f"{next(numbers)}-{name}")


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def self_signed(names, days):
    """A certificate for "DNS:...,IP:...", and its key."""
    cert, key = fresh("cert.pem"), fresh("key.pem")
    options = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=test"]
    openssl(*options, "-addext", f"subjectAltName={names}", "-days", str(days), "-keyout", key, "-out", cert)
    return cert, key


CA_CONFIG = """
[ca]
default_ca=own
[own]
database={database}
new_certs_dir={folder}
rand_serial=yes
default_md=sha256
policy=any
x509_extensions=names
[any]
commonName=supplied
[names]
subjectAltName=DNS:{domain}
"""


def dated(begin_s, end_s, domain=DOMAIN):
    """A certificate that is valid from so many seconds before or after now to so many, and its key."""
    config, database, request, cert, key = (fresh(name) for name in ("ca.conf", "database", "request.pem", "cert.pem", "key.pem"))
    with open(config, "w", encoding="utf-8") as file:
        file.write(CA_CONFIG.format(database=database, folder=os.path.dirname(config), domain=domain))
    with open(database, "wb"):
        pass
    begin, end = (time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + s)) for s in (begin_s, end_s))
    openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={domain}", "-keyout", key, "-out", request)
    arguments = ["-batch", "-selfsign", "-keyfile", key, "-in", request, "-startdate", begin, "-enddate", end, "-notext"]
    openssl("ca", "-config", config, *arguments, "-out", cert)
    return cert, key


def namespace(trusted, argv):
    """The command with another CA file, in a mount namespace of its own."""
    unshare = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--mount"]
    bind = [*unshare, "sh", "-c", 'mount --bind "$0" "$1" && shift && exec "$@"', trusted, SYSTEM_FILE]
    probe = subprocess.run([*bind, "true"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
    if probe.returncode:
        raise Skip(f"no mount namespace with another CA file in it: {probe.stderr.decode(errors='replace').strip()}")
    return [*bind, *argv]


def accepts(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class CA:
    """pebble, started and ended by the test; its ports stay the same, its accounts and keys do not."""

    def __init__(self, **config):
        for program in "pebble", "pebble-challtestsrv", "uacme":
            if not shutil.which(program):
                raise Skip(f"{program} is not installed")
        self.port, self.manager, self.http, self.dns, dns_manager = (free_port() for _ in range(5))
        self.url = f"https://127.0.0.1:{self.port}/dir"
        self.cert, self.key = self_signed("DNS:localhost,IP:127.0.0.1", 10)
        self.log = fresh("pebble.log")
        self.process = None
        self.config = config
        argv = ["pebble-challtestsrv", "-defaultIPv6", "", "-dns01", f"127.0.0.1:{self.dns}", "-management"]
        argv += [f"127.0.0.1:{dns_manager}", "-http01", "", "-https01", "", "-tlsalpn01", ""]
        start(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(lambda: accepts(dns_manager), "the DNS answers")

    def start(self, **config):
        path = fresh("pebble.json")
        pebble = {
            "listenAddress": f"127.0.0.1:{self.port}",
            "managementListenAddress": f"127.0.0.1:{self.manager}",
            "certificate": self.cert,
            "privateKey": self.key,
            "httpPort": self.http,
            "tlsPort": 1,
            **self.config,
            **config,
        }
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"pebble": pebble}, file)
        environment = {**os.environ, "PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0"}
        argv = ["pebble", "-config", path, "-dnsserver", f"127.0.0.1:{self.dns}"]
        with open(self.log, "ab") as log:
            self.process = start(argv, stdout=log, stderr=log, env=environment)
        until(lambda: accepts(self.port) and accepts(self.manager), "pebble listens")
        return self

    def stop(self):
        self.process.signal(signal.SIGKILL)
        self.process.wait()

    def orders(self):
        return read_file(self.log).count("POST /order-plz")

    def root(self):
        """The path of the file with the root that its certificates lead to."""
        path = fresh("root.pem")
        context = ssl.create_default_context(cafile=self.cert)
        with urllib.request.urlopen(f"https://127.0.0.1:{self.manager}/roots/0", context=context) as answer:
            with open(path, "wb") as file:
                file.write(answer.read())
        return path


def gated_hook():
    """A hook that waits for a file before it answers the challenge; its path, and the file's."""
    path, gate = fresh("hook"), fresh("gate")
    with open(path, "w", encoding="utf-8") as file:
        file.write(f'#!/bin/sh\n[ "$1" = begin ] && while [ ! -e {gate} ]; do sleep 0.02; done\nexec {HOOK} "$@"\n')
    os.chmod(path, 0o755)
    return path, gate


def declining_hook():
    """A hook that answers no challenge until there is a file; its path, and the file's."""
    path, gate = fresh("hook"), fresh("gate")
    with open(path, "w", encoding="utf-8") as file:
        file.write(f'#!/bin/sh\n[ -e {gate} ] && exec {HOOK} "$@"\nexit 1\n')
    os.chmod(path, 0o755)
    return path, gate


class Served:
    """The program under test; what it logs, by its events."""

    def __init__(self, ca, cache, url=None, hook=HOOK, check_ms=3600000, retry_ms=300, run_ms=60000):
        argv = [fixture("acme_server"), curfew_path(), DOMAIN, cache, url or ca.url, hook, str(check_ms), str(retry_ms), str(run_ms)]
        self.start(ca, cache, argv)

    def start(self, ca, cache, argv):
        self.log = fresh("served.log")
        self.cache = cache
        environment = {**os.environ, "ACME_LISTEN": f"127.0.0.1:{ca.http}"}
        with open(self.log, "wb") as log:
            self.process = start(namespace(ca.cert, argv), stdout=log, stderr=log, env=environment)
        self.port = self.admin = None
        self.challenges = ca.http

    def events(self, name, **fields):
        lines = [json.loads(line) for line in read_file(self.log).split("\n")[:-1] if line.startswith("{")]
        return [line for line in lines if line["event"] == name and fields.items() <= line.items()]

    def event(self, name, count=1, within=WITHIN, **fields):
        """Waits for the n-th event of a name."""
        try:
            return until(lambda: self.events(name, **fields)[count - 1 : count], f"{name} {fields}", within)[0]
        except AssertionError as late:
            raise AssertionError(f"{late}; the log:\n{read_file(self.log)}") from None

    def up(self):
        """Waits until it listens, whatever it has to serve."""
        started = self.event("started")
        self.port, self.admin = (int(started[name].rpartition(":")[2]) for name in ("listen", "admin"))
        return self

    def issued(self, count=1):
        return self.event("certificate_issued", count, within=ISSUE_WITHIN)

    def ask(self, path):
        """Status and body of the admin face's answer."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.admin}{path}") as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read().decode()

    def status(self):
        return json.loads(self.ask("/status.json")[1])["certificate"]

    def stop(self, within=WITHIN):
        """Ends it; nothing of it may be left."""
        self.process.signal(signal.SIGTERM)
        code = self.process.wait(within)
        assert code == 0, (code, read_file(self.log))
        assert_no_survivors()
        assert os.listdir(os.path.join(self.cache, ".challenges")) == []

    def connect(self, root=None):
        """A TLS connection, verified up to a root if one is given."""
        context = ssl.create_default_context(cafile=root) if root else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if not root:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        plain = socket.create_connection(("127.0.0.1", self.port), WITHIN)
        try:
            return context.wrap_socket(plain, server_hostname=DOMAIN)
        except BaseException:
            plain.close()
            raise

    def presented(self, root=None):
        """The certificate that is served to a new connection, as PEM."""
        with self.connect(root) as connection:
            return ssl.DER_cert_to_PEM_cert(connection.getpeercert(binary_form=True))


class Relay(Served):
    """curfew relay itself."""

    def __init__(self, ca, cache):
        options = ["--domain", DOMAIN, "--cert-cache", cache, "--acme-url", ca.url, "--acme-listen", f"127.0.0.1:{ca.http}"]
        options += ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--log-format", "json"]
        self.start(ca, cache, [curfew_path(), "relay", *options])


def says_hello(connection):
    connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    got = b""
    while not got.endswith(b"hello\n"):
        more = connection.recv(4096)
        assert more, got
        got += more


def leaf(cache):
    """The first certificate of the cache's chain."""
    return read_file(os.path.join(cache, DOMAIN, "cert.pem")).partition("-----END CERTIFICATE-----\n")[0] + "-----END CERTIFICATE-----\n"


def put_certificate(cache, cert, key):
    """A cache with a certificate in it, as uacme lays it out, and with the key of an account that no CA knows."""
    for folder in cache, os.path.join(cache, DOMAIN), os.path.join(cache, "private"), os.path.join(cache, "private", DOMAIN):
        os.mkdir(folder, 0o700)
    shutil.copy(cert, os.path.join(cache, DOMAIN, "cert.pem"))
    shutil.copy(key, os.path.join(cache, "private", DOMAIN, "key.pem"))
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", os.path.join(cache, "private", "key.pem"))


def only_answer(connection, version="1.1"):
    """Status and body of one answer, which has to be the last of its connection."""
    answer = b""
    while more := connection.recv(65536):
        answer += more
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"connection: close" in head.lower() or version == "1.0", head
    return int(head.split()[1]), body.decode()
