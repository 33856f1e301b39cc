# SPDX-License-Identifier: Apache-2.0
"""What the scenarios share: real processes, events with deadlines, and a clean end of every test.

A scenario is a function that raises where something is not as it must be. It starts processes with
start(), waits for what they do (a line, an exit, a state in /proc) and never for time to pass. The test's
own process is the subreaper of everything that it starts, so whatever a command under test leaves behind
comes to it: survivors() names these, and finish() ends them.
"""

import atexit
import ctypes
import fcntl
import os
import select
import shlex
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path

from proc import *

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / os.environ.get("CURFEW_BUILD", "build")
WITHIN = 15.0  # seconds: the deadline of an event that has no bound of its own, on a loaded machine
SLACK = 0.05  # seconds: how exact a bound is, where nothing runs beside the test

PR_SET_CHILD_SUBREAPER = 36
libc = ctypes.CDLL(None, use_errno=True)


class Skip(Exception):
    """The machine cannot run this test."""


def limit(seconds):
    """Gives a test another time limit than the runner's."""

    def mark(function):
        function.limit = seconds
        return function

    return mark


def slow(function):
    """Leaves a test out of the quick set."""
    function.slow = True
    return function


def plain(function):
    """Leaves a test out of the runs under sanitizers: they need memory, descriptors and threads of their own, or it would
    find nothing there that another does not."""
    function.plain = True
    return function


def alone(function):
    """Runs a test with nothing beside it, and not under a sanitizer, since it measures time."""
    function.alone = True
    return function


def fixture(name):
    return str(BUILD / "tests" / "fixtures" / name)


def curfew_path():
    return str(BUILD / "curfew")


def curfew(*arguments):
    """The command line of curfew. With STANDIN="/usr/bin/tini -s --" in the environment another init
    takes the place of `curfew run OPTIONS --`: to see what a test finds in one that is not as good."""
    standin = os.environ.get("STANDIN")
    if standin and "--" in arguments:
        return shlex.split(standin) + list(arguments[arguments.index("--") + 1 :])
    return [curfew_path(), *arguments]


def run(options, *command):
    """`curfew run OPTIONS -- COMMAND`, the options as one string."""
    return curfew("run", *shlex.split(options), "--", *command)


def library_python(library):
    """A Python that has this library: ours, or the one that Debian's packages are for."""
    for python in sys.executable, "/usr/bin/python3":
        if os.path.exists(python) and not subprocess.run([python, "-c", f"import {library}"], stderr=subprocess.DEVNULL).returncode:
            return python
    raise Skip(f"python3-{library} is not installed")


def actor(part):
    """A process that plays this part; the words are in tests/fixtures/actor.c."""
    return [fixture("actor"), *shlex.split(part)]


def first_process(argv):
    """The command as PID 1 of a pid namespace of its own."""
    if os.geteuid() != 0:
        raise Skip("a pid namespace needs root")
    return ["unshare", "--fork", "--pid", "--mount-proc", "--kill-child", *argv]


def now():
    return time.monotonic()


class Process:
    """A process that the test has started, with its output as lines."""

    def __init__(self, argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options):
        adopt()
        self.started = now()
        self.popen = subprocess.Popen(argv, stdin=stdin, stdout=stdout, stderr=stderr, close_fds=True, bufsize=0, **options)
        self.pid = self.popen.pid
        self.pidfd = os.pidfd_open(self.pid)
        self.argv = argv
        self.code = None
        self.ended = None
        self.out = Reader(self.popen.stdout) if self.popen.stdout else None
        self.err = Reader(self.popen.stderr) if self.popen.stderr else None
        processes[self.pid] = self

    def __repr__(self):
        return f"{self.pid} ({shlex.join(self.argv)[:200]})"

    def signal(self, number):
        """Returns the moment just before the signal was sent."""
        sent = now()
        os.kill(self.pid, number)
        return sent

    def signals_at_once(self, *numbers):
        """Signals that it finds all at the same time, however slow it is: it is stopped while they are sent."""
        self.signal(signal.SIGSTOP)
        until(lambda: state(self.pid) == "T", "it is stopped")
        for number in (*numbers, signal.SIGCONT):
            self.signal(number)

    def line(self, within=WITHIN):
        return self.out.line(within)

    def expect(self, *wanted, within=WITHIN):
        """Reads these lines, in this order, and nothing between them; returns the moment of the last."""
        for text in wanted:
            got = self.out.line(within)
            assert got == text, f"{self!r} said {got!r}, not {text!r}"
        return now()

    def expect_end(self, within=WITHIN):
        got = self.out.rest(within)
        assert got == b"", f"{self!r} said {got!r} at the end"

    def wait(self, within=WITHIN):
        """Returns the exit code, or minus the signal."""
        if self.code is None:
            if not readable(self.pidfd, within):
                tree = "\n".join(tell(pid) for pid in descendants(os.getpid()))
                raise AssertionError(f"{self!r} has not ended within {within} s; the tree:\n{tree}")
            self.ended = now()
            self.code = self.popen.wait()
            os.close(self.pidfd)
        return self.code

    def alive(self):
        return self.code is None and not readable(self.pidfd, 0)

    def errors(self):
        """What it has written to standard error so far."""
        return self.err.available().decode(errors="replace")


