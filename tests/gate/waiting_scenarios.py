# SPDX-License-Identifier: Apache-2.0
"""The start: requests are held until the upstream is there, and readiness says when that is."""

from gate import *
from pattern import pattern
from wire import get, request

def waiting_gate(face=PLAIN, options=""):
    """A gate whose origin has not been started."""
    origin = Origin()
    origin.process = "later"
    gate = Gate(face, f"--wait 60s {options}", origin, ready=False)
    origin.process = None
    gate.needs_curfew("a wait for its upstream")
    until(lambda: not wire.refused(gate.address), "it listens")
    return gate


@faces(PLAIN, TLS)
def test_wait_requests_are_held_until_the_upstream_is_there(face):
    gate = waiting_gate(face)
    clients = [gate.client() for _ in range(20)]
    for client in clients:
        client.send(request("POST", "/echo", body=b"abc"))
    assert not gate.is_ready() and gate.ask_admin("/healthz").status == 200
    assert all(client.silent() for client in clients)
    gate.origin.start()
    for client in clients:
        answer = client.whole()
        assert answer.status == 200 and answer.body.endswith(b"abc"), answer
    gate.ready()
    gate.stop()


@faces(PLAIN)
@alone
def test_wait_is_over_without_an_upstream(face):
    began = now()
    gate = waiting_gate(face, "--wait 700ms")
    client = gate.client()
    client.send(get("/body"))
    answer = client.whole()
    assert answer.status in (502, 503), answer
    report = gate.end(code=1)
    assert_near(gate.took(began), 0.7, "the wait", slack=0.3)
    assert report["cause"]["kind"] != "signal" and report["exit_code"] == 1
    assert any(line["level"] == "error" for line in gate.lines()), gate.log()


@faces(PLAIN)
def test_wait_at_most_1024_requests_are_held(face):
    gate = waiting_gate(face)
    clients = [gate.client() for _ in range(1024)]
    for client in clients:
        client.send(get("/body"))
    until(lambda: gate.metrics().get("curfew_requests_in_flight") == 1024, "1024 are held")
    for _ in range(20):
        answer = gate.get("/body")
        assert answer.status == 503 and int(answer.get("Retry-After")) >= 0, answer
    gate.origin.start()
    assert all(client.whole(within=30).status == 200 for client in clients)
    gate.stop()


@faces(PLAIN)
def test_wait_ready_path_decides(face):
    marker = temporary("ready")
    origin = Origin()
    origin.start()
    gate = Gate(face, f"--ready-path /health?file={marker}", origin, ready=False)
    gate.needs_curfew("a ready path")
    origin.event("answered", path="/health", count=2)
    assert not gate.is_ready()
    client = gate.client()
    client.send(get("/body"))
    assert client.silent(0.05)
    with open(marker, "w", encoding="utf-8"):
        pass
    gate.ready()
    assert client.whole().status == 200
    gate.stop()


@faces(CHILD)
def test_wait_for_a_child_that_takes_its_time(face):
    marker = temporary("listen")
    gate = Gate(face, origin=f"--listen-when {marker}", ready=False)
    gate.needs_curfew("a child")
    until(lambda: not wire.refused(gate.address), "it listens")
    client = gate.client()
    client.send(get("/body"))
    assert client.silent(0.05) and not gate.is_ready()
    with open(marker, "w", encoding="utf-8"):
        pass
    assert client.whole().body == pattern(6)
    gate.ready()
    gate.stop()


@faces(PLAIN)
def test_wait_is_ended_by_a_signal(face):
    """A request that was held gets an answer, not a reset."""
    gate = waiting_gate(face, "--grace 1s")
    client = gate.client()
    client.send(get("/body"))
    assert client.silent(0.05)
    gate.signal()
    answer = client.whole()
    assert answer.status == 503 and answer.get("Retry-After"), answer
    gate.end()


def test_wait_for_a_name_that_nobody_knows():
    gate = Gate(PLAIN, "--wait 500ms", origin=None, upstream="http://nobody.invalid:1", ready=False)
    gate.needs_curfew("a wait")
    gate.end(code=1, within=10)
