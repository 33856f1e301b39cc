# SPDX-License-Identifier: Apache-2.0
"""The report: one JSON object that tells how it ended."""

import json
import os
import signal
import subprocess

from harness import *

TERM = signal.SIGTERM
PHASES = ["starting", "running", "announcing", "draining", "forcing", "reaping", "done"]


def reported(options, part, number=TERM, again=False):
    """The report of a command that is ended by a signal (0: that ends by itself), checked for its form."""
    path = temporary("report")
    process = up(f"--report {path} {options}", part)
    if number:
        process.signal(number)
    if again:
        process.expect("told")
        readable(process.pidfd, 0.15)
        process.signal(number)
    code = process.wait()
    text = read_file(path)
    assert text.endswith("\n") and text.count("\n") == 1, f"not one line: {text!r}"
    report = json.loads(text)
    assert_form(report)
    assert report["exit_code"] == code
    assert_no_survivors()
    return report


def assert_form(report):
    assert set(report) >= {"command", "version", "cause", "phases", "counts", "forced", "exit_code"}, report
    assert report["command"] == "run"
    assert set(report["cause"]) == {"kind", "signal", "sender_pid", "text"}
    names = [phase["name"] for phase in report["phases"]]
    assert names == [name for name in PHASES if name in names] and len(names) == len(set(names)), names
    assert all(isinstance(phase["ms"], int) and phase["ms"] >= 0 for phase in report["phases"])
    assert all(isinstance(count, int) and count >= 0 for count in report["counts"].values())
    assert all(set(forced) == {"name", "age_ms"} for forced in report["forced"])


def children_of(report):
    return tuple(report["counts"][f"children_{rung}"] for rung in ("eof", "term", "kill"))


def test_80_a_clean_end_by_a_signal():
    report = reported("", "on TERM sleep 200 exit 0 done say up sleep 100 serve")
    assert (report["cause"]["kind"], report["cause"]["sender_pid"]) == ("signal", os.getpid())
    assert report["cause"]["signal"].removeprefix("SIG") == "TERM"
    assert (report["forced"], report["exit_code"], children_of(report)) == ([], 0, (0, 1, 0))
    assert sum(phase["ms"] for phase in report["phases"]) >= 200
    version = finished(curfew("--version"))[1].split()[-1]
    assert report["version"] == version


def test_80_the_child_ended_by_itself():
    for code in 0, 3:
        report = reported("", f"say up exit {code}", number=0)
        assert report["cause"]["kind"] == "completed"
        assert (report["cause"]["signal"], report["exit_code"], children_of(report)) == (None, code, (1, 0, 0))
        assert report["cause"]["sender_pid"] in (None, 0)


def test_80_its_own_duration():
    report = reported("--duration 3s", "say up serve", number=0)
    assert (report["cause"]["kind"], report["exit_code"], children_of(report)) == ("duration", 0, (0, 1, 0))


def test_80_ended_by_the_end_of_its_input():
    path = temporary("report")
    process = start(run(f"--report {path} --stdin pipe --eof-wait 10s", *actor("on EOF exit 0 done say up serve")), stdin=subprocess.PIPE)
    process.expect("up")
    process.signal(TERM)
    assert process.wait() == 0
    report = json.loads(read_file(path))
    assert_form(report)
    assert (report["exit_code"], children_of(report), report["forced"]) == (0, (1, 0, 0), [])


def test_80_what_was_forced_is_named():
    report = reported("--grace 300ms", "ignore TERM say up serve")
    assert (report["exit_code"], children_of(report)) == (137, (0, 0, 1))
    assert len(report["forced"]) == 1 and "actor" in report["forced"][0]["name"], report["forced"]
    assert report["forced"][0]["age_ms"] >= 250


def test_80_a_forced_descendant_is_told_although_the_child_ended_well():
    report = reported("--grace 3s", "orphan setsid ignore TERM say up serve done say up serve")
    assert (report["exit_code"], children_of(report)[1]) == (0, 1)
    assert len(report["forced"]) >= 1, report


def test_80_a_second_signal():
    report = reported("--grace 10s", "on TERM say told done say up serve", again=True)
    assert report["exit_code"] == 128 + TERM and report["forced"]
    assert report["cause"]["kind"] in ("signal", "insisted")
    assert children_of(report) == (0, 0, 1)


def test_80_to_standard_error():
    code, out, err = finished(run("--report -", *actor("say x exit 3")))
    assert (code, out) == (3, "x\n")
    report = json.loads(err)
    assert_form(report)
    assert report["exit_code"] == 3


def test_80_from_the_first_process():
    process = start(first_process(run("--report -", *actor("say up serve"))))
    process.expect("up")
    os.kill(inner(process), TERM)
    assert process.wait() == 0
    report = json.loads(process.errors())
    assert_form(report)
    assert report["cause"]["kind"] == "signal"


def test_80_a_report_file_is_written_anew():
    path = temporary("old")
    with open(path, "w", encoding="utf-8") as file:
        file.write("x" * 100000)
    assert finished(run(f"--report {path}", *actor("exit 0")))[0] == 0
    assert_form(json.loads(read_file(path)))


def test_80_a_full_disk_is_told_and_does_not_change_the_code():
    code, out, err = finished(run("--report /dev/full", *actor("exit 3")))
    assert (code, out) == (3, "") and len(err.splitlines()) == 1, (code, err)
