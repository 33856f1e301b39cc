# SPDX-License-Identifier: Apache-2.0
"""Signals: at any moment of the life, twice, all of them, and those that must not do anything."""

import json
import os
import signal
import socket
import subprocess
import time

from harness import *

TERM, INT = signal.SIGTERM, signal.SIGINT
NOT_PASSED_ON = {  # those that end the command, that nobody can catch, or that job control owns
    signal.SIGTERM, signal.SIGINT, signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD, signal.SIGCONT,
    signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU,
    signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGTRAP, signal.SIGSYS,
}  # fmt: skip
SWEEP = 250


def every_passed_signal():
    return sorted(set(signal.valid_signals()) - NOT_PASSED_ON)


def sleep_until(moment):
    while (left := moment - now()) > 0:
        time.sleep(left)


def time_to_main():
    """How long it takes at most, here and now, until SigBlk shows that the signals are held back, in ms."""
    took = []
    for _ in range(5):
        process = start(run("--grace 5s", *actor("serve")), stdout=subprocess.DEVNULL)
        until(lambda process=process: blocks(process.pid, TERM), "it takes signals")
        took.append((now() - process.started) * 1000)
        process.signal(TERM)
        assert process.wait() == 0
    return max(took)


def sweep(starts, span_ms):
    """Sends TERM to each of many starts, each a little later. Once SigBlk shows it, the code is right;
    before, the signal's default acts; and no child is left. Returns how many came before."""
    lost, early = [], 0
    for i in range(starts):
        process = start(run("--grace 5s", *actor("serve")), stdout=subprocess.DEVNULL)
        sleep_until(process.started + i * span_ms / 1000 / starts)
        held = blocks(process.pid, TERM)
        process.signal(TERM)
        if not readable(process.pidfd, WITHIN):
            lost.append(f"start {i}: the signal had no effect, held: {held}")
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            end_all(signal.SIGKILL)
            continue
        code = process.wait()
        early += not held
        if code != 0 and (held or code != -TERM):
            lost.append(f"start {i}: code {code}, held: {held}")
        if survivors():
            lost.append(f"start {i}: left {survivors()}")
    assert not lost, f"{len(lost)} of {starts}:\n" + "\n".join(lost)
    return early


@plain
def test_1_no_term_is_lost_around_the_first_statement_of_main():
    early = sweep(SWEEP, 3 * time_to_main())
    assert early < SWEEP, "all signals came before main"


@slow
def test_1_no_term_is_lost_in_the_first_500_ms():
    sweep(50, 500)


def test_1_no_other_signal_is_lost_between_the_start_and_the_exec():
    """With the signal inherited as blocked nobody dies of it: the child must get each, once."""
    lost, span = [], 3 * time_to_main() / 1000
    for i in range(SWEEP):
        process = start(
            run("", *actor("on USR1 say got exit 7 done serve")),
            preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1]),
        )
        sleep_until(process.started + i * span / SWEEP)
        process.signal(signal.SIGUSR1)
        if not readable(process.pidfd, WITHIN):
            lost.append(f"{i}: not passed on")
            process.signal(signal.SIGKILL)
        elif process.wait() != 7:
            lost.append(f"{i}: code {process.code}")
        process.wait()
        assert len(lost) < 5, f"{len(lost)} of {i + 1}: {lost}"
    assert not lost, f"{len(lost)} of {SWEEP}: {lost}"


def test_1_no_term_is_lost_as_the_first_process():
    """Sent from outside at each moment after SigBlk shows it; before, the kernel drops it for PID 1."""
    lost = []
    for i in range(40):
        process = start(first_process(run("--grace 5s", *actor("serve"))))
        pid = inner(process)
        until(lambda: blocks(pid, TERM) or gone(pid), "SigBlk shows TERM")
        sleep_until(now() + i / 2000)
        os.kill(pid, TERM)
        if not readable(process.pidfd, WITHIN):
            lost.append(f"start {i}: no effect")
            os.kill(pid, signal.SIGKILL)
        code = process.wait()
        if code != 0:
            lost.append(f"start {i}: code {code}")
    assert not lost, "\n".join(lost)


def pending(number):
    def before_exec():
        signal.pthread_sigmask(signal.SIG_BLOCK, [number])
        os.kill(os.getpid(), number)

    return before_exec


def test_2_term_before_the_start_starts_nothing():
    """The signal is pending when main begins: nothing is opened, no child is left, exit 0."""
    marker = temporary("started")
    process = start(run("--grace 2s", *actor(f"put {marker} started serve")), preexec_fn=pending(TERM))
    assert process.wait() == 0
    assert not os.path.exists(marker), "the command was started although the end had begun"
    assert_no_survivors()


