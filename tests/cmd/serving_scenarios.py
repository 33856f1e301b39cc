# SPDX-License-Identifier: Apache-2.0
"""What all serving commands share, in `curfew gate --respond 200`: signals, the end's words, the log, the report."""

import json
import os
import signal
import socket
import ssl
import subprocess

from serving import *

TERM, INT, QUIT, HUP, USR1, PIPE = (getattr(signal, f"SIG{name}") for name in "TERM INT QUIT HUP USR1 PIPE".split())
HALF = b"GET / HTTP/1.1\r\nHost: x\r\n"  # a head that keeps the drain until the head timeout


# Signals


def test_03_the_stop_signals_are_equal():
    for number in TERM, INT, QUIT:
        served = Served()
        sent = served.process.signal(number)
        events = served.end()
        cause = named(events, "stopping")[0]
        assert (cause["cause"], cause["signal"], cause["sender_pid"]) == ("signal", number.name, str(os.getpid())), cause
        assert bool(named(events, "state")) == (number == QUIT), events
        assert_below(served.process.ended - sent, 10, f"the end by {number.name}")


def test_03_usr1_writes_the_state_and_nothing_else():
    served = Served()
    held = served.connect(HALF)
    until(lambda: status(served.admin, "/readyz") == 200, "it is ready")
    served.process.signal(USR1)
    lines = [event(served.process, "state")["line"]]
    while not lines[-1].startswith("log:"):
        lines.append(event(served.process, "state")["line"])
    text = "\n".join(lines)
    assert "phase running" in text and "listener" in text and "connection" in text, text
    assert served.get() == 200
    held.close()
    served.process.signal(TERM)
    served.end()


def test_04_a_second_signal_forces():
    served = Served("--head-timeout 20s --grace 30s")
    held = served.connect(HALF)
    assert served.get() == 200  # so that the other one has been accepted
    served.process.signal(TERM)
    assert event(served.process, "phase")["phase"] == "draining"
    until(lambda: now() - first_stop(served) > 0.12, "the debounce is over")
    sent = served.process.signal(INT)
    events = served.end(128 + INT)
    assert_below(served.process.ended - sent, 10, "the end by force")
    assert named(events, "forced") and events[-1]["exit_code"] == str(128 + INT), events
    assert "was made to end" in events[-1]["text"], events[-1]
    assert not held.recv(1000).startswith(b"HTTP/1.1 200")


def first_stop(served):
    """The moment at which the process was seen to stop, taken once."""
    if not hasattr(served, "stopped"):
        served.stopped = now()
    return served.stopped


def test_04_insist_never():
    served = Served("--head-timeout 1s --insist never")
    held = served.connect(HALF)
    assert served.get() == 200
    served.process.signal(TERM)
    assert event(served.process, "phase")["phase"] == "draining"
    until(lambda: now() - first_stop(served) > 0.12, "the debounce is over")
    served.process.signal(TERM)
    served.end()
    assert held.recv(1000).startswith(b"HTTP/1.1 408")


def test_05_a_duplicate_does_not_force():
    served = Served("--head-timeout 500ms")
    held = served.connect(HALF)
    assert served.get() == 200
    served.process.signals_at_once(TERM, INT)
    events = served.end()
    assert not named(events, "forced"), events
    assert held.recv(1000).startswith(b"HTTP/1.1 408")


def test_11_sigpipe_and_other_signals_end_nothing():
    served = Served()
    for number in PIPE, HUP, signal.SIGUSR2, signal.SIGALRM, signal.SIGCHLD, signal.SIGRTMIN + 1:
        served.process.signal(number)
        assert served.get() == 200, number
    served.process.signal(TERM)
    served.end()


def test_a_terminal_can_suspend_it():
    """In a process group that somebody in the session can continue: the kernel stops no other."""
    served = Served(preexec_fn=os.setpgrp)
    served.process.signal(signal.SIGTSTP)
    until(lambda: state(served.process.pid) == "T", "it is stopped")
    served.process.signal(signal.SIGCONT)
    assert served.get() == 200
    served.process.signal(TERM)
    served.end()


