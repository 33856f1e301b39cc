# SPDX-License-Identifier: Apache-2.0
"""`curfew load` against a server that knows what was: tests/fixtures/truth_server.c. What it says stands in its record, which
is read here from the mapped file; what the load generator says in its --json. Result.check() is what is true of every run."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent / "gate"))

import collections
import contextlib
import functools
import json
import math
import mmap
import os
import shlex
import signal
import socket
import struct
import time

from gate import certificate, environment
from harness import *
from ports import free_port

TERM, INT, QUIT, USR1, PIPE = signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGUSR1, signal.SIGPIPE
HEADER, RECORD = 4096, struct.Struct("=qqQIHH")
MS = 1_000_000
HURRY, PATIENCE = -15, 10
WAIT_S = "20s"  # --timeout where none is meant to be over, on a busy machine
# The outcome of each word of the server.
OUTCOMES = {
    "ok": "ok", "204": "ok", "302": "ok", "delay": "ok", "queue": "ok", "late": "ok", "chunked": "ok", "big": "ok", "until_close": "ok", "interim": "ok",
    "close": "ok", "rpc_error": "ok", "hold": "ok", "404": "4xx", "429": "4xx", "500": "5xx", "502": "5xx", "503": "5xx", "503r": "unavailable",
    "reset": "reset_sent", "end": "reset_sent", "cut": "truncated", "cut_head": "truncated", "cut_chunked": "truncated", "cut_reset": "truncated",
    "garbage": "malformed", "garbage_field": "malformed", "garbage_chunk": "malformed", "cut_hang": "timed_out", "never": "timed_out",
}  # fmt: skip
LOOPS = {"closed": "--connections 8 --threads 2", "open": "--rate 400 --threads 2 --max-in-flight 1000"}
FOR_EVER = "--duration inf"
DEBOUNCE = 0.1  # seconds between two signals that make them one

Record = collections.namedtuple("Record", "arrived done hash connection word number")
names = iter(range(1, 1000000))


class Truth:
    """The server, and its record."""

    def __init__(self, options="", port=None, path=None):
        number = next(names)
        self.port = port or free_port()
        self.address = path or str(self.port)
        self.keep_path, self.record_path = temporary(f"requests-{number}"), temporary(f"record-{number}")
        self.process = start([fixture("truth_server"), self.address, self.record_path, "--keep", self.keep_path, *shlex.split(options)])
        self.words = self.process.line().split()[1:]
        with open(self.record_path, "rb") as file:
            self.memory = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)

    def url(self, path="/"):
        host = f"unix:{self.address}" if self.address[0] == "/" else f"127.0.0.1:{self.port}"
        return f"http://{host}{path if self.address[0] != '/' else ''}"

    def header(self):
        count = len(self.words)
        values = struct.unpack_from(f"=5Q4q{count}Q{count}Q", self.memory)
        names = ["records", "accepted", "reset_accepts", "lost", "idle_closed", "stall_begin", "stall_end", "gone", "back"]
        return dict(zip(names, values)), dict(zip(self.words, values[9:])), dict(zip(self.words, values[9 + count :]))

    def __getattr__(self, name):
        """A count or moment of the header."""
        return self.header()[0][name]

    def read(self, word=None):
        """How many requests it has read, of one word or of all."""
        counts = self.header()[1]
        return counts[word] if word else sum(counts.values())

    def done(self, word):
        return self.header()[2][word]

    def records(self):
        rows = RECORD.iter_unpack(self.memory[HEADER : HEADER + self.header()[0]["records"] * RECORD.size])
        return [Record(*row[:4], self.words[row[4]], row[5]) for row in rows]

    def outcomes(self):
        """What a client has to say: {outcome: count} of what was read."""
        counts = collections.Counter()
        for each in self.records():
            word = {"status": str(each.number), "retry": "503r"}.get(each.word, each.word)
            counts[OUTCOMES[word]] += 1
        return dict(counts)

    def requests(self):
        """The bytes of all requests."""
        with open(self.keep_path, "rb") as file:
            return file.read()

    def until_read(self, count, word=None, within=WITHIN):
        until(lambda: self.read(word) >= count, f"{count} requests are read", within)

    def first(self):
        """Before others who want the processor, where that is allowed: for what is compared to the millisecond."""
        try:
            os.setpriority(os.PRIO_PROCESS, self.process.pid, HURRY)
        except PermissionError:
            pass
        return self

    def release(self):
        self.process.signal(signal.SIGUSR1)

    def refuse(self):
        """From here on there is no listener."""
        self.process.signal(signal.SIGUSR2)

    def stop(self):
        self.process.signal(TERM)
        assert self.process.wait() == 0, self.process.errors()


class Load:
    """A run that goes on. Standard output and error go to files unless they are given."""

    def __init__(self, options, *urls, wrap=lambda argv: argv, **more):
        number = next(names)
        self.json_path, self.report_path = temporary(f"json-{number}"), temporary(f"report-{number}")
        self.out_path, self.err_path = temporary(f"out-{number}"), temporary(f"err-{number}")
        argv = [curfew_path(), "load", "--json", self.json_path, "--report", self.report_path, "--timeout", WAIT_S]
        argv += [*shlex.split(options), *[url.url() if isinstance(url, Truth) else url for url in urls]]
        more.setdefault("env", environment())
        more.setdefault("stdout", open(self.out_path, "wb"))
        with open(self.err_path, "wb") as err:
            self.process = start(wrap(argv), stderr=err, **more)
        self.pid = self.process.pid

    def signal(self, number=TERM):
        return self.process.signal(number)

    def said(self):
        """The summary."""
        return read_file(self.out_path)

    def errors(self):
        return read_file(self.err_path)

    def wait(self, code=0, within=60):
        try:
            got = self.process.wait(within)
        except AssertionError as late:
            raise AssertionError(f"{late}\nit said:\n{self.said()}\n{self.errors()}") from None
        assert got == code, f"exit code {got}, not {code}; it said:\n{self.said()}\n{self.errors()}"
        left = [line for line in survivors() if " Z " not in line]
        assert not left, "left behind:\n" + "\n".join(left)

    def end(self, code=0, within=60):
        """Waits for the end; returns what is in its result, which is checked."""
        self.wait(code, within)
        result = self.result()
        assert result["exit_code"] == code, result
        assert_whole(self.said())
        return result.check()

    def stop(self, code=0, number=TERM):
        self.signal(number)
        return self.end(code)

    def result(self):
        return Result(read_file(self.json_path))

    def report(self):
        return json.loads(read_file(self.report_path))

    def took(self, since=None):
        return self.process.ended - (since or self.process.started)


class Result(dict):
    """What --json says."""

    def __init__(self, text):
        assert text.count("\n") == 1 and text.endswith("\n"), f"the result is not one line: {text[:300]!r}"
        super().__init__(json.loads(text))
        assert self["curfew_load"] == 1, text[:300]

    def __getattr__(self, name):
        """A field, wherever it stands."""
        for where in self, self["tally"], self["summary"]:
            if name in where:
                return where[name]
        raise AttributeError(name)

    def ended(self):
        return {outcome: count for outcome, count in self.outcomes.items() if count}

    def ok(self):
        return self.outcomes["ok"]

    def failures(self):
        return sum(count for outcome, count in self.outcomes.items() if outcome != "ok")

    def check(self):
        """What is true of every run."""
        assert self.scheduled == self.dropped + self.admitted, self
        assert self.admitted == self.ok() + self.failures() + self.in_flight, self
        assert self.actual["total"] == self.ok() == self["summary"]["succeeded"], self
        due = (self.ok(), self.admitted) if self["is_open"] else (0, 0)  # in a closed loop nothing is due
        assert (self.intended["total"], self.lag["total"]) == due, self
        assert self["tally"]["failed"]["total"] == self["summary"]["failed"] == self.failures(), self
        assert sum(self.statuses.values()) == self.ok() + self.failures(), self
        assert not any("do not add up" in note for note in self.notes), self.notes
        for histogram in self.intended, self.actual, self["tally"]["failed"], self.lag, self.connect:
            assert sum(count for _, count in histogram["buckets"]) == histogram["total"], histogram
        return self

    def percentile(self, name, percent):
        """In seconds, of one of its histograms."""
        histogram = self["tally"][name]
        rank, seen = max(1, math.ceil(percent / 100 * histogram["total"])), 0
        for value, count in histogram["buckets"]:
            seen += count
            if seen >= rank:
                return min(value, histogram["most_us"]) / 1e6
        raise AssertionError(f"{name} is empty")


@contextlib.contextmanager
def full_backlog():
    """The URL of a listener that takes nobody, whose queue is full: SYNs are dropped there."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"


