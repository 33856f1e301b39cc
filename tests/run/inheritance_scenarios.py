# SPDX-License-Identifier: Apache-2.0
"""What the child gets: everything that we inherited, and nothing that we opened."""

import fcntl
import itertools
import json
import os
import resource
import shlex
import signal
import socket
import subprocess

from harness import *


TOLD = 40  # the descriptor on which an actor tells the others


def descriptors(argv, keep=(), closed=(), **more):
    """The open descriptors of an actor, by number; and its exit code."""
    reader, writing = channel()
    os.dup2(writing, TOLD)
    os.close(writing)
    process = start(argv, preexec_fn=lambda: [os.close(number) for number in closed], pass_fds=[*keep, TOLD], **more)
    os.close(TOLD)
    found = dict(line.split(" ", 1) for line in reader.rest().decode().splitlines())
    os.close(reader.fd)
    del found[str(TOLD)]
    return found, process.wait()


@limit(90)
def test_67_the_child_has_what_we_inherited_and_nothing_that_we_opened():
    keep = [os.open("/etc/hostname", os.O_RDONLY), *os.pipe()]
    for number in 100, 250:
        os.dup2(keep[0], number)
        keep.append(number)
    part = actor(f"descriptors {TOLD} exit 0")
    streams = {name: open("/dev/null", "r+b", buffering=0) for name in ("stdin", "stdout", "stderr")}
    direct, _ = descriptors(part, keep=keep, **streams)
    assert {"100", "250", str(keep[1])} <= set(direct), "the test's own descriptors did not arrive"
    for options in "", "-v", "--report /dev/null --duration 10s":
        through, code = descriptors(run(options, *part), keep=keep, **streams)
        assert code == 0
        assert through == direct, f"run {options}: {through}, not {direct}"


def test_67_closed_standard_streams_stay_closed():
    """In each combination; and what we open must not take their place."""
    part = actor(f"descriptors {TOLD} exit 5")
    streams = {name: open("/dev/null", "r+b", buffering=0) for name in ("stdin", "stdout", "stderr")}
    for count in range(4):
        for closed in itertools.combinations(range(3), count):
            direct, _ = descriptors(part, closed=closed, **streams)
            through, code = descriptors(run("", *part), closed=closed, **streams)
            assert code == 5, f"{closed} closed: code {code}"
            assert through == direct, f"{closed} closed: {through}, not {direct}"
            assert_no_survivors()


def test_67_closed_standard_streams_with_pipes_of_our_own():
    for closed in itertools.chain.from_iterable(itertools.combinations(range(3), n) for n in range(4)):
        for options in "--capture", "--stdin pipe", "--capture --stdin pipe -v":
            ready, says = temporary("ready"), "tell 1 x tell 2 x" if "capture" in options else ""
            part = actor(f"on EOF exit 5 done {says} on TERM exit 5 done put {ready} x serve")
            process = start(run(options, *part), preexec_fn=lambda: [os.close(number) for number in closed])
            until(lambda: os.path.exists(ready) or not process.alive(), "the child is ready, or has read the end of its input")
            process.signal(signal.SIGTERM)
            if os.path.exists(ready):
                os.unlink(ready)
            assert process.wait() == 5, f"{closed} closed, {options}"
            assert_no_survivors()


def test_67_nothing_of_ours_stands_where_a_standard_stream_is_closed():
    """Or the report would be written among our errors or the child's lines, or an epoll descriptor be read as the input."""
    for closed, options in (2, "--grace 100ms --duration 50ms -v"), (1, "--capture"), (0, "--stdin pipe"):
        path = temporary("report")
        part = "tell 1 x ignore TERM on EOF exit 0 done serve" if closed != 1 else "tell 1 x exit 0"
        process = start(run(f"--report {path} {options}", *actor(part)), preexec_fn=lambda: os.close(closed))
        process.wait(within=5)
        with open(path, encoding="utf-8") as file:
            assert json.load(file)["command"] == "run"
        assert_no_survivors()