@plain
def test_12_idle_it_sleeps():
    served = Served()
    settled(served.process.pid)
    before = context_switches(served.process.pid)
    assert not readable(served.process.pidfd, 5)
    assert context_switches(served.process.pid) == before
    served.process.signal(TERM)
    served.end()


# Its outcome


def cut_at_the_grace(options, code):
    """Ends with a connection that cannot be finished in time: a moment of the grace is kept for what comes after it."""
    served = Served(f"--head-timeout 20s --grace 500ms {options}")
    held = served.connect(HALF)
    assert served.get() == 200
    sent = served.process.signal(TERM)
    events = served.end(code)
    assert 0.25 < served.process.ended - sent < 10, "the grace"
    held.close()
    return events


def test_71_74_forced_is_told_apart():
    report = temporary("report")
    events = cut_at_the_grace(f"--forced-exit 9 --report {report}", 9)
    forced = [each for each in named(events, "forced") if each["kind"] == "connection"]
    assert len(forced) == 1 and int(forced[0]["age_ms"]) >= 300, forced
    assert events[-1]["forced"] == "1" and events[-1]["exit_code"] == "9", events[-1]
    told = json.loads(read_file(report))
    assert told["exit_code"] == 9 and told["forced_count"] == 1 and told["command"] == "gate", told
    assert cut_at_the_grace("", 0)[-1]["forced"] == "1"


def test_72_a_failure_is_not_zero_even_when_a_signal_follows():
    process = start([curfew_path(), "gate", "--upstream", "http://127.0.0.1:1", "--listen", "127.0.0.1:0", "--wait", "300ms"], env=environment())
    cause = event(process, "stopping")
    assert cause["cause"] == "failure" and cause["level"] == "error", cause
    process.signal(TERM)
    ended = event(process, "ended")
    assert process.wait() == 1 and ended["exit_code"] == "1" and ended["text"].startswith("failed "), ended


def test_80_the_report_and_the_last_line_agree():
    report = temporary("report")
    served = Served(f"--report {report} --announce 3s")
    for _ in range(5):
        assert served.get() == 200
    served.process.signal(TERM)
    assert event(served.process, "phase")["phase"] == "announcing"
    assert served.get() == 200
    events = served.end()
    told, last = json.loads(read_file(report)), events[-1]
    assert last["event"] == "ended" and last["level"] == "info", last
    assert told["cause"] == {"kind": "signal", "signal": "SIGTERM", "sender_pid": os.getpid(), "text": f"SIGTERM from pid {os.getpid()}"}
    assert (last["requests"], last["drained"]) == ("6", "1"), last
    assert told["counts"]["requests_completed"] == 6 and told["counts"]["requests_drained"] == 1, told
    assert last["text"].startswith("ended as asked after ") and f"SIGTERM from pid {os.getpid()}; 6 requests" in last["text"], last
    assert [phase["name"] for phase in told["phases"]] == ["starting", "running", "announcing", "draining", "reaping"], told
    phases = [each["phase"] for each in named(events, "phase")]
    assert phases == ["draining", "reaping", "done"], phases


