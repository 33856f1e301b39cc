# SPDX-License-Identifier: Apache-2.0
"""A serving command as a process: curfew gate --respond, which needs no upstream, and what it logs."""

import http.client
import json
import os
import re
import shlex
import signal
import socket

from harness import *

FIELD = re.compile(r'([a-z_]+)=("(?:[^"\\]|\\.)*"|\S*)')


def environment(**more):
    """Ours without what changes presets."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("CURFEW_", "KUBERNETES_", "LISTEN_", "NOTIFY_"))}
    return {**kept, **more}


def parsed(line):
    """The fields of a line of the log."""
    if line.startswith("{"):
        return json.loads(line)
    return {key: json.loads(value) if value.startswith('"') else value for key, value in FIELD.findall(line)}


def serving(options="", *command, wrap=lambda argv: argv, **more):
    """Starts one on a port that the kernel chooses; nothing is waited for."""
    more.setdefault("env", environment())
    arguments = ["gate", "--respond", "200", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--threads", "2"]
    return start(wrap([curfew_path(), *arguments, *shlex.split(options), *command]), **more)


def event(process, name, within=WITHIN):
    """Reads the log up to an event; returns its fields."""
    deadline = now() + within
    while True:
        line = parsed(process.err.line(deadline - now()))
        if line["event"] == name:
            return line


class Served:
    """One that is ready."""

    def __init__(self, options="", **more):
        self.process = serving(options, **more)
        self.started = event(self.process, "started")
        self.ready = event(self.process, "ready")
        self.port = port_of(self.started["listen"])
        self.admin = port_of(self.started["admin"])

    def get(self, path="/"):
        return status(self.port, path)

    def connect(self, sends=b""):
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=WITHIN)
        connection.sendall(sends)
        return connection

    def rest(self, within=WITHIN):
        """The events up to the end of the log."""
        return [parsed(line) for line in self.process.err.rest(within).decode().splitlines()]

    def end(self, code=0):
        """Waits for the end; returns what was logged until then."""
        events = self.rest()
        assert self.process.wait() == code, events
        assert_no_survivors()
        return events


def port_of(address):
    return int(address.rpartition(":")[2])


def status(port, path="/"):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=WITHIN)
    connection.request("GET", path, headers={"Connection": "close"})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status


def named(events, name):
    return [each for each in events if each["event"] == name]
