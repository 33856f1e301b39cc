# SPDX-License-Identifier: Apache-2.0
"""Bounds: each has its status, its moment, and harms nobody else."""

import resource
import threading

from gate import *
from pattern import pattern
from wire import Ended, get, request

HEAD = 16384  # bytes of a head
TARGET = 8192
FIELDS = 128


def assert_refused(gate, text, status):
    """The status, a reason, and the end of the connection; and the next client is served."""
    with gate.client() as client:
        client.send_while_possible(text)
        answer = client.whole()
        assert answer.status == status and answer.body, f"not {status}: {answer}"
        assert answer.says_close(), answer
        client.assert_closed()
    assert gate.get("/body").status == 200


@faces(PLAIN, TLS)
def test_limit_head_of_16_kib_is_431(face):
    gate = Gate(face)
    for fields in ["X: " + "x" * 20000], [f"X-{i}: {'x' * 1000}" for i in range(20)], ["X: " + "x" * 300000]:
        assert_refused(gate, get("/bad", *fields), 431)
    assert_refused(gate, b"GET /bad HTTP/1.1\r\nX: " + b"x" * 50000, 431)
    assert_refused(gate, get("/bad", *[f"X-{i}: y" for i in range(200)]), 431)
    assert not gate.origin.requests("/bad")
    gate.stop()


@faces(PLAIN)
def test_limit_head_that_just_fits_passes(face):
    """Up to the limit; what the gate adds does not make it too long for the origin."""
    gate = Gate(face)
    bare = len(get("/body", "X: "))
    with gate.client() as client:
        assert client.get("/body", "X: " + "x" * (HEAD - bare)).status == 200
        assert client.get("/body", *[f"X-{i}: y" for i in range(100)]).status == 200
    assert_refused(gate, get("/bad", "X: " + "x" * (HEAD - bare + 2)), 431)
    gate.stop()


@faces(PLAIN)
def test_limit_target_of_8_kib_is_414(face):
    gate = Gate(face)
    with gate.client() as client:
        assert client.get("/body?" + "x" * (TARGET - 6)).status == 200
    assert_refused(gate, get("/bad?" + "x" * TARGET), 414)
    gate.stop()


