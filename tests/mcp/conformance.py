# SPDX-License-Identifier: Apache-2.0
"""./dev mcp-conformance: the public conformance suites for servers, through `curfew mcp`.

A scenario has passed if each of its checks has, and none of them only warns; one that must be there and was not run
has failed. That the gateway ends in order after a suite counts as one more."""

import json
import re
import subprocess
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from gateway import *

LIMIT_S = 300
TOLD = 4000  # characters of an output that explains a failure
STAMP = re.compile(r"^server-(.+)-\d{4}-\d\d-\d\dT.*$")


class Suite:
    """One release of the suite, how it is called, how many scenarios it must run, and the server that it is for; the
    beginnings of the names of scenarios for which that server has not got what they ask for; options of curfew."""

    def __init__(self, package, options, scenarios, fixture, without=(), gateway=""):
        self.package, self.options, self.scenarios = package, options, scenarios
        self.fixture, self.without, self.gateway = fixture, without, gateway
        self.name = f"{package} {options[-1]} {fixture}"

    def run(self, url, results):
        program = package_program(self.package, "dist/index.js", "server", "--url", url, "-o", results, *self.options)
        done = subprocess.run(program, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=LIMIT_S, check=False)
        return done.returncode, done.stdout.decode(errors="replace")


# What our servers have not got.
EXTENSIONS = ("tasks-", "http-custom-header-")
# What a server with sessions cannot do for clients without: choose names for its questions, ask several at once, refuse
# a client that has not said what it can be asked.
QUESTIONS = tuple(f"input-required-result-{what}" for what in ("basic-elicitation", "ignore-extra-", "multiple-")) + ("server-stateless",)

SUITES = [
    Suite("conformance", ["--suite", "all"], 32, "server.js"),
    Suite("conformance-alpha", ["--requirements", "2025-11-25"], 33, "server.js"),
    # Some answers have to come within half a second: from children that run already.
    Suite("conformance-alpha", ["--requirements", "2026-07-28"], 39, "stateless.js", EXTENSIONS, "--stateless-pool 2"),
    # At the end there are questions that no client will come back for.
    Suite("conformance-alpha", ["--requirements", "2026-07-28"], 35, "server.js", EXTENSIONS + QUESTIONS, "--grace 4s"),
]


def checks_of(suite, results):
    """{scenario: its checks}, from the files that a suite has written."""
    found = {}
    for path in sorted(Path(results).glob("*/checks.json")):
        name = STAMP.match(path.parent.name)[1]
        if not name.startswith(suite.without):
            found[name] = json.loads(path.read_text(encoding="utf-8"))
    return found


def complaints(checks):
    """What is wrong with the checks of a scenario, as lines."""
    told = [f"{check['status']}: {check['description']}: {check.get('errorMessage', '')}" for check in checks if check["status"] in ("FAILURE", "WARNING")]
    return told or ([] if any(check["status"] == "SUCCESS" for check in checks) else ["no check has passed"])


def report(suite, scenarios):
    """Says how each went; returns how many passed and failed."""
    failed = 0
    for name, checks in scenarios.items():
        wrong = complaints(checks)
        failed += bool(wrong)
        print(f"{'FAIL' if wrong else 'ok  '} {suite.name} {name}")
        print("".join(f"     | {line}\n" for line in wrong), end="")
    return len(scenarios) - failed, failed


def run(suite, gateway):
    started, results = time.monotonic(), temporary(f"results-{suite.name}")
    code, output = suite.run(gateway.endpoint(), results)
    passed, failed = report(suite, checks_of(suite, results))
    if passed + failed != suite.scenarios or (code and not failed and not suite.without):
        print(f"FAIL {suite.name}: {passed + failed} scenarios, exit code {code}; it said:\n{output[-TOLD:]}")
        failed += max(1, suite.scenarios - passed - failed)
    if failed:
        print(f"the gateway said:\n{gateway.log()[-TOLD:]}")
    print(f"{suite.name}: {passed} of {suite.scenarios}, in {time.monotonic() - started:.1f} s", flush=True)
    return passed, failed


def ends(suite, gateway):
    """Whether the gateway ends in order, with nobody left."""
    try:
        gateway.stop()
    except AssertionError as wrong:
        print(f"FAIL {suite.name}: the end: {wrong}")
        return False
    return True


def main():
    passed, failed = 0, 0
    for suite in SUITES:
        gateway = Gateway(fixture_server(suite.fixture), suite.gateway)
        counts = run(suite, gateway)
        end = ends(suite, gateway)
        passed, failed = passed + counts[0] + end, failed + counts[1] + (not end)
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
