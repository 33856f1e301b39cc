# SPDX-License-Identifier: Apache-2.0
"""As PID 1 of a pid namespace: what is special there. Other files have its cases of what is not."""

import os
import signal

from harness import *

TERM = signal.SIGTERM


def first(options, part):
    """An actor under curfew as PID 1, and PID 1 as seen from outside."""
    process = up(options, part, first_process)
    return process, inner(process)


def test_7_the_whole_tree_ends_in_order():
    part = "orphan setsid on TERM sleep 200 say cleaned exit 0 done say up serve done on TERM say told exit 0 done say up serve"
    process, pid = first("", part)
    os.kill(pid, TERM)
    process.expect("told", "cleaned")
    assert process.wait() == 0


def test_7_what_ignores_the_signal_is_killed_at_the_grace():
    process, pid = first("--grace 500ms", "orphan setsid ignore TERM say up serve done ignore TERM say up serve")
    os.kill(pid, TERM)
    sent = now()
    assert process.wait() == 137
    assert_below(process.ended - sent, 10, "the end")


def test_7_a_storm_is_ended():
    process = start(first_process(run("--grace 500ms", fixture("storm"), "6")))
    process.expect("storming")
    os.kill(inner(process), TERM)
    sent = now()
    assert process.wait() == 137
    assert_below(process.ended - sent, 10, "the end")


def test_7_orphans_are_reaped_at_once():
    process, pid = first("", "on USR1 repeat 20 orphan sleep 20 exit 0 done done say over done say up serve")
    os.kill(pid, signal.SIGUSR1)
    process.expect("over")
    until(lambda: len(children(pid)) == 1, "the orphans are reaped")
    os.kill(pid, TERM)
    assert process.wait() == 0


def test_7_a_signal_from_inside_is_taken():
    process, _ = first("", "on USR1 say passed done fork sleep 50 say up done say up serve")
    inside = start(["nsenter", "--target", str(inner(process)), "--pid", "--mount", "sh", "-c", "kill -USR1 1"])
    assert inside.wait() == 0, inside.errors()
    process.expect("passed")
    inside = start(["nsenter", "--target", str(inner(process)), "--pid", "--mount", "sh", "-c", "kill -TERM 1"])
    inside.wait()
    assert process.wait() == 0


def test_7_who_entered_from_outside_is_not_waited_for():
    """As with `docker exec`: it is nobody's descendant in there, and ends with the namespace."""
    process, pid = first("--grace 20s", "on TERM sleep 100 exit 0 done say up serve")
    entered = start(["nsenter", "--target", str(pid), "--pid", "--mount", *actor("ignore TERM say up serve")])
    entered.expect("up")
    os.kill(pid, TERM)
    sent = now()
    assert process.wait() == 0
    assert_below(process.ended - sent, 10, "the end with somebody from outside")
    entered.wait()


def without_proc(argv):
    """The command in a mount namespace that has no /proc."""
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", 'umount -l /proc; exec "$@"', "sh", *argv]


@plain
def test_7_without_proc():
    """Less can be seen then, but the child is run and ended all the same, and its code is told."""
    for as_first in False, True:
        argv = run("--grace 3s", *actor("fork on TERM say cleaned exit 0 done say up serve done on TERM say told exit 3 done say up serve"))
        argv = without_proc(argv)
        if as_first:
            argv = ["unshare", "--fork", "--pid", "--kill-child", *argv]
        process = start(argv)
        process.expect("up", "up")
        os.kill(inner(process) if as_first else process.pid, TERM)
        assert sorted([process.line(), process.line()]) == ["cleaned", "told"]
        assert process.wait() == 3
        until(lambda: all(gone(pid) for pid in descendants(os.getpid())), "nobody is left")