@faces(PLAIN, TLS)
def test_limit_body_is_413(face):
    gate = Gate(face, "--max-body 1000")
    with gate.client() as client:
        assert client.ask(request("POST", "/body", body=bytes(1000))).status == 200
        client.send(b"POST /body HTTP/1.1\r\nHost: gate\r\nTransfer-Encoding: chunked\r\n\r\n")
        assert client.ask(b"1f4\r\n" + bytes(500) + b"\r\n1f4\r\n" + bytes(500) + b"\r\n0\r\n\r\n").status == 200
    assert_refused(gate, request("POST", "/bad", body=bytes(1001)), 413)
    assert_refused(gate, request("POST", "/bad", body=bytes(3000000)), 413)
    chunk = b"1f4\r\n" + bytes(500) + b"\r\n"
    assert_refused(gate, b"POST /bad HTTP/1.1\r\nHost: gate\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk * 3 + b"0\r\n\r\n", 413)
    with gate.client() as client:
        client.send("POST /bad HTTP/1.1\r\nHost: gate\r\nContent-Length: 1001\r\nExpect: 100-continue\r\n\r\n")
        answer = client.whole()
        assert answer.status == 413 and not answer.interim, "100 before a refusal"
    assert not gate.origin.events("body", path="/bad"), "the origin took half a body for a whole one"
    gate.stop()


@faces(PLAIN)
def test_limit_a_body_too_long_after_the_answer_began_is_aborted(face):
    gate = Gate(face, "--max-body 1000")
    with gate.client() as client:
        client.send("POST /early?status=200&read=1 HTTP/1.1\r\nHost: gate\r\nTransfer-Encoding: chunked\r\n\r\n")
        assert client.answer().status == 200
        client.send_while_possible((b"1f4\r\n" + bytes(500) + b"\r\n") * 10000)
        assert client.rest() == b"" and client.ended, "the connection goes on"
    assert not gate.origin.events("body", path="/early")
    gate.stop()


# Time


@faces(PLAIN, TLS)
@alone
def test_limit_head_that_takes_too_long_is_408(face):
    """From its first byte, however slowly bytes go on coming; the next head of a connection too."""
    gate = Gate(face, "--head-timeout 600ms")
    half, dribbling, second = gate.client(), gate.client(), gate.client()
    second.get("/body")
    began = now()
    half.send("GET /bad HTTP/1.1\r\nHo")
    second.send("GET /bad HTT")

    def dribble():
        try:
            for byte in b"GET /bad HTTP/1.1\r\nX: " + b"x" * 200:
                dribbling.socket.sendall(bytes([byte]))
                readable(dribbling.socket, 0.02)
        except OSError:  # it was closed
            pass

    thread = threading.Thread(target=dribble)
    thread.start()
    for client in half, second:
        answer = client.whole()
        assert_near(now() - began, 0.6, "a head's time", slack=0.15)
        assert answer.status == 408 and answer.says_close(), answer
        client.assert_closed()
    thread.join()
    try:
        assert dribbling.whole().status == 408
    except Ended as end:
        assert end.how == "reset", end  # bytes that came after the close
    assert_near(now() - began, 0.6, "a head that dribbles", slack=0.4)
    assert not gate.origin.requests("/bad")
    gate.stop()


@faces(PLAIN, TLS)
@alone
def test_limit_connection_that_says_nothing_is_closed(face):
    """After its connect within the time of a head, and between two requests within the idle time."""
    gate = Gate(face, "--head-timeout 300ms --idle-timeout 700ms")
    used, used_at = gate.client(), now()
    used.get("/body")
    began = now()
    with wire.connected(gate.address) as silent:
        silent.settimeout(WITHIN)
        rest = silent.recv(1000)
        assert rest == b"" or rest.startswith(b"HTTP/1.1 408 "), rest
        assert_near(now() - began, 0.3, "a connection without a byte", slack=0.15)
    used.assert_closed()
    assert_near(now() - used_at, 0.7, "a connection between requests", slack=0.15)
    gate.stop()


@faces(PLAIN)
@alone
def test_limit_request_that_takes_too_long(face):
    gate = Gate(face, "--request-timeout 500ms")
    began = now()
    answer = gate.get("/hang")
    assert answer.status in (503, 504), answer
    assert_near(now() - began, 0.5, "a request's time", slack=0.15)
    with gate.client() as client:
        answer = client.send(get("/slow-body?parts=100&ms=50")).answer()
        assert not answer.whole, answer
        assert_near(now() - began, 1.0, "two requests' time", slack=0.3)
    gate.stop()


@alone
def test_limit_tls_handshake_has_its_time():
    gate = Gate(TLS, "--head-timeout 500ms")
    began = now()
    for part in b"", b"\x16\x03\x01\x02\x00\x01":
        with wire.connected(gate.address) as silent:
            silent.sendall(part)
            silent.settimeout(WITHIN)
            assert len(silent.recv(1000)) < 100
    assert_near(now() - began, 1.0, "two handshakes that do not go on", slack=0.3)
    assert gate.get("/body").status == 200
    gate.stop()


# Connections


@faces(PLAIN, THREADS)
def test_limit_connections_are_refused_with_503_or_wait(face):
    """Two are in use: more wait for a place, and are answered 503 with Retry-After; none is reset."""
    gate = Gate(face, "--max-connections 2")
    first, second = gate.client(), gate.client()
    for client in first, second:
        client.send(get("/held"))
    gate.origin.event("request", path="/held", count=2)
    waiting = [gate.client() for _ in range(5)]
    for client in waiting:
        client.send(get("/body"))
    until(lambda: not waiting[0].silent(), "a connection too many has its answer")
    answer = waiting[0].whole()
    assert answer.status == 503 and answer.says_close(), answer
    assert 0 <= int(answer.get("Retry-After")) < 3600
    gate.origin.release()
    for client in first, second:
        assert client.whole().status == 200
        client.close()
    for client in waiting[1:]:
        assert client.whole().status in (200, 503)
        client.close()
    until(lambda: gate.get("/body").status == 200, "there is room again")
    gate.stop()


@faces(PLAIN)
def test_limit_connections_wait_for_a_place(face):
    gate = Gate(face, "--max-connections 2")
    first, second = gate.client(), gate.client()
    for client in first, second:
        client.get("/body")
    third = gate.client()
    third.send(get("/body"))
    assert third.silent(0.05)
    first.close()
    assert third.whole().status == 200
    gate.stop()


@faces(PLAIN)
@plain
def test_limit_no_more_descriptors_ends_nothing(face):
    """As many clients as there are descriptors: those that get one are served, the gate goes on."""
    gate = Gate(face, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)))
    clients = []
    for _ in range(100):
        clients.append(gate.client())
        clients[-1].send(get("/body"))
    until(lambda: any(not client.silent() for client in clients), "somebody is served")
    served = 0
    for client in clients:
        try:
            served += client.answer(within=10).status in (200, 503, 502)
        except Ended:
            pass
        client.close()
    assert served > 10, f"{served} of {len(clients)}"
    until(lambda: gate.get("/body").status == 200, "there is room again")
    gate.stop()


def test_respond_needs_no_upstream():
    gate = Gate(PLAIN, "--respond 200", origin=None, upstream="none", ready=False)
    gate.needs_curfew("--respond")
    gate.ready()
    with gate.client() as client:
        for path in "/", "/x?y":
            assert client.get(path).status == 200
        assert client.ask(request("POST", "/", body=bytes(100000))).status == 200
        assert client.ask(request("HEAD", "/"), method="HEAD").status == 200
    gate.stop()
