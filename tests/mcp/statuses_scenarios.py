# SPDX-License-Identifier: Apache-2.0
"""What requests are refused with, and how: the statuses, JSON-RPC's codes, and the fields that go with them."""

from mcp import *

ECHO = message("echo", id=1)


def ask(mcp, body, *fields, session=None, path="/mcp", method="POST"):
    with mcp.client() as client:
        return client.ask(post(body, *fields, session=session, path=path, method=method), method)


def refused(answer, status, code=None, id=None):
    """A whole JSON-RPC error, without an id where none is known."""
    assert answer.status == status, answer
    if code is None:
        return
    assert (answer.get("Content-Type") or "").split(";")[0] == JSON, answer
    body = json.loads(answer.body)
    assert body["jsonrpc"] == "2.0" and body["error"]["code"] == code and body["error"]["message"], answer
    assert body.get("id", "none") == ("none" if id is None else id), answer


@faces(*BOTH)
def test_202_is_empty(face):
    mcp = Mcp(face)
    session = mcp.session()
    for body in message("notifications/x"), '{"jsonrpc":"2.0","id":7,"result":{}}', '{"jsonrpc":"2.0","id":7,"error":{"code":1,"message":"x"}}':
        answer = ask(mcp, body, session=session.id)
        assert answer.status == 202 and not answer.body, answer
    mcp.stop()


@faces(*BOTH)
def test_400_of_requests_that_make_no_sense(face):
    mcp = Mcp(face)
    session = mcp.session()
    for body in "", "{", '{"jsonrpc":"2.0","id":1,"method":"echo"', "nonsense", '{"a":1}x', '"\xff', "[" * 2000:
        refused(ask(mcp, body.encode("latin-1"), session=session.id), 400, -32700)
    for body in "{}", "[]", "7", '{"jsonrpc":"1.0","id":1,"method":"x"}', '{"jsonrpc":"2.0","id":{},"method":"x"}', '{"jsonrpc":"2.0","id":1,"method":5}':
        answer = ask(mcp, body, session=session.id)
        assert answer.status == 400 and json.loads(answer.body)["error"]["code"] in (-32600, -32700), f"{body}: {answer}"
    refused(ask(mcp, ECHO), 400, -32000, id=1)
    refused(ask(mcp, ECHO, "MCP-Protocol-Version: 1999-01-01", session=session.id), 400, -32000, id=1)
    refused(ask(mcp, initialize(2), session=session.id), 400, -32600, id=2)
    assert session.ask("echo").status == 200
    mcp.stop()


@faces(*BOTH)
def test_403_of_hosts_and_origins(face):
    mcp = Mcp(face)
    session = mcp.session()
    foreign = post(ECHO, session=session.id).replace(b"Host: localhost", b"Host: evil.example")
    with mcp.client() as client:
        assert client.ask(foreign, "POST").status == 403
    for origin in "http://evil.example", "null", "http://localhost.evil.example", "http://127.0.0.1.evil.example":
        assert ask(mcp, ECHO, f"Origin: {origin}", session=session.id).status == 403, origin
        assert ask(mcp, initialize(), f"Origin: {origin}").status == 403, origin
    for origin in "http://localhost:3000", "http://127.0.0.1", "http://[::1]:8080":
        answer = ask(mcp, ECHO, f"Origin: {origin}", session=session.id)
        assert answer.status == 200 and answer.get("Access-Control-Allow-Origin") == origin, answer
    mcp.stop()


@faces(PLAIN)
def test_403_not_of_those_that_are_allowed(face):
    mcp = Mcp(face, "--allow-origin https://app.example --allow-host mcp.example")
    session = mcp.session()
    with mcp.client() as client:
        request = post(ECHO, "Origin: https://app.example", session=session.id).replace(b"Host: localhost", b"Host: mcp.example")
        assert client.ask(request, "POST").status == 200
    wants = ["Content-Type: ", "Access-Control-Request-Method: POST", "Access-Control-Request-Headers: content-type, mcp-session-id"]
    preflight = ask(mcp, b"", "Origin: https://app.example", *wants, method="OPTIONS")
    assert preflight.status in (200, 204) and preflight.get("Access-Control-Allow-Origin") == "https://app.example", preflight
    assert "Mcp-Session-Id".lower() in (preflight.get("Access-Control-Allow-Headers") or "").lower(), preflight
    assert ask(mcp, b"", "Origin: https://b.example", *wants, method="OPTIONS").status == 403
    mcp.stop()


