# SPDX-License-Identifier: Apache-2.0
"""What a call costs in each host of the same function, and how each ends. Each function takes the bench and returns
rows: see table.py."""

import dataclasses
import http.client
import json
import os
import re
import signal
import statistics
import threading
import time

import processes
from table import Row

HERE = os.path.dirname(os.path.abspath(__file__))
CONNECTIONS = 32
TEXT = "the graceful end of a process is the whole of what this function is asked about " * 4
BODY = json.dumps({"text": TEXT, "least": 3})
HELD = 32  # calls in flight at TERM
HELD_MS = 3000
READY_S = 20
EXIT_LIMIT_S = 40


def curfew(place, *words):
    argv = [os.path.join(place.build, "curfew"), "serve", "--listen", f"127.0.0.1:{place.port}"]
    return [*argv, "--log-level", "error", "--threads", str(HELD), *words]


def curfew_plugin(place):
    return curfew(place, os.path.join(place.build, "bench", "serve", "word_counts.so"))


def curfew_workers(place):
    program = os.path.join(HERE, "word_counts.py")
    return curfew(place, "--workers", "2", "--", "/usr/bin/python3", "-B", program)


def fastapi(place):
    words = ["/usr/bin/python3", "-B", "-m", "uvicorn", "word_counts:app", "--app-dir", HERE]
    return [*words, "--port", str(place.port), "--no-access-log", "--log-level", "error"]


@dataclasses.dataclass
class Place:
    build: str
    port: int


@dataclasses.dataclass
class Contender:
    name: str
    words: object  # Place -> argv
    absent: str = ""


class Stand:
    """A contender that runs, and what was measured of it."""

    def __init__(self, bench, contender):
        self.name, self.port, self.samples = contender.name, bench.port(), []
        self.process = processes.start(contender.words(Place(bench.build, self.port)))
        deadline = time.monotonic() + READY_S
        while not self.answer():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"no answer from {' '.join(self.process.args)}")
            time.sleep(0.01)

    def answer(self, body=BODY, within_s=READY_S):
        """The status and text of an answer; nothing if there is none."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=within_s)
        try:
            connection.request("POST", "/invoke", body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            return response.status, response.read().decode()
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    def pids(self):
        return [self.process.pid, *processes.descendants(self.process.pid)]

    def sample(self, seconds):
        pids = self.pids()
        before = processes.cpu_ns(pids)
        url = f"http://127.0.0.1:{self.port}/"
        words = ["wrk", "-t", "1", "-c", str(CONNECTIONS), "-d", f"{seconds}s", "--latency"]
        wrk = processes.start([*words, "-s", os.path.join(HERE, "post.lua"), url, "--", BODY])
        output = wrk.stdout.read().decode()
        processes.finish(wrk)
        requests = int(re.search(r"(\d+) requests in", output)[1])
        self.samples.append(
            {
                "rate": float(re.search(r"Requests/sec:\s*([\d.]+)", output)[1]),
                "per_cpu": requests * 1e9 / max(1, processes.cpu_ns(pids) - before),
                "p99_ms": milliseconds(re.search(r"99%\s+(\S+)", output)[1]),
                "faults": len(re.findall(r"Socket errors|Non-2xx", output)),
            }
        )

    def median(self, name):
        return statistics.median(sample[name] for sample in self.samples)

    def memory(self):
        return sum(processes.field(pid, "smaps_rollup", "Pss") for pid in self.pids())

    def close(self):
        left = processes.descendants(self.process.pid)
        processes.kill(self.process)
        processes.signal_all(left, signal.SIGKILL)
        processes.reap_adopted()


def milliseconds(text):
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s)", text).groups()
    return float(number) * {"us": 0.001, "ms": 1, "s": 1000}[unit]


def times(stands, values, digits, unit):
    """Values with their ratios to the last contender's, which is the peer."""
    base = values[-1]
    cells = [f"{round(value, digits) if digits else round(value)} {unit}  {value / base:.3g}x" for value in values]
    return cells if base else values