class Reader:
    """A descriptor read by lines, each with a deadline."""

    def __init__(self, file):
        self.fd = file.fileno() if hasattr(file, "fileno") else file
        self.file = file
        self.bytes = b""
        self.eof = False

    def fill(self, deadline):
        if not readable(self.fd, max(0.0, deadline - now())):
            return False
        try:
            chunk = os.read(self.fd, 1 << 20)
        except OSError:  # a terminal whose other side is closed
            chunk = b""
        self.eof = not chunk
        self.bytes += chunk
        return True

    def line(self, within=WITHIN):
        deadline = now() + within
        while b"\n" not in self.bytes and not self.eof:
            if not self.fill(deadline):
                raise AssertionError(f"no line within {within} s; so far: {self.bytes[-200:]!r}")
        line, newline, self.bytes = self.bytes.partition(b"\n")
        assert newline, f"the output has ended, after {line[-200:]!r}"
        return line.decode(errors="replace")

    def until(self, text, within=WITHIN):
        """Reads up to and including a text; returns all that was read."""
        deadline, wanted = now() + within, text.encode()
        while wanted not in self.bytes and not self.eof:
            if not self.fill(deadline):
                raise AssertionError(f"no {text!r} within {within} s; so far: {self.bytes[-2000:]!r}")
        before, found, self.bytes = self.bytes.partition(wanted)
        assert found, f"the output has ended without {text!r}: {before[-2000:]!r}"
        return (before + found).decode(errors="replace")

    def rest(self, within=WITHIN):
        """Reads to the end of the output."""
        deadline = now() + within
        while not self.eof:
            if not self.fill(deadline):
                raise AssertionError(f"no end of the output within {within} s; so far {len(self.bytes)} bytes")
        rest, self.bytes = self.bytes, b""
        return rest

    def available(self):
        while not self.eof and self.fill(now()):
            pass
        rest, self.bytes = self.bytes, b""
        return rest


processes = {}
adopted = None


def start(argv, **options):
    return Process(argv, **options)


def up(options, part, wrap=lambda argv: argv, **more):
    """An actor under curfew, once each "say up" of its part was said; its input stays open."""
    more.setdefault("stdin", subprocess.PIPE)
    process = start(wrap(run(options, *actor(part))), **more)
    process.expect(*["up"] * part.count("say up"))
    return process


def finished(argv, within=WITHIN, **options):
    """Runs a command to its end; returns code, standard output, standard error."""
    process = start(argv, **options)
    out, err = process.out.rest(within), process.err.rest(within)
    return process.wait(within), out.decode(errors="replace"), err.decode(errors="replace")


def readable(fd, within):
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    return bool(poll.poll(max(0, within * 1000)))


def channel():
    """A pipe for what a process says beside its output: the reader, and the descriptor to pass on."""
    reading, writing = os.pipe()
    return Reader(reading), writing


def until(condition, what, within=WITHIN):
    """Waits until a condition on /proc or the file system holds; returns what it gave."""
    deadline = now() + within
    while True:
        result = condition()
        if result:
            return result
        assert now() < deadline, f"not within {within} s: {what}"
        time.sleep(0.002)