def test_3_term_and_int_are_equal():
    for number in TERM, INT:
        part = f"on {number} say told sleep 100 say cleaned exit 0 done orphan setsid on {number} say orphan exit 0 done say up serve done say up serve"
        process = start(run("", *actor(part)))
        process.expect("up", "up")
        process.signal(number)
        assert sorted(process.line() for _ in range(3)) == ["cleaned", "orphan", "told"]
        assert process.wait() == 0
        assert_no_survivors()


STUBBORN = "on TERM say told done on INT say told done orphan setsid say up serve done say up serve"


def second_signal(options, first, second, gap=0.15):
    """The code, and how long after the second signal the end was. The first has been read by then for so long."""
    process = up(options, STUBBORN)
    process.signal(first)
    process.out.until("told")
    sleep_until(now() + gap)
    sent = process.signal(second)
    return process.wait(), process.ended - sent


def test_4_a_second_signal_kills_at_once():
    for first, second in (TERM, TERM), (INT, INT), (TERM, INT), (INT, TERM):
        code, took = second_signal("--grace 20s", first, second)
        assert code == 128 + second, f"{first}, {second}: code {code}"
        assert_below(took, 1.0, "from the second signal to the exit")
        assert_no_survivors()


def test_4_a_second_signal_as_the_first_process():
    process = up("--grace 20s", STUBBORN, first_process)
    pid = inner(process)
    os.kill(pid, TERM)
    process.out.until("told")
    sleep_until(now() + 0.15)
    os.kill(pid, TERM)
    assert process.wait() == 128 + TERM


def test_4_not_with_insist_never():
    process = up("--grace 1s --insist never", STUBBORN)
    sent = process.signal(TERM)
    for _ in range(3):
        sleep_until(now() + 0.15)
        process.signal(TERM)
    assert process.wait() == 137
    assert process.ended - sent >= 1 - SLACK, "a second signal forced"
    assert_no_survivors()


def test_5_a_duplicate_within_the_debounce_does_not_force():
    for second in TERM, INT:
        told = "say told sleep 300 say cleaned exit 0 done"
        process = start(run("--grace 10s", *actor(f"on INT {told} on TERM {told} say up serve")))
        process.expect("up")
        process.signals_at_once(TERM, second)
        process.expect("told", "cleaned")
        process.expect_end()
        assert process.wait() == 0
        assert process.errors() == ""


@alone
def test_5_the_debounce_is_100_ms():
    process = start(run("--grace 10s", *actor("on TERM say told sleep 400 exit 0 done say up serve")))
    process.expect("up")
    sleep_until(process.signal(TERM) + 0.07)
    process.signal(TERM)
    process.expect("told")
    if process.wait() != 0:
        raise Late("at 70 ms it was not taken for a duplicate")
    assert second_signal("--grace 10s", TERM, TERM, 0.13)[0] == 128 + TERM, "at 130 ms it was taken for a duplicate"


def test_6_a_third_signal_leaves_no_child():
    for gap in 0.0, 0.001, 0.12:
        process = up("--grace 10s", STUBBORN)
        for _ in range(5):
            if not process.alive():
                break
            process.signal(TERM)
            sleep_until(now() + gap)
        assert readable(process.out.fd, WITHIN)  # it says "told", unless it was killed before
        sleep_until(now() + 0.15)
        if process.alive():
            process.signal(TERM)
        assert process.wait() == 128 + TERM
        assert_no_survivors()


def test_6_a_crash_leaves_no_child():
    process = start(run("", *actor("ignore TERM say up serve")))
    process.expect("up")
    child = only_child(process.pid)
    process.signal(signal.SIGKILL)
    process.wait()
    until(lambda: gone(child), "the child is killed when curfew is")


def mask_lines(argv, before_exec):
    code, out, err = finished(argv, preexec_fn=before_exec)
    assert code == 0, err
    return out


def odd_dispositions():
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    signal.signal(signal.SIGQUIT, signal.SIG_IGN)
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    signal.signal(signal.SIGRTMIN + 3, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGWINCH, signal.SIGUSR1, signal.SIGALRM, signal.SIGRTMIN + 5])


def test_8_ignored_and_blocked_signals_reach_the_child_as_they_were():
    for before_exec in odd_dispositions, None:
        direct = mask_lines(actor("masks"), before_exec)
        through = mask_lines(run("", *actor("masks")), before_exec)
        assert through == direct, f"the child has\n{through}and should have\n{direct}"


def test_8_a_blocked_term_reaches_the_child_as_it_was():
    def before_exec():
        signal.pthread_sigmask(signal.SIG_BLOCK, [TERM, INT, signal.SIGCHLD, signal.SIGPIPE])

    assert mask_lines(run("", *actor("masks")), before_exec) == mask_lines(actor("masks"), before_exec)


