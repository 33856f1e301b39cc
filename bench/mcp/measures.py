# SPDX-License-Identifier: Apache-2.0
"""What a gateway costs, and what its end costs its clients. Each function takes the bench and returns
rows: see table.py."""

import os
import signal
import statistics
import time

import gateways
import processes
from table import Row

SESSIONS, CONNECTIONS = 8, 16
HELD = (20, 200)  # sessions
FLIGHTS = (20, 50)
WAIT_MS = 2000  # what a call takes that is in flight at the signal
EXIT_LIMIT_S = 15
REAP_S = 0.01
OPEN_LIMIT_S = 300


class Stand:
    """A contender that runs in front of a server."""

    def __init__(self, bench, contender, child, before=()):
        self.name = contender.name
        self.bench = bench
        self.place = bench.place(child)
        self.process = gateways.start(contender, self.place, before)
        inside = processes.children(self.process.pid) if before else []
        self.pid = inside[0] if inside else self.process.pid
        self.samples = []

    def clients(self, mode, *numbers):
        """Starts clients."""
        program = os.path.join(self.bench.build, "bench", "mcp", "calls")
        return processes.start([program, mode, str(self.place.port), *map(str, numbers)])

    def said(self, clients, within_s=OPEN_LIMIT_S):
        """The next line of clients, as numbers by their names."""
        words = processes.line(clients, within_s).split()
        if not words:
            raise RuntimeError(f"the clients of {self.name} have failed")
        return dict(zip(words[::2], map(int, words[1::2])))

    def sample(self, mode, *numbers):
        """Runs clients to their end, and keeps what they say, with the gateway's CPU time for a call."""
        before = processes.cpu_ns([self.pid])
        clients = self.clients(mode, *numbers)
        found = self.said(clients)
        processes.finish(clients)
        found["cpu_us"] = (processes.cpu_ns([self.pid]) - before) / 1000 / max(1, found["ok"])
        found["rate"] = found["ok"] * 1e6 / found["us"]
        self.samples.append(found)
        if found["wrong"] or found["ended"]:
            self.bench.progress(f"{self.name}: {found}")

    def median(self, name):
        return statistics.median(sample[name] for sample in self.samples)

    def close(self):
        gateways.end(self.process)


