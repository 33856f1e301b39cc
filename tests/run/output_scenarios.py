# SPDX-License-Identifier: Apache-2.0
"""The child's output: whole, in order, by lines, into a reader that is slow, stopped or gone."""

import fcntl
import json
import os
import re
import signal
import struct
import subprocess
import termios

from harness import *

TERM = signal.SIGTERM
TEXT = re.compile(r"^time=(\S+) level=info cmd=run event=output stream=(stdout|stderr) pid=(\d+) line=(\".*\")$")
TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")


def captured(text, form="text"):
    """The lines of a captured output: stream, pid, what was said."""
    lines = []
    for line in text.splitlines():
        if form == "json":
            fields = json.loads(line)
            assert (fields["cmd"], fields["event"], fields["level"]) == ("run", "output", "info"), line
            moment, stream, pid, said = fields["time"], fields["stream"], fields["pid"], fields["line"]
        else:
            match = TEXT.match(line)
            assert match, f"not a log line: {line[:300]!r}"
            moment, stream, pid, said = match[1], match[2], int(match[3]), json.loads(match[4])
        assert TIME.match(moment), moment
        lines.append((stream, pid, said))
    return lines


def capture(part, options="", **more):
    code, out, err = finished(run(f"--capture {options}", *actor(part)), **more)
    return code, captured(out, "json" if "json" in options else "text"), err


def rss_kb(pid):
    return int(status(pid).get("VmRSS", "0 kB").split()[0])


def test_63_all_that_was_written_before_the_exit_is_passed_on():
    for count, length in (1, 1), (1000, 10), (20000, 40), (200, 8000):
        code, lines, err = capture(f"lines 1 {count} {length} exit 3")
        assert (code, err) == (3, "")
        assert [said for _, _, said in lines] == [f"{i} {'0' * length}" for i in range(count)]


def test_63_what_was_written_before_a_signal_and_before_a_kill_is_passed_on():
    for part, options in ("on TERM lines 1 5000 20 exit 0 done say up serve", ""), ("on TERM lines 1 500 20 serve done say up serve", "--grace 2s"):
        process = start(run(f"--capture {options}", *actor(part)))
        first = process.line()
        process.signal(TERM)
        rest = process.out.rest().decode()
        process.wait()
        said = [said for _, _, said in captured(first + "\n" + rest)]
        assert len(said) in (5001, 501) and said[-1].startswith(f"{len(said) - 2} ")


def test_63_what_descendants_write_in_their_time_is_passed_on():
    process = start(run("--capture", *actor("orphan setsid on TERM sleep 200 say cleaned exit 0 done say up serve done on USR1 exit 0 done say up serve")))
    process.line(), process.line()
    process.signal(signal.SIGUSR1)
    said = [said for _, _, said in captured(process.out.rest().decode())]
    assert said == ["cleaned"]
    assert process.wait() == 0


def test_63_a_process_outside_the_tree_that_holds_the_pipe_delays_the_exit_by_the_bound():
    process = start(run("--capture --grace 20s", *actor("on TERM say last exit 0 done say up serve")))
    process.line()
    held = os.open(f"/proc/{only_child(process.pid)}/fd/1", os.O_WRONLY)
    sent = process.signal(TERM)
    assert process.wait() == 0
    assert_below(process.ended - sent, 10, "with the pipe held by somebody else")
    assert captured(process.out.rest().decode())[-1][2] == "last"
    os.close(held)


def test_64_streams_and_pid_are_told():
    for options, form in ("", "text"), ("--log-format json", "json"):
        process = start(run(f"--capture {options}", *actor("say %p tell 2 error")))
        (first, pid, told), (second, other, error) = sorted(captured(process.out.rest().decode(), form), key=lambda line: line[0] == "stderr")
        assert (first, second, error) == ("stdout", "stderr", "error")
        assert pid == other == int(told)
        assert process.wait() == 0


def test_64_a_last_line_without_a_newline_is_kept():
    for stream, name in (1, "stdout"), (2, "stderr"):
        code, lines, _ = capture(f"tell {stream} first fill {stream} 5 exit 0")
        assert code == 0
        assert [(stream_name, said) for stream_name, _, said in lines] == [(name, "first"), (name, "xxxxx")]


def test_64_bytes_that_are_no_text_and_empty_lines_are_passed_on_escaped():
    script = r"printf 'a\tb\n\n\001\042\134\n\303\244\n\377\r\n'"
    for options in "", "--log-format json":
        code, out, _ = finished(run(f"--capture {options}", "sh", "-c", script))
        assert code == 0
        said = [said for _, _, said in captured(out, "json" if options else "text")]
        assert said[:4] == ["a\tb", "", '\x01"\\', "ä"], said
        assert len(said) == 5


@limit(90)
@plain
def test_64_lines_of_any_length_in_bounded_memory():
    size = 64 << 20
    for stream in 1, 2:
        process = start(run("--capture", *actor(f"fill {stream} {size} exit 0")))
        most = total = 0
        while process.out.fill(now() + WITHIN) and not process.out.eof:
            most = max(most, rss_kb(process.pid))
            *whole, process.out.bytes = process.out.bytes.split(b"\n")
            total += sum(line.count(b"x") for line in whole)
        assert process.wait() == 0
        assert total == size, f"{total} of {size} bytes"
        assert most < 8192, f"{most} kB resident"


