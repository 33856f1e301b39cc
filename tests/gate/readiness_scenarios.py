# SPDX-License-Identifier: Apache-2.0
"""Readiness and the announcement: who routes traffic to us learns of the end before anything is refused."""

from gate import *
from wire import get


@faces(PLAIN, CHILD)
@alone
def test_13_readyz_is_503_within_50_ms_and_before_any_listener_closes(face):
    gate = Gate(face, "--announce 1s")
    with wire.Client(gate.admin) as prober:
        assert prober.get("/readyz").status == 200
        began = gate.signal()
        while (answer := prober.get("/readyz")).status == 200:
            assert_below(now() - began, 1, "readiness")
            if answer.says_close():
                break
        seen = now()
    if answer.status == 200:
        until(lambda: gate.ask_admin("/readyz").status == 503, "not ready", 1)
        seen = now()
    assert_below(seen - began, 0.05, "the time until it is not ready")
    assert gate.get("/body").status == 200, "a listener was closed already"
    gate.end()


@faces(PLAIN)
def test_13_without_an_announcement_readyz_is_503_too(face):
    gate = Gate(face)
    client = gate.client()
    client.send(get("/held"))
    gate.origin.event("request", path="/held")
    gate.drain()
    assert gate.ask_admin("/readyz").status == 503
    gate.origin.release()
    assert client.whole().status == 200
    gate.end()


@faces(PLAIN, TLS, CHILD)
def test_14_17_the_admin_face_answers_until_the_last_connection_is_done(face):
    """healthz 200 and readyz 503 in the announcement, in the drain, and while a request is still out."""
    gate = Gate(face, "--announce 300ms")
    client = gate.client()
    client.send(get("/held"))
    gate.origin.event("request", path="/held")

    def check():
        assert gate.ask_admin("/healthz").status == 200
        assert gate.ask_admin("/readyz").status == 503

    gate.signal()
    until(lambda: gate.ask_admin("/readyz").status == 503, "not ready")
    until(lambda: check() or wire.refused(gate.address), "the listener is closed")
    for _ in range(20):
        check()
    gate.origin.release()
    assert client.whole().status == 200
    gate.end()
    assert gate.ask_admin("/healthz") is None


@faces(*ALL)
def test_15_requests_during_the_announcement_are_answered_and_say_close(face):
    gate = Gate(face, "--announce 60s --grace 90s")
    kept = [gate.client() for _ in range(3)]
    for client in kept:
        assert not client.get("/body").says_close()
    gate.signal()
    until(lambda: gate.get("/body").says_close(), "the announcement")
    for path in "/body", "/body?size=100000&chunked=1000", "/body?status=404":
        answer = gate.get(path)
        assert answer.says_close(), answer
    for client in kept:
        assert client.get("/body").says_close()
        client.assert_closed()
    gate.insist()
    gate.end(code=128 + TERM)


@faces(PLAIN, CHILD)
@alone
def test_16_the_announcement_is_cut_short_by_a_second_signal(face):
    gate = Gate(face, "--announce 60s --grace 90s")
    gate.signal()
    until(lambda: gate.get("/body").says_close(), "the announcement")
    again = gate.insist()
    gate.end(code=128 + TERM)
    assert_below(gate.took(again), 1, "the end after a second signal")


@faces(PLAIN)
@alone
def test_16_the_announcement_never_exceeds_the_grace(face):
    gate = Gate(face, "--announce 60s --grace 700ms")
    began = gate.signal()
    gate.end()
    assert_below(gate.took(began), 0.9, "the end with a long announcement")


@faces(PLAIN)
@alone
def test_51_nothing_connected_the_end_comes_with_that_of_the_announcement(face):
    gate = Gate(face, "--announce 500ms")
    began = gate.signal()
    gate.end()
    assert_near(gate.took(began), 0.5, "the announcement", slack=0.1)


@faces(PLAIN, CHILD)
def test_18_the_service_manager_is_told(face):
    manager = Notified()
    gate = Gate(face, env=environment(NOTIFY_SOCKET=manager.path))
    gate.needs_curfew("sd_notify")
    manager.until("READY=1")
    client = gate.client()
    client.send(get("/held"))
    gate.origin.event("request", path="/held")
    gate.signal()
    manager.until("STOPPING=1")
    gate.origin.release()
    assert client.whole().status == 200
    gate.end()
    lines = manager.rest()
    assert lines.count("STOPPING=1") == lines.count("READY=1") == 1, lines
    assert any(re.match(r"STATUS=.*\d", line) for line in lines), lines


def test_18_extended_only_while_progress_is_made():
    """A drain that waits for something that hangs does not ask for more time again and again."""
    manager = Notified()
    gate = Gate(PLAIN, "--grace 1500ms", env=environment(NOTIFY_SOCKET=manager.path))
    gate.needs_curfew("sd_notify")
    client = gate.client()
    client.send(get("/hang"))
    gate.origin.event("request", path="/hang")
    gate.signal()
    assert client.whole().status == 503
    gate.end()
    lines = [line for line in manager.rest() if line.startswith("EXTEND_TIMEOUT_USEC=")]
    assert len(lines) <= 2, lines
