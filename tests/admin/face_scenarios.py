# SPDX-License-Identifier: Apache-2.0
"""The admin face of a program that serves: what it answers from the start to the last instant."""

import http.client
import json
import re
import signal
import socket
import subprocess

from harness import *

LAST = 0.05  # seconds: what the face may add to the end, with a wide margin
HOSTILE = "</script><img src=x onerror=alert(1)>\"'&"
METRICS = {
    "curfew_build_info": "gauge",
    "curfew_phase": "gauge",
    "curfew_holds": "gauge",
    "curfew_requests_total": "counter",
    "curfew_request_duration_seconds": "histogram",
    "curfew_requests_in_flight": "gauge",
    "curfew_drained_total": "counter",
    "curfew_forced_total": "counter",
}


class Served:
    """The fixture, once it is running."""

    def __init__(self, grace_ms=20000, announce_ms=0, **options):
        self.process = start([fixture("admin_server"), str(grace_ms), str(announce_ms)], stdin=subprocess.PIPE, **options)
        _, port, admin = self.process.line().split()
        self.port, self.admin = int(port), int(admin)
        self.process.expect("phase running")

    def tell(self, text):
        self.process.popen.stdin.write(text.encode() + b"\n")
        while self.process.line() != "ok":  # a phase
            pass

    def stop(self):
        return self.process.signal(signal.SIGTERM)

    def end(self):
        """Waits for the end; returns the report."""
        assert self.process.wait() == 0, self.process.errors()
        return json.loads(self.process.out.rest().decode().splitlines()[-1])

    def ask(self, path, method="GET", port=None, **fields):
        """One request on a connection of its own; returns status, fields and body."""
        connection = http.client.HTTPConnection("127.0.0.1", port or self.admin, timeout=WITHIN)
        connection.request(method, path, headers=fields)
        answer = connection.getresponse()
        body = answer.read().decode()
        connection.close()
        return answer.status, dict(answer.getheaders()), body

    def status(self):
        return json.loads(self.ask("/status.json")[2])

    def refuses(self):
        """Whether the program's own listener is closed."""
        try:
            self.connect(self.port).close()
        except ConnectionRefusedError:
            return True
        return False

    def connect(self, port=None):
        return socket.create_connection(("127.0.0.1", port or self.admin), timeout=WITHIN)

    def slow(self):
        """A request that is answered when the fixture is told to, once it is held."""
        connection = self.connect(self.port)
        connection.sendall(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        until(lambda: self.status()["requests"]["in_flight"], "the request is in flight")
        return connection


class Events:
    """A stream of server-sent events."""

    def __init__(self, served):
        self.connection = http.client.HTTPConnection("127.0.0.1", served.admin, timeout=WITHIN)
        self.connection.request("GET", "/status/events")
        self.answer = self.connection.getresponse()
        assert self.answer.status == 200
        assert self.answer.getheader("Content-Type") == "text/event-stream"

    def next(self):
        """The next event's name and data; None at the end of the stream, if it was ended in order."""
        name = None
        while line := self.answer.readline().decode():
            if line.startswith("event: "):
                name = line[7:].strip()
            elif line.startswith("data: "):
                data = json.loads(line[6:])
            elif line == "\n" and name:
                return name, data
        return None

    def until(self, condition):
        while True:
            name, data = self.next()
            if condition(data):
                return name, data


def exposition(text):
    """{series: value}, by the grammar of the text format; every family has its help and type."""
    families, series = {}, {}
    for line in text.splitlines():
        if found := re.fullmatch(r"# HELP (\w+) [^\\]+\.", line):
            family = found[1]
        elif found := re.fullmatch(r"# TYPE (\w+) (gauge|counter|histogram)", line):
            assert found[1] == family and family not in families, line
            families[family] = found[2]
        else:
            name, labels, value = re.fullmatch(r'(\w+)(\{\w+="[^"\\\n]*"\})? (\d+(?:\.\d+)?)', line).groups()
            suffix = name.removeprefix(family)
            assert suffix in (["_bucket", "_sum", "_count"] if families[family] == "histogram" else [""]), line
            assert name + (labels or "") not in series, line
            series[name + (labels or "")] = float(value)
    assert families == METRICS, families
    return series


@alone
def test_13_readyz_is_503_within_50_ms_of_the_signal_and_before_any_listener_closes():
    served = Served(announce_ms=500)
    assert served.ask("/readyz")[::2] == (200, "ready\n")
    sent = served.stop()
    until(lambda: served.ask("/readyz")[0] == 503, "not ready")
    assert_below(now() - sent, 0.05, "the time to not ready")
    assert not served.refuses(), "the listener is closed"
    assert served.ask("/", port=served.port)[1]["Connection"] == "close"
    served.end()


def test_13_nobody_is_told_ready_after_the_listener_closed():
    for _ in range(10):
        served = Served()
        served.tell("hold 1 x")
        served.stop()
        refused = False
        while not refused:
            refused = served.refuses()
            code = served.ask("/readyz")[0]
            assert not (refused and code == 200), "closed, and still ready"
        served.tell("release")
        served.end()


def test_14_healthz_is_200_for_the_whole_drain():
    served = Served(announce_ms=200)
    slow = served.slow()
    kept = http.client.HTTPConnection("127.0.0.1", served.admin, timeout=WITHIN)

    def healthy():
        assert served.ask("/healthz")[::2] == (200, "ok\n")
        kept.request("GET", "/healthz")
        assert kept.getresponse().read() == b"ok\n"

    served.stop()
    for _ in range(50):
        healthy()
    until(served.refuses, "the listener is closed")
    for _ in range(50):
        healthy()
    served.tell("answer")
    try:
        while True:
            healthy()
    except ConnectionRefusedError:
        pass  # after the last instant
    except (ConnectionError, http.client.HTTPException):
        assert served.process.wait() == 0  # in it
    assert b"slow" in slow.recv(4096)
    served.end()


def test_17_readyz_is_answered_until_the_last_connection_is_done():
    served = Served()
    slow = served.slow()
    served.stop()
    until(served.refuses, "the listener is closed")
    for _ in range(20):
        assert served.ask("/readyz")[::2] == (503, "not ready: draining\n")
    served.tell("answer")
    assert b"slow\n" in slow.recv(4096)
    report = served.end()
    assert report["counts"]["requests_completed"] == report["counts"]["requests_drained"] == 1, "the face's are no work"
    try:
        served.connect()
        raise AssertionError("the face is still there")
    except ConnectionRefusedError:
        pass


def notices(manager, wanted):
    """What was told, up to the datagram that has this in it."""
    told = []
    manager.settimeout(WITHIN)
    while not told or wanted not in told[-1]:
        told.append(manager.recv(4096).decode())
    return told


def notified(address):
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(address)
    served = Served(env={**os.environ, "NOTIFY_SOCKET": address.replace("\0", "@")})
    assert notices(manager, "READY=1") == ["READY=1\nSTATUS=ready\n"]
    slow = served.slow()
    served.stop()
    told = notices(manager, "draining")
    assert told[0].startswith("STOPPING=1\nSTATUS=draining: 0 completed, "), told
    assert " request" in told[-1] and " s left" in told[-1], told
    served.tell("answer")
    told += notices(manager, "done")
    assert sum("STOPPING=1" in each for each in told) == 1, told
    assert told[-1].startswith("STATUS=done: 1 completed, 0 held, "), told
    assert slow.recv(4096)
    served.end()


def test_18_stopping_once_and_status_with_counts():
    notified("\0curfew-test-" + str(os.getpid()))
    notified(temporary("notify"))


def test_metrics_follow_the_grammar_and_the_requests():
    served = Served()
    for _ in range(3):
        served.ask("/", port=served.port)
    slow = served.slow()
    served.tell("hold 2 " + HOSTILE)
    code, fields, text = served.ask("/metrics")
    series = exposition(text)
    assert code == 200 and fields["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert series['curfew_requests_total{code="200"}'] == 3
    assert series["curfew_requests_in_flight"] == 1
    assert series['curfew_holds{kind="thing"}'] == 2
    assert series['curfew_phase{phase="running"}'] == 1
    assert series["curfew_request_duration_seconds_count"] == 3
    assert series['curfew_request_duration_seconds_bucket{le="+Inf"}'] == 3
    assert series["curfew_request_duration_seconds_sum"] > 0
    assert HOSTILE not in text, "a label of a peer"
    served.tell("answer")
    served.tell("release")
    assert slow.recv(4096)
    served.stop()
    served.end()


def child(served):
    """A child that ignores the stop signal, once it does."""
    served.tell("child")
    until(lambda: "sleep" in map(command_name, descendants(served.process.pid)), "the child ignores the signal")


def test_forced_things_are_counted_by_kind():
    served = Served(grace_ms=9000)
    served.tell("hold 2 x")
    child(served)
    slow = served.slow()
    served.stop()
    until(lambda: served.status()["phase"] == "reaping", "the work is forced")
    series = exposition(served.ask("/metrics")[2])
    assert series['curfew_forced_total{kind="thing"}'] == 2
    assert series['curfew_forced_total{kind="request"}'] == 1
    assert b" 503 " in slow.recv(4096)
    report = served.end()
    assert report["forced_count"] >= 3
    assert not any("admin" in each["name"] or "connection" in each["name"] for each in report["forced"])


def test_representation_is_chosen_by_accept():
    served = Served()
    browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
    for path, accept, kind in [
        ("/", "*/*", "text/html; charset=utf-8"),
        ("/status", browser, "text/html; charset=utf-8"),
        ("/status", "*/*", "application/json"),
        ("/status?x=1", "application/json, text/html;q=0.1", "application/json"),
        ("/status.json", browser, "application/json"),
    ]:
        code, fields, body = served.ask(path, Accept=accept)
        assert (code, fields["Content-Type"]) == (200, kind), (path, accept, fields)
        assert body.startswith("<!doctype html>") if "html" in kind else json.loads(body)["command"] == "fixture"
        assert fields["Cache-Control"] == "no-store" and fields["Vary"] == "Accept"
    served.stop()
    served.end()


def test_other_methods_and_paths_are_refused():
    served = Served()
    for path in "/", "/healthz", "/readyz", "/metrics", "/status", "/status.json":
        code, fields, body = served.ask(path, "HEAD")
        assert code == 200 and body == "" and int(fields["Content-Length"]) > 0, path
        for method in "POST", "PUT", "DELETE", "OPTIONS", "PATCH":
            code, fields, _ = served.ask(path, method)
            assert (code, fields["Allow"]) == (405, "GET, HEAD"), (path, method)
    kept = http.client.HTTPConnection("127.0.0.1", served.admin, timeout=WITHIN)
    for method, path in ("HEAD", "/status/events"), ("GET", "/healthz"):
        kept.request(method, path)
        answer = kept.getresponse()
        assert (answer.status, answer.read()) == (200, b"ok\n" if method == "GET" else b"")
    for path in "/nothing", "/healthz/", "/HEALTHZ", "//", "/status/events/x", "/..", "/%00":
        assert served.ask(path)[0] == 404, path
    with served.connect() as connection:
        connection.sendall(b"\x16\x03\x01 nonsense\r\n\r\n")
        assert b" 400 " in connection.recv(4096)
    served.stop()
    served.end()


def test_events_tell_each_phase_and_end_in_order():
    served = Served(announce_ms=1000)
    served.tell("hold 300 " + HOSTILE)
    first, second = Events(served), Events(served)
    name, status = first.next()
    assert name == "status" and status["phase"] == "running" and status["ready"]
    assert status["held"]["kinds"]["thing"] == 300 and len(status["held"]["oldest"]) == 100
    assert any(hold["name"].startswith(HOSTILE) for hold in status["held"]["oldest"])
    served.stop()
    assert first.until(lambda status: status["phase"] == "announcing")[1]["cause"]["signal"] == "SIGTERM"
    _, status = first.until(lambda status: status["phase"] == "draining")
    assert status["grace_left_ms"] < 20000 and status["announce_ms"] == 1000
    served.tell("release")
    for events in first, second:
        name, status = events.until(lambda status: not status["held"]["total"])
        while name == "status":
            name, status = events.next()
        assert name == "end" and status["phase"] == "reaping"
        assert events.next() is None
    served.end()


def test_samples_grow_while_somebody_looks():
    served = Served()
    slow = served.slow()
    events = Events(served)
    _, status = events.until(lambda status: len(status["samples"]["requests"]) == 3)
    assert status["samples"]["requests"] == [1, 1, 1]
    assert all(work >= 1 for work in status["samples"]["work"])
    served.tell("answer")
    assert slow.recv(4096)
    served.stop()
    served.end()


def test_viewers_are_bounded():
    served = Served()
    viewers = [Events(served) for _ in range(32)]
    assert served.ask("/status/events")[0] == 503
    viewers.pop().connection.close()
    until(lambda: can_view(served), "a place for a viewer")
    served.stop()
    served.end()


def can_view(served):
    connection = http.client.HTTPConnection("127.0.0.1", served.admin, timeout=WITHIN)
    connection.request("GET", "/status/events")
    return connection.getresponse().status == 200


def test_connections_are_bounded():
    served = Served()
    opened = [served.connect() for _ in range(700)]
    until(lambda: sum(is_closed(each) for each in opened) == 700 - 512, "those above the bound are closed")
    for each in opened:
        each.close()
    until(lambda: answers(served), "there is room again")
    served.stop()
    served.end()


def is_closed(connection):
    return readable(connection.fileno(), 0)


def answers(served):
    try:
        return served.ask("/healthz")[0] == 200
    except (ConnectionError, http.client.HTTPException):
        return False


@alone
def test_onlookers_do_not_delay_the_end():
    served = Served()
    served.tell("hold 300 " + HOSTILE)
    idle = [served.connect() for _ in range(20)]
    for each in idle[:10]:
        each.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"ok\n" in each.recv(4096)
    idle[10].sendall(b"GET /heal")
    idle[11].sendall(b"POST /status HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n")
    stalled = [socket.socket() for _ in range(5)]
    for each in stalled:
        each.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        each.connect(("127.0.0.1", served.admin))
        each.sendall(b"GET /status/events HTTP/1.1\r\nHost: x\r\n\r\n")
    viewers = [Events(served) for _ in range(20)]
    for each in viewers:
        each.next()
    served.tell("release")
    sent = served.stop()
    report = served.end()
    assert_below(served.process.ended - sent, LAST, "the end with onlookers")
    assert report["forced_count"] == 0 and report["counts"]["requests_forced"] == 0, report


def test_face_that_is_cut_with_the_grace_forces_nothing_of_its_own():
    served = Served(grace_ms=1500)
    served.tell("hold 1 x")
    viewer = Events(served)
    idle = served.connect()
    sent = served.stop()
    report = served.end()
    assert [each["name"] for each in report["forced"]] == ["x 0"], report
    assert viewer.until(lambda status: status["phase"] == "reaping")[0] in ("status", "end")
    assert served.process.ended - sent >= 0.75
    idle.close()


def is_quiet(pid, seconds):
    """Whether a process does nothing for so long."""
    before = context_switches(pid)
    time.sleep(seconds)  # what is measured is that nothing happens
    return context_switches(pid) == before


@plain
def test_12_nothing_wakes_once_nobody_looks_any_more():
    served = Served()
    until(lambda: is_quiet(served.process.pid, 3), "three seconds without a wake-up, before anybody looks")
    viewer = Events(served)
    viewer.next()
    viewer.next()
    assert not is_quiet(served.process.pid, 3), "nobody told the viewer"
    viewer.connection.sock.close()
    viewer.answer.close()
    until(lambda: is_quiet(served.process.pid, 3), "three seconds without a wake-up")  # a tick is each second
    served.stop()
    served.end()


def test_status_counts_what_is_held_and_by_which_child():
    served = Served(grace_ms=3000)
    child(served)
    status = served.status()
    hold = next(hold for hold in status["held"]["oldest"] if hold["kind"] == "child")
    assert hold["stage"] == "children" and re.fullmatch(r"sh pid \d+", hold["name"]), hold
    served.stop()
    until(lambda: "rung term" in served.ask("/status.json")[2], "the rung of the child's ladder")
    served.end()
