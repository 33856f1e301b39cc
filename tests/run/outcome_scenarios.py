# SPDX-License-Identifier: Apache-2.0
"""The exit code, and what begins and shapes the end: which signals, which durations, which order."""

import json
import os
import shlex
import shutil
import signal
import subprocess

from harness import *

TERM, INT, USR1 = signal.SIGTERM, signal.SIGINT, signal.SIGUSR1


def code_after(options, part, number=TERM, **more):
    """The exit code of a command that is ended by a signal when it is up."""
    process = up(options, part, **more)
    process.signal(number)
    code = process.wait()
    assert_no_survivors()
    return code


def code_of(options, *command):
    return finished(run(options, *command))[0]


# Exec failures


def one_line(text):
    assert len(text.splitlines()) == 1 and text.endswith("\n"), f"not one line: {text!r}"
    assert text.startswith("curfew run: "), f"does not say who speaks: {text!r}"


def test_66_a_command_that_is_not_found_is_127():
    for command in "/nonexistent/program", "no-such-program-anywhere", "./no-such-program":
        code, out, err = finished(run("", command, "argument"))
        assert (code, out) == (127, ""), (command, code, out)
        one_line(err)
        assert command in err
        assert_no_survivors()


def test_66_a_command_that_cannot_be_executed_is_126():
    plain = temporary("plain")
    with open(plain, "w", encoding="utf-8") as file:
        file.write("#!/bin/sh\n")
    for command in plain, "/tmp", "/etc/passwd/x":
        code, out, err = finished(run("", command))
        assert (code, out) == (126, ""), (command, code, out)
        one_line(err)
        assert command in err
        assert_no_survivors()


def test_66_an_exec_failure_is_reported_at_once():
    for options in "--grace 20s", "--grace 20s --capture", "--grace 20s --stdin pipe", "--duration 10s":
        process = start(run(options, "/nonexistent/program"), stdin=subprocess.PIPE)
        assert process.wait() == 127, options
        assert_no_survivors()


def test_66_a_command_is_looked_up_in_path_and_in_the_directory():
    directory = os.path.dirname(fixture("actor"))
    environment = {**os.environ, "PATH": directory + ":/usr/bin"}
    assert finished(run("", "actor", "exit", "6"), env=environment)[0] == 6
    assert finished(run("", "./actor", "exit", "6"), cwd=directory)[0] == 6


def test_66_exec_failures_as_the_first_process():
    assert finished(first_process(run("", "/nonexistent/program")))[0] == 127
    assert finished(first_process(run("", "/tmp")))[0] == 126


# Codes


def test_71_graceful_by_a_signal_is_0():
    for number in TERM, INT:
        assert code_after("", "say up serve", number) == 0
        assert code_after("", f"on {number} exit 0 done say up serve", number) == 0


def test_71_graceful_by_its_own_duration_is_0():
    parts = "say up serve", "on TERM sleep 100 exit 0 done say up serve", "on TERM exit 143 done say up serve"
    for process in [up("--duration 3s", part) for part in parts]:
        assert process.wait() == 0
        assert process.errors() == ""


@alone
def test_71_the_duration_is_counted_from_the_start():
    process = up("--duration 400ms", "on TERM say told exit 0 done say up serve")
    assert_near(process.expect("told") - process.started, 0.4, "the stop signal", 0.06)
    assert process.wait() == 0


def test_71_the_first_process_too():
    process = up("", "orphan setsid say up serve done say up serve", first_process)
    os.kill(inner(process), TERM)
    assert process.wait() == 0


def test_72_a_real_failure_stays():
    assert code_of("", *actor("exit 3")) == 3
    assert code_of("", *actor("exit 0")) == 0
    assert code_of("--duration 10s", *actor("exit 255")) == 255
    assert code_after("", "on TERM exit 3 done say up serve") == 3
    assert code_of("--duration 3s", *actor("on TERM exit 1 done serve")) == 1


def test_72_a_real_failure_stays_although_term_follows():
    """The child has failed; while its descendants are being ended, the signal comes."""
    process = up("--grace 5s", "orphan setsid on TERM say told sleep 300 exit 0 done say up serve done on USR1 exit 3 done say up serve")
    process.signal(USR1)
    process.expect("told")
    process.signal(TERM)
    assert process.wait() == 3
    assert_no_survivors()