@plain
def test_64_memory_is_bounded_with_a_reader_that_does_not_read():
    process = start(run("--capture --grace 1s", *actor("say up lines 1 1000000 100 serve")))
    process.line()
    settled(process.pid)
    assert rss_kb(process.pid) < 8192
    assert process.alive()
    process.signal(TERM)
    process.wait()
    assert_no_survivors()


def slowly(reader, pieces=64, pause=0.02):
    """Reads to the end, some at a time, as a log collector under load does."""
    text = b""
    while not reader.eof:
        assert readable(reader.fd, WITHIN), "the output does not end"
        chunk = os.read(reader.fd, 4096)
        reader.eof = not chunk
        text += chunk
        if pieces:
            pieces -= 1
            readable(adopted_pidfd(), pause)
    return text.decode()


def adopted_pidfd():
    """Something that never becomes readable: our own process."""
    return os.pidfd_open(os.getpid())


def test_78_every_line_is_received_by_a_slow_reader_of_a_full_pipe():
    part = "lines 1 3000 60 say last exit 0"
    process = start(run("--capture", *actor(part)))
    until(lambda: full(process.out.fd), "the pipe is full")
    said = [said for _, _, said in captured(slowly(process.out))]
    assert process.wait() == 0
    assert len(said) == 3001 and said[-1] == "last"


def test_78_every_line_is_received_by_a_slow_reader_after_a_signal():
    process = start(run("--capture --grace 10s", *actor("on TERM lines 1 3000 60 say last exit 0 done say up serve")))
    process.line()
    process.signal(TERM)
    until(lambda: full(process.out.fd), "the pipe is full")
    said = [said for _, _, said in captured(slowly(process.out))]
    assert process.wait() == 0
    assert len(said) == 3001 and said[-1] == "last"


def full(fd):
    """Whether more than half of a pipe's room is taken: the writer waits."""
    taken = struct.unpack("i", fcntl.ioctl(fd, termios.FIONREAD, b"\0" * 4))[0]
    return taken > 32768


def test_78_a_reader_that_never_reads_delays_the_exit_by_the_bound():
    for part in "lines 1 100000 60 exit 0", "on TERM exit 0 done tell 2 up lines 1 100000 60 serve":
        process = start(run("--capture --grace 1s", *actor(part)))
        until(lambda: full(process.out.fd), "the pipe is full")
        sent = process.signal(TERM)
        process.wait()
        assert_below(process.ended - sent, 10, "with a reader that never reads")
        assert_no_survivors()


def full_pipe():
    """Both ends of a pipe that takes no byte more."""
    ends = os.pipe()
    os.set_blocking(ends[1], False)
    for size in 4096, 1:
        try:
            while True:
                os.write(ends[1], b"x" * size)
        except BlockingIOError:
            pass
    os.set_blocking(ends[1], True)
    return ends


def test_78_a_reader_of_our_errors_who_never_reads_delays_the_exit_by_the_bound():
    for options, part, code in (
        ("-v", "serve", 0),
        ("--report -", "serve", 0),
        ("--report /dev/full", "serve", 0),
        ("--dump-signal USR1", "serve", 0),
        ("", "ignore TERM serve", 137),
        ("", None, 127),
    ):
        ends = full_pipe()
        command = ["sh", "-c", "kill -USR1 $PPID; exec sleep 60"] if "dump" in options else actor(part) if part else ["/nonexistent"]
        process = start(run(f"--grace 300ms --duration 3s {options}", *command), stderr=ends[1])
        assert process.wait() == code, f"{options} {part}"
        assert_below(process.ended - process.started, 10, f"with a reader that never reads: {options} {part}")
        for end in ends:
            os.close(end)


def test_78_without_capture_the_child_has_the_pipe_itself():
    process = start(run("", *actor("lines 1 3000 60 say last exit 0")))
    until(lambda: full(process.out.fd), "the pipe is full")
    assert process.alive()
    lines = slowly(process.out).splitlines()
    assert process.wait() == 0
    assert len(lines) == 3001 and lines[-1] == "last"


def test_capture_does_not_change_the_exit_code():
    assert capture("tell 2 x exit 7")[0] == 7
    assert capture("die USR1")[0] == 128 + signal.SIGUSR1


def test_capture_into_a_closed_output_lets_the_child_go_on():
    """Whoever read it has gone: the child is not to be blocked or killed by that."""
    reading, writing = os.pipe()
    os.close(reading)
    process = start(run("--capture --duration 10s", *actor("lines 1 50000 60 exit 6")), stdout=writing)
    os.close(writing)
    assert process.wait(within=8) == 6


def test_stdin_null_and_pipe_are_what_they_say():
    assert finished(run("--stdin null", "readlink", "/proc/self/fd/0"), stdin=subprocess.PIPE)[1] == "/dev/null\n"
    process = start(run("--stdin pipe", "cat"), stdin=subprocess.PIPE)
    process.popen.stdin.write(b"one\n")
    assert process.line() == "one"
    process.popen.stdin.write(b"two\n")
    assert process.line() == "two"
    process.popen.stdin.close()
    assert process.wait() == 0


def test_stdin_pipe_from_a_file_and_into_a_child_that_does_not_read():
    with open(fixture("actor"), "rb") as file:
        content = file.read()
        file.seek(0)
        process = start(run("--stdin pipe", "cat"), stdin=file)
        assert process.out.rest() == content
        assert process.wait() == 0
        file.seek(0)
        process = start(run("--stdin pipe", *actor("sleep 100 exit 4")), stdin=file)
        assert process.wait() == 4
