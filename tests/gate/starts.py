# SPDX-License-Identifier: Apache-2.0
"""Starts of a serving command, and the signals that it has or gets then."""

import os
import signal
import time

from harness import blocks, now, survivors, until

TERM, HUP, USR2 = signal.SIGTERM, signal.SIGHUP, signal.SIGUSR2


def sleep_until(moment):
    while (left := moment - now()) > 0:
        time.sleep(left)


def ended_in_order(server):
    """Whether the log says so."""
    events = [line["event"] for line in server.lines()]
    return bool(events) and events[-1] == "ended"


def time_to_main(start):
    """How long it takes at most, here and now, until SigBlk shows that the signals are held back, in ms."""
    took = []
    for _ in range(3):
        server = start()
        until(lambda server=server: blocks(server.process.pid, TERM), "it takes signals")
        took.append((now() - server.process.started) * 1000)
        server.signal()
        assert server.process.wait() == 0, server.log()
    return max(took)


def sweep(start, starts, span_ms):
    """Sends TERM to each of many starts, each a little later. Once SigBlk shows it, the end is in order; before, the
    signal's default acts, and nothing was said. Returns how many came before."""
    wrong, early = [], 0
    for i in range(starts):
        server = start()
        sleep_until(server.process.started + i * span_ms / 1000 / starts)
        held = blocks(server.process.pid, TERM)
        server.signal()
        code = server.process.wait()
        early += not held
        if code != 0 and (held or code != -TERM):
            wrong.append(f"start {i}: code {code}, held: {held}")
        if ended_in_order(server) != (code == 0) or code and server.log():
            wrong.append(f"start {i}: code {code}, it said {server.log()!r}")
        if survivors():
            wrong.append(f"start {i}: left {survivors()}")
    assert not wrong, f"{len(wrong)} of {starts}:\n" + "\n".join(wrong)
    return early


def pending(number):
    """To be run before the exec: the signal is there, and held back."""

    def before_exec():
        signal.pthread_sigmask(signal.SIG_BLOCK, [number])
        os.kill(os.getpid(), number)

    return before_exec


def strange_signals():
    """To be run before the exec: a mask and dispositions that are not the usual ones."""
    signal.pthread_sigmask(signal.SIG_BLOCK, [HUP, USR2, signal.SIGRTMIN + 3])
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)


def inherited(fields):
    """Those, in the fields of /proc/PID/status."""
    return fields["SigBlk"], fields["SigIgn"]