def test_74_forced_is_told_apart_from_clean():
    clean, forced = temporary("clean"), temporary("forced")
    process = up(f"--report {clean}", "on TERM exit 0 done say up serve")
    process.signal(TERM)
    assert process.wait() == 0
    assert process.errors() == ""
    process = up(f"--grace 300ms --report {forced}", "orphan setsid ignore TERM say up serve done say up serve")
    process.signal(TERM)
    process.wait()
    assert process.errors(), "something was forced, and nothing was said"
    assert json.loads(read_file(clean))["forced"] == []
    assert len(json.loads(read_file(forced))["forced"]) >= 1


def test_74_forced_exit_gives_it_a_code():
    part = "orphan setsid ignore TERM say up serve done say up serve"
    assert code_after("--grace 3s --forced-exit 9", part) == 9
    assert code_after("--grace 3s", part) == 0
    assert code_after("--forced-exit 9", "say up serve") == 0, "nothing was forced"


def test_75_143_is_0_only_if_we_sent_the_term():
    assert code_of("", *actor("exit 143")) == 143
    assert code_of("", *actor("die TERM")) == 143
    assert code_of("", *actor("die INT")) == 130
    assert code_after("", "on TERM exit 143 done say up serve") == 0
    assert code_after("", "on INT exit 130 done say up serve", INT) == 0
    assert code_after("", "on TERM exit 130 done say up serve") == 130
    assert code_after("", "on TERM die INT done say up serve") == 130
    assert code_after("", "on TERM die USR1 done say up serve") == 138


def test_75_a_term_from_somebody_else_is_not_ours():
    process = up("", "say up serve")
    os.kill(only_child(process.pid), TERM)
    assert process.wait() == 143
    process = up("", "on TERM exit 143 done say up serve")
    os.kill(only_child(process.pid), TERM)
    assert process.wait() == 143


def test_75_137_stays():
    assert code_of("", *actor("exit 137")) == 137
    assert code_of("", *actor("die KILL")) == 137
    assert code_after("", "on TERM exit 137 done say up serve") == 137
    assert code_after("--grace 300ms", "ignore TERM say up serve") == 137
    assert code_after("", "on TERM die KILL done say up serve") == 137


def test_75_the_same_as_the_first_process():
    for part, wanted in ("say up exit 143", 143), ("say up die KILL", 137), ("say up exit 7", 7):
        assert start(first_process(run("", *actor(part)))).wait() == wanted, part


@plain
def test_75_a_process_that_cannot_be_killed_is_no_success():
    """One of another user: a child of it counts as killed, and a descendant does not change the child's code."""
    if os.geteuid() != 0:
        raise Skip("a program of another user needs root")
    folder = os.path.dirname(temporary("x"))
    for name, source in ("setpriv", "/usr/bin/setpriv"), ("curfew", curfew_path()):
        shutil.copy(source, f"{folder}/{name}")
    os.chmod(f"{folder}/setpriv", 0o4755)
    os.chmod(folder, 0o755)
    other = f"{folder}/setpriv --ruid 0 sleep 12"
    for command, wanted in (f"exec {other}", 137), (f"{other} & sleep 0.3; exit 7", 7):
        argv = ["setpriv", "--reuid=65534", f"{folder}/curfew", "run", "--grace", "300ms", "--duration", "3s", "--", "sh", "-c", command]
        assert start(argv).wait(within=15) == wanted, command


def test_75_signal_exit_keep_and_reraise():
    for part in "say up serve", "on TERM exit 143 done say up serve":
        assert code_after("--signal-exit zero", part) == 0
        assert code_after("--signal-exit keep", part) == 143
        assert code_after("--signal-exit reraise", part) == -TERM
    assert code_after("--signal-exit keep", "say up serve", INT) == 130
    assert code_after("--signal-exit reraise", "say up serve", INT) == -INT
    assert code_after("--signal-exit reraise", "on TERM exit 0 done say up serve") == 0
    assert code_after("--signal-exit reraise", "on TERM exit 5 done say up serve") == 5


def test_75_reraise_is_keep_for_the_first_process():
    process = start(first_process(run("--signal-exit reraise", *actor("say up serve"))))
    process.expect("up")
    os.kill(inner(process), TERM)
    assert process.wait() == 143


# What shapes the end


