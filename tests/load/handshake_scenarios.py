# SPDX-License-Identifier: Apache-2.0
"""The opening handshakes of WebSockets: what is asked, and what becomes of requests whose handshake is refused."""

from load import *

from ws_server import Server

TOKEN = "--header 'Authorization: Bearer x' --header 'Origin: http://a'"
OFFERS = "--header 'Sec-WebSocket-Protocol: one, two' --header 'sec-websocket-protocol: three'"


def profile(url, *scenarios):
    path = temporary(f"profile-{next(names)}.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"endpoints": url, "requests": 40, "connections": 3, "scenarios": scenarios}, file)
    return path


def message(name, **more):
    return {"name": name, "kind": "websocket", "message": "x", **more}


def assert_asked(server, *fields):
    """That each handshake had these lines, once."""
    assert len(server.heads) == server.opened > 0, server.opened
    for head in server.heads:
        lines = head.split("\r\n")
        assert all(lines.count(field) == 1 for field in fields), head


def test_handshake_has_the_header_fields():
    """Those of the command line, with and without kept connections; those of a profile, in which a Host takes the place of ours."""
    for options in "", "--fresh", "--prewarm":
        server = Server()
        loaded(f"--requests 12 --connections 3 --body x {TOKEN} {options}", server.url("/feed"))
        server.until_idle()
        assert_asked(server, "GET /feed HTTP/1.1", f"Host: 127.0.0.1:{server.port}", "Authorization: Bearer x", "Origin: http://a")
    server = Server()
    fields = {"Authorization": "Bearer x", "host": "else.where"}
    loaded(f"--profile {profile(server.url(), message('a', headers=fields), message('b', headers=fields))}")
    server.until_idle()
    assert_asked(server, "Authorization: Bearer x", "host: else.where")
    assert not any("\r\nHost: " in head for head in server.heads), server.heads


def test_handshake_offers_subprotocols():
    """One of them may be chosen, or none; else what was answered is no answer to what was asked."""
    for chosen, outcome in ("", "ok"), ("two", "ok"), ("three", "ok"), ("Two", "malformed"), ("one, two", "malformed"), ("four", "malformed"):
        server = Server(fields=f"Sec-WebSocket-Protocol: {chosen}\r\n" if chosen else "")
        result = loaded(f"--requests 6 --connections 2 --body x {OFFERS}", server.url(), code=outcome != "ok")
        assert result.ended() == {outcome: 6}, (chosen, result.ended())
        assert_asked(server, "Sec-WebSocket-Protocol: one, two", "sec-websocket-protocol: three")
        server.until_idle()
    server = Server(fields="Sec-WebSocket-Protocol: one\r\n")
    assert loaded("--requests 2 --connections 1 --body x", server.url(), code=1).ended() == {"malformed": 2}
    server.until_idle()


def test_handshake_over_tls():
    """The same within TLS: fields, a refusal, and a certificate of whom nobody vouches, which is told."""
    cert = certificate()
    server = Server(certificate=cert, fields="Sec-WebSocket-Protocol: one\r\n")
    result = loaded(f"--requests 8 --connections 2 --body x --tls-ca {cert[0]} {TOKEN} {OFFERS}", server.url(host="localhost"))
    assert result.ended() == {"ok": 8}, result.ended()
    assert_asked(server, f"Host: localhost:{server.port}", "Authorization: Bearer x")
    server.until_idle()
    server = Server(certificate=cert, refusal=b"HTTP/1.1 503 Busy\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n")
    result = loaded(f"--requests 4 --connections 2 --body x --tls-ca {cert[0]}", server.url(host="localhost"), code=1)
    assert result.ended() == {"unavailable": 4} and result.statuses == {"503": 4}, (result.ended(), result.statuses)
    load = Load("--requests 2 --connections 1 --body x", server.url(host="localhost"))
    assert load.end(code=1).ended() == {"tls": 2}
    assert load.said().count(f"TLS with localhost:{server.port} failed: self-signed certificate") == 1, load.said()
    server.until_idle()


def test_handshake_that_is_refused():
    """Each request by itself, since each opens a connection anew; the service's status is told."""
    for status, fields, outcome in ("401", "WWW-Authenticate: Bearer\r\n", "4xx"), ("503", "Retry-After: 1\r\n", "unavailable"), ("503", "", "5xx"):
        server = Server(refusal=f"HTTP/1.1 {status} No\r\n{fields}Content-Length: 2\r\n\r\nno".encode())
        result = loaded(f"--requests 9 --connections 3 --body x {TOKEN}", server.url(), code=1)
        assert result.ended() == {outcome: 9} and result.statuses == {status: 9} and server.opened == 9, (status, result.ended())
        assert_asked(server, "Authorization: Bearer x")
        server.until_idle()


def test_handshake_that_cannot_be_is_refused_at_the_start():
    url = "ws://127.0.0.1:1/"
    cases = [(["--body", "x", "--header", field, url], "--header") for field in ("Sec-WebSocket-Key: x", "sec-websocket-version: 8", "Upgrade: h2c", "nothing")]
    cases += [(["--body", "x", "--method", "PUT", url], "--method")]
    cases += [(["--profile", profile(url, message("a", headers={"A": "${number}"}))], "headers.A has a place")]
    cases += [(["--profile", profile(url, message("a", headers={"A": "b"}), message("b", headers={"A": "c"}))], "other header fields")]
    for arguments, names_it in cases:
        code, out, err = finished(curfew("load", *arguments), env=environment())
        assert (code, out) == (2, "") and err.count("\n") == 1 and names_it in err, (arguments, code, err)
