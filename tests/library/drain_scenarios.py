# SPDX-License-Identifier: Apache-2.0
"""The library in programs of its users: what it gives back, what it bounds, in which order it ends."""

import json
import os
import signal

from harness import *

STAGES = ["front", "work", "children", "log"]


def program(name):
    return str(BUILD / "tests" / "library" / name)


@plain
def test_83_a_thousand_cycles_return_to_the_same_memory_and_descriptors():
    process = start([program("cycles"), "100", "1000"])
    _, kilobytes_before, descriptors_before = process.line(60).split()
    _, kilobytes_after, descriptors_after = process.line(120).split()
    assert process.line() == "served 1100 of 1100"
    assert process.wait() == 0, process.errors()
    assert descriptors_after == descriptors_before
    assert int(kilobytes_after) <= int(kilobytes_before) + 32, f"{kilobytes_before} kB, then {kilobytes_after} kB"


def host(mode):
    process = start([program("host"), mode])
    process.expect("up")
    process.signal(signal.SIGTERM)
    process.expect("mask 1 handler 1 code 0")
    assert process.wait() == 0


def test_handlers_and_mask_of_the_host_are_as_before():
    host("handlers")


def test_signal_is_taken_by_any_thread_of_the_host():
    host("thread")


def test_blocked_mask_is_taken_back():
    host("blocked")


def test_host_that_waits_for_its_signals_itself():
    host("sigwait")


def test_sigint_that_the_host_ignored_is_ours_and_then_ignored_again():
    process = start([program("host"), "handlers"])
    process.expect("up")
    process.signal(signal.SIGINT)
    process.expect("mask 1 handler 1 code 0")
    assert process.wait() == 0


@alone
def test_52_a_clock_step_changes_nothing():
    stepping = {**os.environ, "LD_PRELOAD": program("libclock_step.so")}
    process = start([program("bounds"), "300"], env=stepping)
    token = int(process.line().split()[1])
    drain = int(process.line().split()[1])
    process.expect("wall jumps")
    assert process.wait() == 0
    for took, what in (token, "the token"), (drain, "the drain"):
        assert took >= 300, (what, took)
        assert_below(took / 1000, 0.3 + SLACK, what)


def stages(*signals):
    process = start([program("stages")])
    process.expect("up all")
    process.signals_at_once(*signals)
    said = process.out.rest().decode().splitlines()
    assert process.wait() == 0, process.errors()
    return said, json.loads(process.errors())


def test_84_parts_stop_in_order_front_first_log_last():
    said, _ = stages(signal.SIGTERM)
    parts = [line for line in said if line.split()[1] in STAGES]
    assert parts == [f"{word} {stage}" for stage in STAGES for word in ("finish", "ended")], said
    assert said.index("ended children") < said.index("hook last") < said.index("hook first") < said.index("finish log")


def test_53_a_hanging_hook_does_not_starve_the_others():
    said, report = stages(signal.SIGTERM)
    hooks = [line for line in said if line.split()[0] in ("hook", "hang")]
    thread = hooks.index("hang thread")  # which another thread says
    assert thread > 0 and hooks[:thread] + hooks[thread + 1 :] == ["hook last", "hang callback", "hook first"], said
    assert [each["name"] for each in report["forced"]] == ["hanging thread", 'hanging "hook"\n'], report
    assert all(100 <= each["age_ms"] < 10000 for each in report["forced"]), report


def test_54_draining_twice_is_draining_once():
    said, report = stages(signal.SIGTERM, signal.SIGTERM, signal.SIGINT)
    assert [line for line in said if line.startswith("finish")] == [f"finish {stage}" for stage in STAGES], said
    assert not [line for line in said if line.startswith("cut")], said
    assert report["exit_code"] == 0


def test_report_is_json_with_every_member():
    _, report = stages(signal.SIGTERM)
    assert report["command"] == 'an "odd"\tname \ufffd \u20ac'
    assert report["cause"]["kind"] == "signal" and report["cause"]["signal"] == "SIGTERM"
    assert report["cause"]["sender_pid"] == os.getpid()
    assert [phase["name"] for phase in report["phases"]] == ["starting", "running", "draining", "reaping"]
    assert report["counts"]["requests_completed"] == 1 << 40
    assert report["forced_count"] == 2
