# SPDX-License-Identifier: Apache-2.0
"""Requests at the end: what was begun is finished, byte for byte; what cannot be is told so."""

import threading

from gate import *
from pattern import pattern
from wire import Ended, get, request

LARGE = 10 * 1000 * 1000


def begun(gate, text, path):
    """A client whose request has come to the origin."""
    client = gate.client()
    client.send(text)
    gate.origin.event("request", path=path)
    return client


@faces(*ALL)
def test_29_an_answer_of_ten_megabytes_is_whole(face):
    """Nothing of it was read before the signal."""
    gate = Gate(face)
    client = begun(gate, get(f"/body?size={LARGE}"), "/body")
    gate.drain()
    answer = client.whole()
    assert answer.body == pattern(LARGE)
    gate.end()


@faces(*ALL)
def test_29_an_upload_of_ten_megabytes_is_whole(face):
    """Half of it is sent after the listeners have closed."""
    gate = Gate(face)
    content = pattern(LARGE)
    client = gate.client()
    client.send(request("POST", "/body", f"Content-Length: {LARGE}"))
    client.send(content[: LARGE // 2])
    gate.origin.event("request", path="/body")
    gate.drain()
    client.send(content[LARGE // 2 :])
    answer = client.whole()
    assert answer.status == 200 and answer.says_close(), answer
    assert gate.origin.event("body", path="/body")["length"] == LARGE
    gate.end()


@faces(*ALL)
def test_29_an_answer_that_is_on_its_way(face):
    gate = Gate(face)
    client = begun(gate, get("/held-body?size=100000"), "/held-body")
    until(lambda: not client.silent(), "the first half comes")
    gate.drain()
    gate.origin.release()
    assert client.whole().body == pattern(100000)
    gate.end()


@faces(*ALL)
def test_30_a_head_of_which_half_had_come_is_answered(face):
    gate = Gate(face)
    text = get("/body?size=1000")
    clients = [gate.client() for _ in range(4)]
    for number, client in enumerate(clients):
        client.send(text[: 1 + number * len(text) // 5])
    fresh = gate.client()
    fresh.get("/body")
    fresh.send(text[:20])
    gate.get("/body")  # later than all of these
    gate.drain()
    for number, client in enumerate(clients):
        client.send(text[1 + number * len(text) // 5 :])
        answer = client.whole()
        assert answer.body == pattern(1000) and answer.says_close(), answer
        client.assert_closed()
    assert fresh.ask(text[20:]).says_close()
    gate.end()


@faces(PLAIN, TLS)
@alone
def test_30_a_head_that_stays_half_is_408(face):
    """Within its own time, which is longer here than the idle grace."""
    gate = Gate(face, "--head-timeout 1500ms")
    client = gate.client()
    began = now()
    client.send(b"GET /bad HTTP/1.1\r\nHo")
    gate.get("/body")
    gate.drain()
    answer = client.whole()
    assert answer.status == 408 and answer.says_close(), answer
    assert_near(now() - began, 1.5, "a head's time in the drain", slack=0.2)
    client.assert_closed()
    gate.end()


@faces(PLAIN, TLS, CHILD)
def test_31_pipelined_requests_are_all_answered_and_the_last_says_close(face):
    gate = Gate(face)
    client = gate.client()
    client.send(get("/held?size=9") + b"".join(get(f"/body?size={size}") for size in range(10)))
    gate.origin.event("request", path="/held")
    gate.drain()
    gate.origin.release()
    answers = [client.whole() for _ in range(11)]
    assert [len(answer.body) for answer in answers] == [9, *range(10)]
    assert [answer.says_close() for answer in answers] == [False] * 10 + [True], answers
    client.assert_closed()
    gate.end()


@faces(PLAIN, TLS, CHILD)
def test_32_an_unsent_body_does_not_turn_the_answer_into_a_reset(face):
    """In the drain: the origin has answered, the client is still sending."""
    gate = Gate(face)
    client = gate.client()
    client.send(request("POST", "/early?status=200", "Content-Length: 3000000") + bytes(1000))
    gate.origin.event("request", path="/early")
    gate.drain()
    client.send_while_possible(bytes(3000000 - 1000))
    answer = client.whole()
    assert answer.body == b"early" and answer.says_close(), answer
    assert client.rest() == b"" and client.ended == "closed", client.ended
    gate.end()


@faces(PLAIN, THREADS)
@plain
def test_32_a_large_answer_survives_what_the_client_sends_meanwhile(face):
    """2 MB are still on their way when the gate has written all and the client goes on with its upload: a
    close(2) then would drop them."""
    for drains in False, True:
        gate = Gate(face)
        client = gate.client(receive_buffer=8192)
        client.send(request("POST", "/early?status=200&size=2000000", "Content-Length: 30000000"))
        gate.origin.event("answered", path="/early")
        if drains:
            gate.drain()
        settled(gate_pid(gate))
        got, began = bytearray(), now()
        client.socket.setblocking(False)
        while readable(client.socket, WITHIN):
            try:
                part = client.socket.recv(20000)
            except ConnectionResetError:
                assert_below(now() - began, 1, "the reading, in the time for which the gate lingers")
                raise AssertionError(f"a reset after {len(got)} bytes") from None
            if not part:
                break
            got += part
            try:
                client.socket.send(bytes(10000))
            except (BlockingIOError, BrokenPipeError, ConnectionResetError):
                pass
        assert got.endswith(pattern(2000000)), f"{len(got)} bytes"
        client.close()
        if drains:
            gate.end()
        else:
            gate.stop()


@faces(PLAIN, TLS)
def test_32_an_unread_answer_is_not_cut(face):
    """A client that reads slowly, after the last byte has left the gate, still gets all of it."""
    gate = Gate(face)
    client = gate.client(receive_buffer=8192)
    client.send(get("/body?size=2000000"))
    gate.origin.event("request", path="/body")
    gate.drain()
    until(lambda: not client.silent(), "the answer begins")
    answer = client.whole()
    assert answer.body == pattern(2000000) and answer.whole
    client.assert_closed()
    gate.end()


@faces(*ALL)
def test_33_the_last_answer_says_close(face):
    gate = Gate(face)
    held = [gate.client() for _ in range(5)]
    for client in held:
        client.send(get("/held"))
    gate.origin.event("request", path="/held", count=5)
    gate.drain()
    gate.origin.release()
    for client in held:
        answer = client.whole()
        assert answer.says_close() and "keep-alive" not in str(answer.all("Connection")).lower(), answer
        client.assert_closed()
    gate.end()


@faces(*ALL)
@alone
def test_34_a_request_in_the_idle_grace_is_answered(face):
    gate = Gate(face)
    clients = [gate.client() for _ in range(10)]
    for client in clients:
        assert not client.get("/body").says_close()
    began = gate.drain()
    for client in clients:
        client.send(request("POST", "/echo", body=b"abc"))
    gate.assert_in_idle_grace(began)
    for client in clients:
        answer = client.whole()
        assert answer.status == 200 and answer.says_close(), answer
        client.assert_closed()
    gate.end()


@faces(PLAIN, TLS)
@alone
def test_34_a_request_that_came_in_the_idle_grace_is_answered_by_a_gate_that_was_slow(face):
    """It is stopped while the request comes, and goes on when the time is over."""
    gate = Gate(face)
    clients = [gate.client() for _ in range(10)]
    for client in clients:
        client.get("/body")
    began = gate.drain()
    gate.process.signal(signal.SIGSTOP)
    for client in clients:
        client.send(get("/body"))
    gate.assert_in_idle_grace(began)
    until(lambda: now() - began > IDLE_GRACE + 0.2, "the idle grace is over")
    gate.process.signal(signal.SIGCONT)
    assert [client.whole().status for client in clients] == [200] * 10
    gate.end()


@faces(PLAIN, TLS, CHILD)
def test_37_an_event_stream_is_ended_between_two_events_when_time_is_over(face):
    gate = Gate(face, "--grace 1500ms --term-wait 200ms")
    client = begun(gate, get("/events?ms=10"), "/events")
    client.until(b"data: ", 3)
    began = gate.drain()
    answer = client.answer()
    assert answer.whole, f"without its terminating chunk: {answer}"
    assert answer.body.endswith(b"\n\n") and answer.body.count(b"data: ") > 2, answer.body[-100:]
    report = gate.end()
    assert 1.0 < gate.took(began) < 10, gate.took(began)
    assert len(forced_requests(report)) == 1, report


@faces(PLAIN, TLS)
def test_37_an_event_stream_within_an_event_is_aborted(face):
    gate = Gate(face, "--grace 600ms")
    client = begun(gate, get("/cut-events"), "/cut-events")
    client.until(b"data: ha")
    gate.drain()
    answer = client.answer()
    assert not answer.whole and answer.body == b"data: whole\n\ndata: ha", answer
    gate.end()


@faces(PLAIN, TLS, CHILD)
def test_37_any_other_stream_is_aborted_without_its_end(face):
    gate = Gate(face, "--grace 600ms")
    client = begun(gate, get("/stream?ms=10"), "/stream")
    length = begun(gate, get("/held-body?size=100000"), "/held-body")
    old = begun(gate, "GET /stream?old HTTP/1.0\r\n\r\n", "/stream?old")
    for each in client, length, old:
        each.until(b"HTTP/1.")  # its answer has begun
    gate.drain()
    assert not client.answer().whole, "half a stream looks whole"
    assert not length.answer().whole
    answer = old.answer()
    assert answer.end == "reset" or face.tls and answer.end == "cut", f"a FIN is the end of a body of HTTP/1.0: {answer}"
    gate.end()


@faces(*ALL)
@alone
def test_38_work_that_the_end_cuts_is_answered_503(face):
    gate = Gate(face, "--grace 900ms --term-wait 200ms")
    clients = [begun(gate, get(f"/hang?{number}"), f"/hang?{number}") for number in range(5)]
    upload = gate.client()
    upload.send(request("POST", "/hang?upload", "Content-Length: 1000") + b"half")
    gate.origin.event("request", path="/hang?upload")
    began = gate.drain()
    for client in [*clients, upload]:
        answer = client.whole()
        assert answer.status == 503 and answer.says_close(), answer
        assert 0 <= int(answer.get("Retry-After")) < 3600
    report = gate.end()
    assert_below(gate.took(began), 1.0, "the grace")
    assert report["exit_code"] == 0 and len(forced_requests(report)) == 6, report


@faces(PLAIN, TLS, CHILD)
def test_39_what_hangs_does_not_touch_the_others(face):
    gate = Gate(face, "--grace 60s")
    hanging = begun(gate, get("/hang"), "/hang")
    slow = begun(gate, get("/slow-body?parts=5&ms=60"), "/slow-body")
    held = begun(gate, get("/held?size=50000"), "/held")
    gate.drain()
    assert slow.whole().body == b"x" * 5
    gate.origin.release()
    assert held.whole().body == pattern(50000)
    held.close()
    gate.insist()
    assert hanging.whole().status == 503
    report = gate.end(code=128 + TERM)
    assert forced_requests(report) == ["GET /hang"], report


@faces(PLAIN, TLS, CHILD)
@alone
def test_42a_connections_that_say_nothing_delay_the_end_by_the_idle_grace(face):
    """One that never sent a byte (in TLS not even a handshake), and one that is idle between requests."""
    gate = Gate(face)
    silent = [wire.connected(gate.address) for _ in range(3)]
    idle = gate.client()
    idle.get("/body")
    began = gate.signal()
    gate.end()
    assert_below(gate.took(began), IDLE_GRACE + 0.3, "the end with silent connections")
    idle.assert_closed()
    for plain in silent:
        assert plain.recv(100)[:12] in (b"", b"HTTP/1.1 408")


@faces(PLAIN, CHILD)
def test_35_there_are_as_many_side_effects_as_answers(face):
    """Clients that POST as fast as they can across the signal: nothing is done twice, nothing is lost."""
    gate = Gate(face)
    stop, answered, lost, paces = threading.Event(), [0] * 8, [[] for _ in range(8)], [Pace() for _ in range(8)]

    def post(number):
        client, pace = None, paces[number]
        pace.idle()
        while not stop.is_set():
            try:
                with pace.sending():
                    client = client or gate.client()
                    client.send(request("POST", "/count", body=b"x"))
                answer = client.whole("POST")
                pace.idle()
            except ConnectionRefusedError:
                return
            except (Ended, OSError) as end:
                lost[number].append(str(end))
                return
            if answer.status == 200:
                answered[number] += 1
            else:
                lost[number].append(answer)
            if answer.says_close():
                client.close()
                client = None

    threads = [threading.Thread(target=post, args=[number]) for number in range(len(answered))]
    for thread in threads:
        thread.start()
    until(lambda: sum(answered) > 400, "they are under way")
    gate.signal()
    for thread in threads:
        thread.join(WITHIN)
    stop.set()
    gate.end()
    for number, pace in enumerate(paces):
        pace.assert_lost_nothing(lost[number])
    assert gate.origin.counted() == sum(answered) > 400
