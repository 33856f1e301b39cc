# SPDX-License-Identifier: Apache-2.0
"""Connections at the moment of the end: whoever was connected is answered, whoever comes later is refused."""

import frames
from gate import *
from wire import Ended, get

CLIENTS = 48


@faces(*ALL, THREADS)
@limit(120)
def test_20_every_connection_that_was_established_is_answered(face):
    """Across the signal."""
    gate = Gate(face)

    def assert_answered(_, client):
        answer = client.whole()
        assert answer.status == 200, answer

    across_the_end(gate, lambda _: get("/body"), assert_answered)
    gate.end()


@faces(PLAIN, THREADS, CHILD)
def test_21_a_frozen_backlog_is_answered_to_the_last(face):
    for queued in 50, 300:
        gate = Gate(face)
        gate.process.signal(signal.SIGSTOP)
        until(lambda: state(gate.process.pid) == "T", "it is stopped")
        clients = [gate.client() for _ in range(queued)]
        for client in clients:
            client.send(get("/body"))
        gate.signal()
        gate.process.signal(signal.SIGCONT)
        lost = []
        for client in clients:
            try:
                answer = client.whole()
                assert answer.status == 200, answer
            except (Ended, ConnectionError) as end:
                lost.append(str(end))
            client.close()
        assert not lost, f"{len(lost)} of {queued}: {lost[:3]}"
        gate.end()


@faces(PLAIN, TLS, CHILD)
def test_22_after_the_close_connections_are_refused_at_once(face):
    gate = Gate(face)
    client = gate.client()
    client.send(get("/held"))
    gate.origin.event("request", path="/held")
    gate.drain()
    for _ in range(20):
        began = now()
        assert wire.refused(gate.address)
        assert_below(now() - began, 1, "a refusal")
    gate.origin.release()
    assert client.whole().status == 200
    gate.end()


@faces(THREADS, TLS)
@alone
def test_24_no_worker_thread_loses_its_connections(face):
    """As many requests out as there are on every thread, and idle connections between them."""
    gate = Gate(face)
    held = [gate.client() for _ in range(24)]
    idle = [gate.client() for _ in range(24)]
    for client in held:
        client.send(get("/held"))
    for client in idle:
        client.get("/body")
    gate.origin.event("request", path="/held", count=len(held))
    began = gate.drain()
    for client in idle:
        client.send(get("/body"))
    gate.assert_in_idle_grace(began)
    for client in idle:
        assert client.whole().says_close()
    gate.origin.release()
    for client in held:
        assert client.whole().says_close()
    report = gate.end()
    assert report["forced"] == [], report


@faces(PLAIN, TLS, CHILD)
@alone
def test_28_an_upgrade_in_the_drain_is_refused_or_closed_in_order(face):
    gate = Gate(face)
    clients = [gate.client() for _ in range(10)]
    for client in clients:
        client.get("/body")
    began = gate.drain()
    key = f"Sec-WebSocket-Key: {frames.KEY}"
    for client in clients:
        client.send(get("/ws", "Connection: Upgrade", "Upgrade: websocket", key, "Sec-WebSocket-Version: 13"))
    gate.assert_in_idle_grace(began)
    for client in clients:
        answer = client.whole()
        if answer.status == 101:
            while not (parsed := frames.parse_frame(client.buffer)):
                client.fill(now() + WITHIN)
            assert parsed[0].opcode == frames.CLOSE and frames.close_code(parsed[0].payload) == 1001
            client.send(frames.close_frame(1001, masked=True))
        else:
            assert answer.status == 503 and answer.says_close(), answer
            assert answer.get("Retry-After"), answer
        client.rest()
        assert client.ended == "closed", client.ended
    gate.end()