def sockets_in(pid, wanted):
    """How many sockets of a process are in this state of TCP (02: SYN_SENT)."""
    inodes = set()
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            inodes.add(os.readlink(f"/proc/{pid}/fd/{fd}"))
        except FileNotFoundError:
            pass
    rows = [line.split() for line in read_file("/proc/net/tcp").splitlines()[1:]]
    return sum(row[3] == wanted and f"socket:[{row[9]}]" in inodes for row in rows)


def patient(function):
    """Tries a test that measures until it had a quiet moment on a machine that is busy with something else; what is wrong
    and not only late fails at once, and what is late each time fails."""

    @functools.wraps(function)
    def tried():
        for left in reversed(range(PATIENCE)):
            try:
                return function()
            except Late as late:
                assert left, f"late {PATIENCE} times, at last: {late}"
                print(f"again, since late: {late}")

    return limit(PATIENCE * 20)(tried)


def first(argv):
    """The same for a command."""
    return ["nice", "-n", str(HURRY), *argv]


def percentile(values, percent):
    """Of the values themselves, as the program defines it."""
    return sorted(values)[max(1, math.ceil(percent / 100 * len(values))) - 1]


def assert_whole(summary):
    """That the summary is there to its last line."""
    lines = summary.splitlines()
    assert summary.endswith("\n") and lines, f"the summary is {summary[-500:]!r}"