def test_67_a_jobserver_passes_through():
    makefile = temporary("Makefile")
    with open(makefile, "w", encoding="utf-8") as file:
        file.write("all: a b\na b:\n\t+@$(CURFEW) $(MAKE) --no-print-directory -f $(SELF) part-$@\n")
        file.write("part-%:\n\t@echo $*\n")
    arguments = ["SELF=" + makefile, "CURFEW=" + shlex.join(run(""))]
    code, out, err = finished(["make", "-j2", "--jobserver-style=pipe", "-f", makefile, *arguments])
    if "unrecognized option" in err:
        code, out, err = finished(["make", "-j2", "-f", makefile, *arguments])
    assert code == 0 and sorted(out.split()) == ["a", "b"], (code, out, err)
    assert "jobserver" not in err, err


def test_67_listen_fds_are_rewritten_for_the_child():
    listener = socket.create_server(("127.0.0.1", 0))
    command = shlex.join(run("", "sh", "-c", "echo $$ $LISTEN_PID $LISTEN_FDS $LISTEN_FDNAMES; readlink /proc/self/fd/3"))
    number = listener.fileno()
    shell = ["sh", "-c", f"LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=web exec {command} 3<&{number}"]
    process = start(shell, pass_fds=[number])
    pid, listen_pid, count, names = process.line().split()
    assert listen_pid == pid, f"LISTEN_PID is {listen_pid}, the child {pid}"
    assert (count, names) == ("1", "web")
    assert process.line().startswith("socket:")
    assert process.wait() == 0


def test_67_a_listen_pid_of_somebody_else_stays():
    environment = {**os.environ, "LISTEN_PID": "1", "LISTEN_FDS": "2"}
    assert finished(run("", "printenv", "LISTEN_PID"), env=environment)[1] == "1\n"


def test_67_a_lock_lasts_as_long_as_the_child():
    path = temporary("lock")
    with open(path, "w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        process = start(run("", *actor("say up serve")), pass_fds=[file.fileno()])
    process.expect("up")
    with open(path, encoding="utf-8") as other:
        try:
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
            raise AssertionError("the lock was not inherited")
        except BlockingIOError:
            pass
        process.signal(signal.SIGTERM)
        assert process.wait() == 0
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)


def limits_and_all():
    os.umask(0o027)
    os.chdir("/proc")
    resource.setrlimit(resource.RLIMIT_NOFILE, (321, 654))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(3)


def test_67_limits_mask_directory_and_priority_are_inherited():
    script = ["sh", "-c", "umask; pwd; ulimit -Sn; ulimit -Hn; ulimit -c; nice; cat /proc/self/oom_score_adj /proc/self/timerslack_ns"]
    assert finished(run("", *script), preexec_fn=limits_and_all) == finished(script, preexec_fn=limits_and_all)


def test_67_the_child_leads_a_process_group_of_its_own():
    process = start(run("", *actor("say %p,%P,%g,%s")))
    pid, parent, group, session = process.line().split(",")
    assert pid == group and parent == str(process.pid) and session == str(os.getsid(0))
    assert process.wait() == 0


def test_67_standard_streams_do_not_become_non_blocking():
    """The flag belongs to the open file, which others share."""
    for options in "", "--capture", "--stdin pipe", "--capture --stdin pipe -v":
        ends = [os.pipe() for _ in range(3)]
        ours = [ends[0][0], ends[1][1], ends[2][1]]
        process = start(run(options, *actor("tell 1 up tell 2 up on TERM exit 0 done serve")), stdin=ours[0], stdout=ours[1], stderr=ours[2])
        Reader(ends[1][0]).until("up")
        settled(process.pid)
        for stream, fd in enumerate(ours):
            assert not fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_NONBLOCK, f"run {options}: descriptor {stream} was made non-blocking"
        process.signal(signal.SIGTERM)
        assert process.wait() == 0, options
        for stream, fd in enumerate(ours):
            assert not fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_NONBLOCK, f"run {options}: descriptor {stream} was left non-blocking"
        for pair in ends:
            os.close(pair[0]), os.close(pair[1])


