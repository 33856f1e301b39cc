# SPDX-License-Identifier: Apache-2.0
"""The HTTP server of examples/: nothing that was sent is lost when it is told to end."""

import json
import os
import signal
import socket

from harness import BUILD, Late, alone, assert_below, limit, now, start, state, until

CLIENTS = 48
STOPS = 6
QUEUED = (50, 300)  # a whole dispatch of the listener accepts fewer than the latter
IDLE_S = 1.0  # IDLE_MS in the example
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nhello\n"
REQUEST = b"GET / HTTP/1.1\r\nHost: server\r\n\r\n"


def serve():
    server = start([str(BUILD / "examples" / "http_server"), "0"])
    return server, int(server.line().rpartition(":")[2])


def served(server):
    """How many connections the server has open."""
    try:
        links = [os.readlink(f"/proc/{server.pid}/fd/{fd}") for fd in os.listdir(f"/proc/{server.pid}/fd")]
    except FileNotFoundError:
        return 0
    return sum(link.startswith("socket:") for link in links) - 1


def stop_under_load(mode):
    """One stop, under load; returns what the clients counted."""
    server, port = serve()
    clients = start([str(BUILD / "tests" / "examples" / "load_client"), str(port), mode, str(CLIENTS)])
    clients.expect("running")
    server.signal(signal.SIGTERM)
    assert server.wait() == 0
    counted = json.loads(clients.line())
    assert clients.wait() == 0
    return counted


def lose_nothing(mode):
    total = {}
    for _ in range(STOPS):
        for name, count in stop_under_load(mode).items():
            total[name] = total.get(name, 0) + count
    assert total["lost"] == total["unsent"] == 0, total
    assert total["answered"] == total["sent"] > STOPS * CLIENTS, total
    assert total["refused"] == STOPS * CLIENTS, total


@limit(120)
def test_40_fresh_connections_lose_nothing_over_six_stops():
    lose_nothing("fresh")


@limit(120)
def test_40_kept_connections_lose_nothing_over_six_stops():
    lose_nothing("kept")


def connect(port):
    return socket.create_connection(("127.0.0.1", port), timeout=20)


def refused(port):
    try:
        connect(port).close()
    except ConnectionRefusedError:
        return True
    return False


def read_all(connection):
    text = b""
    while chunk := connection.recv(4096):
        text += chunk
    return text


def answer_frozen_backlog(queued):
    server, port = serve()
    server.signal(signal.SIGSTOP)
    until(lambda: state(server.pid) == "T", "the server is stopped")
    connections = [connect(port) for _ in range(queued)]
    for connection in connections:
        connection.sendall(REQUEST)
    server.signal(signal.SIGTERM)
    server.signal(signal.SIGCONT)
    assert [read_all(connection) for connection in connections] == [ANSWER] * queued
    for connection in connections:
        connection.close()
    assert server.wait() == 0


def test_21_frozen_backlog_is_answered_to_the_last():
    for queued in QUEUED:
        answer_frozen_backlog(queued)


def test_22_connections_are_refused_at_once_after_the_close():
    server, port = serve()
    idle = connect(port)
    until(lambda: served(server) == 1, "the idle connection is accepted")
    server.signal(signal.SIGTERM)
    until(lambda: refused(port), "a connection is refused")
    if not server.alive():
        raise Late("the idle connection still has its second")
    idle.close()
    assert server.wait() == 0


@alone
def test_34_request_in_the_idle_grace_is_answered():
    server, port = serve()
    with connect(port) as connection:
        connection.sendall(REQUEST)
        assert b"close" not in connection.recv(4096)
        began = server.signal(signal.SIGTERM)
        until(lambda: refused(port), "the listener is closed")
        assert_below(now() - began, IDLE_S, "the request after the signal")
        connection.sendall(REQUEST)
        assert read_all(connection) == ANSWER
    assert server.wait() == 0


@alone
def test_42a_silent_connection_delays_the_end_by_the_idle_grace():
    server, port = serve()
    with connect(port) as silent:
        until(lambda: served(server) == 1, "the silent connection is accepted")
        began = server.signal(signal.SIGTERM)
        assert server.wait() == 0
        assert_below(server.ended - began, IDLE_S + 0.5, "the end with a silent connection")
        assert silent.recv(1) == b""


@alone
def test_51_idle_server_ends_at_once():
    server, _ = serve()
    began = server.signal(signal.SIGTERM)
    assert server.wait() == 0
    assert_below(server.ended - began, IDLE_S / 2, "the end of an idle server")