def loaded(options, *urls, code=0, within=60, **more):
    """A run to its end; returns its result."""
    return Load(options, *urls, **more).end(code, within)


def assert_outcomes(result, truth):
    """That both say the same of every class."""
    assert result.ended() == truth.outcomes(), f"it says {result.ended()}, and were {truth.outcomes()}"
    assert truth.read() == result.admitted, (truth.read(), result.admitted)


def admin_of(port, path="/readyz"):
    """The status and body that the admin face answers with; None if there is nobody."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=WITHIN) as connection:
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            answer = b""
            while chunk := connection.recv(1 << 16):
                answer += chunk
    except ConnectionError:
        return None
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), body.decode()


def flushing(truth, options="", code=0):
    """One whose summary is out and which waits for the last scrape."""
    admin = free_port()
    load = Load(f"--requests 100 --flush-delay 600s --admin 127.0.0.1:{admin} {options}", truth)
    until(lambda: load.said().endswith("\n") and read_file(load.json_path), "the summary and the result")
    return load, admin


def debounced(pid):
    """Until a second signal is no duplicate of the first: that was taken, and the time in which they are one is over since."""
    until(lambda: not int(status(pid).get("ShdPnd", "0"), 16), "the signal is taken")
    taken = now()
    until(lambda: now() - taken > 2 * DEBOUNCE, "the debounce is over")


def running(truth, options="", loop="closed", count=50, word=None, **more):
    """One that has sent so many requests."""
    load = Load(f"{FOR_EVER} {LOOPS[loop]} {options}", truth, **more)
    truth.until_read(count, word)
    return load
