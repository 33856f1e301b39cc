# SPDX-License-Identifier: Apache-2.0
"""`curfew gate` in front of an origin, on several faces; and what it says: log, report, admin face.

A test that is marked @faces(...) gets a face as its argument, and is run once for each. The four of ALL are an
orthogonal array: every pair of plain or TLS, one or two threads, with a child behind or without, is among them.

With STANDIN=nginx in the environment nginx takes the gate's place, where it can: to see that clients and origin
do what they say, and what a test finds in a proxy that is not as good.
"""

import collections
import contextlib
import itertools
import json
import os
import re
import shlex
import signal
import socket
import subprocess

import nginx
import wire
from harness import *
from service import Origin, free_port

TERM, INT, QUIT = signal.SIGTERM, signal.SIGINT, signal.SIGQUIT
IDLE_GRACE = 1.0  # seconds: how long an idle connection may still send a request in the drain
DEBOUNCE = 0.1  # seconds between two signals that make them one
METHODS = ("GET ", "POST ")
LOG_FIELD = re.compile(r'([a-z_]+)=("(?:[^"\\]|\\.)*"|\S*)')
STANDIN = os.environ.get("STANDIN")


class Face:
    def __init__(self, name, tls=False, threads=1, child=False):
        self.name, self.tls, self.threads, self.child = name, tls, threads, child


PLAIN = Face("plain")
TLS = Face("tls", tls=True, threads=2)
CHILD = Face("child", threads=2, child=True)
TLS_CHILD = Face("tls_child", tls=True, child=True)
THREADS = Face("threads", threads=2)
ALL = [PLAIN, TLS, CHILD, TLS_CHILD]


def faces(*wanted):
    """Makes of one test one for each face, each with the face's name at the end of its own."""

    def mark(function):
        for face in wanted:
            variant = variant_of(function, face)
            function.__globals__[variant.__name__] = variant

    return mark


class Plainly:
    def __init__(self, face):
        self.face = face


def plainly(*wanted):
    """These faces, but not under sanitizers: where another shows them the same at less cost."""
    return [Plainly(face) for face in wanted]


def variant_of(function, face):
    if isinstance(face, Plainly):
        return plain(variant_of(function, face.face))

    def variant():
        return function(face)

    variant.__name__ = f"{function.__name__}_{face.name}"
    variant.__dict__.update(function.__dict__)
    variant.runner = getattr(face, "runner", None)  # of a server whose faces differ in who runs its calls
    return variant


def certificate(name="localhost"):
    """The paths of a new certificate of this name, and of its key."""
    cert, key = temporary(f"{name}.pem"), temporary(f"{name}.key")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "3"]
        + ["-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}", "-keyout", key, "-out", cert],
        check=True,
        stderr=subprocess.DEVNULL,
    )
    return cert, key


