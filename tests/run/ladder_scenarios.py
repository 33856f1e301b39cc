# SPDX-License-Identifier: Apache-2.0
"""The end: end of input, the stop signal, the wait, the kill; for the child and for the whole tree."""

import hashlib
import os
import re
import signal
import subprocess
import time

from harness import *

TERM = signal.SIGTERM
CLEANS_UP = "on TERM sleep 300 say cleaned exit 0 done say up serve"
ESCAPED = "orphan setsid {} done say up serve"


def ended(process, number=TERM, within=WITHIN):
    """Signals and waits; returns the code and the seconds from the signal to the exit."""
    sent = process.signal(number)
    code = process.wait(within)
    return code, process.ended - sent


# Bounds


@alone
def test_49_the_end_is_over_at_the_grace_whatever_the_tree_does():
    parts = {
        "ignores the signal": "ignore TERM say up serve",
        "has stopped itself": "ignore TERM say up stop serve",
        "is stopped, and its descendants too": "ignore TERM fork setsid say up stop serve done say up stop serve",
        "starts a sleep in the handler": "on TERM sleep 60000 done say up serve",
        "fills a pipe that nobody reads": "ignore TERM say up fill 1 1000000 serve",
        "ignores, in another session": "on TERM exit 0 done orphan setsid ignore TERM say up serve done say up serve",
    }
    for what, part in parts.items():
        process = up("--grace 500ms", part)
        _, took = ended(process)
        assert_below(took, 0.5 + SLACK, what)
        assert_no_survivors()


@alone
def test_49_a_hanging_pre_stop_command_does_not_stretch_the_grace():
    process = up("--grace 600ms --pre-stop 'sleep 60'", "ignore TERM say up serve")
    _, took = ended(process)
    assert_below(took, 0.6 + SLACK, "with a pre-stop command that hangs")
    assert_no_survivors()


@alone
def test_50_the_exit_follows_the_last_completion_within_100_ms():
    for part in (
        "on TERM sleep 250 tell {} over exit 0 done say up serve",
        "orphan setsid on TERM sleep 250 tell {} over exit 0 done say up serve done serve",
        "on TERM exit 9 done say up sleep 200 tell {} over exit 0",
    ):
        reader, writing = channel()
        process = up("--grace 20s", part.format(writing), pass_fds=[writing])
        os.close(writing)
        process.signal(TERM)
        reader.line()
        over = now()
        process.wait()
        assert_below(process.ended - over, 0.1, part)


@alone
def test_51_with_nothing_to_wait_for_the_end_takes_below_100_ms():
    for options in "", "--stdin pipe", "--capture":
        process = start(run(f"--grace 20s {options}", *actor("on EOF exit 0 done say up serve")), stdin=subprocess.PIPE)
        process.out.until("up")
        code, took = ended(process)
        assert code == 0
        assert_below(took, 0.1, f"run {options}")


def test_52_every_timer_is_monotonic():
    """A step of the clock cannot be made here without harm to others: look at the timers instead."""
    process = up("--grace 20s --duration 10s --stdin pipe --eof-wait 5s", "on EOF say eof done on TERM exit 0 done say up serve")
    process.signal(TERM)
    process.expect("eof")
    clocks = []
    for name in os.listdir(f"/proc/{process.pid}/fdinfo"):
        text = read_file(f"/proc/{process.pid}/fdinfo/{name}")
        clocks += [line.split(":")[1].strip() for line in text.splitlines() if line.startswith("clockid")]
    assert all(clock == str(time.CLOCK_MONOTONIC) for clock in clocks), f"timers on the clocks {clocks}"
    assert read_file(f"/proc/{process.pid}/timers") == "", "a timer of the process's own"
    process.signal(signal.SIGKILL)
    process.wait()


def test_53_a_hanging_pre_stop_command_does_not_starve_the_ladder():
    began = temporary("began")
    process = up(f"--grace 9s --pre-stop 'echo x > {began}; sleep 60'", "on TERM say told exit 0 done say up serve")
    process.signal(TERM)
    process.expect("told")
    assert os.path.exists(began)
    process.wait()
    assert_no_survivors()