def alternate(bench, stands, what, mode, *numbers):
    """Runs of all in turn, and the other way round in every second round."""
    for stand in stands:
        stand.sample(mode, *numbers[:-1], max(200, numbers[-1] // 10))  # what is compiled when it is hot is
        stand.samples = []
    for number in range(bench.rounds):
        bench.progress(f"{what}, round {number + 1} of {bench.rounds}")
        for stand in stands if number % 2 == 0 else reversed(stands):
            stand.sample(mode, *numbers)


def row(stands, label, values, unit, better):
    """Values with their ratios to the better one of the peers."""
    peers = [value for stand, value in zip(stands, values) if not stand.name.startswith("curfew")]
    base = better(peers) if peers else 0
    ratios = [f"  {value / base:.{2 if value / base >= 0.1 else 3}f}x" if base else "" for value in values]
    return Row(label, [f"{value} {unit}{ratio}" for value, ratio in zip(values, ratios)], ratio=False)


def load_rows(bench, contenders, name, child):
    """Calls and pings, of gateways that all run at the same time."""
    stands = [Stand(bench, contender, child) for contender in contenders]
    try:
        alternate(bench, stands, f"{name}: calls", "rate", SESSIONS, CONNECTIONS, bench.ms)
        rates = [round(stand.median("rate")) for stand in stands]
        cpu = [round(stand.median("cpu_us"), 1) for stand in stands]
        wrong = [sum(s["wrong"] + s["ended"] for s in stand.samples) for stand in stands]
        late = [round(stand.median("p99_us")) for stand in stands]
        alternate(bench, stands, f"{name}: pings", "pings", bench.pings)
        middle, last = ([round(stand.median(key)) for stand in stands] for key in ("p50_us", "p99_us"))
    finally:
        for stand in stands:
            stand.close()
    return [
        row(stands, f"{name}: calls", rates, "/s", max),
        row(stands, "  CPU of the gateway, each", cpu, "us", min),
        row(stands, "  p99 of a call", late, "us", min),
        Row("  wrong or lost", wrong, ratio=False),
        row(stands, f"{name}: ping, p50", middle, "us", min),
        row(stands, "  p99", last, "us", min),
    ]


def echo_rows(bench, contenders):
    return load_rows(bench, contenders, "C echo", [bench.echo])


def everything_rows(bench, contenders):
    return load_rows(bench, contenders, "server-everything", gateways.everything(bench.build))


def resident(pid):
    return processes.field(pid, "status", "VmRSS")


def share(pid):
    return processes.field(pid, "smaps_rollup", "Pss")


def memory_one(bench, contender):
    """Kilobytes of the gateway alone, resident and its share, idle and with sessions; and of a keeper."""
    stand = Stand(bench, contender, [bench.echo])
    held, cells = 0, {}
    try:
        cells["0"] = resident(stand.pid), share(stand.pid)
        for count in HELD:
            clients = stand.clients("hold", count - held)
            held = count
            cells["open"] = stand.said(clients)["open"]
            cells[str(count)] = resident(stand.pid), share(stand.pid)
            keepers = gateways.family(stand.pid).keepers
            cells["keeper"] = [round(statistics.mean(map(of, keepers))) if keepers else "-" for of in (resident, share)]
            bench.clients.append(clients)
    finally:
        stand.close()
        for clients in bench.clients:
            processes.kill(clients)
        bench.clients.clear()
    return cells


def memory_rows(bench, contenders):
    cells = []
    for contender in contenders:
        bench.progress(f"{HELD[-1]} sessions: {contender.name}")
        cells.append(memory_one(bench, contender))
    rows = []
    for count in (0, *HELD):
        name = f"{count} sessions" if count else "idle"
        both = [cell[str(count)] for cell in cells]
        rows.append(row(contenders, f"memory, {name}", [one[0] for one in both], "kB", min))
        rows.append(row(contenders, "  its share (PSS)", [one[1] for one in both], "kB", min))
    rows.append(Row("a keeper, resident", [cell["keeper"][0] for cell in cells], "kB", ratio=False))
    rows.append(Row("  its share (PSS)", [cell["keeper"][1] for cell in cells], "kB", ratio=False))
    opened = [cell["open"] for cell in cells]
    return [*rows, row(contenders, f"a session opened, of {HELD[-1]}", opened, "us", min)]


def exit_after(pid, limit_s):
    """TERM; the seconds until the exit, None if it does not come. Orphans are reaped meanwhile, as an
    init would do: a gateway that asks whether its server's process group is there sees zombies too."""
    fd = os.pidfd_open(pid)
    began = time.monotonic()
    os.kill(pid, signal.SIGTERM)
    exited = False
    while not exited and time.monotonic() - began < limit_s:
        exited = processes.readable(fd, REAP_S)
        processes.reap_adopted()
    took = time.monotonic() - began
    os.close(fd)
    return took if exited else None


def seconds(times):
    """The median of some times to the exit, and the longest."""
    texts = [f"> {EXIT_LIMIT_S}" if took is None else f"{took:.2f}" for took in times]
    order = sorted(range(len(times)), key=lambda i: EXIT_LIMIT_S if times[i] is None else times[i])
    middle, last = texts[order[(len(times) - 1) // 2]], texts[order[-1]]
    return f"{middle} s" if len(times) == 1 else f"{middle}, {last} s"


def exit_one(bench, contender, is_connected):
    stand = Stand(bench, contender, [bench.echo], bench.pid1)
    clients = stand.clients("hold", 1)
    try:
        stand.said(clients)
        if not is_connected:
            processes.kill(clients)
        return exit_after(stand.pid, EXIT_LIMIT_S)
    finally:
        processes.kill(clients)
        stand.close()


def exit_rows(bench, contenders):
    """The end with an idle session, as PID 1 of a container is ended."""
    if not bench.pid1:
        return [Row("exit as PID 1", ["needs root"] * len(contenders))]
    rows = []
    for is_connected, label in ((False, "exit as PID 1, a session idle"), (True, "  its client connected")):
        cells = []
        for contender in contenders:
            bench.progress(f"{label.strip()}: {contender.name}")
            times = [exit_one(bench, contender, is_connected) for _ in range(bench.rounds)]
            cells.append(seconds(times))
        rows.append(Row(label, cells, ratio=False))
    return rows


def await_marks(path, count):
    """Until this many calls have reached their servers."""
    deadline = time.monotonic() + 30
    while not os.path.exists(path) or os.path.getsize(path) < count:
        if time.monotonic() > deadline:
            raise RuntimeError("the calls do not reach the servers")
        time.sleep(0.002)


def flight_one(bench, contender, count):
    """What becomes of calls in flight at TERM, one of each session: (answered, the rest in words, exit)."""
    marks = os.path.join(bench.scratch, f"marks-{next(bench.numbers)}")
    stand = Stand(bench, contender, [bench.echo, marks])
    try:
        clients = stand.clients("flight", count, WAIT_MS)
        processes.line(clients, OPEN_LIMIT_S)
        await_marks(marks, count)
        took = exit_after(stand.pid, EXIT_LIMIT_S)
        found = stand.said(clients)
        processes.finish(clients)
    finally:
        stand.close()
    other = ", ".join(f"{found[name]} {name}" for name in ("error", "empty", "ended") if found[name])
    return f"{found['answered']}{f' ({other})' if other else ''}", took


def flight_rows(bench, contenders):
    rows = []
    for count in FLIGHTS:
        cells = []
        for contender in contenders:
            bench.progress(f"{count} calls in flight: {contender.name}")
            cells.append(flight_one(bench, contender, count))
        rows.append(Row(f"answered, of {count} in flight", [cell[0] for cell in cells], ratio=False))
        rows.append(Row("  exit after TERM", [seconds([cell[1]]) for cell in cells], ratio=False))
    return rows


STEPS = {
    "echo": echo_rows,
    "everything": everything_rows,
    "memory": memory_rows,
    "exit": exit_rows,
    "flight": flight_rows,
}
