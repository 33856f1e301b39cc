# SPDX-License-Identifier: Apache-2.0
"""The runner of the tests: what fails while the machine stands still is tried again, nothing else is."""

import contextlib
import io
import os
import signal
import time

import runner
from harness import *
from repository import *
from standstill import STANDSTILL_S, Watch


class Scripted:
    """A test that ends as it is told, each time."""

    kind, name = "scenario", "scripted"

    def __init__(self, *ends):
        self.ends, self.runs = ends, 0

    def run(self, _):
        self.runs += 1
        return runner.Result(passed=1) if self.ends[self.runs - 1] else runner.Result(failed=1, detail="why")


class Standing:
    """A machine that stood still for so long, in each try."""

    def __init__(self, *lengths):
        self.lengths = list(lengths)

    def longest(self, _):
        return self.lengths.pop(0)


class Found:
    def __init__(self, text):
        self.text = text

    def take(self):
        return self.text


def outcome(test, watch, found=""):
    """(how often it ran, how many passed, how many failed, what was said)"""
    run = runner.Run(1, watch)
    run.findings = Found(found)
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        run.test(test)
    return test.runs, run.total.passed, run.total.failed, said.getvalue()


def test_what_fails_while_the_machine_stands_still_is_tried_again():
    runs, passed, failed, said = outcome(Scripted(False, True), Standing(2.1, 0))
    assert (runs, passed, failed) == (2, 1, 0) and said.startswith("again, since the machine stood still for 2.1 s: scripted\nok"), said
    assert outcome(Scripted(True), Standing(2.1))[:3] == (1, 1, 0)
    assert outcome(Scripted(False, False), Standing(2.1, 0))[:3] == (2, 0, 1), "the second time it was the test"
    assert outcome(Scripted(False, False, False), Standing(2.1, 2.1, 2.1))[:3] == (3, 0, 1)


def test_what_fails_otherwise_is_not():
    assert outcome(Scripted(False), Standing(0))[:3] == (1, 0, 1)
    assert outcome(Scripted(False), Standing(2.1), found="a leak")[:3] == (1, 0, 2), "a sanitizer's finding is one however long it took"


def test_a_standstill_is_seen():
    """One of this process, by a signal."""
    out, passed_on = channel()
    pid = os.fork()
    if pid == 0:
        watch, began = Watch(), time.monotonic()
        os.write(passed_on, b"up\n")
        while not watch.longest(began):
            time.sleep(0.01)
        os.write(passed_on, b"seen\n" if watch.longest(began) >= 2 * STANDSTILL_S and not watch.longest(time.monotonic() + 1) else b"wrong\n")
        os._exit(0)
    out.until("up\n")
    os.kill(pid, signal.SIGSTOP)
    until(lambda: state(pid) == "T", "it stands still")
    time.sleep(2 * STANDSTILL_S)
    os.kill(pid, signal.SIGCONT)
    out.until("seen\n")
    os.waitpid(pid, 0)
