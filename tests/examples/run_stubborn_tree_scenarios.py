# SPDX-License-Identifier: Apache-2.0
"""`curfew run` around the stubborn tree of examples/."""

import json
import os
import signal

from harness import ROOT, assert_no_survivors, only_child, run, start


def test_58_stubborn_tree_is_ended_whole_and_the_report_says_so():
    process = start([str(ROOT / "examples" / "run_stubborn_tree.sh"), *run("--grace 3s --report -")])
    process.expect("all three are up")
    os.kill(only_child(process.pid), signal.SIGTERM)
    process.expect("cleaned up", "exit code 0", "left: 0 of 3")
    assert process.wait() == 0
    report = json.loads(process.errors().splitlines()[-1])
    assert report["cause"]["signal"] == "SIGTERM", report
    assert report["forced_count"] > 0, report
    assert report["exit_code"] == 0, report
    assert_no_survivors()
