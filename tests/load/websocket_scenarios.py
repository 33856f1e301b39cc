# SPDX-License-Identifier: Apache-2.0
"""WebSocket targets: what becomes of each message, the handshake, the end of connections."""

from load import *

import frames
from ws_server import WORDS, Server

REFUSALS = {
    "503 Service Unavailable\r\nRetry-After: 1": "unavailable", "503 Service Unavailable": "5xx", "403 Forbidden": "4xx", "426 Upgrade Required": "4xx",
    "200 OK": "malformed", "302 Found\r\nLocation: /x": "malformed",
    "101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x": "malformed",
}  # fmt: skip


def test_each_message_has_its_answer():
    for options in "--connections 1", "--connections 8 --threads 2", "--rate 200/s --threads 2":
        server = Server("echo parts binary")
        result = loaded(f"{options} --requests 300 --body hello", server.url("/path?a=b"))
        assert result.ended() == {"ok": 300} and len(server.messages) == 300, result.ended()
        assert {payload for _, payload in server.messages} == {b"hello"}
        assert all(head.startswith("GET /path?a=b HTTP/1.1\r\n") and f"Host: 127.0.0.1:{server.port}\r\n" in head for head in server.heads), server.heads
        server.until_idle()


def test_connections_are_kept_and_closed_in_order():
    """One each for all messages, with 1000 behind the last; with --fresh one for each."""
    server = Server()
    result = loaded("--connections 4 --requests 200 --body x", server.url())
    server.until_idle()
    assert result.connections == server.opened <= 4 and server.closes == [1000] * server.opened, (server.opened, server.closes)
    server = Server()
    loaded("--connections 4 --requests 100 --body x --fresh", server.url())
    server.until_idle()
    assert server.opened == 100 and server.closes == [1000] * 100, (server.opened, server.closes)


def test_each_end_is_counted_as_what_it_was():
    server = Server(" ".join(word for word in WORDS if word != "never"))
    result = loaded("--connections 3 --requests 180 --body x", server.url())
    assert result.ended() == server.outcomes(), (result.ended(), server.outcomes())
    server.until_idle()


def test_an_answer_that_never_comes_is_timed_out():
    server = Server("echo never")
    result = loaded("--connections 2 --requests 8 --body x --timeout 1s", server.url())
    assert result.ended() == {"ok": 4, "timed_out": 4} == server.outcomes(), result.ended()
    server.until_idle()


def test_a_refused_handshake_is_what_its_status_says():
    for answer, outcome in REFUSALS.items():
        server = Server(refusal=f"HTTP/1.1 {answer}\r\n{'' if answer.startswith('101') else 'Content-Length: 0'}\r\n\r\n".replace("\r\n\r\n\r\n", "\r\n\r\n").encode())
        result = loaded("--connections 2 --requests 6 --body x", server.url(), code=1)
        assert result.ended() == {outcome: 6}, (answer, result.ended())
        server.until_idle()


def test_a_lost_handshake_is_safe_to_repeat():
    server = Server(refusal=b"HTTP/1.1 101 Swi")
    result = loaded("--connections 1 --requests 3 --body x", server.url(), code=1)
    assert result.ended() == {"reset_unsent": 3}, result.ended()
    result = loaded("--connections 1 --requests 3 --body x", f"ws://127.0.0.1:{free_port()}", code=1)
    assert result.ended() == {"refused": 3}, result.ended()


def test_what_comes_unasked_is_no_answer():
    """A greeting comes with the handshake's answer, and is dropped."""
    server = Server("echo", greeting=frames.frame(frames.TEXT, b"hello") + frames.frame(frames.PING, b""))
    result = loaded("--connections 2 --requests 20 --body x", server.url())
    assert result.ended() == {"ok": 20} and len(server.messages) == 20, result.ended()
    server.until_idle()
    server = Server("never", greeting=frames.frame(frames.TEXT, b"hello"))
    result = loaded("--connections 1 --requests 2 --body x --timeout 1s", server.url(), code=1)
    assert result.ended() == {"timed_out": 2}, result.ended()
    server.until_idle()


def test_long_messages():
    path = temporary("message")
    with open(path, "wb") as file:
        file.write(b"x" * 3000000)
    server = Server()
    result = loaded(f"--connections 2 --requests 6 --body-file {path}", server.url())
    assert result.ended() == {"ok": 6} and all(len(payload) == 3000000 for _, payload in server.messages), result.ended()
    server.until_idle()


def test_over_tls():
    cert, key = certificate()
    server = Server(certificate=(cert, key))
    result = loaded(f"--connections 2 --requests 50 --body x --tls-ca {cert}", server.url(host="localhost"))
    assert result.ended() == {"ok": 50}, result.ended()
    server.until_idle()
    result = loaded("--connections 1 --requests 2 --body x", server.url(host="localhost"), code=1)
    assert result.ended() == {"tls": 2}, result.ended()


def test_a_signal_awaits_what_is_in_flight():
    """Its answer comes, and the connection is closed in order; nothing is begun any more."""
    server = Server()
    load = Load("--connections 4 --duration inf --body x", server.url())
    until(lambda: len(server.messages) >= 50, "50 messages have come")
    result = load.stop()
    server.until_idle()
    assert result.ended() == {"ok": len(server.messages)}, (result.ended(), len(server.messages))
    assert server.closes == [1000] * 4, server.closes


def test_a_peer_that_does_not_close_is_not_awaited_for_ever():
    """Messages whose answers never come are in flight at the end; the grace bounds it."""
    server = Server("echo echo echo echo never")
    load = Load("--connections 2 --duration inf --body x --grace 1s", server.url())
    until(lambda: server.outcomes().get("timed_out") == 2, "both connections wait")
    stopped = now()
    result = load.stop()
    assert result.in_flight == 2 and result.ended() == {"ok": 8}, (result.in_flight, result.ended())
    assert_below(load.took(stopped), 4, "the end")


def test_json_rpc_by_messages():
    """The number of each request is its id; the echo of a call has that, and neither result nor error."""
    path = temporary("profile.json")
    server = Server()
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"endpoints": server.url(), "requests": 30, "connections": 2, "scenarios": [{"name": "a", "kind": "jsonrpc", "method": "m", "params": ["${#number}"]}]}, file)
    result = loaded(f"--profile {path}", code=1)
    assert result.ended() == {"malformed": 30}, result.ended()
    calls = [json.loads(payload) for _, payload in server.messages]
    assert sorted(call["id"] for call in calls) == list(range(30)), calls
    assert all(call == {"jsonrpc": "2.0", "id": call["params"][0], "method": "m", "params": call["params"]} for call in calls), calls
    server.until_idle()
