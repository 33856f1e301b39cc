# SPDX-License-Identifier: Apache-2.0
"""How it ends: signals, once and twice; bounds whatever clients do; the exit code, the log and the report."""

import threading

from gate import *
from pattern import pattern
from wire import get, request

PHASES = ["starting", "running", "announcing", "draining", "forcing", "reaping", "done"]


def holding(face, options="", path="/held", **more):
    """A gate, and a client whose request is at the origin."""
    gate = Gate(face, options, **more)
    client = gate.client()
    client.send(get(path))
    gate.origin.event("request", path=path)
    return gate, client


@faces(PLAIN, TLS_CHILD)
def test_3_term_int_and_quit_begin_the_same_end(face):
    for number in TERM, INT, QUIT:
        gate, client = holding(face)
        gate.signal(number)
        wire.until_refused(gate.address)
        gate.origin.release()
        assert client.whole().says_close()
        report = gate.end()
        assert report["cause"]["signal"] == signal.Signals(number).name, report["cause"]
        dump = [line["line"] for line in gate.lines(event="state")]
        assert bool(dump) == (number == QUIT), dump
        assert not dump or any("GET /held" in line for line in dump), dump


def test_3_usr1_dumps_and_nothing_else():
    gate, client = holding(CHILD)
    gate.signal(signal.SIGUSR1)
    until(lambda: any("GET /held" in line["line"] for line in gate.lines(event="state")), "the dump")
    assert gate.is_ready()
    gate.origin.release()
    assert client.whole().status == 200
    gate.stop()


@faces(PLAIN, TLS, CHILD)
@alone
def test_4_a_second_signal_cuts_at_once(face):
    """Each unfinished request gets its final answer, and the child is killed."""
    gate, client = holding(face, "--grace 60s")
    stream = gate.client()
    stream.send(get("/stream?ms=10"))
    gate.origin.event("request", path="/stream")
    gate.drain()
    again = gate.insist()
    answer = client.whole()
    assert answer.status == 503 and answer.get("Retry-After") and answer.says_close(), answer
    assert not stream.answer().whole
    report = gate.end(code=128 + TERM)
    assert_below(gate.took(again), 0.5, "the end after a second signal")
    assert report["forced"] and report["exit_code"] == 128 + TERM
    if face.child:
        assert not gate.origin.events("signal") or report["counts"]["children_kill"] in (0, 1)


@faces(PLAIN)
def test_4_int_after_term_counts_as_the_second(face):
    gate, client = holding(face, "--grace 60s")
    gate.drain()
    gate.insist(INT)
    assert client.whole().status == 503
    gate.end(code=128 + INT)


@faces(PLAIN, CHILD)
def test_4_insist_never_ignores_it(face):
    gate, client = holding(face, "--insist never")
    gate.drain()
    for _ in range(3):
        gate.insist()
    gate.origin.release()
    assert client.whole().body == pattern(6)
    assert gate.end()["forced"] == []


@faces(PLAIN, CHILD)
def test_5_54_a_duplicate_within_the_debounce_does_not_force(face):
    gate, client = holding(face)
    gate.signals_at_once(TERM, INT, QUIT)
    wire.until_refused(gate.address)
    gate.origin.release()
    if (status := client.whole().status) != 200:
        raise Late(f"{status}: it took longer than the debounce to read three signals")
    report = gate.end()
    assert report["forced"] == [] and report["cause"]["signal"] in ("SIGTERM", "SIGINT", "SIGQUIT"), report


@faces(PLAIN)
def test_10_the_cause_names_signal_and_sender(face):
    gate = Gate(face)
    gate.signal(INT)
    report = gate.end()
    assert report["cause"]["kind"] == "signal" and report["cause"]["signal"] == "SIGINT"
    assert report["cause"]["sender_pid"] == os.getpid()
    line = gate.lines(event="stopping")[0]
    assert line["signal"] == "SIGINT" and line["sender_pid"] == str(os.getpid()), line


@faces(PLAIN, CHILD)
@plain
@slow
@limit(120)
def test_12_idle_there_are_no_wake_ups_in_10_s(face):
    """With an idle client and nothing pooled any more."""
    gate = Gate(face, "--threads 2 --head-timeout 300ms", origin="--keep-alive timeout=2")
    idle = gate.client()
    idle.get("/body")
    gate.origin.event("closed", connection=gate.origin.event("answered")["connection"])
    settled(gate.process.pid)
    watched = [gate.process.pid, *[pid for pid in descendants(gate.process.pid) if command_name(pid).startswith("curfew")]]
    before = {pid: context_switches(pid) for pid in watched}
    until(lambda: now() > gate.began + 13, "10 s and the start have passed", within=20)
    woken = {pid: context_switches(pid) - count for pid, count in before.items()}
    assert not any(woken.values()), f"wake-ups: {woken}"
    gate.stop()


# Bounds


