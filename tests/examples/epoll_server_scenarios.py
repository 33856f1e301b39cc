# SPDX-License-Identifier: Apache-2.0
"""The epoll server of one page in examples/: fresh connections lose nothing, whenever it is stopped."""

import json
import signal
import socket

from harness import BUILD, limit, start, state, until
from ports import free_port

CLIENTS = 48
STOPS = 6


def serve():
    port = free_port()
    server = start([str(BUILD / "examples" / "epoll_server"), str(port)])
    server.expect("ready")
    return server, port


@limit(120)
def test_40_fresh_connections_lose_nothing_over_six_stops():
    for _ in range(STOPS):
        server, port = serve()
        clients = start([str(BUILD / "tests" / "examples" / "load_client"), str(port), "fresh", str(CLIENTS)])
        clients.expect("running")
        server.signal(signal.SIGTERM)
        assert server.wait() == 0
        counted = json.loads(clients.line())
        assert counted["lost"] == counted["unsent"] == 0, counted
        assert counted["answered"] == counted["sent"] > CLIENTS, counted


def test_21_the_queue_of_a_stopped_server_is_answered():
    server, port = serve()
    server.signal(signal.SIGSTOP)
    until(lambda: state(server.pid) == "T", "the server is stopped")
    connections = [socket.create_connection(("127.0.0.1", port), timeout=20) for _ in range(300)]
    for connection in connections:
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
    server.signal(signal.SIGTERM)
    server.signal(signal.SIGCONT)
    assert all(connection.makefile("rb").read().endswith(b"hello\n") for connection in connections)
    assert server.wait() == 0