@faces(*BOTH)
def test_404_of_sessions_that_are_not_there(face):
    mcp = Mcp(face)
    session, ended = mcp.sessions(2)
    ended.end()
    forged = session.id[:-1] + ("A" if session.id[-1] != "A" else "B")
    for id in "x", forged, ended.id, session.id + "x", session.id.upper(), "a" * 1000, "../../etc/passwd":
        refused(ask(mcp, ECHO, session=id), 404, -32001)
        assert ask(mcp, b"", "Content-Type: ", session=id, method="DELETE").status == 404
        assert ask(mcp, b"", "Content-Type: ", f"Accept: {EVENTS}", session=id, method="GET").status == 404
    assert ask(mcp, ECHO, session=session.id, path="/else").status == 404
    assert session.ask("echo").status == 200
    mcp.stop()


@faces(PLAIN)
def test_405_has_allow(face):
    mcp = Mcp(face)
    answer = ask(mcp, b"x", method="PUT")
    assert answer.status == 405 and {"GET", "POST", "DELETE"} <= set(answer.get("Allow").replace(" ", "").split(",")), answer
    answer = ask(mcp, ECHO, path="/sse")
    assert answer.status == 405 and "GET" in answer.get("Allow"), answer
    mcp.stop()


@faces(PLAIN)
def test_406_without_both_types(face):
    mcp = Mcp(face)
    session = mcp.session()
    for accept in JSON, EVENTS, "text/html", f"{JSON}, {EVENTS};q=0":
        assert ask(mcp, ECHO, f"Accept: {accept}", session=session.id).status == 406, accept
    assert ask(mcp, b"", "Content-Type: ", f"Accept: {JSON}", session=session.id, method="GET").status == 406
    for accept in f"{EVENTS},{JSON}", "*/*", f"text/*, application/json;q=0.5":
        assert ask(mcp, ECHO, f"Accept: {accept}", session=session.id).status == 200, accept
    mcp.stop()


@faces(*BOTH)
def test_413_of_what_is_too_long(face):
    """Said, or in pieces; and what is not too long passes."""
    mcp = Mcp(face, "--max-message 100k")
    session = mcp.session()
    long = message("echo", json.dumps("x" * 110000), 1)
    with mcp.client() as client:
        client.send_while_possible(post(long, session=session.id))
        assert client.answer("POST").status == 413
    with mcp.client() as client:
        head = post(b"", "Transfer-Encoding: chunked", session=session.id)
        client.send_while_possible(head + b"%x\r\n%s\r\n0\r\n\r\n" % (len(long), long.encode()))
        assert client.answer("POST").status == 413
    assert len(session.ask("echo", json.dumps("x" * 90000)).got()[1]["params"]) == 90000
    mcp.stop()


@faces(PLAIN)
def test_415_of_other_types(face):
    mcp = Mcp(face)
    session = mcp.session()
    for kind in "text/plain", "application/x-www-form-urlencoded", "":
        assert ask(mcp, ECHO, f"Content-Type: {kind}", session=session.id).status == 415, kind
    assert ask(mcp, ECHO, "Content-Type: application/json; charset=utf-8", session=session.id).status == 200
    mcp.stop()


@faces(*BOTH)
def test_401_without_the_bearer_token(face):
    with open(path := temporary("token"), "w", encoding="utf-8") as file:
        file.write("s3cret\n")
    mcp = Mcp(face, f"--token-file {path}")
    right = "Authorization: Bearer s3cret"
    for fields in [], ["Authorization: Bearer s3cre"], ["Authorization: Bearer s3crets"], ["Authorization: Basic s3cret"], ["Authorization: s3cret"]:
        answer = ask(mcp, initialize(), *fields)
        assert answer.status == 401 and "Bearer" in (answer.get("WWW-Authenticate") or ""), answer
    answer = ask(mcp, initialize(), right)
    assert answer.status == 200
    assert ask(mcp, ECHO, session=answer.get("Mcp-Session-Id")).status == 401
    assert ask(mcp, ECHO, right, session=answer.get("Mcp-Session-Id")).status == 200
    mcp.stop()


@faces(*BOTH)
def test_503_of_a_session_too_many(face):
    mcp = Mcp(face, "--max-sessions 2")
    sessions = mcp.sessions(2)
    answer = ask(mcp, initialize(3))
    refused(answer, 503, -32000, id=3)
    assert int(answer.get("Retry-After")) > 0, answer
    sessions[0].end()
    until(lambda: ask(mcp, initialize()).status == 200, "there is room")
    assert sessions[1].ask("echo").status == 200
    mcp.stop()


@faces(PLAIN)
def test_session_ids_are_never_the_clients_own(face):
    mcp = Mcp(face)
    answer = ask(mcp, initialize(), session="mine")
    assert answer.status in (400, 404) and answer.get("Mcp-Session-Id") is None, answer
    ids = {session.id for session in mcp.sessions(5)}
    assert len(ids) == 5
    mcp.stop()