@faces(PLAIN, TLS, CHILD)
@alone
def test_49_no_client_delays_the_end_beyond_the_grace(face):
    """Slow and silent readers and writers, zero windows, half-open ones, all at once."""
    gate = Gate(face, "--grace 1500ms --term-wait 300ms")
    clients = [gate.client(receive_buffer=4096) for _ in range(8)]
    clients[0].send(get("/body?size=50000000"))
    clients[1].send(get("/stream?ms=1"))
    clients[2].send(request("POST", "/echo", "Content-Length: 1000000") + b"half")
    clients[3].send(b"GET /half HTTP/1.1\r\nHo")
    clients[4].send(get("/hang"))
    clients[5].send(get("/upgrade", "Connection: upgrade", "Upgrade: echo"))
    clients[6].send(b"".join(get("/body?size=1000000") for _ in range(20)))
    clients[7].send(get("/events?ms=1"))
    gate.origin.event("request", count=7)
    stop = threading.Event()

    def dribble():
        try:
            while not stop.is_set():
                clients[2].socket.sendall(b"x")
                readable(gate.process.pidfd, 0.02)
        except OSError:
            pass

    thread = threading.Thread(target=dribble)
    thread.start()
    began = gate.signal()
    try:
        report = gate.end()
    finally:
        stop.set()
        thread.join()
    assert_below(gate.took(began), 1.6, "the grace")
    assert len(report["forced"]) >= 6, report


@faces(PLAIN, TLS, CHILD)
@alone
def test_50_the_end_comes_with_the_last_answer(face):
    """Within 100 ms of it (with a child: of that, and of the child's end)."""
    gate, client = holding(face)
    gate.drain()
    gate.origin.release()
    answered = now()
    client.whole()
    client.close()
    gate.end()
    assert_below(gate.took(answered), 0.15, "the end after the last answer")


@faces(PLAIN, TLS)
@alone
def test_50_nor_does_a_client_delay_it_that_does_not_close(face):
    """It has all of its answer, which said close: there is nothing to be saved by waiting for it."""
    gate, client = holding(face)
    gate.drain()
    gate.origin.release()
    answered = now()
    client.whole()
    gate.end()
    assert_below(gate.took(answered), 0.15, "the end after the last answer")


@faces(PLAIN, TLS)
@alone
def test_51_an_idle_gate_ends_at_once(face):
    gate = Gate(face)
    gate.get("/body")
    began = gate.signal()
    gate.end()
    assert_below(gate.took(began), 0.15, "the end of an idle gate")


@faces(PLAIN)
@alone
def test_52_a_clock_step_changes_nothing(face):
    stepping = environment(LD_PRELOAD=str(BUILD / "tests" / "library" / "libclock_step.so"))
    gate, client = holding(face, "--grace 1s", env=stepping)
    began = gate.signal()
    assert client.whole().status == 503
    gate.end()
    assert_below(gate.took(began), 1.15, "the grace")
    assert gate.took(began) > 0.7, "the grace was cut short"


# Codes, log and report


@faces(*ALL)
def test_80_71_the_report_of_a_clean_end(face):
    gate, client = holding(face, "--announce 100ms")
    for _ in range(5):
        gate.get("/body")
    gate.signal()
    until(lambda: gate.ask_admin("/readyz").status == 503, "it announces")
    gate.origin.release()
    client.whole()
    client.close()
    report = gate.end()
    assert set(report) >= {"command", "version", "cause", "phases", "counts", "forced", "exit_code"}, report
    assert (report["command"], report["exit_code"], report["forced"]) == ("gate", 0, [])
    assert set(report["cause"]) == {"kind", "signal", "sender_pid", "text"}
    names = [phase["name"] for phase in report["phases"]]
    assert names == [name for name in PHASES if name in names] and "announcing" in names, names
    counts = report["counts"]
    assert counts["requests_completed"] == 6 and counts["requests_drained"] == 1, counts
    assert counts["requests_forced"] == 0 and counts["bytes_undelivered"] == 0, counts
    assert counts["children_term"] == (1 if face.child else 0), counts
    last = gate.lines()[-1]
    assert last["event"] == "ended" and last["exit_code"] == "0" and last["requests"] == "6", last


@faces(PLAIN, CHILD)
def test_41_74_what_was_forced_is_logged_named_and_counted(face):
    for options, code in ("", 0), ("--forced-exit 3", 3):
        gate, client = holding(face, f"--grace 3s --term-wait 1s {options}", path="/hang?x=1")
        good = gate.client()
        good.send(get("/body"))
        good.whole()
        good.close()
        gate.signal()
        assert client.whole().status == 503
        report = gate.end(code=code)
        assert forced_requests(report) == ["GET /hang?x=1"], report
        assert report["forced"][0]["age_ms"] >= 300 and report["counts"]["requests_forced"] == 1
        lines = [line for line in gate.lines(event="forced") if line["name"].startswith(METHODS)]
        assert len(lines) == 1 and lines[0]["name"] == "GET /hang?x=1" and lines[0]["level"] == "warning", lines