# The environment


def environment_of(extra, *options):
    code, out, err = finished(curfew("run", *options, "--", "env", "-0"), env={**os.environ, **extra})
    assert code == 0, err
    return dict(word.split("=", 1) for word in out.split("\0") if word)


def test_67_the_environment_passes_through():
    extra = {"NOTIFY_SOCKET": "/run/notify", "EMPTY": "", "ODD": "a=b\nc", "CURFEW_PORT": "tcp://10.0.0.1:80",
             "CURFEW_SERVICE_HOST": "10.0.0.1", "CURFEW_PORT_80_TCP": "tcp://10.0.0.1:80"}  # fmt: skip
    assert environment_of(extra) == {**os.environ, **extra}


def test_environment_an_injected_port_is_ignored():
    """Kubernetes does this to every pod beside a Service named curfew."""
    environment = {**os.environ, "CURFEW_PORT": "tcp://10.0.0.1:80", "CURFEW_SERVICE_PORT": "80", "CURFEW_NONSENSE": "x"}
    code, _, err = finished(run("", *actor("exit 4")), env=environment)
    assert (code, err) == (4, "")


def test_environment_options_do_not_reach_the_child():
    options = {"CURFEW_GRACE": "5s", "CURFEW_EOF_WAIT": "4s", "CURFEW_KILL_MODE": "tree", "CURFEW_REPORT": "/dev/null",
               "CURFEW_DURATION": "1h", "CURFEW_STOP_ON": "TERM,INT", "CURFEW_SIGNAL_EXIT": "keep"}  # fmt: skip
    assert environment_of({**options, "CURFEW_OTHER": "x"}) == {**os.environ, "CURFEW_OTHER": "x"}


@alone
def test_environment_gives_options_and_the_command_line_wins():
    for options, wanted in ("", 0.3), ("--grace 700ms", 0.7):
        process = start(run(options, *actor("ignore TERM say up serve")), env={**os.environ, "CURFEW_GRACE": "300ms"})
        process.expect("up")
        sent = process.signal(signal.SIGTERM)
        assert process.wait() == 137
        assert_near(process.ended - sent, wanted, f"run {options}")


def test_environment_forms_of_every_kind_of_option():
    kinds = {
        "CURFEW_SIGNAL_EXIT": ("keep", 143),
        "CURFEW_SIGNAL": ("USR2", 0),
        "CURFEW_DURATION": ("3s", 0),
        "CURFEW_MAP": ("HUP:TERM", 0),
        "CURFEW_INSIST": ("never", 0),
        "CURFEW_VERBOSE": ("1", 0),
        "CURFEW_CAPTURE": ("1", 0),
        "CURFEW_STDIN": ("pipe", 0),
    }
    for name, (value, wanted) in kinds.items():
        process = start(run("", *actor("tell 2 up tell 1 up serve")), env={**os.environ, name: value}, stdin=subprocess.PIPE)
        told = process.out.until("up")
        if name != "CURFEW_DURATION":
            process.signal(signal.SIGTERM)
        assert process.wait() == wanted, name
        told += process.out.rest().decode()  # of two pipes, either may be read first
        if name == "CURFEW_CAPTURE":
            assert "stream=stderr" in told, told
        if name == "CURFEW_VERBOSE":
            assert process.errors() != "up\n"


def test_environment_a_switch_may_be_off():
    assert finished(run("", *actor("say x")), env={**os.environ, "CURFEW_CAPTURE": "0", "CURFEW_VERBOSE": "0"}) == (0, "x\n", "")


def test_environment_a_malformed_value_is_refused():
    for name, value in ("CURFEW_GRACE", "soon"), ("CURFEW_STDIN", "file"), ("CURFEW_SIGNAL", "NOSUCH"), ("CURFEW_CAPTURE", "maybe"):
        code, out, err = finished(run("", *actor("say started")), env={**os.environ, name: value})
        assert (code, out) == (2, ""), (name, code, out)
        assert len(err.splitlines()) == 1 and name in err, err
