# SPDX-License-Identifier: Apache-2.0
"""Where there is a limit: connections, bytes of bodies, the time of a program's call; and who is behind a proxy."""

from serve import *

HEADER = b"PROXY TCP4 192.0.2.7 10.0.0.1 5555 80\r\n"


# Connections


@faces(LIBRARY, LIBRARY_TLS)
def test_limit_connections_beyond_it_are_refused_or_wait(face):
    """While all places are of calls: 503 with Retry-After for the first that waits; a place that becomes free is another's."""
    serve = Serve(face, "--max-connections 2 --threads 4")
    begun = held(serve, 2)
    with wire.connected(serve.address) as plain:
        client = wire.speak(plain, face.tls, wire.get("/id"))
        answer = client.whole()
        assert answer.status == 503 and int(answer.get("Retry-After")) > 0 and answer.says_close(), answer
    begun[0].go()
    assert begun[0].envelope().output == 0
    begun[0].client.close()
    until(lambda: serve.get("/id").status == 200, "there is room again")
    begun[1].go()
    assert begun[1].envelope().output == 1
    begun[1].client.close()
    for number in range(10):
        assert serve.does(value=number).output == number
    serve.stop()


@faces(LIBRARY, PROCESS)
def test_limit_connections_that_wait_at_the_end_are_not_lost(face):
    serve = Serve(face, "--max-connections 1")
    call, waiting = held(serve)[0], serve.client()
    waiting.send(invoke({"do": "", "value": 7}))
    serve.signal()
    call.envelope().assert_stopped()
    call.client.close()
    assert waiting.whole("POST").status == 503
    waiting.close()
    assert serve.end()["forced"] == []


# Who asks


@faces(LIBRARY, LIBRARY_TLS)
def test_proxy_protocol_tells_the_log_who_the_client_is(face):
    serve = Serve(face, "--proxy-protocol")
    with serve.client(hello=HEADER) as client:
        assert serve.call("fail 500 broken", client=client).envelope().status == 500
    assert serve.told(event="call_failed")[0]["client"] == "192.0.2.7", serve.log()
    with wire.connected(serve.address) as plain:
        plain.sendall(invoke({"do": "", "value": 1}))
        plain.settimeout(WITHIN)
        try:
            assert plain.recv(1000)[:13] in (b"", b"HTTP/1.1 400 ")
        except ConnectionResetError:
            pass
    assert serve.metrics()["curfew_serve_calls_begun_total"] == 1
    serve.stop()


@faces(LIBRARY)
def test_half_open_connections_are_looked_for(face):
    """By the kernel: nothing is said while a call runs, and its client may have lost its power."""
    serve = Serve(face)
    call = held(serve)[0]
    port = call.client.socket.getpeername()[1], call.client.socket.getsockname()[1]
    rows = [line.split() for line in read_file("/proc/net/tcp").splitlines()[1:]]
    mine = [row for row in rows if (int(row[1].split(":")[1], 16), int(row[2].split(":")[1], 16)) == port]
    assert len(mine) == 1 and mine[0][5].startswith("02:"), mine  # the timer of keep-alive
    call.go().envelope()
    serve.stop()


# Bodies


@faces(LIBRARY)
def test_limit_of_all_bodies_that_wait_together(face):
    """64 MiB: one that would be more is refused, and has room again when another has gone."""
    serve = Serve(face, "--max-body 40M")
    half = wire.request("POST", "/invoke", f"Content-Type: {JSON}", "Content-Length: 40000000")
    first, second = serve.client(), serve.client()
    first.send(half + b" " * 39000000)
    until(lambda: serve.metrics()["curfew_serve_body_bytes"] == 39000000, "it is there")
    second.send(half)
    second.send_while_possible(b" " * 39000000)
    answer = second.whole("POST")
    assert answer.status == 503 and int(answer.get("Retry-After")) > 0, answer
    second.close()
    first.reset()
    until(lambda: serve.metrics()["curfew_serve_body_bytes"] == 0, "nothing is kept")
    assert serve.does(value="x" * 30000000).output == "x" * 30000000
    assert serve.metrics()["curfew_serve_body_bytes"] == 0
    serve.stop()


@faces(LIBRARY, LIBRARY_TLS)
def test_38_a_body_behind_the_token_is_not_waited_for(face):
    """What comes of it after the signal brings the 503, though the rest never comes."""
    serve = Serve(face, "--grace 60s")
    client = serve.client()
    client.send(wire.request("POST", "/invoke", f"Content-Type: {JSON}", "Content-Length: 1000") + b'{"half":')
    until(lambda: serve.metrics()["curfew_serve_body_bytes"] == 8, "it is there")
    serve.signal()
    until(lambda: serve.status()["serve"]["cancelled"], "the token has fired")
    client.send(b"1")
    Envelope(client.whole("POST")).assert_stopped()
    client.close()
    assert serve.end()["forced"] == []


# The time of programs


@faces(PROCESS, WORKERS)
def test_timeout_of_a_program_is_told_by_term(face):
    serve = Serve(face, "--request-timeout 5s")
    call = held(serve, do="on-term 3 log begun hold")[0]
    envelope = call.envelope()
    assert (envelope.status, envelope.status_code_text) == (504, TIMED_OUT), envelope
    call.until("term")
    assert call.said() == ["begun", "term"], call.said()
    assert serve.does(value=1).output == 1
    assert serve.metrics()['curfew_serve_calls_total{outcome="timed_out"}'] == 1
    serve.stop()


@faces(PROCESS, WORKERS)
@slow
def test_timeout_of_a_program_that_ignores_it_is_answered_and_it_is_killed(face):
    """By the ladder, with what it has started; others are not touched, and its place is free when it is gone."""
    serve = Serve(face, "--request-timeout 5s --term-wait 6s")
    call = held(serve, do="ignore child grandchild log begun hold")[0]
    left = int(call.until("grandchild").split()[1])
    envelope = call.envelope()
    assert (envelope.status, envelope.status_code_text) == (504, TIMED_OUT), envelope
    assert not gone(left) and serve.running() == 1, "it was not waited for"
    assert serve.does(value=1).output == 1
    until(lambda: gone(left) and serve.running() == 0, "it was killed")
    assert serve.does(value=2).output == 2
    serve.stop()
