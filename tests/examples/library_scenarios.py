# SPDX-License-Identifier: Apache-2.0
"""The small programs of examples/ that use the library: told to end, they end at once and in order."""

import os
import re
import signal

from harness import BUILD, alone, assert_below, finished, start

AT_ONCE_S = 0.5
PRIMES_BELOW_200000 = 17984  # ten jobs


def example(name):
    return str(BUILD / "examples" / name)


def threads(process):
    return len(os.listdir(f"/proc/{process.pid}/task"))


@alone
def test_71_thread_pool_ends_at_once_and_says_what_was_finished():
    process = start([example("thread_pool"), "1000000"])
    process.expect("running")
    assert threads(process) == 5
    began = process.signal(signal.SIGTERM)
    line = process.line()
    assert process.wait() == 0
    assert_below(process.ended - began, AT_ONCE_S, "the end of the thread pool")
    done = int(re.fullmatch(r"(\d+) of 1000000 jobs finished, \d+ primes", line)[1])
    assert done < 1000000


def test_71_thread_pool_ends_by_itself_when_its_work_is_done():
    code, out, _ = finished([example("thread_pool"), "10"])
    assert code == 0
    assert out.splitlines() == ["running", f"10 of 10 jobs finished, {PRIMES_BELOW_200000} primes"]


@alone
def test_10_work_without_a_loop_learns_who_ended_it():
    for number in signal.SIGTERM, signal.SIGINT:
        process = start([example("notify_context")])
        process.expect("working")
        began = process.signal(number)
        said = process.out.rest().decode().splitlines()
        assert process.wait() == 0
        assert said[-1] == f"ending: {number.name} from pid {os.getpid()}", said
        assert_below(process.ended - began, AT_ONCE_S, "the end of work that waits for its token")


def test_84_libuv_host_ends_after_the_timer_that_must_fire():
    process = start([example("uv_host")])
    process.expect("tick")
    process.signal(signal.SIGTERM)
    said = process.out.rest().decode().splitlines()
    assert said[-2:] == ["ending after one more tick", "tick"], said
    assert process.wait() == 0