def test_8_an_ignored_sigchld_is_given_to_the_child_and_does_not_blind_us():
    def before_exec():
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)

    assert mask_lines(run("", *actor("masks")), before_exec) == mask_lines(actor("masks"), before_exec)
    process = start(run("", *actor("orphan sleep 50 done say up sleep 100 exit 5")), preexec_fn=before_exec)
    process.expect("up")
    assert process.wait() == 5


def test_8_an_ignored_term_still_begins_the_end():
    """nohup-like parents leave it ignored: the tree is then ended by KILL at the grace, but it is ended."""

    def before_exec():
        signal.signal(TERM, signal.SIG_IGN)
        signal.signal(INT, signal.SIG_IGN)

    process = start(run("--grace 500ms", *actor("say up serve")), preexec_fn=before_exec)
    process.expect("up")
    process.signal(TERM)
    assert process.wait() == 137
    assert_no_survivors()


def test_9_every_other_signal_is_passed_on():
    numbers = every_passed_signal()
    part = " ".join(f"on {number} say {int(number)} done" for number in numbers)
    process = start(run("", *actor(part + " on TERM exit 0 done say up serve")))
    process.expect("up")
    missing = []
    for number in numbers:
        process.signal(number)
        try:
            process.expect(str(int(number)))
        except AssertionError as error:
            missing.append(f"{number!r}: {error}")
            break
    assert not missing, "\n".join(missing)
    process.signal(TERM)
    assert process.wait() == 0


def test_9_queued_real_time_signals_are_all_passed_on_in_order():
    low, high = signal.SIGRTMIN + 1, signal.SIGRTMAX
    process = start(run("", *actor(f"on {low} say low done on {high} say high done say up serve")))
    process.expect("up")
    for _ in range(20):
        process.signal(low)
    for _ in range(20):
        process.signal(high)
    said = [process.line() for _ in range(40)]
    assert said.count("low") == 20 and said.count("high") == 20
    process.signal(TERM)
    assert process.wait() == 0


def test_9_a_signal_goes_to_the_child_only():
    process = start(run("", *actor("on USR1 say main done fork on USR1 say descendant done say up serve done serve")))
    process.expect("up")
    process.signal(signal.SIGUSR1)
    process.expect("main")
    process.signal(TERM)
    process.expect_end()
    assert process.wait() == 0


def test_10_the_report_names_signal_and_sender():
    for number, name in (TERM, "TERM"), (INT, "INT"):
        report = temporary(f"report-{name}")
        process = start(run(f"--report {report}", *actor("say up serve")))
        process.expect("up")
        process.signal(number)
        assert process.wait() == 0
        cause = json.loads(read_file(report))["cause"]
        assert cause["kind"] == "signal" and cause["signal"] in (name, "SIG" + name), cause
        assert cause["sender_pid"] == os.getpid(), cause


def test_11_sigpipe_never_kills():
    """Sent, it is the child's; caused by our own writes into a closed pipe, it changes nothing."""
    process = start(run("", *actor("on PIPE say pipe done say up serve")))
    process.expect("up")
    process.signal(signal.SIGPIPE)
    process.expect("pipe")
    process.signal(TERM)
    assert process.wait() == 0


def closed_pipe():
    reading, writing = os.pipe()
    os.close(reading)
    return writing


def test_11_errors_into_a_closed_pipe_change_nothing():
    for options, chatter in ("-v", ""), ("--report -", ""), ("--capture", "tell 1 x tell 2 x"):
        broken = closed_pipe()
        ready, writing = channel()
        part = f"on TERM sleep 100 exit 4 done {chatter} tell {writing} up serve"
        process = start(run(options, *actor(part)), stdout=subprocess.DEVNULL, stderr=broken, pass_fds=[writing])
        os.close(writing), os.close(broken)
        assert ready.line() == "up"
        process.signal(TERM)
        assert process.wait() == 4, f"{options}: code {process.code}"
        assert_no_survivors()


@plain
@limit(60)
def test_12_idle_there_are_no_wake_ups_in_10_s():
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    kinds = {
        "plain": start(run("", *actor("say up serve"))),
        "capture": start(run("--capture", *actor("say up serve"))),
        "duration": start(run("--duration 1h --stdin pipe", *actor("say up serve"))),
        "keeper": start(run(f"--keeper {theirs.fileno()}", *actor("say up serve")), pass_fds=(theirs.fileno(),)),
        "PID 1": start(first_process(run("", *actor("say up serve")))),
    }
    theirs.close()
    for kind, process in kinds.items():
        process.out.until("up")
    pids = {kind: inner(process) if kind == "PID 1" else process.pid for kind, process in kinds.items()}
    for kind, pid in pids.items():
        settled(pid)
    before = {kind: context_switches(pid) for kind, pid in pids.items()}
    time.sleep(10)
    woken = {kind: context_switches(pid) - before[kind] for kind, pid in pids.items()}
    assert not any(woken.values()), f"wake-ups in 10 s: {woken}"
