#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the tests of a build folder (CURFEW_BUILD, default: build).

There are three kinds. Unit tests are cmocka programs; each of the tests in one counts. Fuzz targets replay
their corpora; each target counts. Scenarios are the functions test_... of tests/AREA/*_scenarios.py; each
runs in a process of its own, passes if it returns, and is skipped if it raises harness.Skip.

Four run at a time, since most of them wait; those marked @alone, which measure time, by themselves at the end.
"""

import argparse
import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import traceback
from pathlib import Path

sys.dont_write_bytecode = True

from standstill import Watch

TESTS = Path(__file__).resolve().parent
ROOT = TESTS.parent
BUILD = ROOT / os.environ.get("CURFEW_BUILD", "build")
LIMIT_S = 60
SANITIZED_TIMES_SLOWER = 5
CLEANUP_S = 20  # what a scenario that is out of time may take to end what it has started
SKIPPED = 77  # exit code of a scenario's process
SIDE_BY_SIDE = 4  # on two processors: most of them wait


class Result:
    def __init__(self, passed=0, failed=0, skipped=0, detail=""):
        self.passed, self.failed, self.skipped, self.detail = passed, failed, skipped, detail

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped

    def word(self):
        return "FAIL" if self.failed else "skip" if self.skipped and not self.passed else "ok"


class Program:
    """A unit test or the replay of a corpus: a program that meson knows."""

    alone = slow = plain = False
    limit_s = LIMIT_S

    def __init__(self, kind, name, command, environment):
        self.kind, self.area, self.command, self.environment = kind, kind, command, environment
        self.name = f"{kind}/{name}"
        self.parts = {kind, f"{kind}/{'threads' if b'pthread_create' in Path(command[0]).read_bytes() else 'one-thread'}"}

    def run(self, scale):
        environment = {**os.environ, **self.environment, "CMOCKA_MESSAGE_OUTPUT": "TAP"}
        code, output = finished(self.command, environment, self.limit_s * scale)
        if self.kind == "unit":
            return count_tap(code, output)
        return Result(passed=1) if code == 0 else Result(failed=1, detail=output + ended(code))


class Scenario:
    kind = "scenario"

    def __init__(self, path, function):
        self.path, self.function = path, function.__name__
        self.area = path.parent.name
        self.number = self.function.removeprefix("test_").split("_")[0]
        self.name = f"{self.area}/{path.stem.removesuffix('_scenarios')}/{self.function.removeprefix('test_')}"
        self.limit_s = getattr(function, "limit", LIMIT_S)
        self.slow = getattr(function, "slow", False)
        self.alone = getattr(function, "alone", False)
        self.plain = getattr(function, "plain", False)
        self.parts = {self.area, f"{self.area}/{getattr(function, 'runner', None)}"}

    def run(self, scale):
        command = [sys.executable, str(Path(__file__).resolve()), "--one", str(self.path), self.function]
        code, output = finished(command, os.environ, self.limit_s * scale)
        if code == 0:
            return Result(passed=1)
        if code == SKIPPED:
            return Result(skipped=1, detail=output.strip().splitlines()[-1])
        return Result(failed=1, detail=output + ended(code))


def ended(code):
    return f"(signal {-code})\n" if code < 0 else f"(exit code {code})\n"


def finished(command, environment, limit_s):
    """Runs a command in a session of its own, within its time; returns its exit code and output."""
    process = subprocess.Popen(
        command,
        env=environment,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=limit_s)
        late = ""
    except subprocess.TimeoutExpired:
        output, late = end(process), f"\nnot done within {limit_s} s\n"
    return (process.returncode or -signal.SIGTERM) if late else process.returncode, output.decode(errors="replace") + late


def end(process):
    """Asks a test to end, so that it can clean up; then kills its session's first group."""
    process.terminate()
    try:
        return process.communicate(timeout=CLEANUP_S)[0]
    except subprocess.TimeoutExpired:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    try:
        return process.communicate(timeout=CLEANUP_S)[0]
    except subprocess.TimeoutExpired:  # something that escaped holds the pipe
        process.stdout.close()
        return b""


def count_tap(code, output):
    """The tests of one cmocka program, from its TAP lines; one that was planned and not run has failed. A test that
    was skipped is "not ok" to some versions of it."""
    passed = len(re.findall(r"(?m)^ok \d+ (?!# SKIP)", output))
    skipped = len(re.findall(r"(?m)^(?:not )?ok \d+ # SKIP", output))
    failed = len(re.findall(r"(?m)^not ok \d+ (?!# SKIP)", output))
    planned = sum(int(count) for count in re.findall(r"(?m)^1\.\.(\d+)", output))
    failed += max(0, planned - passed - skipped - failed)
    if not failed and (code != 0 or not passed + skipped):
        failed = 1
    return Result(passed, failed, skipped, output + ended(code) if failed else "")


def load(path):
    for folder in (TESTS, path.parent):
        if str(folder) not in sys.path:
            sys.path.insert(0, str(folder))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def programs():
    text = subprocess.run(["meson", "introspect", "--tests", str(BUILD)], check=True, stdout=subprocess.PIPE).stdout
    found = []
    for test in json.loads(text):
        suites = {suite.rpartition(":")[2] for suite in test["suite"]}
        for kind in ("unit", "fuzz"):
            if kind in suites:
                found.append(Program(kind, test["name"], test["cmd"], test["env"]))
    return sorted(found, key=lambda test: test.name)


def scenarios():
    found = []
    for path in sorted(TESTS.glob("*/*_scenarios.py")):
        for name, value in vars(load(path)).items():
            if name.startswith("test_") and callable(value):
                found.append(Scenario(path, value))
    return found