def test_signal_gives_the_tree_another_stop_signal():
    part = "on TERM say term done on QUIT say quit exit 131 done fork on QUIT exit 0 done say up serve done say up serve"
    process = up("--signal QUIT", part)
    process.signal(TERM)
    process.expect("quit")
    process.expect_end()
    assert process.wait() == 0, "131 is the death by the stop signal that we sent"
    process = up("--signal SIGUSR2 --duration 3s", "on USR2 say told exit 0 done say up serve")
    process.expect("told")
    assert process.wait() == 0


def test_stop_on_makes_other_signals_begin_the_end():
    part = "on QUIT say quit exit 0 done orphan setsid on QUIT say quit exit 0 done say up serve done say up serve"
    process = up("--stop-on TERM,INT,QUIT", part)
    process.signal(signal.SIGQUIT)
    process.expect("quit", "quit")
    assert process.wait() == 0
    assert_no_survivors()


def test_stop_on_leaves_out_what_it_does_not_name():
    process = up("--stop-on HUP", "on TERM say passed done on HUP say told exit 0 done orphan on TERM say wrong done say up serve done say up serve")
    process.signal(TERM)
    process.expect("passed")
    process.signal(signal.SIGHUP)
    process.expect("told")
    assert process.wait() == 0


def test_map_rewrites_and_drops():
    part = "on HUP say hup done on USR1 say usr1 done on USR2 say usr2 done on TERM exit 0 done say up serve"
    process = up("--map HUP:USR2 --map USR1:0", part)
    process.signal(signal.SIGHUP)
    process.expect("usr2")
    process.signal(USR1)
    process.signal(signal.SIGUSR2)
    process.expect("usr2")
    process.signal(TERM)
    process.expect_end()
    assert process.wait() == 0


def test_map_to_term_gives_the_child_term():
    process = up("--map HUP:TERM", "on TERM say term exit 0 done say up serve")
    process.signal(signal.SIGHUP)
    process.expect("term")
    assert process.wait() == 0


def test_kill_mode_main_signals_the_rest_when_the_main_child_is_gone():
    part = "fork on TERM say worker exit 0 done say up serve done on TERM say told sleep 300 say over exit 0 done say up serve"
    process = up("--kill-mode main", part)
    process.signal(TERM)
    process.expect("told", "over", "worker")
    assert process.wait() == 0
    assert_no_survivors()


def test_kill_mode_main_kills_all_at_the_grace():
    process = up("--kill-mode main --grace 400ms", "orphan setsid on TERM say worker exit 0 done say up serve done ignore TERM say up serve")
    sent = process.signal(TERM)
    assert process.wait() == 137
    assert_below(process.ended - sent, 10, "the end")
    assert_no_survivors()


def test_pre_stop_runs_before_the_ladder():
    order = temporary("order")
    part = f"on TERM put {order} term exit 0 done say up serve"
    process = up(f"--pre-stop 'echo began >> {order}; sleep 0.2; echo pre-stop >> {order}'", part)
    process.signal(TERM)
    assert process.wait() == 0
    assert read_file(order).split() == ["began", "pre-stop", "term"]
    assert_no_survivors()


def test_pre_stop_that_fails_or_leaves_something_changes_nothing():
    for command in "exit 3", "/nonexistent/program", "setsid sleep 300 & exit 0", "kill -9 $$":
        began = temporary("began")
        command = shlex.quote(f"echo x > {began}; {command}")
        process = up(f"--grace 5s --pre-stop {command}", "on TERM say told exit 0 done say up serve")
        process.signal(TERM)
        process.expect("told")
        assert process.wait() == 0, command
        assert os.path.exists(began), command
        os.unlink(began)
        assert_no_survivors()


def test_dump_signal_writes_the_state_and_is_not_passed_on():
    process = up("--dump-signal USR1", "on USR1 say passed done on TERM sleep 100 exit 0 done say up serve")
    process.signal(USR1)
    process.err.until("child actor")  # in which phase it is, the start may not have said yet
    process.signal(TERM)
    process.expect_end()
    assert process.wait() == 0


def test_silent_unless_verbose():
    for options, silent in ("", True), ("-v", False), ("--verbose", False):
        process = up(options, "say up serve")
        process.signal(TERM)
        assert process.wait() == 0
        assert (process.errors() == "") == silent, options