def test_74_a_clean_end_is_not_a_forced_one():
    gate = Gate(PLAIN, "--forced-exit 3")
    idle = gate.client()
    idle.get("/body")
    gate.stop(code=0)
    idle.assert_closed()


def test_74_an_announcement_as_long_as_the_grace_forces_nothing():
    gate = Gate(PLAIN, "--forced-exit 3 --announce 10s --grace 3s")
    report = gate.stop(code=0)
    assert report["forced"] == [], report


@faces(PLAIN)
def test_80_the_log_has_a_line_for_each_event(face):
    gate, client = holding(face, "--access-log")
    gate.drain()
    gate.origin.release()
    client.whole()
    client.close()
    gate.end()
    events = [line["event"] for line in gate.lines()]
    assert len(events) == len(gate.log().splitlines()), "a line that is not an event"
    assert events[0] == "started" and events[-1] == "ended", events
    order = [event for event in events if event in ("ready", "stopping", "access", "ended")]
    assert order == ["ready", "stopping", "access", "ended"], events
    access = gate.lines(event="access")[0]
    assert (access["method"], access["target"], access["status"]) == ("GET", "/held", "200"), access
    assert access["client"].startswith("127.0.0.1") and int(access["ms"]) >= 0, access
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", line["time"]) for line in gate.lines())


def test_80_access_log_of_odd_requests():
    """What a client says cannot forge a line, or break one."""
    gate = Gate(PLAIN, "--access-log")
    with gate.client() as client:
        client.get('/body?"x"=%0a&y=\\')
        client.ask(b"GET /bad b HTTP/1.1\r\n\r\n")
    with gate.client() as client:
        client.send(get("/body?size=100000000"))
        until(lambda: not client.silent(), "the answer begins")
        client.reset()
    until(lambda: len(gate.lines(event="access")) >= 2, "the lines are there")
    gate.stop()
    assert all(line.startswith("time=") for line in gate.log().splitlines()), gate.log()
    targets = [line.get("target") for line in gate.lines(event="access")]
    assert '/body?"x"=%0a&y=\\' in targets, targets
    cut = [line for line in gate.lines(event="access") if line.get("target", "").endswith("100000000")]
    assert cut and cut[0]["whole"] in ("no", "false"), cut


def test_80_log_format_json():
    gate = Gate(PLAIN, "--log-format json --access-log")
    gate.get("/body")
    gate.stop()
    lines = [json.loads(line) for line in gate.log().splitlines()]
    assert lines[0]["event"] == "started" and lines[-1]["event"] == "ended"
    assert [line["status"] for line in lines if line["event"] == "access"] == [200]


def logging_to_a_pipe(options=""):
    """A gate whose log nobody reads, with more lines than a pipe takes; and the pipe's reader."""
    reader, writing = channel()
    gate = Gate(PLAIN, f"--access-log {options}", wrap=lambda argv: ["sh", "-c", f'exec "$@" 2>&{writing}', "sh", *argv], pass_fds=[writing])
    os.close(writing)
    with gate.client() as client:
        for _ in range(3000):
            client.get("/body")
    return gate, reader


def test_78_every_line_reaches_a_reader_who_is_slow():
    gate, reader = logging_to_a_pipe()
    gate.signal()
    until(lambda: gate.ask_admin("/readyz") is None or gate.ask_admin("/status"), "it ends")
    lines = reader.rest().decode().splitlines()
    gate.end()
    assert sum("event=access" in line for line in lines) == 3000
    assert "event=ended" in lines[-1], lines[-1]


@alone
def test_78_a_reader_who_never_reads_delays_the_end_to_the_grace_at_most():
    gate, reader = logging_to_a_pipe("--grace 1s")
    began = gate.signal()
    report = gate.end()
    assert_below(gate.took(began), 1.2, "the grace")
    assert report["exit_code"] == 0 and report["counts"]["requests_forced"] == 0, report
    lines = reader.rest().decode().splitlines()
    assert len(lines) > 100 and all(line.startswith("time=") for line in lines[:-1])


def test_80_a_report_that_goes_to_the_log():
    gate = Gate(PLAIN, "--report -")
    gate.process.signal(TERM)
    assert gate.process.wait() == 0
    report = json.loads(gate.log().splitlines()[-1])
    assert report["command"] == "gate"


@faces(PLAIN)
def test_metrics_agree_with_what_was_done(face):
    gate, client = holding(face)
    for path in "/body", "/body", "/status?code=404", "/reset?at=before":
        gate.get(path)
    before = gate.metrics()
    assert before["curfew_requests_in_flight"] == 1
    assert before['curfew_requests_total{code="200"}'] == 2
    assert before['curfew_requests_total{code="404"}'] == before['curfew_requests_total{code="502"}'] == 1
    assert before["curfew_request_duration_seconds_count"] == 4
    assert before['curfew_phase{phase="running"}'] == 1
    status_ = gate.status()
    assert status_["phase"] == "running", status_
    gate.origin.release()
    client.whole()
    gate.stop()