class Gate:
    """A gate that is ready, unless ready=False; stdout and stderr go to files, which nobody has to read."""

    def __init__(self, face=PLAIN, options="", origin="", listen=None, upstream=None, command=None, ready=True, admin=True, **more):
        self.face = face
        self.port = free_port()
        self.listen = listen or f"127.0.0.1:{self.port}"
        self.address = self.port if listen is None else listen.removeprefix("unix:") if listen.startswith("unix:") else None
        self.admin = free_port() if admin else None
        self.origin = origin if isinstance(origin, Origin) else Origin(origin) if origin is not None else None
        self.command = command or (self.origin.argv if face.child and self.origin else [])
        self.upstream = upstream or (self.origin.url if self.origin else f"http://127.0.0.1:{free_port()}")
        self.report_path, self.log_path = temporary(f"report-{self.port}"), temporary(f"log-{self.port}")
        self.certificate = certificate() if face.tls else None
        if self.origin and self.command != self.origin.argv and not self.origin.process:
            self.origin.start()
        self.start(options, **more)
        if ready:
            self.ready()

    def argv(self, options):
        arguments = [] if "--respond" in options else ["--upstream", self.upstream]
        arguments += ["--threads", str(self.face.threads), "--report", self.report_path]
        arguments += ["--listen", self.listen] if self.listen != "activated" else []
        arguments += ["--admin", f"127.0.0.1:{self.admin}"] if self.admin else []
        arguments += ["--tls-cert", self.certificate[0], "--tls-key", self.certificate[1]] if self.certificate else []
        arguments += ["--grace", "10s", "--announce", "0s"]  # what stands later wins
        arguments += shlex.split(options)
        return [curfew_path(), "gate", *arguments, *(["--", *self.command] if self.command else [])]

    def start(self, options, wrap=lambda argv: argv, **more):
        argv = nginx.argv(self, options) if STANDIN == "nginx" else self.argv(options)
        more.setdefault("env", environment())
        with open(self.log_path, "ab") as log:
            self.process = start(wrap(argv), stdout=log, stderr=log, **more)
        self.began = now()

    def ready(self, within=WITHIN):
        """Waits until it says that it is ready, or, without an admin face, until it listens."""
        what = self.is_ready if self.admin and not STANDIN else lambda: not wire.refused(self.address)
        try:
            until(lambda: what() or not self.process.alive(), "the gate is ready", within)
        except AssertionError as late:
            raise AssertionError(f"{late}; it said:\n{self.log()}") from None
        assert self.process.alive(), f"the gate has ended with {self.process.wait()}:\n{self.log()}"
        return self

    # Its faces

    def client(self, **options):
        return wire.Client(self.address, tls=self.face.tls, **options)

    def get(self, path, *fields, **options):
        """One request on a connection of its own."""
        with self.client() as client:
            return client.get(path, *fields, **options)

    def ask_admin(self, path, within=WITHIN):
        """The answer of the admin face; None if it cannot be reached."""
        self.needs_curfew("an admin face")
        try:
            with wire.Client(self.admin, within=within) as client:
                return client.get(path, "Connection: close", within=within)
        except (ConnectionError, wire.Ended):
            return None

    def is_ready(self):
        answer = self.ask_admin("/readyz")
        return answer is not None and answer.status == 200

    def status(self):
        return json.loads(self.ask_admin("/status").body)

    def metrics(self):
        """{name{labels}: value}"""
        lines = self.ask_admin("/metrics").body.decode().splitlines()
        return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if line and line[0] != "#"}

    # Its end

    def signal(self, number=TERM):
        """Returns the moment just before."""
        if STANDIN == "nginx" and number in (TERM, INT):
            number = QUIT
        return self.process.signal(number)

    def signals_at_once(self, *numbers):
        self.process.signals_at_once(*numbers)

    def insist(self, number=TERM):
        """The second signal, of a process that has shown that it knows of the first: later than a duplicate would come.
        Returns the moment just before."""
        seen = now()
        until(lambda: now() - seen > 1.5 * DEBOUNCE, "the debounce is over")
        return self.signal(number)

    def drain(self):
        """The signal, and on until its listeners are closed: from there on it drains."""
        began = self.signal()
        wire.until_refused(self.address)
        return began

    def assert_in_idle_grace(self, began):
        """What was sent until now came in the time in which it is still answered; a slow machine is too late."""
        assert_below(now() - began, 0.8 * IDLE_GRACE, "what was to be sent in the idle grace")

    def end(self, code=0, within=WITHIN):
        """Waits for the end, looks at the exit code and for what was left behind; returns the report."""
        try:
            got = self.process.wait(within)
        except AssertionError as late:
            raise AssertionError(f"{late}\nit said:\n{self.log()}") from None
        assert got == code, f"exit code {got}, not {code}; it said:\n{self.log()}"
        if self.origin and self.origin.process:
            assert self.origin.process.alive(), "the origin has ended before the gate"
        left = [line for line in survivors() if " Z " not in line]
        assert not left, "left behind:\n" + "\n".join(left)
        return self.report()

    def stop(self, code=0, within=WITHIN):
        """The signal, and the end."""
        self.signal()
        return self.end(code, within)

    def took(self, since):
        return self.process.ended - since

    def report(self):
        text = read_file(self.report_path)
        if STANDIN and not text:
            return Nothing()
        assert text.count("\n") == 1 and text.endswith("\n"), f"the report is not one line: {text!r}"
        return json.loads(text)

    def log(self):
        return read_file(self.log_path)

    def lines(self, **fields):
        """The log's lines with these fields, as dictionaries."""
        found = []
        for line in self.log().split("\n")[:-1]:  # behind the last one there may be half a line
            parsed = {key: unquoted(value) for key, value in LOG_FIELD.findall(line)}
            if line.startswith("time=") and all(parsed.get(key) == value for key, value in fields.items()):
                found.append(parsed)
        return found

    def told(self, **fields):
        """Waits until the log has such lines, since they are written behind what they tell of; returns them."""
        try:
            return until(lambda: self.lines(**fields), f"a line has {fields}")
        except AssertionError as late:
            raise AssertionError(f"{late}; it said:\n{self.log()}") from None

    def needs_curfew(self, what):
        if STANDIN:
            raise Skip(f"{STANDIN} has not got {what}")


