# SPDX-License-Identifier: Apache-2.0
"""The items of the lifecycle that are about connections and requests: whoever was connected is answered, what was begun
is finished, and what cannot be is told so. Those about the process itself are in conformance_items_scenarios.py."""

import threading

from mcp import *
from wire import Ended

HEAD_TIMEOUT = 5.0  # seconds


def listeners_closed(mcp):
    """The signal, with no call in flight, and on until its listeners are closed; returns the moment before it."""
    began = mcp.signal()
    wire.until_refused(mcp.address)
    return began


def echo(session, id, *fields):
    """The bytes of a call that is answered at once."""
    return post(message("echo", f"[{id}]", id), *fields, session=session.id)


def assert_echo(client, id, closes=True):
    reply = reply_of(client)
    assert reply.only()["id"] == id and reply.got()[1]["params"] == [id], reply.answer
    assert reply.answer.says_close() == closes, reply.answer


@faces(*BOTH)
@limit(120)
def test_20_every_connection_that_was_established_is_answered(face):
    """Across the signal, each with a request that holds nothing up, so that the listeners close in the midst of them."""
    mcp = Mcp(face)
    session = mcp.session()
    request = post(message("notifications/x"), session=session.id)

    def assert_answered(_, client):
        answer = client.whole("POST")
        assert answer.status == 202, answer

    across_the_end(mcp, lambda _: request, assert_answered)
    mcp.end()


@faces(*BOTH)
@alone
def test_20_calls_on_connections_that_were_established_are_answered(face):
    """Connections that have said nothing yet when the listeners close."""
    mcp = Mcp(face)
    session = mcp.session()
    clients = [mcp.client() for _ in range(50)]
    began = listeners_closed(mcp)
    for number, client in enumerate(clients):
        client.send(echo(session, number))
    mcp.assert_in_idle_grace(began)
    for number, client in enumerate(clients):
        assert_echo(client, number)
        client.assert_closed()
    assert mcp.end()["forced"] == []


@faces(*BOTH)
def test_22_after_the_close_connections_are_refused_at_once(face):
    """While the children take their time to end."""
    mcp = Mcp(face, "--eof-wait 3s", command=child("ignore-eof"))
    session = mcp.session()
    client = held(session)
    mcp.drain()
    session.ask("release")
    assert reply_of(client).status == 200
    client.close()
    wire.until_refused(mcp.address)
    for _ in range(20):
        began = now()
        assert wire.refused(mcp.address)
        assert_below(now() - began, 1, "a refusal")
    assert mcp.process.alive(), "there was nobody to refuse them"
    mcp.end()


