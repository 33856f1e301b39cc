# SPDX-License-Identifier: Apache-2.0
"""What a run writes at its end: the summary, whole, also through a pipe that is full; its files, or a failure."""

from load import *


def full_pipe():
    """A pipe that takes no byte more: both ends, and how many bytes are in it."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    filled = 0
    try:
        while True:
            filled += os.write(writing, b"x" * 4096)
    except BlockingIOError:
        os.set_blocking(writing, True)
    return reading, writing, filled


def until_ending(load):
    """The signal has shown: no more requests are begun."""
    until(lambda: load.process.code is not None or read_file(load.json_path) or not load.process.alive(), "the result is written")


def test_78_a_slow_reader_of_a_full_pipe_gets_all():
    reading, writing, filled = full_pipe()
    truth = Truth()
    load = running(truth, "--grace 30s", stdout=writing)
    os.close(writing)
    load.signal()
    reader, got = Reader(reading), b""
    deadline = now() + 30
    while not reader.eof and reader.fill(deadline):
        until(lambda: True, "")
    got = reader.bytes[filled:]
    load.wait()
    whole = Load("--requests 10", truth)
    whole.end()
    assert got.endswith(b"\n") and last_line_like(got.decode(), whole.said()), (got[-300:], whole.said()[-300:])
    truth.stop()


def last_line_like(one, other):
    """That two summaries end in the same kind of line: its first word."""
    return one.splitlines()[-1].split()[:1] == other.splitlines()[-1].split()[:1]


def test_78_a_slow_reader_after_a_second_signal():
    reading, writing, filled = full_pipe()
    truth = Truth("--script 'ok*30 never'")
    load = running(truth, "--grace 60s --timeout 60s", count=1, word="never", stdout=writing)
    os.close(writing)
    load.signal()
    debounced(load.pid)
    load.signal()
    got = Reader(reading).rest(30)[filled:]
    load.wait(128 + TERM)
    assert got.endswith(b"\n") and len(got.splitlines()) > 5, got
    truth.stop()


def test_78_a_reader_that_never_reads_is_not_waited_for_without_end():
    reading, writing, _ = full_pipe()
    truth = Truth()
    load = running(truth, "--grace 1s", stdout=writing)
    os.close(writing)
    load.signal()
    code = load.process.wait(30)
    assert code in (0, 1), code
    assert load.result()["curfew_load"] == 1
    os.close(reading)
    truth.stop()


def test_11_a_reader_that_is_gone_is_no_crash():
    reading, writing = os.pipe()
    truth = Truth()
    load = running(truth, stdout=writing)
    os.close(writing)
    os.close(reading)
    load.signal()
    code = load.process.wait(30)
    assert code in (0, 1), code
    assert load.result().check().ok() == truth.read()
    truth.stop()


def test_78_json_on_standard_output():
    """Alone, so that a program can read it."""
    truth = Truth()
    load = Load("--requests 50 --json -", truth)
    load.wait()
    assert Result(load.said()).ok() == 50
    truth.stop()


def test_78_files_that_cannot_be_written_are_known_at_the_start():
    truth = Truth()
    for option in "--json", "--html", "--report":
        load = Load(f"--requests 5 {option} /nonexistent/folder/file", truth)
        load.wait(2)
        errors = load.errors()
        assert errors.count("\n") == 1 and "/nonexistent/folder/file" in errors, errors
    assert truth.accepted == 0
    truth.stop()


def test_78_files_that_fail_at_the_end_are_a_failure():
    """The run is told all the same, on standard output."""
    truth = Truth()
    for option in "--json", "--html":
        load = Load(f"--requests 5 {option} /dev/full", truth)
        load.wait(1)
        assert "/dev/full" in load.errors() and load.said().endswith("\n"), load.errors()
    truth.stop()


def test_78_a_result_that_is_there_is_replaced():
    truth = Truth()
    load = Load("--requests 5", truth)
    load.end()
    with open(load.json_path, "a", encoding="utf-8") as file:
        file.write("x" * 1000000)
    again = start(load.process.argv, env=environment())
    again.out.rest()
    assert again.wait() == 0 and load.result().ok() == 5
    truth.stop()