def temporary(name):
    """A path for a file of this test, in a directory that goes away with it."""
    adopt()
    return os.path.join(adopted.directory.name, name)


# Trees of processes


def only_child(pid, within=WITHIN):
    """The one child of a process, once there is one."""
    return until(lambda: children(pid), f"a child of {pid}", within)[0]


def inner(process, name="curfew"):
    """The pid, seen from outside, of the PID 1 that first_process() started, once it is the program."""
    name = os.path.basename(shlex.split(os.environ.get("STANDIN", name))[0])
    return until(lambda: [pid for pid in children(process.pid) if command_name(pid) == name], f"{name} as PID 1")[0]


def pids_inside(process):
    """The processes of a namespace by the pid that they have in it."""
    table = {}
    for pid in descendants(process.pid):
        numbers = status(pid).get("NSpid", "").split()
        if len(numbers) > 1:
            table[int(numbers[-1])] = pid
    return table


def survivors():
    """What is left of the trees of the commands that have ended, zombies too, told as lines."""
    known = {pid for pid, process in processes.items() if process.code is None}
    left = [pid for pid in children(os.getpid()) if pid not in known]
    return [tell(pid) for top in left for pid in [top, *descendants(top)]]


def assert_no_survivors():
    left = survivors()
    assert not left, "left behind:\n" + "\n".join(left)


def settled(pid):
    """Waits until a process has nothing more to do. Not for threads under a sanitizer, which has one of its own that
    wakes up: such tests are @plain."""
    seen = -1
    while seen != (seen := context_switches(pid)) or not asleep(pid):
        time.sleep(0.2)


class Late(AssertionError):
    """Something took too long. Once, that may be the machine's fault; three times in a row it is not."""


def assert_near(measured, wanted, what, slack=SLACK):
    """That something took as long as it must, with the slack to both sides."""
    assert measured >= wanted - slack, f"{what}: {measured * 1000:.0f} ms, not {wanted * 1000:.0f}"
    if measured > wanted + slack:
        raise Late(f"{what}: {measured * 1000:.0f} ms, not {wanted * 1000:.0f}")


def assert_below(measured, bound, what):
    if measured > bound:
        raise Late(f"{what}: {measured * 1000:.0f} ms, not below {bound * 1000:.0f}")


class Terminal:
    """A terminal, and a process that has it as its controlling one, as a session leader in front."""

    def __init__(self, argv, **options):
        master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 200, 0, 0))
        self.process = start(argv, stdin=slave, stdout=slave, stderr=slave, preexec_fn=lead_session, **options)
        os.close(slave)
        self.master = master
        self.reader = Reader(master)

    def type(self, text):
        os.write(self.master, text.encode())

    def until(self, text, within=WITHIN):
        return self.reader.until(text, within)

    def foreground(self):
        """The process group that has the terminal."""
        return struct.unpack("i", fcntl.ioctl(self.master, termios.TIOCGPGRP, b"\0" * 4))[0]


def lead_session():
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


# The end of every test


class Adopted:
    """What this process took on itself when it started its first process."""

    def __init__(self):
        self.pid = os.getpid()
        self.directory = tempfile.TemporaryDirectory(prefix="curfew-test-")


def adopt():
    global adopted
    if adopted and adopted.pid == os.getpid():
        return
    adopted = Adopted()
    processes.clear()
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended from outside: its time was over"))
    atexit.register(finish)


def reap():
    """Reaps all that has died, except what a Process object still waits for."""
    for pid in children(os.getpid()):
        if state(pid) == "Z":
            try:
                os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                pass


def end_all(number):
    for pid in descendants(os.getpid()):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


def finish():
    """Ends whatever this test has started, itself or through others. The runner calls it; so does exit."""
    global adopted
    if not adopted or adopted.pid != os.getpid():
        return
    deadline = now() + 10
    while descendants(os.getpid()) and now() < deadline:
        seen, found = None, set()
        while seen != found and now() < deadline:
            end_all(signal.SIGSTOP)  # so that nothing forks away while it is being killed
            seen, found = found, set(descendants(os.getpid()))
        end_all(signal.SIGKILL)
        reap()
    adopted.directory.cleanup()
    adopted = None