class Nothing(dict):
    """The report of a stand-in, which has none: to ask it for something skips the test."""

    def __getitem__(self, key):
        raise Skip(f"{STANDIN} has no report")

    get = __getitem__


def forced_requests(report):
    """The names of what was cut, without the child, which may need longer on a busy machine than a test gives it."""
    return [each["name"] for each in report["forced"] if each["name"].startswith(METHODS)]


def unquoted(value):
    return json.loads(value) if value.startswith('"') else value


def environment(**more):
    """Ours without what would change the gate's presets."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("CURFEW_", "KUBERNETES_", "LISTEN_", "NOTIFY_"))}
    return {**kept, **more}


def connections(pid):
    """How many stream sockets a process has open that are connected."""
    inodes = set()
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            target = os.readlink(f"/proc/{pid}/fd/{fd}")
        except FileNotFoundError:
            continue
        if target.startswith("socket:"):
            inodes.add(target[8:-1])
    rows = [line.split() for line in read_file("/proc/net/tcp").splitlines()[1:]]
    return sum(row[3] == "01" and row[9] in inodes for row in rows)


class Pace:
    """The longest that a connection has waited for its client's next request: behind the idle grace it may be closed."""

    def __init__(self):
        self.idle_since, self.slowest = now(), 0

    @contextlib.contextmanager
    def sending(self):
        """Around the handshakes and the request: the wait ends with them, also where they fail."""
        try:
            yield
        finally:
            self.slowest = max(self.slowest, now() - self.idle_since)

    def idle(self):
        self.idle_since = now()

    def assert_lost_nothing(self, lost):
        """What a client that was too slow has lost is no loss; then it is tried again."""
        if lost:
            assert_below(self.slowest, 0.8 * IDLE_GRACE, f"the client that has lost {lost[:5]}")
        assert not lost, f"{len(lost)}: {lost[:5]}"


OPEN_MOST = 300  # connections of across_the_end, below any limit


def across_the_end(gate, request_of, assert_answered):
    """Connections are made one after the other, each with its request at once, until they are refused; the signal is
    sent meanwhile. Each must be answered. So many are open at a time and no more, however slow the gate is: then the
    oldest is waited for."""
    waiting, lost, pace = collections.deque(), [], Pace()

    def settle():
        number, client = waiting.popleft()
        try:
            assert_answered(number, client)
        except (wire.Ended, ConnectionError) as end:
            lost.append((number, str(end)))
        client.close()

    for number in itertools.count():
        if len(waiting) == OPEN_MOST:
            settle()
        pace.idle()
        try:
            with pace.sending():
                plain = wire.connected(gate.address)
                waiting.append((number, wire.speak(plain, gate.face.tls, request_of(number))))
        except ConnectionRefusedError:
            break
        except OSError as end:
            lost.append((number, str(end)))
        if number == 100:
            gate.signal()
    while waiting:
        settle()
    assert number > 100, "refused before the end"
    pace.assert_lost_nothing(lost)


def gate_pid(gate):
    return gate.process.pid


class Notified:
    """A service manager's end of NOTIFY_SOCKET."""

    def __init__(self):
        self.path = temporary("notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.settimeout(WITHIN)
        self.told = []

    def until(self, text):
        while not any(text in message for message in self.told):
            self.told.append(self.socket.recv(4096).decode())

    def rest(self):
        self.socket.setblocking(False)
        try:
            while True:
                self.told.append(self.socket.recv(4096).decode())
        except BlockingIOError:
            return "\n".join(self.told).splitlines()
