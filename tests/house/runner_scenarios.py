# SPDX-License-Identifier: Apache-2.0
"""The runner of the tests: what fails while the machine is away is tried again, nothing else is."""

import contextlib
import io
import os
import re
import signal
import time

import runner
import standstill
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


class Away:
    """A machine that was away in this way, in each try."""

    def __init__(self, *absences):
        self.absences = list(absences)

    def mark(self):
        return None

    def absence(self, _):
        return self.absences.pop(0)


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


def test_what_fails_while_the_machine_is_away_is_tried_again():
    runs, passed, failed, said = outcome(Scripted(False, True), Away("it was away", ""))
    assert (runs, passed, failed) == (2, 1, 0) and said.startswith("again, since it was away: scripted\nok"), said
    assert outcome(Scripted(True), Away("it was away"))[:3] == (1, 1, 0)
    assert outcome(Scripted(False, False), Away("it was away", ""))[:3] == (2, 0, 1), "the second time it was the test"
    assert outcome(Scripted(False, False, False), Away(*["it was away"] * 3))[:3] == (3, 0, 1)


def test_what_fails_otherwise_is_not():
    assert outcome(Scripted(False), Away(""))[:3] == (1, 0, 1)
    assert outcome(Scripted(False), Away("it was away"), found="a leak")[:3] == (1, 0, 2), "a sanitizer's finding is one all the same"


def test_stolen_time_is_seen():
    watch = Watch()
    mark = watch.mark()
    assert standstill.stolen_s() >= mark[1] >= 0
    time.sleep(0.1)
    assert watch.absence((mark[0], standstill.stolen_s() - 5)).endswith(" % of the processors' time was stolen")
    assert watch.absence((time.monotonic() - 100, standstill.stolen_s() - 5)) == "", "a little of it is"


def test_a_standstill_is_seen():
    """One of this process, by a signal."""
    out, passed_on = channel()
    pid = os.fork()
    if pid == 0:
        watch = Watch()
        mark = watch.mark()
        os.write(passed_on, b"up\n")
        while not watch.absence(mark):
            time.sleep(0.01)
        os.write(passed_on, f"{watch.absence(mark)}\n".encode())
        os._exit(0)
    out.until("up\n")
    os.kill(pid, signal.SIGSTOP)
    until(lambda: state(pid) == "T", "it stands still")
    time.sleep(2 * STANDSTILL_S)
    os.kill(pid, signal.SIGCONT)
    said = out.until("\n")
    assert float(re.match(r"the machine stood still for (\d\.\d) s\n", said)[1]) >= 2 * STANDSTILL_S, said
    os.waitpid(pid, 0)
