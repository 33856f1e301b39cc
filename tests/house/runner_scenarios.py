# SPDX-License-Identifier: Apache-2.0
"""The runner of the tests: it tells with what failed how the machine was away meanwhile."""

import contextlib
import io
import os
import re
import signal
import time

import runner
from harness import *
from repository import *
from standstill import STANDSTILL_S, Watch, stolen_s


class Failing:
    kind, name = "scenario", "scripted"

    def run(self, _):
        return runner.Result(failed=1, detail="why")


class Away:
    """A machine that was away in this way."""

    def __init__(self, absence):
        self.words = absence

    def mark(self):
        return None

    def absence(self, _):
        return self.words


def said(absence):
    """What is said of a test that failed meanwhile; it has failed all the same."""
    run, out = runner.Run(1, Away(absence)), io.StringIO()
    with contextlib.redirect_stdout(out):
        run.test(Failing())
    assert (run.total.passed, run.total.failed) == (0, 1), out.getvalue()
    return out.getvalue()


def test_that_the_machine_was_away_is_told_with_what_failed():
    assert said("it was away").endswith("     | why\n     | meanwhile it was away\n"), said("it was away")
    assert said("").endswith("     | why\n"), said("")


def test_stolen_time_is_seen():
    watch, now_ = Watch(), time.monotonic()
    assert watch.absence((now_ - 10, stolen_s() - 5)).endswith(" % of the processors' time was stolen")
    assert watch.absence((now_ - 100, stolen_s() - 5)) == "", "a little of it is"


def test_a_standstill_is_seen():
    """One of this process, by a signal."""
    out, passed_on = channel()
    pid = os.fork()
    if pid == 0:
        watch = Watch()
        mark = watch.mark()
        os.write(passed_on, b"up\n")
        until(lambda: watch.absence(mark), "it is seen")
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
