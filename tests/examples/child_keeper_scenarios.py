# SPDX-License-Identifier: Apache-2.0
"""The program of examples/ that keeps a child: the child's end is in order, and the program's own."""

import signal

from harness import BUILD, alone, assert_below, assert_near, assert_no_survivors, finished, now, reap, start, until

EOF_WAIT_S, TERM_WAIT_S = 0.1, 1.0  # after the end of input and after the stop signal, in the example
BOUND_S = EOF_WAIT_S + TERM_WAIT_S
STUBBORN = 'trap "" TERM; echo ready; cat; echo told; while :; do sleep 0.05; done'


def keeper(script):
    return [str(BUILD / "examples" / "child_keeper"), "sh", "-c", script]


def assert_all_gone():
    reap()  # the child's orphans, dead, come to the test, since the program is no subreaper
    assert_no_survivors()


def keep(script):
    process = start(keeper(script))
    process.expect("ready")
    return process


def test_56_child_that_ends_on_end_of_input_never_sees_term():
    process = keep('trap "echo term" TERM; echo ready; cat; echo end of input')
    began = process.signal(signal.SIGTERM)
    said = process.out.rest().decode().splitlines()
    code = process.wait()
    if said != ["end of input", "the child ended at the end of its input, code 0, signal 0"]:
        assert_below(process.ended - began, EOF_WAIT_S, "the end of the child, behind which TERM is right")
        raise AssertionError(said)
    assert code == 0
    assert_all_gone()


@alone
def test_57_child_that_ignores_term_is_gone_at_the_bound():
    process = keep(STUBBORN)
    began = process.signal(signal.SIGTERM)
    process.expect("told", "the child ended killed, code 0, signal 9")
    assert process.wait() == 0
    assert_near(process.ended - began, BOUND_S, "the end of a stubborn child", slack=0.3)
    assert_all_gone()


@alone
def test_4_second_signal_ends_a_stubborn_child_at_once():
    process = keep(STUBBORN)
    process.signal(signal.SIGTERM)
    process.expect("told")
    told = now()
    until(lambda: now() > told + 0.15, "the debounce is over")
    again = process.signal(signal.SIGTERM)
    code = process.wait()
    assert_below(process.ended - again, BOUND_S / 2, "the end after a second signal")
    assert code == 128 + signal.SIGTERM
    assert_all_gone()


def test_75_child_that_dies_of_our_term_is_a_clean_end():
    process = keep("echo ready; exec sleep 1000")
    process.signal(signal.SIGTERM)
    process.expect("the child ended on the stop signal, code 0, signal 15")
    assert process.wait() == 0
    assert_all_gone()


def test_72_failure_of_the_child_is_one_of_the_program():
    code, out, _ = finished(keeper("echo ready; exit 3"))
    assert code == 1
    assert out == "ready\nthe child ended by itself, code 3, signal 0\n"


def test_63_all_that_the_child_wrote_is_passed_on():
    code, out, _ = finished(keeper("seq 100000"))
    assert code == 0
    assert out.splitlines() == [str(n) for n in range(1, 100001)] + ["the child ended by itself, code 0, signal 0"]


def test_66_command_that_is_not_found_is_reported_at_once():
    code, _, errors = finished([str(BUILD / "examples" / "child_keeper"), "/nowhere/to/be/found"])
    assert code == 1
    assert errors.splitlines()[-1] == "child_keeper: cannot run /nowhere/to/be/found: No such file or directory"