def same_answer(stands):
    said = [json.loads(stand.answer()[1]) for stand in stands]
    for stand, answer in zip(stands, said):
        if answer != said[-1]:
            raise RuntimeError(f"{stand.name} answers {answer}, and {stands[-1].name} {said[-1]}")
    for stand in stands:
        if stand.answer('{"least": "x"}')[0] != 422:
            raise RuntimeError(f"{stand.name} does not validate")


def load_rows(bench, contenders):
    stands = [Stand(bench, contender) for contender in contenders]
    try:
        same_answer(stands)
        for stand in stands:
            stand.sample(1)
            stand.samples.clear()
        for number in range(bench.rounds):
            bench.progress(f"calls, round {number + 1} of {bench.rounds}")
            for stand in stands if number % 2 == 0 else reversed(stands):
                stand.sample(bench.seconds)
        memory = [stand.memory() for stand in stands]
    finally:
        for stand in stands:
            stand.close()
    faults = [sum(sample["faults"] for sample in stand.samples) for stand in stands]
    return [
        Row("calls, each CPU second", times(stands, [s.median("per_cpu") for s in stands], 0, ""), ratio=False),
        Row("  each second", times(stands, [s.median("rate") for s in stands], 0, ""), ratio=False),
        Row("  p99", times(stands, [s.median("p99_ms") for s in stands], 2, "ms"), ratio=False),
        Row("  runs with a failure", faults, ratio=False),
        Row("memory after it, Pss", times(stands, memory, 0, "kB"), ratio=False),
    ]


def held_calls(stand, count):
    """Begins calls that take a while; returns a list that their answers come to, and the threads."""
    body = json.dumps({"text": TEXT, "wait_ms": HELD_MS})
    answers = []
    ask = lambda: answers.append(stand.answer(body, EXIT_LIMIT_S))
    threads = [threading.Thread(target=ask, daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    return answers, threads


def await_connections(port, count):
    """Until so many connections are established, and what was sent on them was read."""
    deadline = time.monotonic() + READY_S
    wanted = f":{port:04X}"
    while time.monotonic() < deadline:
        with open("/proc/net/tcp", encoding="ascii") as file:
            rows = [line.split() for line in file.readlines()[1:]]
        open_now = [row for row in rows if row[1].endswith(wanted) and row[3] == "01"]
        if len(open_now) >= count and all(row[4].endswith(":00000000") for row in open_now):
            return
        time.sleep(0.01)
    raise RuntimeError("the calls do not reach the server")


def end_one(bench, contender, count):
    """TERM with calls in flight: (exit code, seconds, answers by their status)."""
    stand = Stand(bench, contender)
    try:
        answers, threads = held_calls(stand, count)
        await_connections(stand.port, count)
        time.sleep(0.2)  # the peer has to have begun them; nothing else tells
        began = time.monotonic()
        os.kill(stand.process.pid, signal.SIGTERM)
        exited = processes.ended([stand.process], began + EXIT_LIMIT_S)[0]
        for thread in threads:
            thread.join(EXIT_LIMIT_S)
        code = stand.process.returncode
    finally:
        stand.close()
    kinds = {}
    for answer in answers:
        kind = str(answer[0]) if answer else "none"
        kinds[kind] = kinds.get(kind, 0) + 1
    said = ", ".join(f"{number} of {kind}" for kind, number in sorted(kinds.items()))
    return code, f"{exited - began:.2f} s" if exited else f"> {EXIT_LIMIT_S} s", said


def end_rows(bench, contenders):
    found = []
    for contender in contenders:
        bench.progress(f"the end: {contender.name}")
        found.append(end_one(bench, contender, HELD))
    return [
        Row(f"TERM, {HELD} calls in flight: exit", [each[1] for each in found], ratio=False),
        Row("  exit code", [each[0] for each in found], ratio=False),
        Row("  answers, by status", [each[2] for each in found], ratio=False),
    ]


STEPS = {"load": load_rows, "end": end_rows}
