# SPDX-License-Identifier: Apache-2.0
"""What a reverse proxy costs. Each function takes the bench and returns rows: see table.py."""

import os
import re
import signal
import statistics
import subprocess
import time

import processes
import servers
from table import Row

CONNECTIONS = 64
IDLE_GRACE_S = 1  # of a kept connection when curfew gate drains
DRAIN_LIMIT_S = 20


class Sample:
    """One run of wrk against one server."""

    def __init__(self, output, cpu_ns):
        found = re.search(r"(\d+) requests in ([\d.]+)(m?s|m)", output)
        self.requests = int(found[1])
        self.rate = float(re.search(r"Requests/sec:\s*([\d.]+)", output)[1])
        self.cpu_us = cpu_ns / 1000 / max(1, self.requests)
        self.faults = re.findall(r"Socket errors: (.*)|Non-2xx or 3xx responses: (\d+)", output)


def wrk(bench, place, fresh, seconds):
    """Asks a server for as much as it gives; returns what wrk prints."""
    url = f"{'https' if place.tls else 'http'}://127.0.0.1:{place.port}/"
    argv = ["wrk", "-t", str(bench.threads), "-c", str(CONNECTIONS), "-d", f"{seconds}s", url]
    if fresh:
        argv += ["-H", "Connection: close"]
    process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    processes.own[process.pid] = process
    output = process.stdout.read()
    processes.finish(process)
    return output


class Stand:
    """A contender that runs, and what was measured of it."""

    def __init__(self, bench, contender, tls=False):
        self.name = contender.name
        self.place = bench.place(tls)
        self.process = servers.start(contender.words, self.place)
        self.samples = []

    def sample(self, bench, fresh):
        pids = servers.family(self.process)
        before = processes.cpu_ns(pids)
        output = wrk(bench, self.place, fresh, bench.seconds)
        self.samples.append(Sample(output, processes.cpu_ns(pids) - before))

    def median(self, field):
        return statistics.median(getattr(sample, field) for sample in self.samples)

    def close(self):
        left = processes.descendants(self.process.pid)
        processes.kill(self.process)
        processes.signal_all(left, signal.SIGKILL)
        processes.reap_adopted()


def alternate(bench, stands, name, fresh):
    """Runs of all in turn, and the other way round in every second round."""
    for stand in stands:
        stand.samples = []
        wrk(bench, stand.place, fresh, 1)  # connections to the service, caches
    for number in range(bench.rounds):
        bench.progress(f"{name}, round {number + 1} of {bench.rounds}")
        for stand in stands if number % 2 == 0 else reversed(stands):
            stand.sample(bench, fresh)
    for stand in stands:
        for sample in stand.samples:
            if sample.faults:
                bench.progress(f"{name}: {stand.name}: {sample.faults}")


def paired(stands, peers, field, better):
    """Each one's median, and that of its ratio to the better peer in the same round: both had the same
    neighbours then."""
    best = better((stands[i] for i in peers), key=lambda stand: stand.median(field), default=None)
    cells = []
    for stand in stands:
        text = f"{stand.median(field):.{0 if field == 'rate' else 2}f}"
        if best:
            pairs = zip(stand.samples, best.samples)
            ratio = statistics.median(getattr(a, field) / getattr(b, field) for a, b in pairs)
            text += f"  {ratio:.2f}x"
        cells.append(text)
    return cells


def cost_rows(bench, stands, name, against):
    """The rows of one kind of load. against: to the better one of these the ratios are."""
    peers = [i for i, stand in enumerate(stands) if stand.name in against]
    if bench.samples:
        for stand in stands:
            values = " ".join(f"{sample.cpu_us:.2f}" for sample in stand.samples)
            bench.progress(f"{name}: {stand.name}: us {values}")
    return [
        Row(f"{name}: CPU, us", paired(stands, peers, "cpu_us", min)),
        Row(f"{name}: rate, 1/s", paired(stands, peers, "rate", max)),
    ]


def load_rows(bench, contenders, name, tls, against):
    """Kept and fresh connections, of servers that all run at the same time."""
    stands = [Stand(bench, contender, tls) for contender in contenders]
    rows = []
    try:
        for kind, fresh in (("kept", False), ("fresh", True)):
            label = f"{name}, {kind}"
            alternate(bench, stands, label, fresh)
            rows += cost_rows(bench, stands, label, against)
    finally:
        for stand in stands:
            stand.close()
    return rows


def idle_memory(pids):
    return sum(processes.field(pid, "status", "VmRSS") for pid in pids)


def idle_one(bench, contender, tls):
    """Bytes of an idle connection, the seconds of the end with all of them, and how many it ended
    in order."""
    stand = Stand(bench, contender, tls)
    try:
        wrk(bench, stand.place, False, 1)
        pids = servers.family(stand.process)
        before = idle_memory(pids)
        words = [os.path.join(bench.build, "bench", "gate", "idle"), "tls" if tls else "plain"]
        clients = processes.start([*words, str(stand.place.port), str(bench.idle)])
        said = processes.line(clients, 120)
        if said != "open":
            bench.progress(f"{contender.name}: {said}")
            return ["fails"] * 3
        each = round((idle_memory(pids) - before) * 1024 / bench.idle)
        began = time.monotonic()
        os.kill(stand.process.pid, contender.stop)
        exited = processes.ended([stand.process], began + DRAIN_LIMIT_S)[0]
        words = processes.line(clients, 5).split() if exited else []
        ended = int(words[1]) if words else "-"
        processes.kill(clients)
    finally:
        stand.close()
    return [each, round(exited - began, 2) if exited else f"> {DRAIN_LIMIT_S} s", ended]


def idle_rows(bench, contenders, tls):
    name = "TLS, idle" if tls else "idle"
    cells = []
    for contender in contenders:
        bench.progress(f"{bench.idle} connections, {name}: {contender.name}")
        cells.append(idle_one(bench, contender, tls))
    memory, took, ended = ([cell[i] for cell in cells] for i in range(3))
    return [
        Row(f"{name}: memory each", memory, "B", ratio=False),
        Row(f"{name}: exit with {bench.idle}", took, "s", ratio=False),
        Row("  ended in order", ended, ratio=False),
    ]
