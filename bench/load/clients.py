# SPDX-License-Identifier: Apache-2.0
"""The load generators: how each is asked for a load, and what it says of it."""

import dataclasses
import json
import os
import re
import shutil
import subprocess

OPEN_CLIENTS = 10  # connections of h2load, each of which gets a part of the rate


@dataclasses.dataclass
class Place:
    build: str
    scratch: str
    url: str
    seconds: float

    def result(self):
        return os.path.join(self.scratch, "result.json")


@dataclasses.dataclass
class Said:
    """What a client says of its run."""

    answers: int
    rate: float  # answers each second
    failed: int = 0
    lag_us: tuple = ()  # p50, p99, max of how late it has sent, by itself


def curfew(place, *words):
    argv = [os.path.join(place.build, "curfew"), "load", place.url, "--threads", "1"]
    return [*argv, "--duration", milliseconds(place.seconds), "--json", place.result(), *words]


def curfew_closed(place, connections):
    return curfew(place, "--connections", str(connections))


def curfew_open(place, rate):
    return curfew(place, "--rate", str(rate))


def milliseconds(seconds):
    return f"{round(seconds * 1000)}ms"


def curfew_said(place, output):
    with open(place.result(), encoding="utf-8") as file:
        summary = json.load(file)["summary"]
    lag = summary["lag"]
    late = tuple(lag[name] for name in ("p50_us", "p99_us", "max_us"))
    return Said(summary["succeeded"], summary["rate"], summary["failed"], late)


def wrk_closed(place, connections):
    whole = str(max(1, round(place.seconds)))  # it takes no part of a second
    return ["wrk", "-t", "1", "-c", str(connections), "-d", whole + "s", place.url]


def wrk_said(place, output):
    answers = int(re.search(r"(\d+) requests in", output)[1])
    errors = re.search(r"connect (\d+), read (\d+), write (\d+), timeout (\d+)", output)
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", output)
    failed = sum(map(int, errors.groups())) if errors else 0
    rate = float(re.search(r"Requests/sec:\s*([\d.]+)", output)[1])
    return Said(answers, rate, failed + (int(refused[1]) if refused else 0))


def h2load(place, *words):
    argv = ["h2load", "--h1", "-t", "1", "-D", milliseconds(place.seconds)]
    return [*argv, *words, place.url]


def h2load_closed(place, connections):
    return h2load(place, "-c", str(connections))


def h2load_open(place, rate):
    return h2load(place, "-c", str(OPEN_CLIENTS), "--rps", str(rate // OPEN_CLIENTS))


def h2load_said(place, output):
    counts = re.search(r"(\d+) done, (\d+) succeeded, (\d+) failed, (\d+) errored", output)
    rate = float(re.search(r"finished in .*?, ([\d.]+) req/s", output)[1])
    return Said(int(counts[2]), rate, int(counts[3]) + int(counts[4]))


@dataclasses.dataclass
class Client:
    name: str
    program: str
    said: object  # (Place, output) -> Said
    closed: object  # (Place, connections) -> argv
    open: object = None  # (Place, rate) -> argv; none: it has no open loop
    absent: str = ""

    def look(self, build):
        """Finds out whether it is there."""
        if self.program != "curfew":
            self.absent = "" if shutil.which(self.program) else "not installed"
        elif subprocess.run(
            [os.path.join(build, "curfew"), "help", "load"], capture_output=True, check=False
        ).returncode:
            self.absent = "not built"
        return self


CLIENTS = [
    Client("curfew load", "curfew", curfew_said, curfew_closed, curfew_open),
    Client("wrk", "wrk", wrk_said, wrk_closed),
    Client("h2load --h1", "h2load", h2load_said, h2load_closed, h2load_open),
]
