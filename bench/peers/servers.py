# SPDX-License-Identifier: Apache-2.0
"""The servers that bench/drain and bench/gate measure, each told to do the same: a kind of server is
a function from a Place to the words that start it. What they have to do beyond a plain reverse
proxy is what curfew gate does: connections kept to both sides, Host unchanged, X-Forwarded-For and
X-Forwarded-Proto added, no log."""

import dataclasses
import os
import shutil
import signal
import socket
import subprocess
import time

import processes

READY_S = 10
HERE = os.path.dirname(os.path.abspath(__file__))
CONNECTIONS = 12000  # more than any measure opens


@dataclasses.dataclass
class Place:
    """Where a server stands, and what it gets."""

    build: str
    scratch: str  # a directory of its own
    port: int
    upstream: int = 0  # the port of the service behind it
    threads: int = 2
    tls: bool = False  # with `certificate` below
    certificate: str = ""  # the prefix of .crt, .key and .pem
    grace_s: int = 10

    def program(self, *names):
        return os.path.join(self.build, *names)

    def file(self, name, text):
        path = os.path.join(self.scratch, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path


def backend(place):
    return [place.program("bench", "peers", "backend"), str(place.port)]


def node(place):
    return ["node", os.path.join(HERE, "closing.js"), str(place.port)]


def gate(place, *words):
    argv = [place.program("curfew"), "gate", "--listen", f"127.0.0.1:{place.port}"]
    argv += ["--threads", str(place.threads), "--grace", f"{place.grace_s}s"]
    argv += ["--max-connections", str(CONNECTIONS)]
    if place.tls:
        argv += ["--tls-cert", place.certificate + ".crt", "--tls-key", place.certificate + ".key"]
    return argv + list(words)


def gate_proxy(place):
    return gate(place, "--upstream", f"http://127.0.0.1:{place.upstream}")


def gate_parent(place):
    """With the service as its child."""
    service = dataclasses.replace(place, port=place.upstream)
    return [*gate_proxy(place), "--", *backend(service)]


def gate_respond(place):
    return gate(place, "--respond", "200")


NGINX = """
daemon off;
user root;
worker_processes {threads};
worker_rlimit_nofile 20000;
pid {scratch}/nginx.pid;
error_log /dev/null;
events {{
    worker_connections {connections};
}}
http {{
    access_log off;
    default_type text/plain;
    keepalive_requests 1000000000;
    keepalive_timeout 75s;
    client_body_temp_path {scratch}/body;
    proxy_temp_path {scratch}/proxy;
    fastcgi_temp_path {scratch}/fastcgi;
    uwsgi_temp_path {scratch}/uwsgi;
    scgi_temp_path {scratch}/scgi;
    upstream service {{
        server 127.0.0.1:{upstream};
        keepalive 256;
        keepalive_requests 1000000000;
    }}
    server {{
        listen 127.0.0.1:{port} backlog=4096{listen};
        {certificate}
        location / {{
            {answer}
        }}
        location /events {{
            proxy_buffering off;
            {answer}
        }}
    }}
}}
"""

NGINX_PROXY = """proxy_pass http://service;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $scheme;"""

NGINX_ANSWER = 'return 200 "%s";' % ("0123456789abcdef" * 8)


def nginx(place, answer, reuseport):
    """Each worker with a listener of its own (reuseport), or one that they share."""
    listen = (" ssl" if place.tls else "") + (" reuseport" if reuseport else "")
    certificate = ""
    if place.tls:
        certificate = (
            f"ssl_certificate {place.certificate}.crt; ssl_certificate_key {place.certificate}.key;"
            " ssl_protocols TLSv1.2 TLSv1.3;"
        )
    text = NGINX.format(
        threads=place.threads,
        scratch=place.scratch,
        connections=CONNECTIONS,
        upstream=place.upstream or 1,
        port=place.port,
        listen=listen,
        certificate=certificate,
        answer=answer,
    )
    path = place.file("nginx.conf", text)
    return ["nginx", "-p", place.scratch, "-e", "/dev/null", "-c", path]


def nginx_proxy(place):
    return nginx(place, NGINX_PROXY, False)


def nginx_proxy_reuseport(place):
    return nginx(place, NGINX_PROXY, True)


def nginx_itself(place):
    return nginx(place, NGINX_ANSWER, False)


def nginx_itself_reuseport(place):
    return nginx(place, NGINX_ANSWER, True)


HAPROXY = """
global
    nbthread {threads}
    maxconn {connections}
    no strict-limits
    tune.ssl.default-dh-param 2048
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    option http-keep-alive
    http-reuse always
frontend front
    bind 127.0.0.1:{port} backlog 4096{bind}
    {answer}
backend service
    option forwardfor
    http-request set-header X-Forwarded-Proto {scheme}
    server service 127.0.0.1:{upstream}
"""


def haproxy(place, answer):
    text = HAPROXY.format(
        threads=place.threads,
        connections=CONNECTIONS,
        port=place.port,
        bind=f" ssl crt {place.certificate}.pem alpn http/1.1" if place.tls else "",
        answer=answer,
        scheme="https" if place.tls else "http",
        upstream=place.upstream or 1,
    )
    return ["haproxy", "-db", "-q", "-f", place.file("haproxy.cfg", text)]


def haproxy_proxy(place):
    return haproxy(place, "default_backend service")


def haproxy_itself(place):
    body = "0123456789abcdef" * 8
    return haproxy(place, f'http-request return status 200 content-type text/plain string "{body}"')


@dataclasses.dataclass
class Contender:
    name: str
    words: object  # Place -> argv
    stop: int  # the signal that asks for its graceful end
    program: str  # what has to be there
    role: str = "proxy"  # or "parent" (starts the service itself), "itself"
    absent: str = ""

    def look(self, build):
        """Finds out whether it is there."""
        if self.program != "curfew":
            self.absent = "" if shutil.which(self.program) else "not installed"
        elif not os.access(os.path.join(build, "curfew-net"), os.X_OK):
            self.absent = "not built"
        return self


GATE = ("curfew", signal.SIGTERM)
VERSIONS = {"nginx": ["nginx", "-v"], "haproxy": ["haproxy", "-v"], "node": ["node", "--version"]}


def version(program):
    """The first line that a program says of its version."""
    try:
        output = subprocess.run(
            VERSIONS[program],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ).stdout
    except OSError:
        return f"no {program}"
    line = (output.strip().splitlines() or [""])[0].removeprefix("nginx version: ")
    return line.split(" 20")[0] if program in line.lower() else f"{program} {line}"


def free_ports(count):
    """Ports on which nobody listens at the moment, below those that the kernel hands out itself."""
    found = []
    port = 20000 + os.getpid() % 5000
    while len(found) < count:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
                found.append(port)
            except OSError:
                pass
        port += 1
    return found


def certificate(scratch):
    """Makes a certificate for the loopback; returns the prefix of its files."""
    prefix = os.path.join(scratch, "loopback")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
         "subjectAltName=DNS:localhost,IP:127.0.0.1",
         "-keyout", prefix + ".key", "-out", prefix + ".crt"],
        check=True,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    with open(prefix + ".pem", "w", encoding="utf-8") as whole:
        for end in (".crt", ".key"):
            with open(prefix + end, encoding="utf-8") as part:
                whole.write(part.read())
    return prefix


def await_answer(place, process):
    """Returns once a server answers a request with 200; raises if it does not, or ends."""
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with socket.create_connection(("127.0.0.1", place.port), timeout=1) as probe:
                if place.tls:  # its listener is there: the first handshake will tell
                    return
                probe.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                if b" 200 " in probe.recv(4096).split(b"\r\n")[0]:
                    return
        except OSError:
            pass
        time.sleep(0.005)
    raise RuntimeError(f"no answer from {' '.join(process.args)}")


def start(words, place):
    """Starts a server and waits until it answers; returns its process."""
    os.makedirs(place.scratch, exist_ok=True)
    process = processes.start(words(place))
    await_answer(place, process)
    return process


def family(process):
    """The pids of a server: its own and those of its workers."""
    return [process.pid, *processes.descendants(process.pid)]
