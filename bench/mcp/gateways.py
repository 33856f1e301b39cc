# SPDX-License-Identifier: Apache-2.0
"""The gateways that bench/mcp measures, each in front of the same MCP server on stdio. The peers are npm
packages of the versions that npm/package-lock.json names."""

import dataclasses
import os
import shlex
import socket
import subprocess
import time

import packages
import processes

HERE = os.path.dirname(os.path.abspath(__file__))
PINNED = os.path.join(HERE, "npm")
READY_S = 20
GRACE_S = 10


def modules(build):
    return packages.modules(build, "bench-mcp")


def install(build):
    """Returns what is wrong, or nothing."""
    return packages.install(build, "bench-mcp", PINNED)


@dataclasses.dataclass
class Place:
    """Where a gateway stands, and the server behind it."""

    build: str
    port: int
    child: list  # its words

    def module(self, *names):
        return os.path.join(modules(self.build), *names)


def everything(build):
    path = os.path.join(modules(build), "@modelcontextprotocol", "server-everything")
    return ["node", os.path.join(path, "dist", "index.js"), "stdio"]


def supergateway(place):
    words = ["node", place.module("supergateway", "dist", "index.js")]
    words += ["--stdio", shlex.join(place.child), "--outputTransport", "streamableHttp"]
    return words + ["--stateful", "--logLevel", "none", "--port", str(place.port)]


def mcp_proxy(place):
    words = ["node", place.module("mcp-proxy", "dist", "bin", "mcp-proxy.mjs")]
    words += ["--server", "stream", "--host", "127.0.0.1", "--port", str(place.port)]
    return words + ["--", *place.child]


def curfew(place):
    words = [os.path.join(place.build, "curfew"), "mcp", "--listen", f"127.0.0.1:{place.port}"]
    words += ["--grace", f"{GRACE_S}s", "--max-sessions", "1000", "--log-level", "error"]
    return words + ["--", *place.child]


@dataclasses.dataclass
class Contender:
    name: str
    words: object  # Place -> argv
    package: str = ""  # of npm; none: curfew
    absent: str = ""

    def look(self, build, trouble):
        """Finds out whether it is there; trouble: why no package is."""
        if self.package:
            self.absent = trouble
        elif not os.access(os.path.join(build, "curfew-net"), os.X_OK):
            self.absent = "not built"
        elif subprocess.run([os.path.join(build, "curfew"), "help", "mcp"], capture_output=True).returncode:
            self.absent = "not built"
        return self


def answers(port):
    """Whether it answers anything, a GET of a path that it has not got for example."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as probe:
            probe.settimeout(READY_S)
            probe.sendall(b"GET /none HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            return probe.recv(64).startswith(b"HTTP/1.1 ")
    except OSError:
        return False


def start(contender, place, before=()):
    """Starts a gateway, with words before it, and waits until it answers; returns its process. Its
    input stays open: a peer takes the end of that for the end of everything."""
    process = processes.start([*before, *contender.words(place)], stdin=subprocess.PIPE)
    deadline = time.monotonic() + READY_S
    while not answers(place.port):
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"no answer from {' '.join(process.args)}")
        time.sleep(0.01)
    return process


def end(process):
    left = processes.descendants(process.pid)
    processes.kill(process)
    processes.signal_all(left, 9)
    processes.reap_adopted()


@dataclasses.dataclass
class Family:
    """The processes of a gateway: itself, the keepers of its children, and the children."""

    gateway: int
    keepers: list
    children: list


def family(pid):
    keepers, children = [], []
    for other in processes.descendants(pid):
        name = processes.read(other, "comm").strip()
        (keepers if name.startswith("curfew") else children).append(other)
    return Family(pid, keepers, children)