@faces(*BOTH)
def test_30_a_call_of_which_half_had_come_is_answered(face):
    """Cut in its first line, in its fields, and in its body; on a fresh connection and on one that has served."""
    mcp = Mcp(face)
    session = mcp.session()
    clients = [mcp.client() for _ in range(12)]
    for number, client in enumerate(clients):
        if number % 2:
            client.send(echo(session, 0))
            assert_echo(client, 0, closes=False)
    texts = [echo(session, number) for number in range(12)]
    cuts = [1 + number * (len(text) - 2) // 11 for number, text in enumerate(texts)]
    for client, text, cut in zip(clients, texts, cuts):
        client.send(text[:cut])
    session.ask("echo")  # later than all of these
    listeners_closed(mcp)
    for number, (client, text, cut) in enumerate(zip(clients, texts, cuts)):
        client.send(text[cut:])
        assert_echo(client, number)
        client.assert_closed()
    assert mcp.end()["forced"] == []


@faces(*BOTH)
@alone
@slow
def test_30_a_head_that_stays_half_is_408(face):
    """Within its own time, which is longer than the idle grace."""
    mcp = Mcp(face)
    session = mcp.session()
    client = mcp.client()
    began = now()
    client.send(b"POST /mcp HTTP/1.1\r\nHo")
    session.ask("echo")
    listeners_closed(mcp)
    answer = client.whole("POST")
    assert answer.status == 408 and answer.says_close(), answer
    assert_near(now() - began, HEAD_TIMEOUT, "a head's time in the drain", slack=0.3)
    client.assert_closed()
    client.close()
    mcp.end()


@faces(*BOTH)
def test_31_pipelined_calls_are_all_answered_and_the_last_says_close(face):
    mcp = Mcp(face)
    session, other = mcp.sessions(2)
    client = mcp.client()
    calls = [post(message("hold", "[0]", 0), session=session.id), *[echo([session, other][n % 2], n) for n in range(1, 11)]]
    client.send(b"".join(calls))
    session.ask("echo")
    mcp.drain()
    session.ask("release")
    replies = [reply_of(client) for _ in range(11)]
    assert [reply.only()["id"] for reply in replies] == list(range(11))
    assert [reply.got()[1]["params"] for reply in replies] == [[n] for n in range(11)]
    assert [reply.answer.says_close() for reply in replies] == [False] * 10 + [True], replies
    client.assert_closed()
    assert mcp.end()["forced"] == []


@faces(*BOTH)
@alone
def test_32_an_unsent_body_does_not_turn_the_answer_into_a_reset(face):
    """In the drain: the refusal has been written, the client is still sending what was refused."""
    mcp = Mcp(face)
    session = mcp.session()
    client = mcp.client()
    began = listeners_closed(mcp)
    head = post(b"", "Content-Length: 30000000", session=session.id)
    client.send(head + bytes(1000))
    mcp.assert_in_idle_grace(began)
    client.send_while_possible(bytes(3000000))
    answer = client.whole("POST")
    assert answer.status == 413 and answer.says_close(), answer
    assert client.rest() == b"" and client.ended == "closed", client.ended
    client.close()
    mcp.end()


@faces(PLAIN)
@plain
def test_32_a_large_answer_survives_what_the_client_sends_meanwhile(face):
    """2 MB are still on their way when the gateway has written all and the client goes on sending: a close(2) then
    would drop them."""
    for drains in False, True:
        mcp = Mcp(face)
        session = mcp.session()
        client = mcp.client(receive_buffer=8192)
        fields = [] if drains else ["Connection: close"]
        began = now()
        client.send(post(message("long 2000000", id=1), *fields, session=session.id))
        until(lambda: mcp.metrics()["curfew_mcp_calls_in_flight"] == 0 and not client.silent(), "the answer is on its way")
        if drains:
            mcp.signal()
        settled(mcp.process.pid)
        got = bytearray()
        client.socket.setblocking(False)
        while readable(client.socket, WITHIN):
            try:
                part = client.socket.recv(20000)
            except ConnectionResetError:
                assert_below(now() - began, 1.9, "the reading, in the time for which it lingers")
                raise AssertionError(f"a reset after {len(got)} bytes") from None
            if not part:
                break
            got += part
            try:
                client.socket.send(bytes(10000))
            except (BlockingIOError, BrokenPipeError, ConnectionResetError):
                pass
        assert got.count(b"x") >= 2000000 and got[:2000000].count(b"\r\n\r\n") == 1, f"{len(got)} bytes"
        client.close()
        if drains:
            mcp.end()
        else:
            mcp.stop()


@faces(*BOTH)
def test_32_an_unread_answer_is_not_cut(face):
    """A client that reads slowly, after the last byte has left the gateway, still gets all of it."""
    mcp = Mcp(face)
    session = mcp.session()
    client = session.begin("long 2000000", client=mcp.client(receive_buffer=8192))
    until(lambda: not client.silent(), "the answer begins")
    mcp.signal()
    wire.until_refused(mcp.address)
    reply = reply_of(client)
    assert reply.only()["result"] == "x" * 2000000
    client.assert_closed()
    assert mcp.end()["forced"] == []


@faces(*BOTH)
def test_33_the_last_answer_says_close(face):
    """Of calls, of notifications, and of refusals, on connections that have served before."""
    mcp = Mcp(face)
    session = mcp.session()
    clients = [mcp.client() for _ in range(5)]
    for client in clients:
        client.send(echo(session, 0))
        assert_echo(client, 0, closes=False)
    for number, client in enumerate(clients):
        session.begin("hold", f"[{number}]", number, client=client)
    told, refused = mcp.client(), mcp.client()
    session.ask("echo")
    mcp.drain()
    told.send(post(message("notifications/x"), session=session.id))
    refused.send(post(initialize(7)))
    session.ask("release")
    answers = [client.whole("POST") for client in [told, refused, *clients]]
    assert [answer.status for answer in answers] == [202, 503] + [200] * 5, answers
    for client, answer in zip([told, refused, *clients], answers):
        assert answer.says_close() and "keep-alive" not in str(answer.all("Connection")).lower(), answer
        client.assert_closed()
    mcp.end()


@faces(*BOTH)
@alone
def test_34_a_call_in_the_idle_grace_is_answered(face):
    mcp = Mcp(face)
    sessions = mcp.sessions(5)
    clients = [mcp.client() for _ in range(10)]
    for number, client in enumerate(clients):
        client.send(echo(sessions[number % 5], number))
        assert_echo(client, number, closes=False)
    began = listeners_closed(mcp)
    for number, client in enumerate(clients):
        client.send(echo(sessions[number % 5], number))
    mcp.assert_in_idle_grace(began)
    for number, client in enumerate(clients):
        assert_echo(client, number)
        client.assert_closed()
    report = mcp.end()
    assert report["forced"] == [] and report["counts"]["children_eof"] == 5, report


@faces(*BOTH)
@alone
def test_34_a_slow_call_that_came_in_the_idle_grace_is_answered(face):
    """Its child is not told to end while it is at work."""
    mcp = Mcp(face)
    session = mcp.session()
    client = mcp.client()
    client.send(echo(session, 1))
    assert_echo(client, 1, closes=False)
    began = listeners_closed(mcp)
    session.begin("delay 1500", id=2, client=client)
    mcp.assert_in_idle_grace(began)
    assert reply_of(client).only()["id"] == 2
    report = mcp.end()
    assert report["forced"] == [] and report["counts"]["children_eof"] == 1, report


@faces(*BOTH)
@alone
def test_34_a_call_that_came_in_the_idle_grace_is_answered_by_a_gateway_that_was_slow(face):
    """It is stopped while the call comes, and goes on when the time is over."""
    mcp = Mcp(face)
    session = mcp.session()
    clients = [mcp.client() for _ in range(10)]
    for number, client in enumerate(clients):
        client.send(echo(session, number))
        assert_echo(client, number, closes=False)
    began = listeners_closed(mcp)
    mcp.process.signal(signal.SIGSTOP)
    for number, client in enumerate(clients):
        client.send(echo(session, number))
    mcp.assert_in_idle_grace(began)
    until(lambda: now() - began > IDLE_GRACE + 0.2, "the idle grace is over")
    mcp.process.signal(signal.SIGCONT)
    for number, client in enumerate(clients):
        assert_echo(client, number)
    assert mcp.end()["forced"] == []


class Counting(threading.Thread):
    """Calls as fast as they are answered, each of which leaves a line of its own in the log, until nobody listens."""

    def __init__(self, number, session):
        super().__init__(daemon=True)
        self.number, self.session = number, session
        self.answered, self.lost, self.pace = [], [], Pace()
        self.start()

    def run(self):
        client = None
        while not self.lost:
            text = f"effect-{self.number}-{len(self.answered)}"
            try:
                with self.pace.sending():
                    client = client or self.session.gateway.client()
                    client.send(post(message(f"tell {text}", id=1), session=self.session.id))
                reply = reply_of(client)
                self.pace.idle()
                assert reply.got()[1]["method"] == f"tell {text}", reply.answer
                self.answered.append(text)
            except ConnectionRefusedError:
                return
            except (Ended, OSError, AssertionError) as end:
                self.lost.append((text, repr(end)))
                return
            if reply.answer.says_close():
                client.close()
                client = None


@faces(*BOTH)
def test_35_there_are_as_many_side_effects_as_answers(face):
    """Nothing is done twice, and nothing without its answer, by clients that ask across the signal."""
    mcp = Mcp(face)
    clients = [Counting(number, session) for number, session in enumerate(mcp.sessions(4) * 2)]
    until(lambda: sum(len(client.answered) for client in clients) > 400, "they are under way")
    mcp.signal()
    for client in clients:
        client.join(WITHIN)
        assert not client.is_alive(), "it is still answered"
        client.pace.assert_lost_nothing(client.lost)
    assert mcp.end()["forced"] == []
    effects = sorted(line["line"] for line in mcp.lines(event="child_said"))
    assert effects == sorted(text for client in clients for text in client.answered), len(effects)


@faces(*BOTH)
@alone
def test_38_work_that_the_end_cuts_is_told_so_and_never_as_a_failure(face):
    """A call by a JSON-RPC error with its own id, be it the one that begins a session; a request that has not come whole
    by 503 with Retry-After."""
    mcp = Mcp(face, "--grace 1200ms --eof-wait 100ms --term-wait 100ms")
    session = mcp.session()
    clients = [session.begin("hold", id=number) for number in range(4)]
    begins = mcp.client().send(post(initialize(4, protocol="mute")))
    upload = mcp.client().send(post(b"", "Content-Length: 1000", session=session.id) + b'{"half":')
    session.ask("echo")
    began = mcp.drain()
    for number, client in enumerate(clients):
        assert_cut(reply_of(client), number)
    assert_cut(reply_of(begins), 4)
    answer = upload.whole("POST")
    assert answer.status == 503 and answer.says_close() and int(answer.get("Retry-After")) > 0, answer
    assert "shutting down" in json.loads(answer.body)["error"]["message"], answer
    report = mcp.end()
    assert_below(mcp.took(began), 1.35, "the grace")
    assert report["exit_code"] == 0 and len(report["forced"]) == 6, report


def assert_cut(reply, id):
    error = reply.messages[-1]
    assert reply.status == 200 and error["id"] == id and error["error"]["code"] == -32000, reply.answer
    assert "shutting down" in error["error"]["message"] and reply.answer.whole, reply.answer


@faces(*BOTH)
@alone
@slow
def test_38_a_call_whose_stream_has_begun_is_told_in_it(face):
    """As its last event, and the stream ends in order."""
    mcp = Mcp(face, "--grace 1s --eof-wait 100ms --term-wait 100ms")
    client = held(mcp.session(), id=1)
    stream = Stream(client)
    mcp.signal()
    last = stream.message()
    assert last["id"] == 1 and last["error"]["code"] == -32000 and "shutting down" in last["error"]["message"], last
    assert stream.message() is None and stream.is_over
    assert [forced["name"] for forced in mcp.end()["forced"]] == ["hold"]


@faces(*BOTH)
def test_39_what_hangs_does_not_touch_the_others(face):
    """A call that is never answered, and a child that does not even read: others are answered, of the same session too,
    and of sessions whose child ends in order."""
    mcp = Mcp(face, "--grace 6s --eof-wait 300ms --term-wait 5s")
    hanging, deaf, other = mcp.sessions(3)
    client = held(hanging, id=1)
    assert deaf.ask("deaf").status == 200
    unheard = deaf.begin("echo", id=2)
    slow_call, released = other.begin("delay 300", id=3), hanging.begin("flood 3 10", id=4)
    began = mcp.signal()
    assert reply_of(slow_call).got()[1]["method"] == "delay 300"
    assert reply_of(released).messages[-1]["id"] == 4
    assert other.ask("echo").status == 200
    assert_below(now() - began, 2, "what others ask")
    assert_cut(reply_of(client), 1)
    assert_cut(reply_of(unheard), 2)
    report = mcp.end()
    assert sorted(forced["name"] for forced in report["forced"]) == ["echo", "hold"], report
    counts = report["counts"]
    assert counts["children_term"] >= 1 and counts["children_eof"] + counts["children_term"] == 3, counts
