# SPDX-License-Identifier: Apache-2.0
"""What a relay costs, and what its end costs its peers. Each function takes the bench and the contenders and
returns rows: see table.py."""

import dataclasses
import os
import signal
import statistics
import subprocess
import time

import processes
import relays
import servers
from table import Row

LIMIT, WS = "limit", "ws"  # how the names of those two begin
STALLED = 10
OPEN_S = 120
RUN_S = 60
EXIT_S = 20


@dataclasses.dataclass
class Load:
    """Who sends what to whom: see pump.c."""

    name: str
    direction: str
    servers: int
    clients: int  # of each
    depth: int


LOADS = [
    Load("one by one", "up", 64, 1, 1),
    Load("16 deep", "up", 16, 1, 16),
    Load("1:16", "down", 4, 16, 1),
]
SIZES = {128: "128 B", 4096: "4 kB"}


class Stand:
    """A relay that runs."""

    def __init__(self, bench, contender):
        self.name = contender.name
        self.bench = bench
        self.port = servers.free_ports(1)[0]
        self.process = relays.start(contender, bench.build, self.port)
        self.peers = None
        self.samples = []

    def start(self, program, *words):
        """Starts its peers, and waits until they are connected."""
        path = os.path.join(self.bench.build, "bench", "relay", program)
        self.peers = processes.start([path, *map(str, words)], stdin=subprocess.PIPE)
        said = processes.line(self.peers, OPEN_S)
        if said != "open":
            raise RuntimeError(f"{self.name}: {program}: {said or 'it says nothing'}")

    def family(self):
        return [self.process.pid, *processes.descendants(self.process.pid)]

    def sample(self, ms):
        """One run of the load, with the relay's CPU time."""
        before = processes.cpu_ns(self.family())
        self.peers.stdin.write(b"run %d\n" % ms)
        self.peers.stdin.flush()
        words = processes.line(self.peers, RUN_S).split()
        if words[:1] != ["forwarded"]:
            raise RuntimeError(f"{self.name}: {' '.join(words) or 'its peers say nothing'}")
        found = dict(zip(words[::2], map(int, words[1::2])))
        found["cpu_us"] = (processes.cpu_ns(self.family()) - before) / 1000 / found["forwarded"]
        found["own_us"] = found["cpu"] / 1000 / found["forwarded"]
        found["rate"] = found["forwarded"] * 1e9 / found["ns"]
        self.samples.append(found)

    def median(self, name):
        return statistics.median(sample[name] for sample in self.samples)

    def ratio(self, other, name):
        """Of the same rounds, which had the same neighbours."""
        pairs = zip(self.samples, other.samples)
        return statistics.median(a[name] / b[name] for a, b in pairs)

    def stop_peers(self):
        if self.peers:
            processes.kill(self.peers)
            self.peers = None

    def close(self):
        self.stop_peers()
        relays.end(self.process)


def alternate(bench, stands, name):
    """Runs of all in turn, and the other way round in every second round."""
    for stand in stands:
        stand.samples = []
        stand.sample(bench.ms)  # what is compiled when it is hot is
        stand.samples = []
    for number in range(bench.rounds):
        bench.progress(f"{name}, round {number + 1} of {bench.rounds}")
        for stand in stands if number % 2 == 0 else reversed(stands):
            stand.sample(bench.ms)


def named(stands, name):
    return next((stand for stand in stands if stand.name.startswith(name)), None)


def against(stands, base, name, places):
    """A median of each, with its ratio to one of them."""
    cells = []
    for stand in stands:
        text = f"{stand.median(name):.{places}f}"
        if base and stand is not base:
            text += f"  {stand.ratio(base, name):.2f}x"
        cells.append(text)
    return cells


def times(stand, base, name):
    return f"{base.ratio(stand, name):.1f}x" if base and stand is not base else "-"


def cost_rows(stands, name):
    limit, ws = named(stands, LIMIT), named(stands, WS)
    late = [f"{s.median('p50') / 1000:.0f} {s.median('p99') / 1000:.0f}" for s in stands]
    return [
        Row(f"{name}: CPU, us", against(stands, limit, "cpu_us", 2)),
        Row("  fewer than ws", [times(stand, ws, "cpu_us") for stand in stands]),
        Row("  messages, 1/s", against(stands, limit, "rate", 0)),
        Row("  there and back, p50 p99, us", late),
        Row("  CPU of the peers, us", [f"{stand.median('own_us'):.2f}" for stand in stands]),
    ]


def load_rows(bench, contenders, load, size):
    """Messages between peers of relays that all run at the same time, in turn."""
    name = f"{load.name}, {SIZES[size]}"
    stands = [Stand(bench, contender) for contender in contenders]
    try:
        for stand in stands:
            stand.start("pump", load.direction, stand.port, load.servers, load.clients, load.depth, size)
        alternate(bench, stands, name)
        if bench.samples:
            for stand in stands:
                values = " ".join(f"{sample['cpu_us']:.2f}" for sample in stand.samples)
                bench.progress(f"{name}: {stand.name}: us {values}")
        return cost_rows(stands, name)
    finally:
        for stand in stands:
            stand.close()


def forward_rows(bench, contenders):
    rows = []
    for size in SIZES:
        for load in LOADS:
            rows += load_rows(bench, contenders, load, size)
    return rows


def resident(stand):
    return sum(processes.field(pid, "status", "VmRSS") for pid in stand.family())


def idle_one(bench, contender):
    """Bytes of a connection over which one message has gone and come."""
    stand = Stand(bench, contender)
    try:
        stand.start("hold", stand.port, 500, 0)  # what the first ones need is there for all
        stand.stop_peers()
        before = resident(stand)
        stand.start("hold", stand.port, bench.idle, 0)
        return round((resident(stand) - before) * 1024 / bench.idle)
    finally:
        stand.close()


def idle_rows(bench, contenders):
    cells = []
    for contender in contenders:
        bench.progress(f"{bench.idle} idle connections: {contender.name}")
        cells.append(idle_one(bench, contender))
    return [Row(f"memory of one of {bench.idle} idle", cells, "B", ratio=False)]


def end_one(bench, contender):
    """What the peers hear at the end: counts, seconds to the last 1001, seconds to the exit."""
    stand = Stand(bench, contender)
    try:
        stand.start("hold", stand.port, bench.drained, STALLED)
        began = time.monotonic_ns()
        os.kill(stand.process.pid, signal.SIGTERM)
        exited = processes.ended([stand.process], time.monotonic() + EXIT_S)[0]
        words = processes.line(stand.peers, 1).split()
        found = dict(zip(words[1::2], map(int, words[2::2])))
        last = (found["last"] - began) / 1e9 if found.get("clean") else None
        return found, last, exited and exited - began / 1e9
    finally:
        stand.close()


def seconds(took, most):
    return f"{took:.2f} s" if took else f"> {most} s"


def end_rows(bench, contenders):
    found = []
    for contender in contenders:
        bench.progress(f"the end of {bench.drained} connections: {contender.name}")
        found.append(end_one(bench, contender))
    counts = {name: [one[0].get(name, "-") for one in found] for name in ("clean", "other", "missed")}
    return [
        Row(f"{bench.drained} and {STALLED} stalled: 1001", counts["clean"], ratio=False),
        Row("  another code, none", [f"{o} {m}" for o, m in zip(counts["other"], counts["missed"])]),
        Row("  the last 1001 after", [seconds(one[1], EXIT_S) for one in found]),
        Row("  exit after", [seconds(one[2], EXIT_S) for one in found]),
    ]


STEPS = {"forward": forward_rows, "idle": idle_rows, "end": end_rows}
