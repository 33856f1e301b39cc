# SPDX-License-Identifier: Apache-2.0
"""The items of the lifecycle that are about connections and requests: whoever was connected is answered, what was begun
is finished or told why not. Those about the process itself are in conformance_items_scenarios.py."""

import threading

from serve import *

HEAD_TIMEOUT = 5.0  # seconds
LATE = "--cancel-after 60s"  # work is not asked to stop: it ends by go()


def echo(value):
    """The bytes of a call that is done at once."""
    return invoke({"do": "", "value": value})


def assert_echo(client, value, closes=True):
    envelope = Envelope(client.whole("POST"))
    assert envelope.output == value and envelope.answer.says_close() == closes, envelope.answer


def listeners_closed(serve):
    """The signal, and on until its listeners are closed; returns the moment before it."""
    began = serve.signal()
    wire.until_refused(serve.address)
    return began


# Accepting


@faces(*BOTH)
@limit(120)
def test_20_every_connection_that_was_established_is_answered(face):
    """Across the signal, each with a call: with its result, or the 503."""
    serve = Serve(face)

    def assert_answered(number, client):
        envelope = Envelope(client.whole("POST"))
        assert envelope.status == 200 and envelope.output == number or envelope.assert_stopped()

    across_the_end(serve, echo, assert_answered)
    serve.end()


@faces(*FIRST)
@alone
def test_20_calls_on_connections_that_were_established_are_answered(face):
    """Connections that have said nothing yet when the listeners close."""
    serve = Serve(face, LATE)
    clients = [serve.client() for _ in range(20)]
    began = listeners_closed(serve)
    for number, client in enumerate(clients):
        client.send(echo(number))
    serve.assert_in_idle_grace(began)
    for number, client in enumerate(clients):
        assert_echo(client, number)
        client.assert_closed()
    assert serve.end()["forced"] == []


@faces(LIBRARY, *plainly(PROCESS, WORKERS))
def test_21_a_frozen_backlog_is_answered_to_the_last(face):
    for options in "", f"{LATE} --grace 60s":
        serve = Serve(face, options)
        serve.process.signal(signal.SIGSTOP)
        until(lambda serve=serve: state(serve.process.pid) == "T", "it is stopped")
        clients = [serve.client() for _ in range(50)]
        for number, client in enumerate(clients):
            client.send(echo(number))
        serve.signal()
        serve.process.signal(signal.SIGCONT)
        for number, client in enumerate(clients):
            envelope = Envelope(client.whole("POST"))
            assert envelope.output == number or not options and envelope.assert_stopped(), envelope
            client.close()
        assert serve.end()["forced"] == []


@faces(*FIRST)
def test_22_after_the_close_connections_are_refused_at_once(face):
    serve = Serve(face, LATE)
    call = held(serve)[0]
    listeners_closed(serve)
    for _ in range(20):
        began = now()
        assert wire.refused(serve.address)
        assert_below(now() - began, 1, "a refusal")
    assert serve.process.alive(), "there was nobody to refuse them"
    call.go()
    assert call.envelope().output == 0
    serve.end()


@faces(*FIRST)
@alone
def test_28_calls_that_come_after_the_token_are_refused_in_order(face):
    """On connections that are kept, while others of the end are still at work."""
    serve = Serve(face, "--term-wait 10s")
    clients = [serve.client() for _ in range(10)]
    for client in clients:
        assert client.get("/id").status == 200
    call = held(serve, do="ignore log begun hold" if face.is_program else "log begun finish")[0]
    began = listeners_closed(serve)
    for client in clients:
        client.send(echo(1))
    serve.assert_in_idle_grace(began)
    for client in clients:
        envelope = Envelope(client.whole("POST")).assert_stopped()
        assert envelope.answer.says_close(), envelope.answer
        client.assert_closed()
    call.go()
    assert call.envelope().output == 0
    assert serve.end()["forced"] == []


# Requests


@faces(*FIRST)
def test_29_a_call_that_was_received_is_answered_byte_for_byte(face):
    """Ten megabytes of an answer, and nearly as much of a body as may be."""
    serve = Serve(face, LATE + " --max-line 20M")
    large = held(serve, do="log begun hold size 10000000")[0]
    value = "ä\n" * 900000
    long = serve.call("log begun hold", value)
    long.until("begun")
    serve.drain()
    for call in large, long:
        call.go()
    assert large.envelope().output == "x" * 10000000
    assert long.envelope().output == value
    for call in large, long:
        call.client.close()
    assert serve.end()["forced"] == []


@faces(*FIRST)
def test_29_38_a_body_that_is_on_its_way_at_the_signal(face):
    """Half of it comes after the listeners have closed: answered, with its result or with the 503."""
    for options in LATE, "":
        serve = Serve(face, options)
        text = echo("x" * 1000000)
        client = serve.client()
        client.send(text[:500000])
        serve.get("/id")
        listeners_closed(serve)
        client.send(text[500000:])
        envelope = Envelope(client.whole("POST"))
        assert envelope.answer.says_close(), envelope.answer
        assert envelope.output == "x" * 1000000 if options else envelope.assert_stopped()
        assert serve.end()["forced"] == []


