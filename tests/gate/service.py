# SPDX-License-Identifier: Apache-2.0
"""The origin of a test: as a process of the test, or as the command that the gate starts."""

import json
import os
import signal
import socket
import sys
from pathlib import Path

from harness import WITHIN, now, read_file, start, temporary, until
from ports import free_port

PROGRAM = str(Path(__file__).resolve().parent / "origin.py")
names = iter(range(1, 1000000))


class Origin:
    """origin.py, and the events that it has written."""

    def __init__(self, options="", address=None, port=None):
        number = next(names)
        self.port = port or free_port()
        self.address = address or self.port
        self.url = f"http://unix:{address}" if address else f"http://127.0.0.1:{self.port}"
        self.path = temporary(f"events-{number}")
        self.counter = temporary(f"count-{number}")
        self.process = None
        self.argv = [sys.executable, "-B", PROGRAM, str(self.address), "--events", self.path, "--count", self.counter]
        self.argv += [word.format(temporary=temporary("")) for word in options.split()]

    def start(self):
        self.process = start(self.argv)
        self.ready()
        return self

    def quiet(self):
        """Without events, for much traffic; for the start they cannot be waited for then."""
        at = self.argv.index("--events")
        del self.argv[at : at + 2]
        return self

    def ready(self):
        if "--events" in self.argv:
            self.event("start")
        else:
            until(self.accepts, "the origin listens")
        return self

    def accepts(self):
        family = socket.AF_UNIX if isinstance(self.address, str) else socket.AF_INET
        with socket.socket(family) as probe:
            address = self.address if isinstance(self.address, str) else ("127.0.0.1", self.address)
            return probe.connect_ex(address) == 0

    def pid(self):
        """Of whoever started it last."""
        return self.event("start", last=True)["pid"]

    def release(self):
        os.kill(self.pid(), signal.SIGUSR1)

    def hold(self):
        os.kill(self.pid(), signal.SIGUSR2)

    def kill(self):
        os.kill(self.pid(), signal.SIGKILL)
        if self.process:
            self.process.wait()

    def events(self, name=None, **fields):
        """Those of a name, with these fields (a path may be the beginning of one)."""
        lines = read_file(self.path).split("\n")[:-1]
        found = [event for event in map(json.loads, lines) if name in (None, event["event"])]
        return [event for event in found if all(fits(event.get(key), value) for key, value in fields.items())]

    def event(self, name, within=WITHIN, count=1, last=False, **fields):
        """Waits for an event, or for so many; returns the first, or the last."""
        deadline = now() + within
        found = []
        try:
            until(lambda: len(found := self.events(name, **fields)) >= count, "", within=within)
        except AssertionError:
            told = "\n".join(str(event)[:300] for event in self.events())
            raise AssertionError(f"the origin has not seen {name} {fields} {count} times within {within} s; but:\n{told}") from None
        assert now() <= deadline + WITHIN
        found = self.events(name, **fields)
        return found[-1] if last else found[0]

    def requests(self, path=""):
        return self.events("request", path=path)

    def counted(self):
        """How many side effects there were."""
        return os.path.getsize(self.counter) if os.path.exists(self.counter) else 0


def fits(have, want):
    return have.startswith(want) if isinstance(have, str) and isinstance(want, str) else have == want