def test_54_draining_twice_is_draining_once():
    """The end of the duration in the middle of an end, and signals that do not insist."""
    process = up("--grace 10s --insist never --duration 3s", "on TERM say told done on USR1 exit 0 done say up serve")
    process.signal(TERM)
    process.expect("told")
    while now() < process.started + 3.2:
        readable(process.pidfd, 0.12)
        process.signal(TERM)
    process.signal(signal.SIGUSR1)
    process.expect_end()
    assert process.wait() == 0


# The rungs


@alone
def test_56_a_child_that_ends_on_the_end_of_its_input_never_sees_term():
    process = up("--stdin pipe --eof-wait 5s", "on EOF say eof sleep 200 exit 0 done on TERM say term done say up serve")
    code, took = ended(process)
    process.expect("eof")
    process.expect_end()
    assert code == 0
    assert_near(took, 0.2, "to the end of the child")


@alone
def test_56_the_whole_ladder_in_its_order_and_times():
    part = "fork setsid on TERM say term done say up serve done on EOF say eof done on TERM say term done say up serve"
    process = up("--stdin pipe --eof-wait 300ms --term-wait 400ms --grace 20s", part)
    sent = process.signal(TERM)
    eof = process.expect("eof")
    term = process.expect("term", "term")
    assert process.wait() == 137
    assert_near(eof - sent, 0, "the end of input")
    assert_near(term - sent, 0.3, "the stop signal")
    assert_near(process.ended - sent, 0.7, "the kill")
    assert_no_survivors()


@alone
def test_56_each_rung_is_clipped_to_the_grace():
    process = up("--stdin pipe --eof-wait 10s --term-wait 10s --grace 600ms", "on EOF say eof done on TERM say term done say up serve")
    code, took = ended(process)
    assert code == 137
    assert_near(took, 0.6, "the kill")


@alone
def test_56_without_an_input_of_our_own_term_comes_at_once():
    process = up("--eof-wait 10s", "on EOF done on TERM say term exit 0 done say up serve")
    sent = process.signal(TERM)
    assert_near(process.expect("term") - sent, 0, "the stop signal")
    assert process.wait() == 0


def test_56_a_stopped_tree_is_continued():
    part = "on TERM say cleaned exit 0 done fork setsid on TERM say cleaned exit 0 done say up stop serve done say up stop serve"
    process = up("--grace 20s", part)
    until(lambda: [state(pid) for pid in descendants(process.pid)] == ["T", "T"], "both are stopped")
    code, took = ended(process)
    process.expect("cleaned", "cleaned")
    assert code == 0
    assert_below(took, 5, "the end of a stopped tree")


def test_56_a_stopped_tree_is_continued_when_term_is_its_default():
    process = up("--grace 20s", "fork setsid say up stop serve done say up stop serve")
    until(lambda: [state(pid) for pid in descendants(process.pid)] == ["T", "T"], "both are stopped")
    code, took = ended(process)
    assert code == 0
    assert_below(took, 5, "the end of a stopped tree")
    assert_no_survivors()