@faces(*FIRST)
def test_30_a_call_of_which_half_had_come_is_answered(face):
    """Cut in its first line, in its fields, and in its body; on a fresh connection and on one that has served."""
    serve = Serve(face, LATE)
    clients = [serve.client() for _ in range(8)]
    for client in clients[1::2]:
        assert client.get("/id").status == 200
    texts = [echo(number) for number in range(8)]
    cuts = [1 + number * (len(text) - 2) // 7 for number, text in enumerate(texts)]
    for client, text, cut in zip(clients, texts, cuts):
        client.send(text[:cut])
    serve.get("/id")  # later than all of these
    listeners_closed(serve)
    for number, (client, text, cut) in enumerate(zip(clients, texts, cuts)):
        client.send(text[cut:])
        assert_echo(client, number)
        client.assert_closed()
    assert serve.end()["forced"] == []


@faces(*BOTH)
@alone
@slow
def test_30_a_head_that_stays_half_is_408(face):
    """Within its own time, which is longer than the idle grace."""
    serve = Serve(face)
    client = serve.client()
    began = now()
    client.send(b"POST /invoke HTTP/1.1\r\nHo")
    serve.get("/id")
    listeners_closed(serve)
    answer = client.whole("POST")
    assert answer.status == 408 and answer.says_close(), answer
    assert_near(now() - began, HEAD_TIMEOUT, "a head's time in the drain", slack=0.3)
    client.assert_closed()
    client.close()
    serve.end()


@faces(*FIRST)
def test_31_pipelined_calls_are_all_answered_and_the_last_says_close(face):
    for options in LATE, "":
        serve = Serve(face, options)
        call = serve.call("log begun hold", 0)
        call.client.send(b"".join(echo(number) for number in range(1, 8)))
        call.until("begun")
        serve.drain()
        if options:
            call.go()
        envelopes = [Envelope(call.client.whole("POST")) for _ in range(8)]
        for number, envelope in enumerate(envelopes):
            assert envelope.output == number if options else envelope.assert_stopped(), envelope
        assert [envelope.answer.says_close() for envelope in envelopes] == [False] * 7 + [True], envelopes
        call.client.assert_closed()
        assert serve.end()["forced"] == []


@faces(*BOTH)
@alone
def test_32_an_unsent_body_does_not_turn_the_answer_into_a_reset(face):
    """In the drain: the refusal has been written, the client is still sending what was refused."""
    serve = Serve(face)
    client = serve.client()
    began = listeners_closed(serve)
    client.send(wire.request("POST", "/invoke", f"Content-Type: {JSON}", "Content-Length: 30000000") + bytes(1000))
    serve.assert_in_idle_grace(began)
    client.send_while_possible(bytes(3000000))
    answer = client.whole("POST")
    assert answer.status in (413, 503) and answer.says_close(), answer
    assert client.rest() == b"" and client.ended == "closed", client.ended
    client.close()
    serve.end()


@faces(*FIRST)
def test_32_an_unread_answer_is_not_cut(face):
    """A client that reads slowly, after the plugin is long done, still gets all of it."""
    serve = Serve(face, "--grace 20s")
    call = serve.call("size 5000000", client=serve.client(receive_buffer=8192))
    until(lambda: not call.client.silent(), "the answer begins")
    serve.signal()
    wire.until_refused(serve.address)
    assert call.envelope().output == "x" * 5000000
    call.client.assert_closed()
    assert serve.end()["forced"] == []


@faces(*FIRST)
def test_33_the_last_answer_says_close(face):
    """Of results, of the 503, and of refusals, on connections that have served before."""
    serve = Serve(face, "--announce 200ms" + (" --workers 3" if face is WORKERS else ""))
    clients = [serve.client() for _ in range(4)]
    for client in clients:
        assert not client.get("/id").says_close()
    calls = [serve.call("log begun hold", number, client=client) for number, client in enumerate(clients[:3])]
    for call in calls:
        call.until("begun")
    began = serve.drain()
    clients[3].send(wire.get("/x"))
    serve.assert_in_idle_grace(began)
    answers = [call.envelope().assert_stopped().answer for call in calls] + [clients[3].whole()]
    assert answers[3].status == 404
    for client, answer in zip(clients, answers):
        assert answer.says_close() and "keep-alive" not in str(answer.all("Connection")).lower(), answer
        client.assert_closed()
    serve.end()


@faces(*FIRST)
@alone
def test_34_a_request_in_the_idle_grace_is_answered(face):
    """A call with its result, while the token has not fired; others always."""
    serve = Serve(face, LATE)
    clients = [serve.client() for _ in range(8)]
    for client in clients:
        assert client.get("/id").status == 200
    began = listeners_closed(serve)
    for number, client in enumerate(clients):
        client.send(echo(number) if number % 2 else wire.get("/schema"))
    serve.assert_in_idle_grace(began)
    for number, client in enumerate(clients):
        if number % 2:
            assert_echo(client, number)
        else:
            answer = client.whole()
            assert answer.status == 200 and answer.says_close(), answer
        client.assert_closed()
    assert serve.end()["forced"] == []


@faces(*FIRST)
@alone
def test_34_a_slow_call_that_came_in_the_idle_grace_is_answered(face):
    """Nobody tells its process to end while it is at work."""
    serve = Serve(face, LATE + " --eof-wait 100ms --term-wait 100ms")
    client = serve.client()
    assert client.get("/id").status == 200
    began = listeners_closed(serve)
    call = serve.call("sleep 1500", 2, client=client)
    serve.assert_in_idle_grace(began)
    assert call.envelope().output == 2
    assert serve.end()["forced"] == []


@faces(*BOTH)
@alone
def test_37_38_what_has_not_come_whole_is_told_when_time_is_over(face):
    """An upload that stays half: the 503 with Retry-After, and an orderly end."""
    serve = Serve(face, "--grace 900ms")
    client = serve.client()
    client.send(wire.request("POST", "/invoke", f"Content-Type: {JSON}", "Content-Length: 1000") + b'{"half":')
    serve.get("/id")
    began = listeners_closed(serve)
    answer = client.whole("POST")
    assert answer.status in (408, 503) and answer.says_close(), answer
    assert answer.status == 408 or int(answer.get("Retry-After")) > 0, answer
    client.rest()
    report = serve.end()
    assert_below(serve.took(began), 1.05, "the grace")
    assert report["exit_code"] == 0, report


@faces(*BOTH)
@alone
def test_39_what_ignores_the_end_does_not_touch_the_others(face):
    serve = Serve(face, "--grace 1500ms --threads 4 --cancel-after 500ms")
    ignores, finishes, listens = held(serve, do="log begun finish")[0], held(serve, do="log begun finish")[0], held(serve)[0]
    began = serve.drain()
    assert serve.running() == 3
    finishes.go()
    assert finishes.envelope().output == 0
    listens.envelope().assert_stopped()
    assert_below(now() - began, 1, "those that listen")
    ignores.envelope().assert_stopped()
    report = serve.end()
    assert names(report) == ["act"] and report["counts"]["requests_drained"] >= 2, report


@faces(*BOTH)
@alone
def test_42a_connections_that_say_nothing_delay_the_end_by_the_idle_grace_at_most(face):
    """One that never sent a byte (in TLS not even a handshake)."""
    serve = Serve(face)
    silent = [wire.connected(serve.address) for _ in range(3)]
    assert serve.get("/id").status == 200
    began = serve.signal()
    serve.end()
    assert_below(serve.took(began), IDLE_GRACE + 0.3, "the end with silent connections")
    for plain in silent:
        assert plain.recv(100)[:12] in (b"", b"HTTP/1.1 408")


# Bounds


@faces(LIBRARY, LIBRARY_TLS, PROCESS)
@alone
def test_49_no_client_delays_the_end_beyond_the_grace(face):
    """Slow and silent readers and writers, zero windows, half-open ones, stubborn work, all at once."""
    serve = Serve(face, "--grace 1500ms --term-wait 300ms --threads 6")
    clients = [serve.client(receive_buffer=4096) for _ in range(6)]
    clients[0].send(invoke({"do": "size 20000000"}))
    clients[1].send(wire.request("POST", "/invoke", f"Content-Type: {JSON}", "Content-Length: 1000000") + b"half")
    clients[2].send(b"GET /half HTTP/1.1\r\nHo")
    clients[3].send(wire.get("/docs") * 500)
    clients[4].send(echo("x" * 200000) * 20)
    stubborn = held(serve, do="ignore log begun hold" if face.is_program else "log begun finish")[0]
    serve.get("/id")
    stop = threading.Event()

    def dribble():
        try:
            while not stop.is_set():
                clients[1].socket.sendall(b"x")
                readable(serve.process.pidfd, 0.02)
        except OSError:
            pass

    thread = threading.Thread(target=dribble)
    thread.start()
    began = serve.signal()
    try:
        stubborn.envelope().assert_stopped()
        report = serve.end()
    finally:
        stop.set()
        thread.join()
    assert_below(serve.took(began), 1.65, "the grace")
    assert report["exit_code"] == 0 and report["forced"], report


@faces(*FIRST)
@alone
def test_50_the_end_comes_with_the_last_answer(face):
    """Whether its client closes or not: it has all of it, which said close."""
    for closes in True, False:
        serve = Serve(face, LATE)
        call = held(serve)[0]
        serve.drain()
        call.go()
        envelope = call.envelope()
        answered = now()
        assert envelope.output == 0 and envelope.answer.says_close(), envelope.answer
        if closes:
            call.client.close()
        serve.end()
        assert_below(serve.took(answered), 0.25 if face.is_program else 0.1, "the end after the last answer")
