# SPDX-License-Identifier: Apache-2.0
"""The relays that bench/relay measures: curfew's, one of about 40 lines on npm's ws, and the limit, which
forwards and does nothing else."""

import dataclasses
import os
import signal
import socket
import subprocess
import time

import packages
import processes

HERE = os.path.dirname(os.path.abspath(__file__))
WS = os.path.join(os.path.dirname(HERE), "peers", "relay-ws")
CONNECTIONS = 16000
READY_S = 10


def install(build):
    """Returns what is wrong, or nothing."""
    return packages.install(build, "bench-relay", WS)


def limit(build, port):
    return [os.path.join(build, "bench", "peers", "relay_limit"), str(port)]


def ws(_build, port):
    return ["node", os.path.join(WS, "relay.js"), str(port)]


def curfew(build, port, threads=1):
    words = [os.path.join(build, "curfew"), "relay", "--listen", f"127.0.0.1:{port}"]
    words += ["--threads", str(threads), "--rate-limit", "0", "--max-connections", str(CONNECTIONS)]
    return words + ["--log-level", "error"]


def curfew_two(build, port):
    return curfew(build, port, 2)


@dataclasses.dataclass
class Contender:
    name: str
    words: object  # build, port -> argv
    absent: str = ""

    def look(self, build, trouble):
        """Finds out whether it is there; trouble: why npm's ws is not."""
        if self.words is ws:
            self.absent = trouble
        elif self.words is not limit:
            asked = [os.path.join(build, "curfew"), "help", "relay"]
            there = os.access(os.path.join(build, "curfew-net"), os.X_OK)
            there = there and not subprocess.run(asked, capture_output=True).returncode
            self.absent = "" if there else "not built"
        return self


def listens(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False


def start(contender, build, port):
    """Starts a relay and waits until it listens; returns its process."""
    words = contender.words(build, port)
    process = processes.start(words, NODE_PATH=packages.modules(build, "bench-relay"))
    deadline = time.monotonic() + READY_S
    while not listens(port):
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"no answer from {' '.join(words)}")
        time.sleep(0.01)
    return process


def end(process):
    left = processes.descendants(process.pid)
    processes.kill(process)
    processes.signal_all(left, signal.SIGKILL)
    processes.reap_adopted()