def test_56_input_is_passed_through_the_pipe_whole_and_its_end_too():
    size = 8 << 20
    reading, writing = os.pipe()
    process = start(run("--stdin pipe", "sha256sum"), stdin=reading)
    os.close(reading)
    feeder = os.fork()
    if feeder == 0:
        block = bytes(range(256)) * 256
        for _ in range(size // len(block)):
            left = memoryview(block)
            while left:
                left = left[os.write(writing, left) :]
        os._exit(0)
    os.close(writing)
    os.waitpid(feeder, 0)
    assert process.line().split()[0] == hashlib.sha256(bytes(range(256)) * (size // 256)).hexdigest()
    assert process.wait() == 0


@alone
def test_57_a_child_that_ignores_term_is_gone_at_the_bound():
    for grace, options in (0.3, "--grace 300ms"), (1.0, "--grace 1s"), (0.4, "--grace 10s --term-wait 400ms"):
        process = up(options, "ignore TERM say up serve")
        code, took = ended(process)
        assert code == 137
        assert_near(took, grace, options)
        assert_no_survivors()


@plain  # only two numbers
def test_57_default_grace_of_25_s_and_8_s_as_the_first_process():
    """25 s also as PID 1 where Kubernetes says that it is there. Only the shortest is waited for."""
    part = "ignore TERM say up serve"
    plain = up("", part)
    pod = start(first_process(run("", *actor(part))), env={**os.environ, "KUBERNETES_SERVICE_HOST": "10.0.0.1"})
    first = start(first_process(run("", *actor(part))), env={k: v for k, v in os.environ.items() if k != "KUBERNETES_SERVICE_HOST"})
    pod.expect("up"), first.expect("up")
    targets = [plain.pid, inner(pod), inner(first)]
    sent = now()
    for pid in targets:
        os.kill(pid, TERM)
    assert first.wait(within=20) == 137
    assert 7.9 <= first.ended - sent < 20, f"PID 1 took {first.ended - sent} s"
    time.sleep(max(0, sent + 9 - now()))
    assert plain.alive() and pod.alive(), "killed before 9 s"
    for pid in targets[:2]:
        os.kill(pid, TERM)
    assert plain.wait() == 128 + TERM and pod.wait() == 128 + TERM


# Whole trees


def test_58_no_descendant_survives():
    parts = {
        "a double fork": "orphan say up serve done",
        "a double fork in a session of its own": "orphan setsid say up serve done",
        "one that ignores the signal": "orphan setsid ignore TERM ignore HUP say up serve done",
        "a stopped one": "orphan setsid say up stop serve done",
        "a stopped one that ignores the signal": "orphan setsid ignore TERM say up stop serve done",
        "a chain of sessions": "orphan setsid orphan setsid orphan setsid ignore TERM say up serve done ignore TERM say up serve done say up serve done",
        "twenty": "orphan setsid ignore TERM say up serve done " * 20,
        "children of a thread": "thread fork setsid ignore TERM say up serve done say up serve done",
        "children of a process whose first thread has ended": "orphan setsid ignore TERM thread fork setsid ignore TERM say up serve done say up serve done end-thread done",
        "one that forks when it is told to end": "orphan setsid on TERM orphan setsid ignore TERM serve done exit 0 done say up serve done",
        "one that answers TERM by a new session": "on TERM setsid orphan setsid ignore TERM serve done exit 0 done",
    }
    left = {}
    for what, part in parts.items():
        process = up("--grace 700ms", f"{part} say up serve")
        process.signal(TERM)
        process.wait()
        if survivors():
            left[what] = survivors()
            finish()
    assert not left, "\n".join(f"{what}: {lines}" for what, lines in left.items())


def test_58_a_fork_storm_is_ended():
    for ending in "signal", "second signal":
        process = start(run("--grace 1s", fixture("storm"), "6"))
        process.expect("storming")
        sent = process.signal(TERM)
        if ending == "second signal":
            readable(process.pidfd, 0.15)
            process.signal(TERM)
        process.wait()
        assert_below(process.ended - sent, 10, "the end of the storm")
        assert_no_survivors()


def test_58_a_storm_that_the_main_child_leaves_behind_is_ended():
    process = start(run("--grace 1s", "sh", "-c", '"$0" 4 & read -r _; exit 3', fixture("storm")), stdin=subprocess.PIPE)
    process.expect("storming")
    process.popen.stdin.close()
    assert process.wait() == 3
    assert_no_survivors()


def test_59_descendants_that_clean_up_get_the_time():
    parts = {
        "a child of the main child": f"fork {CLEANS_UP} done say up serve",
        "in a session of its own": ESCAPED.format(CLEANS_UP),
        "the main child too": f"orphan setsid {CLEANS_UP} done on TERM sleep 100 exit 0 done say up serve",
    }
    for what, part in parts.items():
        process = up("--grace 10s", part)
        code, took = ended(process)
        assert code == 0, f"{what}: {code}"
        assert took >= 0.3 - SLACK, f"{what}: exit after {took} s"
        process.expect("cleaned")
        assert_no_survivors()
        assert process.errors() == "", "nothing was forced, nothing is to be said"


def test_59_descendants_that_clean_up_get_the_time_from_the_first_process():
    process = start(first_process(run("", *actor(ESCAPED.format(CLEANS_UP)))))
    process.expect("up", "up")
    os.kill(inner(process), TERM)
    process.expect("cleaned")
    assert process.wait() == 0


def zombies_of(pid):
    return {child for child in children(pid) if state(child) == "Z"}


def spawn_many(count, first=False):
    """Runs many short orphans under curfew; fails where one of them stays a zombie."""
    argv = run("", *actor(f"on USR1 repeat {count} orphan exit 0 done done say over done say up serve"))
    process = start(first_process(argv) if first else argv)
    pid = inner(process) if first else process.pid
    process.expect("up")
    settled(pid)
    descriptors = len(os.listdir(f"/proc/{pid}/fd"))
    os.kill(pid, signal.SIGUSR1)
    seen, stayed = {}, set()
    while not readable(process.out.fd, 0.25):
        seen = {zombie: seen.get(zombie, 0) + 1 for zombie in zombies_of(pid)}
        stayed |= {zombie for zombie, looks in seen.items() if looks >= 8}  # for 2 s, if the machine is not busier than that
    process.expect("over")
    until(lambda: not zombies_of(pid), "all are reaped after the last")
    assert not stayed, f"{len(stayed)} stayed zombies while the others came"
    assert len(os.listdir(f"/proc/{pid}/fd")) <= descriptors + 2, "descriptors were kept"
    return process, pid


@plain  # the same code as 500
@slow
@limit(120)
def test_60_no_zombie_during_and_after_10000_short_children():
    process, pid = spawn_many(10000)
    os.kill(pid, TERM)
    assert process.wait() == 0
    assert_no_survivors()


def test_60_no_zombie_during_and_after_500_short_children():
    for first in False, True:
        process, pid = spawn_many(500, first)
        os.kill(pid, TERM)
        assert process.wait() == 0
        assert_no_survivors()


def private_kb(pid):
    """Its memory that is in no file."""
    text = read_file(f"/proc/{pid}/smaps_rollup")
    return int(re.search(r"^Anonymous: +(\d+) kB$", text, re.M)[1])


@plain
def test_60_memory_does_not_grow_with_the_children():
    process = start(run("", *actor("repeat 300 orphan exit 0 done done say one repeat 3000 orphan exit 0 done done say over serve")))
    process.expect("one")
    before = private_kb(process.pid)
    process.expect("over", within=50)
    grown = private_kb(process.pid) - before
    assert grown <= 64, f"{grown} kB more after 3000 children"
    process.signal(TERM)
    assert process.wait() == 0


@alone
def test_61_the_main_childs_exit_ends_its_descendants():
    part = "orphan setsid on TERM sleep 300 say cleaned exit 0 done say up serve done on USR1 say over exit {} done say up serve"
    for code in 0, 3:
        process = up("--grace 10s", part.format(code))
        process.signal(signal.SIGUSR1)
        over = process.expect("over")
        process.expect("cleaned")
        assert process.wait() == code
        assert_near(process.ended - over, 0.3, "from the exit of the main child to ours")
        assert_no_survivors()


@alone
def test_61_the_main_childs_exit_kills_stubborn_descendants_at_the_grace():
    process = up("--grace 500ms", "orphan setsid ignore TERM say up serve done on USR1 say over exit 3 done say up serve")
    process.signal(signal.SIGUSR1)
    over = process.expect("over")
    assert process.wait() == 3
    assert_near(process.ended - over, 0.5, "from the exit of the main child to ours")
    assert_no_survivors()
    assert len(process.errors().splitlines()) == 1, "one line says that something was forced"


def test_61_a_signal_in_that_end_is_the_first_one():
    """The descendants are being ended already; a signal that comes then insists on nothing yet."""
    process = up("--grace 5s", "orphan setsid on TERM say told sleep 500 say cleaned exit 0 done say up serve done on USR1 exit 3 done say up serve")
    process.signal(signal.SIGUSR1)
    process.expect("told")
    process.signal(TERM)
    process.expect("cleaned")
    assert process.wait() == 3