def test_that_all_places_are_taken_is_told_once_in_a_while():
    served = Served("--max-connections 1")
    first = served.connect(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert first.recv(1000).startswith(b"HTTP/1.1 200")
    for _ in range(3):
        waiting = served.connect(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        first.close()
        assert waiting.recv(1000).startswith(b"HTTP/1.1 200")
        first = waiting
    served.process.signal(TERM)
    events = served.end()
    assert [each["connections"] for each in named(events, "full")] == ["1"], events
    first.close()


# The log


def requests(served, count):
    """Requests on one connection; none is answered but by 200."""
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=WITHIN)
    for number in range(count):
        connection.request("GET", f"/{number}?{'x' * 100}")
        answer = connection.getresponse()
        assert answer.status == 200 and answer.read() is not None
    connection.close()


def test_78_no_line_is_lost_where_the_reader_is_slow():
    """A pipe that is full at the signal; all is read afterwards, the last line too."""
    count = 1500
    served = Served("--access-log --grace 20s")
    requests(served, count)
    served.process.signal(TERM)
    until(lambda: refused(served.port), "the listener is closed")
    assert served.process.alive(), "it has not waited for its reader"
    events = served.end()
    assert [each["target"].split("?")[0] for each in named(events, "access")] == [f"/{number}" for number in range(count)]
    assert events[-1]["event"] == "ended" and not named(events, "dropped"), events[-1]


def refused(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return False
    except ConnectionRefusedError:
        return True
    except OSError:
        return False


def test_78_who_never_reads_holds_nothing_up():
    served = Served("--access-log --grace 1s")
    requests(served, 1500)
    assert served.get() == 200, "a full log stops the service"
    sent = served.process.signal(TERM)
    assert served.process.wait() == 0
    assert_below(served.process.ended - sent, 10, "the end without a reader")


def test_lines_of_requests_are_dropped_and_counted_where_nobody_reads():
    served = Served("--access-log --grace 20s")
    requests(served, 9000)
    served.process.signal(TERM)
    events = served.end()
    written, dropped = len(named(events, "access")), sum(int(each["lines"]) for each in named(events, "dropped"))
    assert dropped and written + dropped == 9000, (written, dropped)
    assert events[-1]["event"] == "ended", events[-1]


def test_log_as_json():
    served = Served("--log-format json --access-log")
    requests(served, 2)
    served.process.signal(QUIT)
    lines = served.process.err.rest().decode().splitlines()
    assert served.process.wait() == 0
    events = [json.loads(line) for line in lines]
    for each in events:
        assert list(each)[:4] == ["time", "level", "cmd", "event"] and re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", each["time"]), each
    assert [each["status"] for each in events if each["event"] == "access"] == [200, 200]
    assert events[-1]["event"] == "ended" and events[-1]["exit_code"] == 0


def test_log_level():
    process = serving("--log-level error --access-log")
    assert blocks_soon(process)
    process.signal(TERM)
    assert process.wait() == 0 and process.errors() == ""


def blocks_soon(process):
    return until(lambda: command_name(process.pid) == "curfew-net" and blocks(process.pid, TERM), "it has begun")


def test_log_on_odd_errors():
    """Closed, full, a file, a terminal: it serves and ends as always."""
    path = temporary("log")
    with open("/dev/full", "wb", buffering=0) as full, open(path, "wb", buffering=0) as file:
        for stderr in full, file, subprocess.DEVNULL:
            process = serving("--announce 0s", stderr=stderr)
            blocks_soon(process)
            process.signal(TERM)
            assert process.wait() == 0, stderr
    process = serving(preexec_fn=lambda: os.close(2))
    blocks_soon(process)
    process.signal(TERM)
    assert process.wait() == 0


# TLS


def certificate(name):
    cert, key = temporary(f"{name}.pem"), temporary(f"{name}.key")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "3"]
        + ["-subj", f"/CN={name}", "-keyout", key, "-out", cert],
        check=True,
        stderr=subprocess.DEVNULL,
    )
    return read_file(cert), read_file(key)


def write(path, text):
    """At once, as a tool that renews certificates does."""
    with open(path + ".new", "w", encoding="utf-8") as file:
        file.write(text)
    os.rename(path + ".new", path)


def served_certificate(port):
    return ssl.get_server_certificate(("127.0.0.1", port), timeout=WITHIN)


def test_tls_is_read_again_on_hup():
    (first, first_key), (second, second_key) = certificate("first"), certificate("second")
    both = temporary("both.pem")
    write(both, first + first_key)
    served = Served(f"--tls-cert {both}")
    assert served.started["tls"] == "yes" and served_certificate(served.port) == first
    write(both, second + second_key)
    served.process.signal(HUP)
    assert event(served.process, "reloaded")["file"] == both
    assert served_certificate(served.port) == second
    for broken in "nonsense", second + first_key, second:
        write(both, broken)
        served.process.signal(HUP)
        failed = event(served.process, "not_reloaded")
        assert failed["level"] == "error" and both in failed["reason"], failed
        assert served_certificate(served.port) == second
    served.process.signal(TERM)
    served.end()