def chosen(test, words):
    """A word is a part of the test's name, its kind, or the number of a conformance item."""
    for word in words:
        if word == test.kind or word in test.name or word == getattr(test, "number", None):
            return True
    return not words


TRIES_IN_TIME = 3


def in_time(harness, function):
    """A measured time has the machine's delays in it, other people's work too: the best of some tries counts."""
    for left in reversed(range(TRIES_IN_TIME)):
        try:
            return function()
        except harness.Late as late:
            if not left:
                raise
            print(f"again, since late: {late}")


def run_one(path, function):
    """The process of one scenario. It is left at once in the end, since Python's own end waits for what its threads hold."""
    module = load(Path(path))
    harness = sys.modules["harness"]
    code = 0
    try:
        in_time(harness, getattr(module, function))
    except harness.Skip as reason:
        print(f"{reason}")
        code = SKIPPED
    except BaseException:
        traceback.print_exc()
        code = 1
    try:
        harness.finish()
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    os._exit(code)


class Findings:
    """Files that a sanitizer writes into a folder; each is a failure of the test that ran."""

    def __init__(self):
        prefix = os.environ.get("CURFEW_FINDINGS")
        self.folder = Path(prefix).parent if prefix else None

    def take(self):
        text = ""
        for path in sorted(self.folder.iterdir()) if self.folder else []:
            text += path.read_text(errors="replace")
            path.unlink()
        return text


class Run:
    def __init__(self, scale, watch):
        self.scale, self.watch = scale, watch
        self.total = Result()
        self.failed = []
        self.lock = threading.Lock()
        self.findings = Findings()

    def test(self, test):
        started, mark = time.monotonic(), self.watch.mark()
        try:
            result = test.run(self.scale)
        except OSError:  # it could not be started
            result = Result(failed=1, detail=traceback.format_exc())
        seconds, absence = time.monotonic() - started, self.watch.absence(mark)
        with self.lock:
            found = self.findings.take()
            if found:
                result.failed += 1
                result.detail += found
            if result.failed and absence:
                result.detail += f"\nmeanwhile {absence}\n"
            self.report(test, result, seconds)

    def report(self, test, result, seconds):
        self.total.add(result)
        tally = f" ({result.passed} passed, {result.failed} failed)" if test.kind == "unit" else ""
        why = f": {result.detail}" if result.word() == "skip" else ""
        print(f"{result.word():4} {seconds:6.2f} s  {test.name}{tally}{why}", flush=True)
        if result.failed:
            self.failed.append(test.name)
            print("".join(f"     | {line}\n" for line in result.detail.splitlines()), end="", flush=True)

    def all(self, tests):
        left = [test for test in tests if not test.alone]
        threads = [threading.Thread(target=self.drain, args=(left,)) for _ in range(SIDE_BY_SIDE)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for test in tests:
            if test.alone:
                self.test(test)

    def drain(self, left):
        while True:
            with self.lock:
                if not left:
                    return
                test = left.pop(0)
            self.test(test)


def options():
    parser = argparse.ArgumentParser(description="Runs the tests.")
    parser.add_argument("--quick", action="store_true", help="leave out the slow ones")
    parser.add_argument("--only", choices=("together", "alone"), help="those that run beside others, or those marked @alone")
    parser.add_argument("--without", action="append", default=[], metavar="WORD", help="leave out tests/WORD; AREA/RUNNER: those faces of it; unit/one-thread")
    parser.add_argument("--sanitized", action="store_true", help="leave out @alone, @plain and the house's")
    parser.add_argument("--repeat", type=int, default=1, metavar="N", help="run all of it N times")
    parser.add_argument("--list", action="store_true", help="name the tests and run nothing")
    parser.add_argument("--one", nargs=2, metavar=("FILE", "FUNCTION"), help=argparse.SUPPRESS)
    parser.add_argument("names", nargs="*", help="parts of names, kinds (unit, fuzz, scenario), numbers of items")
    return parser.parse_args()


def reset_signals():
    """Tests start as if from a terminal: whoever runs us may ignore or block signals (nohup, a background job)."""
    for number in signal.valid_signals() - {signal.SIGPIPE, signal.SIGXFSZ}:  # Python's own, undone in children
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])


def main():
    args = options()
    reset_signals()
    if args.one:
        run_one(*args.one)
    tests = [test for test in programs() + scenarios() if chosen(test, args.names)]
    if args.quick:
        tests = [test for test in tests if not test.slow]
    tests = [test for test in tests if test.parts.isdisjoint(args.without)]
    if args.only:
        tests = [test for test in tests if test.alone == (args.only == "alone")]
    if args.sanitized:
        tests = [test for test in tests if not (test.alone or test.plain or test.area == "house")]
    if args.list:
        print("\n".join(test.name for test in tests))
        return 0
    if not tests:
        print(f"runner: no test is called {' or '.join(args.names)} (--list names them)", file=sys.stderr)
        return 2
    run = Run(SANITIZED_TIMES_SLOWER if args.sanitized else 1, Watch())
    for _ in range(args.repeat):
        run.all(tests)
    if run.failed:
        print("failed: " + " ".join(run.failed))
    print(f"{run.total.passed} passed, {run.total.failed} failed, {run.total.skipped} skipped")
    return 1 if run.total.failed else 0


if __name__ == "__main__":
    sys.exit(main())
